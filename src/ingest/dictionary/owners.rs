//! Keys to their owners, and answers back the same way.
//!
//! The mixed hash of a key says which worker owns it. There all that workers know of the key meets: that they met it, and what
//! it stands for. Keys and names go by process ([`Step::by_process`]), and those that several workers of a process send become
//! one on the way, so a process sends each of them to other processes once.

use super::met::Met;
use crate::collective::Collective;
use crate::collective::steps::Step;
use crate::kernel::keyed;

/// What this worker owns of all that the workers met.
pub struct Owned {
    pub met: Met,
    /// Two texts that met at this worker share a key.
    pub collision: bool,
    pub trail: Trail,
}

/// How keys came to their owners.
#[derive(Default)]
pub struct Trail {
    legs: Vec<Leg>,
}

/// A step on the way to the owners.
struct Leg {
    step: Step,
    way: Way,
    /// Keys that this worker sent, rising.
    sent: Vec<u64>,
    /// Keys that each worker of the step sent here, rising.
    received: Vec<Vec<u64>>,
}

/// Sends what each worker met to the owners.
pub fn to_owners<C: Collective>(c: &mut C, mut met: Met) -> Owned {
    let (mut trail, mut collision) = (Trail::default(), false);
    for step in Step::by_process(c) {
        let way = Way::new(step, c.peers());
        let parts = met.deal(step.length(), |key| way.of(key));
        let mut received = step.exchange(c, parts);
        let (merged, clash) = Met::merge(&mut received);
        let received = received.into_iter().map(|part| part.keys).collect();
        trail.legs.push(Leg { step, way, sent: std::mem::replace(&mut met, merged).keys, received });
        collision |= clash;
    }
    Owned { met, collision, trail }
}

/// Which worker of a step is next on the way to each owner.
struct Way(Vec<u32>);

impl Way {
    fn new(step: Step, peers: usize) -> Way {
        Way((0..peers).map(|owner| step.toward(owner) as u32).collect())
    }

    /// To the owner of a key.
    #[inline(always)]
    fn of(&self, key: u64) -> usize {
        self.0[keyed::share_of(key, self.0.len())] as usize
    }
}

impl Trail {
    /// Brings the answers of all owners, one for each of the `keys` that they own, to those who asked: one for each key that
    /// this worker met, in their order.
    pub fn back<C: Collective>(self, c: &mut C, mut keys: Vec<u64>, mut answers: Vec<u32>) -> Vec<u32> {
        for Leg { step, way, sent, received } in self.legs.into_iter().rev() {
            let replies = received.into_iter().map(|asked| pick(&keys, &answers, &asked)).collect();
            let replies = step.exchange(c, replies);
            let mut replies: Vec<_> = replies.into_iter().map(Vec::into_iter).collect();
            let mut reply = |key: &u64| replies[way.of(*key)].next().expect("each key has an answer");
            answers = sent.iter().map(&mut reply).collect();
            keys = sent;
        }
        answers
    }
}

/// The answers for those of `keys` that are `asked` for. Both rise.
fn pick(keys: &[u64], answers: &[u32], asked: &[u64]) -> Vec<u32> {
    let mut all = keys.iter().zip(answers);
    let mut answer = |key: &u64| *all.find(|(known, _)| *known == key).expect("all that was asked for is here").1;
    asked.iter().map(&mut answer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collective::testing::run_processes;
    use crate::ingest::keys::KeyMap;

    const SHAPES: [(usize, usize); 7] = [(1, 1), (1, 2), (3, 1), (2, 2), (2, 3), (3, 2), (7, 1)];

    /// Worker w meets the multiples of w + 1.
    fn met(worker: usize) -> Vec<u64> {
        (0..500).filter(|key| key % (worker as u64 + 1) == 0).collect()
    }

    #[test]
    fn every_key_has_one_owner_who_answers_all_that_met_it() {
        for (processes, width) in SHAPES {
            let found = run_processes(processes, width, |c| {
                let Owned { met: Met { keys, .. }, trail, .. } =
                    to_owners(c, Met::new(met(c.index()), KeyMap::default()));
                let answers = keys.iter().map(|key| *key as u32 * 3).collect();
                (keys.clone(), trail.back(c, keys, answers))
            });
            let mut owned = Vec::new();
            for (worker, (keys, answers)) in found.into_iter().enumerate() {
                assert!(keys.iter().all(|&key| keyed::share_of(key, processes * width) == worker));
                assert_eq!(answers, met(worker).iter().map(|key| *key as u32 * 3).collect::<Vec<_>>());
                owned.extend(keys);
            }
            owned.sort_unstable();
            assert_eq!(owned, (0..500).collect::<Vec<_>>(), "{processes} processes of {width} workers");
        }
    }

    /// Whatever the number of workers: a key in at most 8 bytes on the way there, and in 4 on the way back.
    #[test]
    fn a_process_sends_a_key_once() {
        for width in [1, 2, 4] {
            let sent = run_processes(2, width, |c| {
                let Owned { met: Met { keys, .. }, trail, .. } =
                    to_owners(c, Met::new((0..40_000).collect(), KeyMap::default()));
                let answers = vec![0; keys.len()];
                trail.back(c, keys, answers);
                c.sent_far
            });
            for of_process in sent.chunks(width) {
                let bytes: usize = of_process.iter().sum();
                assert!((230_000..250_000).contains(&bytes), "{width} workers sent {bytes} bytes");
            }
        }
    }
}
