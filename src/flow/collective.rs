//! The collectives on timely.
//!
//! A message between two workers is cut into parcels of at most 1 MiB, sent over one typed channel that lives as long as
//! the worker. The channel keeps the order of parcels between two workers, and those who take part in a call send each other at
//! least one parcel, so no round numbers and no progress tracking are needed: a call is over when the last
//! parcel of each is here. A peer may be some calls ahead; its parcels wait their turn.

use std::collections::VecDeque;
use std::rc::Rc;

use timely::bytes::arc::Bytes;
use timely::communication::{Bytesable, Pull, Push};
use timely::dataflow::InputHandle;
use timely::dataflow::operators::Input;
use timely::worker::Worker;

use crate::collective::Collective;
use crate::flow::cluster;

/// Receive buffers grow to the largest message and never shrink, so messages stay near this size.
const PARCEL_BYTES: usize = 1 << 20;

/// Collectives among all workers of a cluster.
pub struct TimelyCollective {
    worker: Worker,
    per_process: usize,
    senders: Vec<Box<dyn Push<Parcel>>>,
    receiver: Box<dyn Pull<Parcel>>,
    /// Parcels that have arrived and wait their turn, by sender.
    waiting: Vec<VecDeque<Parcel>>,
    /// Keeps the channel's dataflow alive: events on the channel then wake the worker.
    _alive: InputHandle<u64, timely::container::CapacityContainerBuilder<Vec<()>>>,
}

impl TimelyCollective {
    /// `per_process` is the number of workers of each process.
    pub fn new(worker: &mut Worker, per_process: usize) -> TimelyCollective {
        let handle = worker.clone();
        let (alive, (senders, receiver)) = worker.dataflow::<u64, _, _>(|scope| {
            let (alive, _stream) = scope.new_input::<Vec<()>>();
            let identifier = handle.new_identifier();
            (alive, handle.allocate::<Parcel>(identifier, Rc::clone(&scope.addr())))
        });
        let waiting = (0..handle.peers()).map(|_| VecDeque::new()).collect();
        TimelyCollective { worker: handle, per_process, senders, receiver, waiting, _alive: alive }
    }

    fn send(&mut self, to: usize, bytes: Vec<u8>) {
        let from = self.worker.index() as u64;
        if bytes.len() <= PARCEL_BYTES {
            self.senders[to].send(Parcel { from, last: true, bytes });
        } else {
            let parcels = bytes.chunks(PARCEL_BYTES);
            let last = parcels.len() - 1;
            for (i, parcel) in parcels.enumerate() {
                self.senders[to].send(Parcel { from, last: i == last, bytes: parcel.to_vec() });
            }
        }
        self.senders[to].done();
    }

    /// Waits for the rest of the message of worker `from`.
    fn receive(&mut self, from: usize) -> Vec<u8> {
        let mut whole = Vec::new();
        loop {
            self.collect();
            while let Some(parcel) = self.waiting[from].pop_front() {
                let last = parcel.last;
                if whole.is_empty() {
                    whole = parcel.bytes;
                } else {
                    whole.extend_from_slice(&parcel.bytes);
                }
                if last {
                    return whole;
                }
            }
            self.worker.step_or_park(None);
        }
    }

    fn collect(&mut self) {
        while let Some(parcel) = self.receiver.recv() {
            self.waiting[parcel.from as usize].push_back(parcel);
        }
    }
}

impl Collective for TimelyCollective {
    fn index(&self) -> usize {
        self.worker.index()
    }

    fn peers(&self) -> usize {
        self.worker.peers()
    }

    fn per_process(&self) -> usize {
        self.per_process
    }

    fn exchange_with(&mut self, outgoing: Vec<(usize, Vec<u8>)>) -> Vec<(usize, Vec<u8>)> {
        let named: Vec<usize> = outgoing.iter().map(|(to, _)| *to).collect();
        for (to, bytes) in outgoing {
            self.send(to, bytes);
        }
        let incoming = named.into_iter().map(|from| (from, self.receive(from))).collect();
        cluster::advance();
        incoming
    }
}

/// A piece of a message.
struct Parcel {
    from: u64,
    last: bool,
    bytes: Vec<u8>,
}

