//! Routes between the workers of several processes: what the workers of a process have in common goes from process to process once.
//!
//! With P processes of w workers, worker l of process p is (p, l). Sums go in two steps: the workers of each process add up what they
//! have for the workers (·, l) at their worker l, and these workers l add up among themselves. So a byte of a sum leaves a process once,
//! however many workers it has, and P − 1 of them reach the worker that wants it (hierarchical reduce-scatter and allgather: Thakur,
//! Rabenseifner & Gropp 2005, "Optimization of collective communication operations in MPICH"). What workers hand to all goes back the
//! same way. With one process, or one worker in each, a step has nothing to do.

use std::ops::Range;

use super::element::{Element, combine};

/// What routes need of a [`Collective`](super::Collective).
pub trait Wires {
    fn index(&self) -> usize;
    fn peers(&self) -> usize;
    fn per_process(&self) -> usize;
    fn exchange_with(&mut self, outgoing: Vec<(usize, Vec<u8>)>) -> Vec<(usize, Vec<u8>)>;
}

/// A worker among the processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    process: usize,
    /// Among the workers of the process.
    local: usize,
    processes: usize,
    /// Workers of a process.
    width: usize,
}

impl Place {
    /// Of this worker.
    pub fn of<C: Wires>(c: &C) -> Place {
        Place::at(c, c.index())
    }

    /// Of any worker.
    fn at<C: Wires>(c: &C, worker: usize) -> Place {
        let width = c.per_process();
        Place { process: worker / width, local: worker % width, processes: c.peers() / width, width }
    }

    /// The workers of this process.
    fn near(self) -> Range<usize> {
        self.process * self.width..(self.process + 1) * self.width
    }

    /// The workers of all processes with the number `local`.
    fn column(self, local: usize) -> impl Iterator<Item = usize> + Clone {
        (0..self.processes).map(move |process| process * self.width + local)
    }

    /// The other workers of this process; of the own column.
    fn neighbours(self) -> impl Iterator<Item = usize> + Clone {
        self.near().filter(move |&worker| worker % self.width != self.local)
    }

    fn fellows(self) -> impl Iterator<Item = usize> + Clone {
        self.column(self.local).filter(move |&worker| worker / self.width != self.process)
    }
}

/// Folds, element by element, what all workers have for each. `cut(w, message)` appends what this one has for worker w, as long as what
/// any other has for it. Returns what there is for this one.
pub fn fold_parts<C: Wires, T: Element>(
    c: &mut C,
    cut: impl Fn(usize, &mut Vec<u8>),
    op: &impl Fn(T, T) -> T,
) -> Vec<T> {
    let place = Place::of(c);
    // What this worker has for a column, and where the part of each process ends.
    let of_column = |local: usize| {
        let (mut message, mut ends) = (Vec::new(), Vec::with_capacity(place.processes));
        for worker in place.column(local) {
            cut(worker, &mut message);
            ends.push(message.len() / size_of::<T>());
        }
        (message, ends)
    };
    let (message, ends) = of_column(place.local);
    let mut ours: Vec<T> = bytemuck::pod_collect_to_vec(&message);
    drop(message);
    let outgoing = place.neighbours().map(|to| (to, of_column(to % place.width).0)).collect();
    for (_, theirs) in c.exchange_with(outgoing) {
        combine(&mut ours, &theirs, op);
    }
    if place.processes == 1 {
        return ours;
    }
    // Of each process, what was added up for its worker of this column.
    let part = |process: usize| if process == 0 { 0 } else { ends[process - 1] }..ends[process];
    let outgoing = place.fellows().map(|to| (to, bytes(&ours[part(to / place.width)]))).collect();
    let mut own = ours[part(place.process)].to_vec();
    for (_, theirs) in c.exchange_with(outgoing) {
        combine(&mut own, &theirs, op);
    }
    own
}

