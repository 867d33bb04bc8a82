//! Who moved where since the earlier run: earlier segments on the left, this run's on the right, a band for each flow.

use plotly::sankey::{Line, Link, Node};
use plotly::{Layout, Sankey};
use serde_json::Value;

use super::{chart, label, segment_color, value};
use crate::results::shown::{self, Shown};
use crate::stages::continuity::{Continuity, Flow};

/// Bands, at most; what is left is one more.
pub const MOST_BANDS: usize = 39;

/// Longer names are cut.
const LONGEST_NAME: usize = 28;

/// The flows that have a band of their own.
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

/// The diagram; its ends have short names too, for a narrow page.
pub fn flows(shown: &Shown, continuity: &Continuity) -> Value {
    let bands = bands(continuity);
    let sorted = |segments: &mut Vec<u32>| {
        segments.sort_unstable();
        segments.dedup();
    };
    let (mut from, mut to): (Vec<u32>, Vec<u32>) = bands.iter().map(|flow| (flow.from, flow.to)).unzip();
    sorted(&mut from);
    sorted(&mut to);
    let before = |&segment: &u32| {
        let then = &continuity.earlier[segment as usize];
        let color = then.now.first().map_or("var(--muted)".into(), |&now| segment_color(now as usize));
        End::new(segment, &then.name, color)
    };
    let now = |&segment: &u32| End::new(segment, &shown.names[segment as usize], segment_color(segment as usize));
    let mut ends: Vec<End> = from.iter().map(before).chain(to.iter().map(now)).collect();
    let place = |segments: &[u32], segment: u32| segments.binary_search(&segment).expect("an end of every flow");
    let mut sources: Vec<usize> = bands.iter().map(|flow| place(&from, flow.from)).collect();
    let mut targets: Vec<usize> = bands.iter().map(|flow| from.len() + place(&to, flow.to)).collect();
    let mut users: Vec<u64> = bands.iter().map(|flow| flow.users).collect();
    if others(continuity) > 0 {
        sources.push(ends.len());
        targets.push(ends.len() + 1);
        users.push(others(continuity));
        ends.extend([End::others(), End::others()]);
    }
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
