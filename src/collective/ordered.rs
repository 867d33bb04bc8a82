//! Sums of floating-point numbers, in one order whatever the workers.

use super::meet::Collective;
use super::steps::Step;

/// Below this many bytes from a worker its rows go to all, which takes one delay; above, each worker adds up some of the columns.
const WHOLE_ROWS_BYTES: usize = 16 << 10;

/// Adds up `n_rows` rows of `width` numbers, those of worker 0 first; `mine` are this worker's. On every worker; the same for every
/// division of the rows.
pub fn sum<C: Collective>(c: &mut C, mine: &[f64], (n_rows, width): (usize, usize)) -> Vec<f64> {
    let peers = c.peers();
    if peers == 1 || n_rows.div_ceil(peers) * width * size_of::<f64>() <= WHOLE_ROWS_BYTES {
        return added(c.concat(mine).chunks_exact(width), width);
    }
    let columns = |w: usize| width * w / peers..width * (w + 1) / peers;
    // What goes through a worker, by sender and receiver.
    let mut here: Vec<(u32, u32, Vec<f64>)> = (0..peers)
        .map(|to| {
            let of_row = |row: &[f64]| row[columns(to)].to_vec();
            (c.index() as u32, to as u32, mine.chunks_exact(width).flat_map(of_row).collect())
        })
        .collect();
    for step in Step::by_process(c) {
        let mut parts = vec![Vec::new(); step.length()];
        here.drain(..).for_each(|part| parts[step.toward(part.1 as usize)].push(part));
        here = step.exchange(c, parts).concat();
    }
    here.sort_unstable_by_key(|(from, ..)| *from);
    let own = columns(c.index()).len();
    let total = added(here.iter().flat_map(|(.., rows)| rows.chunks_exact(own.max(1))), own);
    c.concat(&total)
}

fn added<'a>(rows: impl Iterator<Item = &'a [f64]>, width: usize) -> Vec<f64> {
    let mut total = vec![0.0; width];
    for row in rows {
        total.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collective::testing::run_processes;

    /// Numbers of very different size: another order would give other bits.
    fn value(row: usize, column: usize) -> f64 {
        (1.0 + column as f64 / 7.0) * 10f64.powi((row * 5 % 17) as i32 - 8)
    }

    #[test]
    fn the_order_of_adding_does_not_depend_on_the_workers() {
        for (n_rows, width) in [(7, 3), (64, 640), (64, 5), (5, 40_000), (0, 4)] {
            let rows = |from: usize, to: usize| {
                (from..to).flat_map(|row| (0..width).map(move |column| value(row, column))).collect::<Vec<f64>>()
            };
            let expected = added(rows(0, n_rows).chunks_exact(width), width);
            for (processes, workers) in [(1, 1), (1, 3), (2, 1), (3, 1), (2, 2), (3, 2)] {
                let found = run_processes(processes, workers, |c| {
                    let cut = |w: usize| n_rows * w / c.peers();
                    let mine = rows(cut(c.index()), cut(c.index() + 1));
                    sum(c, &mine, (n_rows, width))
                });
                assert!(found.iter().all(|sum| *sum == expected), "{n_rows} rows, {processes} x {workers}");
            }
        }
    }

    /// What a process sends of its rows falls with their number, and is not sent to each of the others.
    #[test]
    fn long_rows_leave_a_process_once() {
        const SHAPE: (usize, usize) = (60, 4096);
        for processes in [2, 4] {
            let sent = run_processes(processes, 1, |c| {
                let mine = vec![1.0; SHAPE.0 / processes * SHAPE.1];
                sum(c, &mine, SHAPE);
                c.sent_far
            });
            let rows = 8 * SHAPE.0 * SHAPE.1 / processes * (processes - 1) / processes;
            let totals = 8 * SHAPE.1 / processes * (processes - 1);
            assert!(sent.iter().all(|&sent| sent >= rows + totals && sent < rows + totals + 1000), "{sent:?}");
        }
    }
}
