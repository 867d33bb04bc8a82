//! The charts of the report, drawn as SVG that stands in the page.
//!
//! A chart here is places and what belongs to it: axes, marks, and what a mark says (`data-tip`). How it looks is the
//! page's: colours are custom properties of `page.css`, so that charts follow the theme and turn dark on white on paper.
//! Nothing needs a script to be seen. `page.js` adds what moves: it shows the words of a mark under the pointer, lets
//! arrow keys go from mark to mark, and enlarges the map.
//!
//! | module | what it draws |
//! |---|---|
//! | [`scale`] | from numbers to places; round numbers for axes |
//! | [`frame`] | the box of a chart, its axes and layers |
//! | [`colors`] | the classes of segments |
//! | [`lines`] | lines over numbers of segments: of [`inertia`], and of what each number is [`worth`] |
//! | [`variance`], [`confusion`], [`flows`] | bars, heat maps, bands |
//! | [`map`], [`labels`] | the map of users, and where the numbers of segments stand on it |

mod colors;
mod confusion;
pub mod flows;
mod frame;
mod inertia;
mod labels;
mod lines;
mod map;
mod scale;
mod variance;
mod worth;

pub use colors::{N_COLORS, N_SYMBOLS, segment_class};
pub use confusion::{Heat, confusion};
pub use inertia::inertia;
pub use map::{drawn, map};
pub use variance::variance;
pub use worth::{bits, stability};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::fixture::{self, MOVIELENS};
    use crate::results::run::Digests;
    use crate::results::shown::Shown;

    const STYLE: &str = include_str!("../page/assets/page.css");

    fn all(shown: &Shown) -> String {
        let evidence = shown.evidence.as_ref().unwrap();
        [
            variance(shown),
            inertia(shown),
            bits(evidence, 25),
            stability(evidence, 25),
            confusion("chart-in-sample", "in sample", &shown.validation.in_sample, 10_000).html,
            map(shown, 1_000),
            flows::flows(shown, shown.continuity.as_ref().unwrap()),
        ]
        .concat()
    }

    /// Each variable that charts and their styles use has a value for light and one for dark.
    #[test]
    fn every_colour_of_a_chart_is_one_that_the_page_has_for_each_theme() {
        let charts = all(&Shown::of(&fixture::outcome(MOVIELENS), Digests::new(), false)) + STYLE;
        let names: std::collections::BTreeSet<&str> =
            charts.split("var(--").skip(1).map(|rest| &rest[..rest.find([')', ',', ' ']).unwrap()]).collect();
        let colors: Vec<&&str> = names.iter().filter(|name| STYLE.contains(&format!("--{name}: #"))).collect();
        assert!(colors.len() > N_COLORS + 5, "{colors:?}");
        for name in colors {
            assert_eq!(STYLE.matches(&format!("--{name}: #")).count(), 2, "{name} has no value for each theme");
        }
        // All others are sizes, and the colour that a class has chosen.
        let others: Vec<&&str> = names.iter().filter(|name| !STYLE.contains(&format!("--{name}: #"))).collect();
        assert!(
            others.iter().all(|name| ["c", "v", "all", "left", "height", "of", "mark", "mark-line"].contains(name)),
            "{others:?}"
        );
    }

    #[test]
    fn every_segment_has_a_class_for_its_colour_and_one_for_its_symbol() {
        for segment in 0..256 {
            let class = segment_class(segment);
            let (color, symbol) = class.split_once(' ').unwrap();
            assert!(STYLE.contains(&format!(".{color} {{ --c: var(--seg-{}); }}", segment % N_COLORS)), "{color}");
            assert!(symbol == "s0" || STYLE.contains(&format!(".dot.{symbol} ")), "{symbol}");
        }
        let distinct: std::collections::BTreeSet<String> = (0..N_COLORS * N_SYMBOLS).map(segment_class).collect();
        assert_eq!(distinct.len(), N_COLORS * N_SYMBOLS, "no two of the first hundred look alike");
    }

    /// A number that is none would end the drawing of what it is in.
    #[test]
    fn no_chart_has_what_is_not_a_number_in_it() {
        let mut outcome = fixture::outcome(MOVIELENS);
        outcome.pca.explained_variance_ratio.fill(f64::NAN);
        outcome.sweep.as_mut().unwrap().projected.as_mut().unwrap().inertia.fill(0.0);
        outcome.evidence.as_mut().unwrap().by_clusters.iter_mut().for_each(|of| of.bits = f64::NEG_INFINITY);
        let charts = all(&Shown::of(&outcome, Digests::new(), false));
        for word in ["NaN", "inf\"", "inf%", "-0%", "\"-0\""] {
            assert!(!charts.contains(word), "{word}");
        }
    }
}