/// Folds an array whole, at every worker: for short ones.
pub fn fold_whole<C: Wires, T: Element>(c: &mut C, values: &mut [T], op: &impl Fn(T, T) -> T) {
    let place = Place::of(c);
    let steps = [place.neighbours().collect::<Vec<_>>(), place.fellows().collect()];
    for peers in steps.into_iter().filter(|peers| !peers.is_empty()) {
        let mine = bytes(values);
        for (_, theirs) in c.exchange_with(peers.into_iter().map(|to| (to, mine.clone())).collect()) {
            combine(values, &theirs, op);
        }
    }
}

/// Folds an array at one worker. The others get an empty one back.
pub fn fold_to<C: Wires, T: Element>(c: &mut C, owner: usize, values: Vec<T>, op: &impl Fn(T, T) -> T) -> Vec<T> {
    let (place, goal) = (Place::of(c), Place::at(c, owner));
    let mut total = values;
    // The worker of each process that adds up for the owner.
    let adder = place.near().start + goal.local;
    for (to, peers) in [(adder, place.neighbours().collect::<Vec<_>>()), (owner, place.fellows().collect())] {
        if c.index() != to {
            c.exchange_with(vec![(to, bytes(&total))]);
            return Vec::new();
        }
        for (_, theirs) in c.exchange_with(peers.into_iter().map(|from| (from, Vec::new())).collect()) {
            combine(&mut total, &theirs, op);
        }
    }
    total
}

/// Hands every worker's bytes to all. Returns those of each, by worker.
pub fn hand_round<C: Wires>(c: &mut C, mine: Vec<u8>) -> Vec<Vec<u8>> {
    let place = Place::of(c);
    let mut all = vec![Vec::new(); c.peers()];
    for (from, theirs) in c.exchange_with(place.fellows().map(|to| (to, mine.clone())).collect()) {
        all[from] = theirs;
    }
    all[c.index()] = mine;
    if place.width == 1 {
        return all;
    }
    if place.processes == 1 {
        let mine = all[c.index()].clone();
        for (from, theirs) in c.exchange_with(place.neighbours().map(|to| (to, mine.clone())).collect()) {
            all[from] = theirs;
        }
        return all;
    }
    let column: Vec<&[u8]> = place.column(place.local).map(|worker| &all[worker][..]).collect();
    let packed = pack(&column);
    for (from, theirs) in c.exchange_with(place.neighbours().map(|to| (to, packed.clone())).collect()) {
        for (worker, bytes) in place.column(from % place.width).zip(unpack(&theirs, place.processes)) {
            all[worker] = bytes.to_vec();
        }
    }
    all
}

/// Brings the coordinator's bytes to all.
pub fn broadcast<C: Wires>(c: &mut C, mut bytes: Vec<u8>) -> Vec<u8> {
    let place = Place::of(c);
    let first = place.near().start;
    let steps =
        [(0, place.fellows().collect::<Vec<_>>(), place.local == 0), (first, place.neighbours().collect(), true)];
    for (from, peers, takes_part) in steps {
        if !takes_part {
            continue;
        }
        if c.index() == from {
            c.exchange_with(peers.into_iter().map(|to| (to, bytes.clone())).collect());
        } else {
            let told = c.exchange_with(vec![(from, Vec::new())]);
            bytes = told.into_iter().next().expect("one worker was named").1;
        }
    }
    bytes
}

fn bytes<T: Element>(values: &[T]) -> Vec<u8> {
    bytemuck::cast_slice(values).to_vec()
}

/// The lengths, then the bytes.
fn pack(all: &[&[u8]]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(all.iter().map(|bytes| 8 + bytes.len()).sum());
    all.iter().for_each(|bytes| packed.extend_from_slice(&(bytes.len() as u64).to_le_bytes()));
    all.iter().for_each(|bytes| packed.extend_from_slice(bytes));
    packed
}

