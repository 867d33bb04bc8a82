//! Ratings to the worker of their user.
//!
//! Each worker collects what it reads in batches, one for each receiving worker, which the mixed hash of the user chooses. A
//! full batch goes into a dataflow that exchanges whole batches; in one process only a pointer moves. Every few batches an
//! epoch ends, which sends them off, takes in what others sent, and bounds the size of a message. There is no flow
//! control in timely, so a worker that is [`EPOCHS_AHEAD`] epochs past what all workers have received waits.

use std::cell::RefCell;
use std::rc::Rc;

use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::{Input, Operator, Probe};
use timely::dataflow::{InputHandle, ProbeHandle, Stream};
use timely::worker::Worker;

use crate::flow::cluster;
use crate::ingest::rows::{Batch, Name, Narrow, Ordered, Records, Row, Wide};
use crate::shard::incoming::{Incoming, worker_of};
use crate::watch::progress;

/// How many epochs a worker may be ahead of the slowest.
const EPOCHS_AHEAD: u64 = 8;

/// Records in a full batch: about 100 KiB of the narrow ones.
const BATCH: usize = 8192;

/// Batches in an epoch: about 1.5 MiB.
const BATCHES_PER_EPOCH: usize = 16;

type Handle<D> = InputHandle<u64, CapacityContainerBuilder<Vec<D>>>;

/// One end of the running shuffle.
pub struct Shuffle {
    worker: Worker,
    batches: Handle<Batch>,
    names: Handle<Name>,
    probe: ProbeHandle<u64>,
    received: Rc<RefCell<Incoming>>,
    outgoing: Vec<Outgoing>,
    /// Every row keeps its place in the input.
    ordered: bool,
    /// Batches in the current epoch.
    sent: usize,
}

/// Batches for one worker that are not full yet.
#[derive(Default)]
struct Outgoing {
    narrow: Vec<Narrow>,
    wide: Vec<Wide>,
    ordered: Vec<Ordered>,
}

impl Shuffle {
    /// Starts the dataflow; what arrives goes into `incoming`. `ordered`: rows keep their place in the input.
    pub fn new(worker: &mut Worker, incoming: Incoming, ordered: bool) -> Shuffle {
        let received = Rc::new(RefCell::new(incoming));
        let probe = ProbeHandle::new();
        let (batches, names) = worker.dataflow::<u64, _, _>(|scope| {
            let (batches, batch_stream) = scope.new_input::<Vec<Batch>>();
            let (names, name_stream) = scope.new_input::<Vec<Name>>();
            receive_batches(batch_stream, &received, &probe);
            receive_names(name_stream, scope.peers(), &received, &probe);
            (batches, names)
        });
        let mut outgoing = Vec::new();
        outgoing.resize_with(worker.peers(), Outgoing::default);
        Shuffle { worker: worker.clone(), batches, names, probe, received, outgoing, ordered, sent: 0 }
    }

    #[inline(always)]
    pub fn send(&mut self, row: Row) {
        let to = worker_of(row.user, self.outgoing.len());
        let outgoing = &mut self.outgoing[to];
        let full = if self.ordered {
            push(&mut outgoing.ordered, row.into())
        } else {
            match Narrow::of(&row) {
                Some(narrow) => push(&mut outgoing.narrow, narrow),
                None => push(&mut outgoing.wide, row.into()),
            }
        };
        if full {
            self.flush(to);
        }
    }

    /// Sends a worker its batches, full or not.
    #[cold]
    #[inline(never)]
    fn flush(&mut self, to: usize) {
        let Outgoing { narrow, wide, ordered } = std::mem::take(&mut self.outgoing[to]);
        progress::rows_read(narrow.len() + wide.len() + ordered.len());
        let kinds = [
            (narrow.is_empty(), Records::Narrow(narrow)),
            (wide.is_empty(), Records::Wide(wide)),
            (ordered.is_empty(), Records::Ordered(ordered)),
        ];
        for (_, records) in kinds.into_iter().filter(|(empty, _)| !empty) {
            self.batches.send_batch(&mut vec![Batch { to: to as u64, records }]);
            self.sent += 1;
        }
        if self.sent >= BATCHES_PER_EPOCH {
            self.end_epoch();
        }
    }

    /// Tells the worker of a user which text the key of their id stands for.
    pub fn name_user(&mut self, name: Name) {
        self.names.send(name);
    }

    /// Ends an epoch, and waits if this worker is too far ahead.
    fn end_epoch(&mut self) {
        self.sent = 0;
        let next = self.batches.time() + 1;
        self.batches.advance_to(next);
        self.names.advance_to(next);
        cluster::advance();
        self.worker.step();
        while next > EPOCHS_AHEAD && self.probe.less_than(&(next - EPOCHS_AHEAD)) {
            self.worker.step_or_park(None);
        }
    }

    /// Waits until every worker has sent and received everything; returns what came here.
    pub fn finish(mut self) -> Incoming {
        (0..self.outgoing.len()).for_each(|to| self.flush(to));
        let Shuffle { mut worker, batches, names, probe, received, .. } = self;
        batches.close();
        names.close();
        while !probe.done() {
            worker.step_or_park(None);
        }
        Rc::into_inner(received).map_or_else(|| unreachable!("the dataflow has ended"), RefCell::into_inner)
    }
}

/// Takes in batches at the worker they are for.
fn receive_batches(batches: Stream<'_, u64, Vec<Batch>>, received: &Rc<RefCell<Incoming>>, probe: &ProbeHandle<u64>) {
    let into = Rc::clone(received);
    let route = Exchange::new(|batch: &Batch| batch.to);
    batches
        .unary::<CapacityContainerBuilder<Vec<()>>, _, _, _>(route, "Batches", |_, _| {
            move |input, _output| {
                input.for_each(|_, batches| {
                    let mut into = into.borrow_mut();
                    batches.drain(..).for_each(|batch| into.receive(&batch.records));
                });
            }
        })
        .probe_with(probe);
}

/// Takes in the names of users at the worker of the user, one of `peers`.
fn receive_names(
    names: Stream<'_, u64, Vec<Name>>,
    peers: usize,
    received: &Rc<RefCell<Incoming>>,
    probe: &ProbeHandle<u64>,
) {
    let into = Rc::clone(received);
    let route = Exchange::new(move |name: &Name| worker_of(name.key, peers) as u64);
    names
        .unary::<CapacityContainerBuilder<Vec<()>>, _, _, _>(route, "Names", |_, _| {
            move |input, _output| input.for_each(|_, names| into.borrow_mut().name_users(names.drain(..)))
        })
        .probe_with(probe);
}

/// Appends a record; true if that fills the batch.
#[inline(always)]
fn push<R>(batch: &mut Vec<R>, record: R) -> bool {
    if batch.capacity() == 0 {
        batch.reserve_exact(BATCH);
    }
    batch.push(record);
    batch.len() == BATCH
}