const HEADER_BYTES: usize = 8;

/// Sender and end mark in 8 bytes, then the bytes as they are.
impl Bytesable for Parcel {
    fn from_bytes(bytes: Bytes) -> Self {
        let (header, rest) = bytes.split_at(HEADER_BYTES);
        let header = u64::from_le_bytes(header.try_into().expect("a header has 8 bytes"));
        Parcel { from: header >> 1, last: header & 1 == 1, bytes: rest.to_vec() }
    }

    fn length_in_bytes(&self) -> usize {
        HEADER_BYTES + self.bytes.len()
    }

    fn into_bytes<W: std::io::Write>(&self, writer: &mut W) {
        let header = self.from << 1 | u64::from(self.last);
        writer.write_all(&header.to_le_bytes()).expect("the send buffer is large enough");
        writer.write_all(&self.bytes).expect("the send buffer is large enough");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs `work` on `peers` timely workers and returns what each returned.
    fn workers<T: Send + 'static>(
        peers: usize,
        work: impl Fn(&mut TimelyCollective) -> T + Send + Sync + 'static,
    ) -> Vec<T> {
        let guards = timely::execute(timely::Config::process(peers), move |worker| {
            let mut collective = TimelyCollective::new(worker, peers);
            work(&mut collective)
        });
        guards.expect("workers start").join().into_iter().map(|r| r.expect("a worker panicked")).collect()
    }

    #[test]
    fn every_collective_does_what_it_says_for_short_and_long_arrays() {
        for peers in [1, 2, 3, 5] {
            for length in [0, 1, 7, 5_000, 400_000] {
                let results = workers(peers, move |c| {
                    let own = c.index();
                    let mut sums: Vec<i64> = (0..length).map(|i| (i * (own + 1)) as i64).collect();
                    c.sum(&mut sums);
                    let mut maxima: Vec<f64> = (0..length).map(|i| ((i + own * 7) % 11) as f64).collect();
                    c.max(&mut maxima);
                    let owner = peers - 1;
                    let reduced = c.sum_to(owner, vec![own as i64 + 1; length]);
                    let gathered = c.gather(vec![own as u8; own]);
                    let everybody = c.all_gather(&vec![own as u32; own + length]);
                    let told = c.broadcast_value(c.is_coordinator().then(|| "word".to_string()).as_ref());
                    (sums, maxima, reduced, gathered, everybody, told)
                });
                let factor = (1..=peers).sum::<usize>();
                for (own, (sums, maxima, reduced, gathered, everybody, told)) in results.into_iter().enumerate() {
                    assert!(sums.iter().enumerate().all(|(i, &s)| s == (i * factor) as i64));
                    let largest = |i: usize| (0..peers).map(|w| (i + w * 7) % 11).max().unwrap() as f64;
                    assert!(maxima.iter().enumerate().all(|(i, &m)| m == largest(i)));
                    assert_eq!(reduced, if own == peers - 1 { vec![factor as i64; length] } else { vec![] });
                    let expected = if own == 0 { (0..peers).map(|w| vec![w as u8; w]).collect() } else { vec![] };
                    assert_eq!(gathered, expected);
                    assert!(everybody.iter().enumerate().all(|(w, v)| *v == vec![w as u32; w + length]));
                    assert_eq!(told, "word");
                }
            }
        }
    }

    #[test]
    fn all_workers_end_with_the_error_of_the_first_that_failed() {
        let results = workers(3, |c| {
            let mine = if c.index() > 0 {
                Err(crate::error::Error::data(format!("worker {}", c.index()), "no", "yes"))
            } else {
                Ok(())
            };
            c.agree(mine).unwrap_err().to_string()
        });
        assert!(results.iter().all(|r| r == "worker 1: no; yes"), "{results:?}");
    }

    #[test]
    fn a_thousand_calls_stay_in_step() {
        let results = workers(4, |c| {
            let mut total = 0u64;
            for round in 0..1000u64 {
                let mut value = [round + c.index() as u64];
                c.sum(&mut value);
                total += value[0];
            }
            total
        });
        assert!(results.iter().all(|&t| t == (0..1000u64).map(|r| 4 * r + 6).sum::<u64>()));
    }
}
