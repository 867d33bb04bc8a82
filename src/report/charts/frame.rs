//! The box of a chart: its axes, and layers for what is drawn between them.
//!
//! Places are percentages of the box and sizes are pixels, so a chart fills any width while its text and marks keep
//! their size. Lines and areas, for which SVG knows no percentages, lie in a layer that is stretched with the box
//! ([`stretched`]); `page.css` keeps the strokes in it as wide as they are.

use svg::node::element::{Circle, Group, Line, Path, Rectangle, SVG, Text};

use super::scale::{Scale, Ticks, whole_step};
use crate::watch::format::html;

/// The width of a digit of an axis, in rem: texts there have 12 pixels.
const DIGIT: f64 = 0.46;

/// Whole numbers that are marked along an axis, at most, on a desk and on a phone: of two digits, and of more.
const WHOLE: [usize; 2] = [26, 12];
const LONG: [usize; 2] = [16, 8];

/// A marked place of an axis.
struct Tick {
    place: f64,
    text: String,
    /// Only where the chart is wide.
    wide: bool,
    /// Of the number 0.
    zero: bool,
}

/// An axis: its title and what is marked on it.
pub struct Axis {
    title: String,
    ticks: Vec<Tick>,
    /// Whether a line across the chart leads to each tick.
    grid: bool,
}

impl Axis {
    /// With round numbers marked.
    pub fn numbers(title: &str, scale: Scale, ticks: &Ticks) -> Axis {
        Axis::texts(title, scale, ticks, ticks.labels())
    }

    /// With round percentages marked.
    pub fn percents(title: &str, scale: Scale, ticks: &Ticks) -> Axis {
        Axis::texts(title, scale, ticks, ticks.percents())
    }

    fn texts(title: &str, scale: Scale, ticks: &Ticks, texts: Vec<String>) -> Axis {
        let tick = |(&value, text)| Tick { place: scale.place(value), text, wide: false, zero: value == 0.0 };
        Axis { title: title.into(), ticks: ticks.values.iter().zip(texts).map(tick).collect(), grid: true }
    }

    /// `n` things in a row, numbered from `first` on, those marked for which there is room; no grid.
    pub fn row(title: &str, n: usize, first: usize) -> Axis {
        let [on_desk, on_phone] = if n <= 100 { WHOLE } else { LONG };
        let desk = whole_step(n, on_desk, 1);
        let phone = whole_step(n, on_phone, desk);
        let tick = |i: usize| Tick {
            place: (i as f64 + 0.5) / n as f64,
            text: (first + i).to_string(),
            wide: !(first + i).is_multiple_of(phone),
            zero: false,
        };
        let marked = (0..n).filter(|i| (first + i).is_multiple_of(desk));
        Axis { title: title.into(), ticks: marked.map(tick).collect(), grid: false }
    }

    /// From the top down.
    pub fn downwards(mut self) -> Axis {
        self.ticks.iter_mut().for_each(|tick| tick.place = 1.0 - tick.place);
        self
    }

    /// Room for the texts of this axis on the left, and for its title there, in rem.
    fn room(&self) -> f64 {
        let longest = self.ticks.iter().map(|tick| tick.text.chars().count()).max().unwrap_or(0);
        2.0 + DIGIT * longest as f64
    }
}

/// A share of the box as SVG reads it.
pub fn percent(place: f64) -> String {
    format!("{}%", tenths(100.0 * place))
}

/// With one decimal at most: finer than a pixel on all but the widest screens. −0 is 0.
pub fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0 + 0.0
}

/// A place of the box in the layer that is stretched with it: 0 to 1000 from the top left.
pub fn stretched_point(x: f64, y: f64) -> String {
    format!("{} {}", (1000.0 * x).round() + 0.0, (1000.0 * (1.0 - y)).round() + 0.0)
}

/// A layer that is stretched with the box, `width` × `height` units large whatever its size is.
pub fn stretched(width: usize, height: usize) -> SVG {
    let view = format!("0 0 {width} {height}");
    layer().set("viewBox", view).set("preserveAspectRatio", "none").set("class", "stretched")
}

/// A layer as large as the box, or a box in it.
pub fn layer() -> SVG {
    let mut layer = SVG::new();
    // HTML knows what an svg element is.
    layer.get_attributes_mut().remove("xmlns");
    layer
}

