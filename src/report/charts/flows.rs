//! Who moved where since the earlier run: earlier segments on the left, this run's on the right, a band for each flow.

use std::collections::BTreeSet;

use svg::node::element::{Group, Path, Rectangle, Text};

use super::colors::segment_class;
use super::frame::{boxed, image, layer, percent as place, series, stretched, stretched_point};
use crate::results::shown::{self, Shown};
use crate::results::{Continuity, Flow};
use crate::watch::format::plural;

/// Separate bands, at most; all other moves share one more.
pub const MOST_BANDS: usize = 39;

/// Longer names are cut.
const LONGEST_NAME: usize = 28;

/// Pixels between two ends, and for all users together: a name fits beside each end, however few users are in it.
const GAP: f64 = 16.0;
const USERS: f64 = 340.0;

/// The width of an end in pixels.
const END: f64 = 14.0;

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
    class: String,
}

impl End {
    fn new(segment: u32, name: &str, class: String) -> End {
        let cut: String = name.chars().take(LONGEST_NAME).collect();
        let name = if cut.len() < name.len() { format!("{cut}…") } else { cut };
        End { name: shown::label(segment, &name), short: segment.to_string(), class }
    }

    fn others() -> End {
        End { name: "All other moves".into(), short: "others".into(), class: "others".into() }
    }
}

/// From an end on the left to one on the right, by their places.
struct Band {
    from: usize,
    to: usize,
    users: u64,
}

struct Diagram {
    left: Vec<End>,
    right: Vec<End>,
    bands: Vec<Band>,
}

impl Diagram {
    fn of(shown: &Shown, continuity: &Continuity) -> Diagram {
        let flows = bands(continuity);
        let (from, to) = (distinct(flows.iter().map(|flow| flow.from)), distinct(flows.iter().map(|flow| flow.to)));
        let at = |segments: &[u32], segment: u32| segments.binary_search(&segment).expect("an end of every flow");
        let band = |flow: &Flow| Band { from: at(&from, flow.from), to: at(&to, flow.to), users: flow.users };
        let mut diagram = Diagram {
            bands: flows.iter().map(band).collect(),
            left: from.iter().map(|&segment| before(continuity, segment)).collect(),
            right: to.iter().map(|&segment| now(shown, segment)).collect(),
        };
        diagram.add_others(others(continuity));
        diagram
    }

    /// One more band, for all moves that have none.
    fn add_others(&mut self, users: u64) {
        if users > 0 {
            self.bands.push(Band { from: self.left.len(), to: self.right.len(), users });
            self.left.push(End::others());
            self.right.push(End::others());
        }
    }

    fn users(&self) -> u64 {
        self.bands.iter().map(|band| band.users).sum::<u64>().max(1)
    }

    /// The height of the diagram in pixels.
    fn height(&self) -> f64 {
        USERS + GAP * self.left.len().max(self.right.len()) as f64
    }
}

fn distinct(segments: impl Iterator<Item = u32>) -> Vec<u32> {
    segments.collect::<BTreeSet<u32>>().into_iter().collect()
}

/// A segment of the earlier run, in the colour of the one that it became.
fn before(continuity: &Continuity, segment: u32) -> End {
    let then = &continuity.earlier[segment as usize];
    let class = then.now.first().map_or("others".into(), |&now| segment_class(now as usize));
    End::new(segment, &then.name, class)
}

fn now(shown: &Shown, segment: u32) -> End {
    End::new(segment, &shown.names[segment as usize], segment_class(segment as usize))
}

/// Where the ends of a side lie: top and height, as shares of the diagram's height, the whole in its middle.
fn stacked(users: &[u64], of_one: f64, gap: f64) -> Vec<(f64, f64)> {
    let all = of_one * users.iter().sum::<u64>() as f64 + gap * users.len().saturating_sub(1) as f64;
    let mut top = 0.5 * (1.0 - all);
    let stack = |&users: &u64| {
        let height = of_one * users as f64;
        let at = (top, height);
        top += height + gap;
        at
    };
    users.iter().map(stack).collect()
}

/// The diagram; its ends have short names too, for a narrow page.
pub fn flows(shown: &Shown, continuity: &Continuity) -> String {
    let diagram = Diagram::of(shown, continuity);
    let height = diagram.height();
    let (of_one, gap) = (USERS / height / diagram.users() as f64, GAP / height);
    let users_at = |end: &dyn Fn(&Band) -> usize, n: usize| -> Vec<u64> {
        (0..n).map(|at| diagram.bands.iter().filter(|band| end(band) == at).map(|band| band.users).sum()).collect()
    };
    let left_users = users_at(&|band| band.from, diagram.left.len());
    let right_users = users_at(&|band| band.to, diagram.right.len());
    let (left, right) = (stacked(&left_users, of_one, gap), stacked(&right_users, of_one, gap));
    let says = "Flow diagram of users who moved, from their earlier segment to their segment now.";
    let image = image(says)
        .add(stretched(1000, 1000).add(ribbons(&diagram, &left, &right, of_one)))
        .add(ends(&diagram.left, &left, &left_users, "left"))
        .add(ends(&diagram.right, &right, &right_users, "right"));
    boxed("chart-flows", "flows", &format!("--height:{height:.0}px"), &image)
}