fn unpack(packed: &[u8], n: usize) -> Vec<&[u8]> {
    let (lengths, mut rest) = packed.split_at(8 * n);
    let mut all = Vec::with_capacity(n);
    for length in lengths.chunks_exact(8) {
        let length = u64::from_le_bytes(length.try_into().expect("eight bytes"));
        let (bytes, after) = rest.split_at(length as usize);
        all.push(bytes);
        rest = after;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::super::meet::Collective;
    use super::super::testing::{Threaded, run_processes};
    use super::{broadcast, fold_parts, fold_to, fold_whole, hand_round};

    const SHAPES: [(usize, usize); 7] = [(1, 1), (1, 4), (4, 1), (2, 2), (2, 3), (3, 2), (3, 4)];

    fn in_all_shapes<R: Send>(work: impl Fn(&mut Threaded) -> R + Sync, check: impl Fn(usize, Vec<R>)) {
        for (processes, width) in SHAPES {
            check(processes * width, run_processes(processes, width, &work));
        }
    }

    #[test]
    fn parts_of_any_length_are_folded_at_their_workers() {
        let work = |c: &mut Threaded| {
            let own = c.index() as i64;
            let cut = |w: usize, message: &mut Vec<u8>| {
                let part: Vec<i64> = (0..3 * (w % 4)).map(|at| (own + 1) * (at + w) as i64).collect();
                message.extend_from_slice(bytemuck::cast_slice(&part));
            };
            (fold_parts(c, cut, &|a: i64, b| a + b), fold_parts(c, cut, &i64::max))
        };
        in_all_shapes(work, |peers, found| {
            for (w, (sums, most)) in found.into_iter().enumerate() {
                let factor = (1..=peers as i64).sum::<i64>();
                let expected = |factor: i64| (0..3 * (w % 4)).map(|at| factor * (at + w) as i64).collect::<Vec<_>>();
                assert_eq!((sums, most), (expected(factor), expected(peers as i64)));
            }
        });
    }

    #[test]
    fn whole_arrays_are_folded_everywhere_or_at_one() {
        let work = |c: &mut Threaded| {
            let mut whole = [c.index() as i64, 1];
            fold_whole(c, &mut whole, &|a, b| a + b);
            let at = (0..c.peers()).map(|owner| fold_to(c, owner, vec![c.index() as i64; 3], &|a, b| a + b));
            (whole, at.collect::<Vec<_>>())
        };
        in_all_shapes(work, |peers, found| {
            let sum = (0..peers as i64).sum::<i64>();
            for (own, (whole, at)) in found.into_iter().enumerate() {
                assert_eq!(whole, [sum, peers as i64]);
                let is_right =
                    |(owner, total): (usize, &Vec<i64>)| *total == vec![sum; if owner == own { 3 } else { 0 }];
                assert!(at.iter().enumerate().all(is_right));
            }
        });
    }

    #[test]
    fn bytes_go_round_and_the_coordinators_to_all() {
        let work = |c: &mut Threaded| {
            let mine = vec![c.index() as u8; c.index() % 5];
            let told = broadcast(c, if c.is_coordinator() { b"word".to_vec() } else { vec![1, 2] });
            (hand_round(c, mine), told)
        };
        in_all_shapes(work, |peers, found| {
            let expected: Vec<Vec<u8>> = (0..peers).map(|w| vec![w as u8; w % 5]).collect();
            assert!(found.into_iter().all(|(all, told)| all == expected && told == b"word"));
        });
    }

    /// 2·(P − 1)/P of an array, whatever the workers.
    #[test]
    fn a_process_sends_a_sum_once() {
        const LENGTH: usize = 24_000;
        for (processes, width) in SHAPES {
            let sent = run_processes(processes, width, |c| {
                c.sum(&mut vec![1i64; LENGTH]);
                c.sent_far
            });
            for of_process in sent.chunks(width) {
                let expected = 2 * (processes - 1) * LENGTH * 8 / processes;
                assert_eq!(of_process.iter().sum::<usize>(), expected, "{processes} processes of {width} workers");
            }
        }
    }
}
