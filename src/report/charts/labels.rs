//! Where the numbers of segments stand on the map: at their centres, moved aside on a leader line where they would cover
//! each other.
//!
//! The map is stretched to the width of the page, the labels are not: what is apart must be so at every width.

/// The widths in pixels for which labels are placed together: tried at each of these.
pub const PHONE: [f64; 4] = [230.0, 290.0, 380.0, 480.0];
pub const DESK: [f64; 5] = [480.0, 640.0, 860.0, 1160.0, 1700.0];

/// Pixels of the map's height that a label and what it covers take, for the most labels that are placed.
const AREA: f64 = 16_000.0;

/// So many labels have room on any map.
const LEAST: usize = 25;

/// The height of a label, and the room between two.
const HEIGHT: f64 = 19.0;
const APART: f64 = 4.0;

/// A label: a segment, and by how many pixels it is moved from the centre.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Label {
    pub segment: usize,
    pub dx: f64,
    pub dy: f64,
}

/// The width of the frame around a segment's number.
pub fn width(segment: usize) -> f64 {
    8.0 * segment.to_string().len() as f64 + 10.0
}

/// Where a label is tried: at the centre, then around it, further and further away.
fn moves() -> impl Iterator<Item = (f64, f64)> {
    let around = |radius: f64| {
        (0..16).map(move |i| {
            let angle = i as f64 * std::f64::consts::PI / 8.0;
            ((radius * libm::cos(angle)).round() + 0.0, (radius * libm::sin(angle)).round() + 0.0)
        })
    };
    std::iter::once((0.0, 0.0)).chain([20.0, 32.0, 46.0, 62.0, 80.0, 100.0].into_iter().flat_map(around))
}

/// The labels for a map of this height at any of `widths`. `centres`: shares of the width and height, from the top left,
/// in the order in which they get room; what has none is left out.
pub fn placed(centres: &[(f64, f64)], widths: &[f64], height: f64) -> Vec<Label> {
    let narrowest = widths.iter().copied().fold(f64::INFINITY, f64::min);
    let most = LEAST.max((narrowest * height / AREA) as usize);
    let mut labels: Vec<Label> = Vec::new();
    for (segment, &centre) in centres.iter().enumerate() {
        if labels.len() >= most {
            break;
        }
        let label = |(dx, dy)| Label { segment, dx, dy };
        let fits = |label: &Label| {
            widths.iter().all(|&width| {
                let own = at(label, centre, (width, height));
                inside(own, label, (width, height))
                    && labels
                        .iter()
                        .all(|other| apart((own, label), (at(other, centres[other.segment], (width, height)), other)))
            })
        };
        labels.extend(moves().map(label).find(fits));
    }
    labels
}

/// The middle of a label in pixels.
fn at(label: &Label, (x, y): (f64, f64), (width, height): (f64, f64)) -> (f64, f64) {
    (x * width + label.dx, y * height + label.dy)
}

fn inside((x, y): (f64, f64), label: &Label, (wide, high): (f64, f64)) -> bool {
    let (w, h) = (0.5 * width(label.segment), 0.5 * HEIGHT);
    x >= w && y >= h && x <= wide - w && y <= high - h
}

fn apart((a, of_a): ((f64, f64), &Label), (b, of_b): ((f64, f64), &Label)) -> bool {
    let wide = 0.5 * (width(of_a.segment) + width(of_b.segment)) + APART;
    (a.0 - b.0).abs() >= wide || (a.1 - b.1).abs() >= HEIGHT + APART
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn labels_do_not_cover_each_other_and_stay_on_the_map(
            centres in prop::collection::vec((0.0..1.0f64, 0.0..1.0f64), 1..80),
            crowded in 0.02..1.0f64,
        ) {
            let centres: Vec<(f64, f64)> = centres.into_iter().map(|(x, y)| (crowded * x, crowded * y)).collect();
            for (widths, height) in [(&PHONE[..], 384.0), (&DESK[..], 640.0)] {
                let labels = placed(&centres, widths, height);
                prop_assert!(!labels.is_empty() && labels.len() <= centres.len());
                prop_assert!(labels.windows(2).all(|pair| pair[0].segment < pair[1].segment));
                for &width in widths {
                    let size = (width, height);
                    let place = |label: &Label| at(label, centres[label.segment], size);
                    for (i, a) in labels.iter().enumerate() {
                        prop_assert!(inside(place(a), a, size));
                        for b in &labels[..i] {
                            prop_assert!(apart((place(a), a), (place(b), b)), "{a:?} {b:?} at {width}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn what_has_room_stands_at_its_centre() {
        let labels = placed(&[(0.2, 0.2), (0.8, 0.8), (0.2, 0.2)], &DESK, 640.0);
        assert_eq!(labels[0], Label { segment: 0, dx: 0.0, dy: 0.0 });
        assert_eq!(labels[1], Label { segment: 1, dx: 0.0, dy: 0.0 });
        assert!(labels[2].segment == 2 && labels[2].dx.hypot(labels[2].dy) > 15.0);
    }
}
