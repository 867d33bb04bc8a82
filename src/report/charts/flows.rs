//! Who moved where since the earlier run: earlier segments on the left, this run's on the right, a band for each flow.

use std::collections::BTreeSet;

use plotly::sankey::{Line, Link, Node};
use plotly::{Layout, Sankey};
use serde_json::Value;

use super::parts::{chart, label, segment_color, value};
use crate::results::shown::{self, Shown};
use crate::results::{Continuity, Flow};

/// Separate bands, at most; all other moves share one more.
pub const MOST_BANDS: usize = 39;

/// Longer names are cut.
const LONGEST_NAME: usize = 28;

/// The flows that have a separate band.
pub fn bands(continuity: &Continuity) -> &[Flow] {
    &continuity.flows[..continuity.flows.len().min(MOST_BANDS)]
}

/// Users of all other flows.
pub fn others(continuity: &Continuity) -> u64 {
    let hidden = &continuity.flows[bands(continuity).len()..];
    continuity.users_of_other_flows + hidden.iter().map(|flow| flow.users).sum::<u64>()
}

/// One end of some bands.
struct End {
    name: String,
    short: String,
    color: String,
}

impl End {
    fn new(segment: u32, name: &str, color: String) -> End {
        let cut: String = name.chars().take(LONGEST_NAME).collect();
        let name = if cut.len() < name.len() { format!("{cut}…") } else { cut };
        End { name: label(&shown::label(segment, &name)), short: segment.to_string(), color }
    }

    fn others() -> End {
        End { name: "All other moves".into(), short: "others".into(), color: "var(--muted)".into() }
    }
}

/// Ends and bands as a Sankey diagram has them: a band goes from one end, by place, to another.
struct Diagram {
    ends: Vec<End>,
    sources: Vec<usize>,
    targets: Vec<usize>,
    users: Vec<u64>,
}

impl Diagram {
    fn of(shown: &Shown, continuity: &Continuity) -> Diagram {
        let bands = bands(continuity);
        let (from, to) = (distinct(bands.iter().map(|flow| flow.from)), distinct(bands.iter().map(|flow| flow.to)));
        let place = |segments: &[u32], segment: u32| segments.binary_search(&segment).expect("an end of every flow");
        Diagram {
            sources: bands.iter().map(|flow| place(&from, flow.from)).collect(),
            targets: bands.iter().map(|flow| from.len() + place(&to, flow.to)).collect(),
            users: bands.iter().map(|flow| flow.users).collect(),
            ends: from.iter().map(|&s| before(continuity, s)).chain(to.iter().map(|&s| now(shown, s))).collect(),
        }
    }

    /// One more band, for all moves that have none.
    fn add_others(&mut self, users: u64) {
        self.sources.push(self.ends.len());
        self.targets.push(self.ends.len() + 1);
        self.users.push(users);
        self.ends.extend([End::others(), End::others()]);
    }
}

fn distinct(segments: impl Iterator<Item = u32>) -> Vec<u32> {
    segments.collect::<BTreeSet<u32>>().into_iter().collect()
}

/// A segment of the earlier run, in the colour of the one that it became.
fn before(continuity: &Continuity, segment: u32) -> End {
    let then = &continuity.earlier[segment as usize];
    let color = then.now.first().map_or("var(--muted)".into(), |&now| segment_color(now as usize));
    End::new(segment, &then.name, color)
}

fn now(shown: &Shown, segment: u32) -> End {
    End::new(segment, &shown.names[segment as usize], segment_color(segment as usize))
}

/// The diagram; its ends have short names too, for a narrow page.
pub fn flows(shown: &Shown, continuity: &Continuity) -> Value {
    let mut diagram = Diagram::of(shown, continuity);
    if others(continuity) > 0 {
        diagram.add_others(others(continuity));
    }
    let Diagram { ends, sources, targets, users } = diagram;
    let node = Node::new()
        .label(ends.iter().map(|end| end.name.as_str()).collect())
        .color_array(ends.iter().map(|end| end.color.clone()).collect())
        .line(Line::new().width(0.0))
        .hover_template("%{label}<br>%{value:,} users moved<extra></extra>");
    let link = Link::new()
        .source(sources)
        .target(targets)
        .value(users)
        .hover_template("%{source.label} → %{target.label}<br>%{value:,} users<extra></extra>");
    let mut trace = value(Sankey::new().node(node).link(link).as_ref());
    trace["short"] = ends.into_iter().map(|end| end.short).collect();
    chart("flows", vec![trace], Layout::new())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Outcome;
    use crate::results::fixture::{self, MOVIELENS, SMALL};
    use crate::results::run::Digests;

    fn drawn(outcome: &Outcome) -> Value {
        flows(&Shown::of(outcome, Digests::new(), false), outcome.continuity.as_ref().unwrap())["data"][0].clone()
    }

    #[test]
    fn bands_join_their_segments_and_all_users_who_moved_are_in_them() {
        let mut outcome = fixture::outcome(MOVIELENS);
        let continuity = outcome.continuity.as_mut().unwrap();
        let more = continuity.flows.clone().into_iter().map(|flow| Flow { to: (flow.to + 5) % 25, ..flow });
        continuity.flows.extend(more);
        let all = continuity.flows.iter().map(|flow| flow.users).sum::<u64>() + continuity.users_of_other_flows;
        let trace = drawn(&outcome);
        let users: Vec<u64> = trace["link"]["value"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect();
        assert_eq!((users.len(), users.iter().sum::<u64>()), (MOST_BANDS + 1, all));
        let labels = trace["node"]["label"].as_array().unwrap();
        assert_eq!(labels.len(), trace["short"].as_array().unwrap().len());
        let end = |side: &str, at: usize| &labels[trace["link"][side][at].as_u64().unwrap() as usize];
        let flow = &outcome.continuity.as_ref().unwrap().flows[3];
        assert_eq!(end("source", 3), &format!("{} · Taste {} of old", flow.from, flow.from));
        assert_eq!(end("target", 3), &format!("{} · Taste {}", flow.to, flow.to));
        assert_eq!(end("target", MOST_BANDS), "All other moves");
    }

    #[test]
    fn names_cannot_become_markup_and_long_ones_are_cut() {
        let mut outcome = fixture::outcome(SMALL);
        outcome.names.fill("<a href=\"x\">".into());
        outcome.continuity.as_mut().unwrap().earlier[0].name = "ö".repeat(200);
        let labels = drawn(&outcome)["node"]["label"].to_string();
        assert!(labels.contains("&lt;a href") && !labels.contains("<a"), "{labels}");
        assert!(labels.contains(&format!("0 · {}…", "ö".repeat(LONGEST_NAME))), "{labels}");
    }
}