/// Marks that arrow keys go along.
pub fn series(class: &str) -> Group {
    Group::new().set("class", format!("series {class}"))
}

pub fn circle(x: f64, y: f64, radius: f64) -> Circle {
    Circle::new().set("cx", percent(x)).set("cy", percent(1.0 - y)).set("r", radius)
}

/// A square around a place, its sides in pixels.
pub fn square(x: f64, y: f64, side: f64) -> Rectangle {
    rectangle(x, y, side, side)
}

/// A rectangle around a place, its sides in pixels.
pub fn rectangle(x: f64, y: f64, width: f64, height: f64) -> Rectangle {
    Rectangle::new()
        .set("x", percent(x))
        .set("y", percent(1.0 - y))
        .set("width", width)
        .set("height", height)
        .set("transform", format!("translate({} {})", -width / 2.0, -height / 2.0))
}

/// A line through places of the box, for a stretched layer.
pub fn polyline(places: &[(f64, f64)]) -> Path {
    let points: Vec<String> = places.iter().map(|&(x, y)| stretched_point(x, y)).collect();
    Path::new().set("d", format!("M{}", points.join("L")))
}

/// An upright line between two places above each other.
pub fn upright(x: f64, from: f64, to: f64) -> Line {
    let x = percent(x);
    Line::new().set("x1", x.clone()).set("x2", x).set("y1", percent(1.0 - from)).set("y2", percent(1.0 - to))
}

/// The axes of a chart, its grid below everything.
fn axes(x: &Axis, y: &Axis) -> Group {
    let mut group = Group::new().set("class", "axes");
    for tick in x.ticks.iter().filter(|_| x.grid) {
        group = group.add(upright(tick.place, 0.0, 1.0).set("class", "grid"));
    }
    for tick in y.ticks.iter().filter(|_| y.grid) {
        let at = percent(1.0 - tick.place);
        let line = Line::new().set("x1", 0).set("x2", "100%").set("y1", at.clone()).set("y2", at);
        group = group.add(line.set("class", if tick.zero { "zero" } else { "grid" }));
    }
    let edge = |x1: &str, y1: &str, x2: &str, y2: &str| {
        Line::new().set("x1", x1).set("y1", y1).set("x2", x2).set("y2", y2).set("class", "edge")
    };
    group = group.add(edge("0", "0", "0", "100%")).add(edge("0", "100%", "100%", "100%"));
    let class = |axis: &str, tick: &Tick| format!("{axis}{}", if tick.wide { " wide" } else { "" });
    for tick in &x.ticks {
        let text = Text::new(tick.text.as_str()).set("x", percent(tick.place)).set("y", "100%").set("dy", 18);
        group = group.add(text.set("class", class("x", tick)));
    }
    for tick in &y.ticks {
        let text = Text::new(tick.text.as_str()).set("x", -7).set("y", percent(1.0 - tick.place)).set("dy", "0.35em");
        group = group.add(text.set("class", class("y", tick)));
    }
    let along = Text::new(x.title.as_str()).set("x", "50%").set("y", "100%").set("dy", 40).set("class", "title");
    // A turned text has no place in percent: its corner has.
    let turned = format!("translate({} 0) rotate(-90)", -16.0 * (y.room() - 0.85));
    let up = Text::new(y.title.as_str()).set("transform", turned).set("class", "title");
    group.add(along).add(layer().set("y", "50%").set("overflow", "visible").add(up))
}

/// A chart with axes: the box that the layers in `content` fill. `says`: what a screen reader says it is. The numbers of a
/// chart stand in a table beside it.
pub fn chart(
    id: &str,
    class: &str,
    says: &str,
    (x, y): (&Axis, &Axis),
    content: impl IntoIterator<Item = Group>,
) -> String {
    let content = content.into_iter().fold(image(says).add(axes(x, y)), SVG::add);
    boxed(id, class, &format!("--left:{:.1}rem", y.room()), &content)
}

/// The image that a chart is.
pub fn image(says: &str) -> SVG {
    layer().set("role", "img").set("aria-label", says)
}

/// An image in the box of a chart. `page.js` finds the marks in it by the class.
pub fn boxed(id: &str, class: &str, style: &str, image: &SVG) -> String {
    let (class, style) = (html(class), html(style));
    format!("<div class=\"chart {class}\" id=\"{id}\" style=\"{style}\">\n{image}\n</div>\n")
}
