//! The map: users on the first two components, in the colour and with the symbol of their segment.

use svg::Node;
use svg::node::element::{Group, Line, Rectangle, SVG, Text};

use super::colors::segment_class;
use super::frame::{Axis, chart, layer, percent as place, series};
use super::labels::{DESK, Label, PHONE, placed, width};
use super::scale::Scale;
use crate::results::MapPoint;
use crate::results::shown::Shown;
use crate::watch::format::percent;

/// The heights of the map in pixels, as in `page.css`: on a phone, and on a desk.
const LOW: f64 = 384.0;
const HIGH: f64 = 640.0;

/// Centres whose numbers are placed, at most.
const CENTRES: usize = 256;

/// The users that are drawn, at most `most`: evenly taken from the sample in order of their ids.
pub fn drawn(shown: &Shown, most: usize) -> Vec<&MapPoint> {
    let step = shown.map.len().div_ceil(most.max(1)).max(1);
    shown.map.iter().step_by(step).collect()
}

/// A series of marks per segment, in order, so that series `i` is segment `i`; its users are in order of their ids.
pub fn map(shown: &Shown, most: usize) -> String {
    let users = drawn(shown, most);
    let centres: Vec<(f64, f64)> = shown.kmeans.centres.iter().map(|centre| point(centre)).collect();
    let x = Scale::over(users.iter().map(|p| p.x).chain(centres.iter().map(|c| c.0))).padded(0.04);
    let y = Scale::over(users.iter().map(|p| p.y).chain(centres.iter().map(|c| c.1))).padded(0.05);
    let mut groups: Vec<Group> = (0..shown.kmeans.sizes.len()).map(|segment| users_of(shown, segment)).collect();
    for user in users {
        // The symbol is drawn by page.css: a sixth of the page would say it again for each user.
        let mark = Rectangle::new().set("x", place(x.place(user.x))).set("y", place(1.0 - y.place(user.y)));
        groups[user.segment as usize].append(mark);
    }
    let view =
        groups.into_iter().fold(layer().set("class", "view").set("overflow", "visible"), |view, group| view.add(group));
    let at: Vec<(f64, f64)> = centres.iter().take(CENTRES).map(|c| (x.place(c.0), 1.0 - y.place(c.1))).collect();
    let view = view.add(labels(&at, "narrow", &PHONE, LOW)).add(labels(&at, "wide", &DESK, HIGH));
    let (ends_x, ends_y) = (x.ends(), y.ends());
    // What is drawn past an edge when the map is enlarged is cut off by the layer around.
    let clip = layer()
        .set("class", "clip")
        .set("data-x", format!("{} {}", ends_x.0, ends_x.1))
        .set("data-y", format!("{} {}", ends_y.0, ends_y.1))
        .add(view);
    let (across, up) = (x.ticks(9), y.ticks(9));
    let axes =
        (&Axis::numbers(&component_title(shown, 0), x, &across), &Axis::numbers(&component_title(shown, 1), y, &up));
    let says = "Scatter chart of users on the first two components, coloured by segment.";
    chart("chart-map", "tall", says, axes, [Group::new().add(clip)])
}

fn point(centre: &[f64]) -> (f64, f64) {
    (centre.first().copied().unwrap_or(0.0), centre.get(1).copied().unwrap_or(0.0))
}

fn users_of(shown: &Shown, segment: usize) -> Group {
    series(&segment_class(segment)).set("data-segment", segment).set("data-tip", shown.label(segment))
}

/// The numbers of the segments for some widths of the page.
fn labels(centres: &[(f64, f64)], class: &str, widths: &[f64], height: f64) -> Group {
    let mut labels = placed(centres, widths, height);
    // What is drawn later lies on top: a number at its centre above leader lines.
    labels.sort_by_key(|label| (label.dx == 0.0 && label.dy == 0.0, label.segment));
    labels.iter().fold(Group::new().set("class", format!("labels {class}")), |group, label| {
        group.add(framed(label, centres[label.segment]))
    })
}

fn framed(label: &Label, (x, y): (f64, f64)) -> SVG {
    let &Label { segment, dx, dy } = label;
    let frame = layer()
        .set("x", place(x))
        .set("y", place(y))
        .set("overflow", "visible")
        .set("class", segment_class(segment).split(' ').next().unwrap_or_default())
        .set("data-of", segment);
    let frame = if (dx, dy) == (0.0, 0.0) { frame } else { frame.add(Line::new().set("x2", dx).set("y2", dy)) };
    let wide = width(segment);
    let (left, top) = (dx - 0.5 * wide, dy - 9.5);
    let border = Rectangle::new().set("x", left).set("y", top).set("width", wide).set("height", 19);
    frame.add(border).add(Text::new(segment.to_string()).set("x", dx).set("y", dy).set("dy", "0.35em"))
}

fn component_title(shown: &Shown, component: usize) -> String {
    match shown.pca.explained_variance_ratio.get(component) {
        Some(&ratio) if component < shown.pca.n_components => {
            format!("Component {} ({} of the variance)", component + 1, percent(ratio))
        }
        _ => "There is only one component".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Outcome;
    use crate::results::fixture::{self, SMALL};
    use crate::results::run::Digests;
    use crate::results::shown::MAX_POINTS;

    fn shown(outcome: &Outcome) -> Shown {
        Shown::of(outcome, Digests::new(), false)
    }

    /// Marks of users: they have a place and nothing else.
    fn marks(map: &str) -> usize {
        map.matches("<rect x=").count()
    }

    #[test]
    fn a_name_cannot_become_markup_on_the_map() {
        let mut outcome = fixture::outcome(SMALL);
        outcome.names[1] = "\"><b>&'".into();
        let map = map(&shown(&outcome), 100);
        assert!(map.contains("1 · &quot;&gt;&lt;b&gt;&amp;") && !map.contains("<b>"), "{map}");
    }

    #[test]
    fn the_map_shows_every_user_of_few_and_some_of_many() {
        let mut outcome = fixture::outcome(SMALL);
        assert_eq!(marks(&map(&shown(&outcome), MAX_POINTS)), SMALL.users);
        outcome.map = outcome.map.iter().cycle().take(3 * MAX_POINTS + 1).cloned().collect();
        for most in [MAX_POINTS, 1_000, 1] {
            let users = drawn(&shown(&outcome), most).len();
            assert!(users <= most && users > most / 3, "{users} of {most}");
            assert_eq!(marks(&map(&shown(&outcome), most)), users);
        }
    }

    #[test]
    fn a_series_has_the_users_of_its_segment() {
        let outcome = fixture::outcome(SMALL);
        let map = map(&shown(&outcome), MAX_POINTS);
        for segment in 0..SMALL.clusters {
            let start = map.find(&format!("data-segment=\"{segment}\"")).unwrap();
            let group = &map[start..start + map[start..].find("</g>").unwrap()];
            assert_eq!(group.matches("<rect").count() as u64, outcome.kmeans.sizes[segment]);
        }
    }
}
