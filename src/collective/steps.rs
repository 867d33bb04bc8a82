//! The way of values from any worker to any other: in one step, or in two, first within the process and then from process
//! to process.
//!
//! With P processes of w workers, two steps take a worker to w − 1 + P − 1 others in place of w·P − 1. Between the steps,
//! what several workers of a process send to the same worker can become one, as sums do in `routes`.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::meet::Collective;

/// Workers that exchange values with each other: every `stride`-th one from the first on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    first: usize,
    stride: usize,
    length: usize,
}

impl Step {
    /// One step: all workers with all.
    pub fn all<C: Collective>(c: &C) -> Step {
        Step { first: 0, stride: 1, length: c.peers() }
    }

    /// The two steps, without those that have nobody to meet.
    pub fn by_process<C: Collective>(c: &C) -> Vec<Step> {
        let width = c.per_process();
        let near = Step { first: c.index() / width * width, stride: 1, length: width };
        let far = Step { first: c.index() % width, stride: width, length: c.peers() / width };
        [near, far].into_iter().filter(|step| step.length > 1).collect()
    }

    /// How many workers take part.
    pub fn length(self) -> usize {
        self.length
    }

    /// Which of those who take part is next on the way to `worker`.
    pub fn toward(self, worker: usize) -> usize {
        worker / self.stride % self.length
    }

    /// Sends `parts[i]` to the i-th of those who take part, and returns what each sent here. What a worker sends to itself
    /// stays as it is.
    pub fn exchange<C, V>(self, c: &mut C, mut parts: Vec<V>) -> Vec<V>
    where
        C: Collective,
        V: Default + Serialize + DeserializeOwned,
    {
        assert_eq!(parts.len(), self.length, "one part for each");
        let own = self.toward(c.index());
        // As in `Collective::exchange`, each begins with its right-hand neighbour.
        let others = (own + 1..self.length).chain(0..own);
        let outgoing = others.map(|at| (self.first + at * self.stride, sent(std::mem::take(&mut parts[at])))).collect();
        for (from, bytes) in c.exchange_with(outgoing) {
            parts[self.toward(from)] = bincode::deserialize(&bytes).expect("every worker sends this type");
        }
        parts
    }
}

fn sent(part: impl Serialize) -> Vec<u8> {
    bincode::serialize(&part).expect("values on the wire serialise")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collective::Solo;
    use crate::collective::testing::{Threaded, run_processes};

    /// What each worker has for each, along `steps`: sender and receiver.
    fn along(c: &mut Threaded, steps: &[Step]) -> Vec<(usize, usize)> {
        let mut here: Vec<(usize, usize)> = (0..c.peers()).map(|to| (c.index(), to)).collect();
        for step in steps {
            let mut parts = vec![Vec::new(); step.length()];
            here.drain(..).for_each(|(from, to)| parts[step.toward(to)].push((from, to)));
            here = step.exchange(c, parts).concat();
        }
        here.sort_unstable();
        here
    }

    #[test]
    fn every_worker_gets_what_each_has_for_it() {
        for (processes, width) in [(1, 1), (1, 3), (3, 1), (2, 2), (2, 3), (3, 2)] {
            let found = run_processes(processes, width, |c| {
                let (one, two) = (vec![Step::all(c)], Step::by_process(c));
                (along(c, &one), along(c, &two))
            });
            for (own, found) in found.into_iter().enumerate() {
                let expected: Vec<_> = (0..processes * width).map(|from| (from, own)).collect();
                assert_eq!(found, (expected.clone(), expected), "{processes} processes of {width} workers");
            }
        }
    }

    #[test]
    fn one_worker_has_no_steps_to_make() {
        assert_eq!(Step::by_process(&Solo), []);
        assert_eq!(Step::all(&Solo).exchange(&mut Solo, vec![7]), [7]);
    }
}
