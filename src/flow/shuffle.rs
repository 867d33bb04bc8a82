//! Ratings to the worker of their user.
//!
//! Each worker feeds what it reads in epochs of bounded size; an exchange on the mixed hash of the user carries every
//! row, and the names of text ids, to the user's worker. There is no flow control in timely, so a worker that is
//! [`EPOCHS_AHEAD`] epochs past what all workers have received waits.

use std::cell::RefCell;
use std::rc::Rc;

use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::{Input, Operator, Probe};
use timely::dataflow::{InputHandle, ProbeHandle};
use timely::worker::Worker;

use crate::ingest::rows::{Name, Row};
use crate::kernel::keyed;
use crate::shard::build::Builder;

/// How many epochs a worker may be ahead of the slowest.
const EPOCHS_AHEAD: u64 = 4;

type Handle<D> = InputHandle<u64, CapacityContainerBuilder<Vec<D>>>;

/// One end of the running shuffle.
pub struct Shuffle {
    worker: Worker,
    rows: Handle<Row>,
    names: Handle<Name>,
    probe: ProbeHandle<u64>,
    received: Rc<RefCell<Builder>>,
}

impl Shuffle {
    /// Starts the dataflow; what arrives goes into `builder`.
    pub fn new(worker: &mut Worker, builder: Builder) -> Shuffle {
        let received = Rc::new(RefCell::new(builder));
        let probe = ProbeHandle::new();
        let (rows, names) = worker.dataflow::<u64, _, _>(|scope| {
            let (rows, row_stream) = scope.new_input::<Vec<Row>>();
            let (names, name_stream) = scope.new_input::<Vec<Name>>();
            let into = Rc::clone(&received);
            let route = Exchange::new(|row: &Row| keyed::mix(row.user));
            row_stream
                .unary::<CapacityContainerBuilder<Vec<()>>, _, _, _>(route, "Rows", |_, _| {
                    move |input, _output| input.for_each(|_, rows| into.borrow_mut().extend(rows.drain(..)))
                })
                .probe_with(&probe);
            let into = Rc::clone(&received);
            let route = Exchange::new(|name: &Name| keyed::mix(name.key));
            name_stream
                .unary::<CapacityContainerBuilder<Vec<()>>, _, _, _>(route, "Names", |_, _| {
                    move |input, _output| input.for_each(|_, names| into.borrow_mut().name_users(names.drain(..)))
                })
                .probe_with(&probe);
            (rows, names)
        });
        Shuffle { worker: worker.clone(), rows, names, probe, received }
    }

    #[inline]
    pub fn send(&mut self, row: Row) {
        self.rows.send(row);
    }

    /// Tells the worker of a user what the key of a text id stands for.
    pub fn name_user(&mut self, name: Name) {
        self.names.send(name);
    }

    /// Ends an epoch, and waits if this worker is too far ahead.
    pub fn end_epoch(&mut self) {
        let next = self.rows.time() + 1;
        self.rows.advance_to(next);
        self.names.advance_to(next);
        self.worker.step();
        while next > EPOCHS_AHEAD && self.probe.less_than(&(next - EPOCHS_AHEAD)) {
            self.worker.step_or_park(None);
        }
    }

    /// Waits until every worker has sent and received everything; returns what came here.
    pub fn finish(self) -> Builder {
        let Shuffle { mut worker, rows, names, probe, received } = self;
        rows.close();
        names.close();
        while !probe.done() {
            worker.step_or_park(None);
        }
        received.take()
    }
}
