//! A confusion matrix as a heat map: a cell for each segment and each segment that was guessed.

use ndarray::ArrayView1;
use svg::node::element::{Group, Path, Rectangle};

use super::frame::{Axis, chart, stretched};
use crate::results::Confusion;

/// Shares at which a cell has the shades `--heat-0` to `--heat-4` of `page.css`. Small shares get more of the range:
/// which segments are mixed up shows in them. The scale above the charts has the same stops.
const SHADES: [f64; 5] = [0.0, 0.1, 0.3, 0.6, 1.0];

/// Steps between two of these shades.
const STEPS: usize = 6;

/// Segments up to which cells have gaps between them.
const GAPS: usize = 60;

/// A heat map, and what it leaves out to stay small.
pub struct Heat {
    pub html: String,
    /// Cells with no larger share of their segment are blank, where there are more than fit.
    pub blank: Option<f64>,
}

/// Shade: share of the segment's users. `most`: the cells that are drawn, the strongest.
pub fn confusion(id: &str, how: &str, confusion: &Confusion, most: usize) -> Heat {
    let n = confusion.counts.nrows();
    let blank = blank(confusion, most);
    let kept = |users: u64, share: f64| users > 0 && blank.is_none_or(|blank| share > blank);
    let rows: Vec<String> = confusion.counts.outer_iter().map(|row| row_data(row, &kept)).collect();
    let cells = stretched(n, n)
        .set("class", "stretched cells")
        .set("data-rows", rows.join(";"))
        .add(Rectangle::new().set("width", n).set("height", n).set("class", "none"))
        .add(shades(confusion, &kept));
    let cells = match blank {
        Some(blank) => cells.set("data-blank", (1e4 * blank).round() / 1e4),
        None => cells,
    };
    let cells = if n <= GAPS { cells.add(gaps(n)) } else { cells };
    let axes = (&Axis::row("Predicted segment", n, 0), &Axis::row("Segment", n, 0).downwards());
    let says = format!("Heat map of segments against predicted segments, {how}.");
    Heat { html: chart(id, "square", &says, axes, [Group::new().add(cells)]), blank }
}

fn share(users: u64, row: ArrayView1<u64>) -> f64 {
    users as f64 / row.sum().max(1) as f64
}

/// The largest share that is not drawn, where there are more cells than `most`.
fn blank(confusion: &Confusion, most: usize) -> Option<f64> {
    let of_row = |row: ArrayView1<u64>| row.iter().map(|&users| share(users, row)).collect::<Vec<f64>>();
    let mut shares: Vec<f64> = confusion.counts.outer_iter().flat_map(of_row).filter(|&share| share > 0.0).collect();
    shares.sort_by(|a, b| b.total_cmp(a));
    shares.get(most).copied()
}

/// The users of a row, and each cell of it: `151:0 149,8 2` is 151 users, 149 guessed as 0 and 2 as 8.
fn row_data(row: ArrayView1<u64>, kept: &impl Fn(u64, f64) -> bool) -> String {
    let cells = row.iter().enumerate().filter(|(_, users)| kept(**users, share(**users, row)));
    let cells: Vec<String> = cells.map(|(guessed, users)| format!("{guessed} {users}")).collect();
    format!("{}:{}", row.sum(), cells.join(","))
}

/// How far along the shades a share is, in steps.
fn step(share: f64) -> usize {
    let at = SHADES.windows(2).position(|pair| share <= pair[1]).unwrap_or(SHADES.len() - 2);
    let within = (share - SHADES[at]) / (SHADES[at + 1] - SHADES[at]);
    (STEPS as f64 * (at as f64 + within.clamp(0.0, 1.0))).round() as usize
}

fn color(step: usize) -> String {
    let (at, part) = (step / STEPS, step % STEPS);
    match part {
        0 => format!("stroke:var(--heat-{at})"),
        part => format!(
            "stroke:color-mix(in srgb,var(--heat-{}) {}%,var(--heat-{at}))",
            at + 1,
            (100 * part).div_ceil(STEPS)
        ),
    }
}

/// A path for each shade: a stroke, one unit wide, along cells beside each other.
fn shades(confusion: &Confusion, kept: &impl Fn(u64, f64) -> bool) -> Group {
    let mut paths = vec![String::new(); STEPS * (SHADES.len() - 1) + 1];
    for (at, row) in confusion.counts.outer_iter().enumerate() {
        let step_of = |&users: &u64| {
            let share = share(users, row);
            if kept(users, share) { step(share) } else { 0 }
        };
        let steps: Vec<usize> = row.iter().map(step_of).collect();
        let mut from = 0;
        for run in steps.chunk_by(|a, b| a == b) {
            paths[run[0]].push_str(&format!("M{from} {at}h{}", run.len()));
            from += run.len();
        }
    }
    // Step 0 is the ground.
    let drawn = paths.into_iter().enumerate().skip(1).filter(|(_, path)| !path.is_empty());
    drawn.fold(Group::new().set("transform", "translate(0 0.5)"), |group, (step, path)| {
        group.add(Path::new().set("d", path).set("style", color(step)))
    })
}

fn gaps(n: usize) -> Path {
    let lines: String = (1..n).map(|i| format!("M0 {i}H{n}M{i} 0V{n}")).collect();
    Path::new().set("d", lines).set("class", "gaps")
}

#[cfg(test)]
mod tests {
    use ndarray::arr2;

    use super::*;

    #[test]
    fn cells_carry_their_counts_and_rows_their_sums() {
        let matrix = Confusion { counts: arr2(&[[6, 1, 1], [0, 2, 0], [0, 0, 0]]) };
        let heat = confusion("chart-in-sample", "in sample", &matrix, 100);
        assert!(heat.html.contains("data-rows=\"8:0 6,1 1,2 1;2:1 2;0:\""), "{}", heat.html);
        assert!(heat.blank.is_none() && !heat.html.contains("data-blank"));
        // 1 of 8 twice, beside each other: one stroke.
        assert!(heat.html.contains("d=\"M1 0h2\""), "{}", heat.html);
    }

    #[test]
    fn of_too_many_cells_the_strongest_are_drawn() {
        let matrix = Confusion { counts: arr2(&[[60, 30, 10], [1, 98, 1], [20, 20, 60]]) };
        let heat = confusion("chart-in-sample", "in sample", &matrix, 4);
        assert_eq!(heat.blank, Some(0.2));
        assert!(heat.html.contains("data-rows=\"100:0 60,1 30;100:1 98;100:2 60\""), "{}", heat.html);
        assert!(heat.html.contains("data-blank=\"0.2\""));
    }

    #[test]
    fn shades_grow_with_the_share() {
        let steps: Vec<usize> = (0..=100).map(|percent| step(percent as f64 / 100.0)).collect();
        assert!(steps.is_sorted());
        assert_eq!((steps[0], steps[10], steps[30], steps[60], steps[100]), (0, 6, 12, 18, 24));
        assert_eq!(color(18), "stroke:var(--heat-3)");
        assert_eq!(color(7), "stroke:color-mix(in srgb,var(--heat-2) 17%,var(--heat-1))");
    }
}
