//! Lines over numbers of segments, each point a mark that says its numbers.

use svg::node::element::Group;

use super::frame::{Axis, chart, circle, polyline, rectangle, series, square, stretched, upright};
use super::scale::Scale;

/// How the marks of a line look. Its colour and its dashes are those of the class in `page.css`.
#[derive(Clone, Copy, PartialEq)]
pub enum Look {
    Circles,
    Squares,
    /// Small ones, for what is only compared with.
    Dots,
}

/// A value for a number of segments.
pub struct Point {
    pub clusters: usize,
    pub value: f64,
    /// The half of an error bar.
    pub error: Option<f64>,
    pub tip: String,
}

pub struct Curve {
    pub class: &'static str,
    pub look: Look,
    pub points: Vec<Point>,
}

/// What is pointed out: a ring around what is suggested, a square on what this run has.
pub enum Pointed {
    Ring,
    Square,
}

pub struct Lines<'a> {
    pub id: &'a str,
    pub says: &'a str,
    pub title: &'a str,
    pub percents: bool,
    pub curves: Vec<Curve>,
    /// Number of segments, value, class of the colour.
    pub pointed: Vec<(Pointed, usize, f64, &'static str)>,
}

/// The scales of both axes: from 0 to all numbers of segments, and over 0 and all values with their errors.
fn scales(curves: &[Curve]) -> (Scale, Scale) {
    let points = || curves.iter().flat_map(|curve| &curve.points);
    let ends = |point: &Point| {
        let error = point.error.unwrap_or(0.0);
        [point.value - error, point.value + error]
    };
    let most = points().map(|point| point.clusters as f64).fold(1.0, f64::max);
    (Scale::new(-0.05 * most, 1.05 * most), Scale::from_zero(points().flat_map(ends)).padded(0.07))
}

pub fn lines(lines: &Lines) -> String {
    let (x, y) = scales(&lines.curves);
    let (ticks_x, ticks_y) = (x.ticks(5), y.ticks(6));
    let across = Axis::numbers("Number of segments", x, &ticks_x);
    let up =
        if lines.percents { Axis::percents(lines.title, y, &ticks_y) } else { Axis::numbers(lines.title, y, &ticks_y) };
    let place = |clusters: usize, value: f64| (x.place(clusters as f64), y.place(value));
    let strokes = lines.curves.iter().fold(stretched(1000, 1000), |strokes, curve| {
        let places: Vec<(f64, f64)> = curve.points.iter().map(|point| place(point.clusters, point.value)).collect();
        strokes.add(polyline(&places).set("class", format!("line {}", curve.class)))
    });
    let pointed = lines.pointed.iter().fold(Group::new(), |group, (what, clusters, value, class)| {
        let (x, y) = place(*clusters, *value);
        match what {
            Pointed::Ring => group.add(circle(x, y, 8.5).set("class", format!("ring {class}"))),
            Pointed::Square => group.add(square(x, y, 11.0).set("class", format!("mark {class}"))),
        }
    });
    let marks = lines.curves.iter().map(|curve| marks(curve, y, &place));
    let content = [Group::new().add(strokes)].into_iter().chain(marks).chain([pointed.set("class", "pointed")]);
    chart(lines.id, "", lines.says, (&across, &up), content)
}

fn marks(curve: &Curve, y: Scale, place: &impl Fn(usize, f64) -> (f64, f64)) -> Group {
    let errors = curve.points.iter().filter_map(|point| Some((point, point.error?)));
    let bars = errors.fold(Group::new().set("class", format!("errors {}", curve.class)), |group, (point, error)| {
        let (x, _) = place(point.clusters, point.value);
        let (low, high) = (y.place(point.value - error), y.place(point.value + error));
        let cap = |at: f64| rectangle(x, at, 7.0, 1.5);
        group.add(upright(x, low, high)).add(cap(low)).add(cap(high))
    });
    let marks = curve.points.iter().fold(series(curve.class), |group, point| {
        let (x, y) = place(point.clusters, point.value);
        let tip = point.tip.as_str();
        match curve.look {
            Look::Circles => group.add(circle(x, y, 3.5).set("data-tip", tip)),
            Look::Squares => group.add(square(x, y, 7.0).set("data-tip", tip)),
            Look::Dots => group.add(circle(x, y, 2.5).set("data-tip", tip)),
        }
    });
    Group::new().add(bars).add(marks)
}