/// The bands. Each leaves its end below those that are drawn before it, and so comes in.
fn ribbons(diagram: &Diagram, left: &[(f64, f64)], right: &[(f64, f64)], of_one: f64) -> Group {
    let mut leaves: Vec<f64> = left.iter().map(|(top, _)| *top).collect();
    let mut comes: Vec<f64> = right.iter().map(|(top, _)| *top).collect();
    let mut order: Vec<&Band> = diagram.bands.iter().collect();
    order.sort_by_key(|band| (band.from, band.to));
    order.into_iter().fold(series("bands"), |group, band| {
        let height = of_one * band.users as f64;
        let (from, to) = (leaves[band.from], comes[band.to]);
        leaves[band.from] += height;
        comes[band.to] += height;
        let (before, now) = (&diagram.left[band.from], &diagram.right[band.to]);
        let tip = format!("{} → {}\n{}", before.name, now.name, plural(band.users, "user"));
        let class = before.class.split(' ').next().unwrap_or_default();
        group.add(ribbon(from, to, height).set("class", class).set("data-tip", tip))
    })
}

/// A band of this height from one side to the other, tops given.
fn ribbon(from: f64, to: f64, height: f64) -> Path {
    let at = |x: f64, y: f64| stretched_point(x, 1.0 - y);
    Path::new().set(
        "d",
        format!(
            "M{}C{} {} {}L{}C{} {} {}z",
            at(0.0, from),
            at(0.5, from),
            at(0.5, to),
            at(1.0, to),
            at(1.0, to + height),
            at(0.5, to + height),
            at(0.5, from + height),
            at(0.0, from + height)
        ),
    )
}

fn ends(ends: &[End], places: &[(f64, f64)], users: &[u64], side: &str) -> Group {
    let marks = ends.iter().zip(places).zip(users).fold(series("ends"), |group, ((end, &(top, height)), &users)| {
        let block = Rectangle::new()
            .set("width", END)
            .set("y", place(top))
            .set("height", place(height))
            .set("class", end.class.split(' ').next().unwrap_or_default())
            .set("data-tip", format!("{}\n{} moved", end.name, plural(users, "user")));
        let block = if side == "left" {
            block
        } else {
            block.set("x", "100%").set("transform", format!("translate({} 0)", -END))
        };
        group.add(block)
    });
    let names = ends.iter().zip(places).fold(Group::new(), |group, (end, &(top, height))| {
        let (x, dx) = if side == "left" { ("0", END + 6.0) } else { ("100%", -END - 6.0) };
        let name = |text: &str, class: &str| {
            let text =
                Text::new(text).set("x", x).set("dx", dx).set("y", place(top + 0.5 * height)).set("dy", "0.35em");
            text.set("class", format!("{side} {class}"))
        };
        group.add(name(&end.name, "wide")).add(name(&end.short, "narrow"))
    });
    Group::new().add(marks).add(layer().set("overflow", "visible").add(names))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Outcome;
    use crate::results::fixture::{self, MOVIELENS, SMALL};
    use crate::results::run::Digests;

    fn shown(outcome: &Outcome) -> Shown {
        Shown::of(outcome, Digests::new(), false)
    }

    #[test]
    fn bands_join_their_segments_and_all_users_who_moved_are_in_them() {
        let mut outcome = fixture::outcome(MOVIELENS);
        let continuity = outcome.continuity.as_mut().unwrap();
        let more = continuity.flows.clone().into_iter().map(|flow| Flow { to: (flow.to + 5) % 25, ..flow });
        continuity.flows.extend(more);
        let continuity = outcome.continuity.clone().unwrap();
        let all = continuity.flows.iter().map(|flow| flow.users).sum::<u64>() + continuity.users_of_other_flows;
        let diagram = Diagram::of(&shown(&outcome), &continuity);
        assert_eq!((diagram.bands.len(), diagram.users()), (MOST_BANDS + 1, all));
        let (band, flow) = (&diagram.bands[3], &continuity.flows[3]);
        assert_eq!(diagram.left[band.from].name, format!("{} · Taste {} of old", flow.from, flow.from));
        assert_eq!(diagram.right[band.to].name, format!("{} · Taste {}", flow.to, flow.to));
        assert_eq!(diagram.right[diagram.bands[MOST_BANDS].to].name, "All other moves");
        let drawn = flows(&shown(&outcome), &continuity);
        assert_eq!(drawn.matches(" → ").count(), MOST_BANDS + 1);
        for band in &diagram.bands {
            assert!(drawn.contains(&format!("{}\n{}", diagram.right[band.to].name, plural(band.users, "user"))));
        }
    }

    /// Bands are as high as they have users, and none sticks out.
    #[test]
    fn ends_lie_within_the_diagram_with_room_for_a_name_each() {
        for users in [vec![1], vec![1, 100], vec![7; 40], vec![1_000_000, 1, 1, 1]] {
            let height = USERS + GAP * users.len() as f64;
            let all: u64 = users.iter().sum();
            let places = stacked(&users, USERS / height / all as f64, GAP / height);
            assert!(places[0].0 >= 0.0 && places.last().is_some_and(|(top, height)| top + height <= 1.0 + 1e-12));
            let middle = |(top, tall): &(f64, f64)| height * (top + 0.5 * tall);
            assert!(places.windows(2).all(|pair| middle(&pair[1]) - middle(&pair[0]) >= GAP));
            for (&users, (_, tall)) in users.iter().zip(&places) {
                assert!((tall * height - USERS * users as f64 / all as f64).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn names_cannot_become_markup_and_long_ones_are_cut() {
        let mut outcome = fixture::outcome(SMALL);
        outcome.names.fill("<a href=\"x\">".into());
        outcome.continuity.as_mut().unwrap().earlier[0].name = "ö".repeat(200);
        let drawn = flows(&shown(&outcome), outcome.continuity.as_ref().unwrap());
        assert!(drawn.contains("&lt;a href=&quot;x&quot;&gt;") && !drawn.contains("<a"), "{drawn}");
        assert!(drawn.contains(&format!("0 · {}…", "ö".repeat(LONGEST_NAME))), "{drawn}");
    }
}
