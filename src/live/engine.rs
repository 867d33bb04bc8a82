//! One worker's part of the dataflow: rows in, placements and tables out.
//!
//! ```text
//! changes ──resolve──▶ rows ══arrange by user══▶ place ──▶ users ──▶ segments, activity, moves
//!                       ▲ trace │                    └──▶ tallies ──exchange by item──▶ tables of profiles
//!                       └───────┘
//! ```
//!
//! The rows are a collection of differential dataflow: a multiset of `(user, (item, rating))`, arranged by user. What a
//! change does depends on the rows there are, which are looked up in the shared trace of the arrangement; so one batch of
//! changes is an epoch, and an epoch begins when the one before is over on all workers. Compaction follows at once: the
//! trace holds rows, not their history.

use std::cell::RefCell;
use std::rc::Rc;

use differential_dataflow::VecCollection;
use differential_dataflow::input::InputSession;
use differential_dataflow::operators::arrange::arrangement::arrange_core;
use differential_dataflow::trace::cursor::cursor_list;
use differential_dataflow::trace::implementations::{ValBatcher, ValSpine};
use differential_dataflow::trace::{Cursor, Navigable, TraceReader};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::ProbeHandle;
use timely::dataflow::channels::pact::{Exchange, Pipeline};
use timely::dataflow::operators::{Operator, Probe};
use timely::progress::Antichain;
use timely::worker::Worker;

use crate::flow::cluster;
use crate::ingest::ids::Id;
use crate::stages::profile;

use super::change::Op;
use super::frame::Frame;
use super::place::{Epoch, Placement, RowsTrace, place, read_rows};
use super::placements::Placements;
use super::resolve::{Pair, Refusal, Routed};
use super::row::Row;
use super::tally::{Cell, SharedTables, Tables, Tally};
use super::users::Users;

/// A user whose segment is another than before, or who came or went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    pub user: u32,
    pub from: Option<u32>,
    pub to: Option<u32>,
}

/// One worker's part of the running dataflow.
pub struct Engine {
    worker: Worker,
    frame: Rc<Frame>,
    users: Users,
    input: InputSession<Epoch, (u32, Row), i32>,
    trace: RowsTrace,
    probe: ProbeHandle<Epoch>,
    placements: Rc<RefCell<Placements>>,
    tables: SharedTables,
    /// The dataflow, to be dropped when it is replaced.
    dataflow: usize,
}

impl Engine {
    /// Builds the dataflow. All workers call it together.
    pub fn new(worker: &mut Worker, frame: Frame) -> Engine {
        let frame = Rc::new(frame);
        let tables = Rc::new(RefCell::new(Tables::new(&frame)));
        let placements = Rc::new(RefCell::new(Placements::default()));
        let mut input = InputSession::new();
        let probe = ProbeHandle::new();
        let dataflow = worker.next_dataflow_index();
        let trace = worker.dataflow::<Epoch, _, _>(|scope| {
            // Rows are put in where their user is.
            let rows = arrange_core::<_, _, ValBatcher<u32, Row, Epoch, i32>, ValSpine<u32, Row, Epoch, i32>>(
                input.to_collection(scope).inner,
                Pipeline,
                "Rows",
                ValBatcher::new,
            );
            let placed = place(&rows, &frame);
            let owners = profile::owners(scope.peers(), frame.n_items);
            note_users(placed.users, &placements, &frame, &probe);
            let route = move |cell: &Cell| owners.owner(cell.item as usize) as u64;
            note_tallies(placed.tallies, &tables, route, &probe);
            rows.trace
        });
        let (worker, users) = (worker.clone(), Users::default());
        Engine { worker, frame, users, input, trace, probe, placements, tables, dataflow }
    }

    /// Takes in rows of a user, in this epoch.
    pub fn load(&mut self, user: &Id, rows: impl IntoIterator<Item = (Row, i32)>) -> u32 {
        let number = self.users.number_of(user);
        rows.into_iter().for_each(|(row, n)| self.input.update((number, row), n));
        number
    }

    /// Makes changes of this worker's users, in their order, in this epoch. Returns those that cannot be made, by their
    /// place in the batch.
    pub fn apply(&mut self, changes: &[Routed]) -> Vec<(u32, Refusal)> {
        let mut refused = Vec::new();
        let by_pair = self.by_pair(changes, &mut refused);
        let epoch = *self.input.time();
        let batches = self.trace.batches_through(Antichain::from_elem(epoch).borrow());
        let batches = batches.expect("the epochs before this one are over");
        let mut cursors: Vec<_> = batches.iter().map(|batch| (batch.cursor(), batch)).collect();
        for of_pair in by_pair.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            let (user, item, _) = of_pair[0];
            let mut before = Pair::default();
            cursors.iter_mut().for_each(|(cursor, batch)| read_pair(cursor, batch, user, item, &mut before));
            differential_dataflow::consolidation::consolidate(&mut before.rows);
            let mut now = Pair { rows: before.rows.clone() };
            for Routed { op, rating, at, .. } in of_pair.iter().map(|&(.., at)| &changes[at]) {
                let changed = now.change(*op, item, *rating, self.frame.duplicates);
                refused.extend(changed.err().map(|refusal| (*at, refusal)));
            }
            let input = &mut self.input;
            now.differences(&before, |row, n| input.update((user, row), n));
        }
        refused
    }

    /// The numbers of user and item of each change, and where it is among them; sorted. A withdrawal from a user who was never
    /// there is refused.
    fn by_pair(&mut self, changes: &[Routed], refused: &mut Vec<(u32, Refusal)>) -> Vec<(u32, u32, usize)> {
        let mut by_pair = Vec::with_capacity(changes.len());
        for (at, change) in changes.iter().enumerate() {
            let known = match change.op {
                Op::Withdraw => self.users.number(&change.user),
                Op::Put | Op::Add => Some(self.users.number_of(&change.user)),
            };
            match known {
                Some(user) => by_pair.push((user, change.item, at)),
                None => refused.push((change.at, Refusal::NotThere)),
            }
        }
        by_pair.sort_unstable();
        by_pair
    }

    /// Ends the epoch: when it returns, all that was put in is reflected on every worker. Returns the users of this worker
    /// who moved, by id.
    pub fn settle(&mut self) -> Vec<Move> {
        let next = self.input.time() + 1;
        self.input.advance_to(next);
        self.input.flush();
        while self.probe.less_than(&next) {
            self.worker.step_or_park(None);
        }
        cluster::advance();
        let done = Antichain::from_elem(next);
        self.trace.set_logical_compaction(done.borrow());
        self.trace.set_physical_compaction(done.borrow());
        let changed = self.placements.borrow_mut().settle(self.users.len());
        let segment = |placement: Option<Placement>| placement.map(|placement| placement.segment);
        let moves = changed.into_iter().map(|(user, [from, to])| Move { user, from: segment(from), to: segment(to) });
        let mut moves: Vec<Move> = moves.filter(|moved| moved.from != moved.to).collect();
        moves.sort_by(|a, b| self.users.id(a.user).cmp(self.users.id(b.user)));
        moves
    }

    pub fn frame(&self) -> &Rc<Frame> {
        &self.frame
    }

    pub fn users(&self) -> &Users {
        &self.users
    }

    /// Where a user is; nowhere without a row.
    pub fn placement(&self, user: u32) -> Option<Placement> {
        self.placements.borrow().of(user)
    }

    pub fn placements(&self) -> std::cell::Ref<'_, Placements> {
        self.placements.borrow()
    }

    pub fn tables(&self) -> std::cell::Ref<'_, Tables> {
        self.tables.borrow()
    }

    /// Calls `each(user, rows)` for the users of this worker who have rows, from number `first` on, as long as it returns true;
    /// each row with how often it is there.
    pub fn each_user(&mut self, first: u32, mut each: impl FnMut(u32, &[(Row, i32)]) -> bool) {
        let epoch = *self.input.time();
        let batches = self.trace.batches_through(Antichain::from_elem(epoch).borrow());
        let (mut cursor, storage) = cursor_list(batches.expect("the epochs before this one are over"));
        let mut rows = Vec::new();
        cursor.seek_key(&storage, &first);
        while let Some(&user) = cursor.get_key(&storage) {
            rows.clear();
            read_rows(&mut cursor, &storage, &mut rows);
            if !rows.is_empty() && !each(user, &rows) {
                return;
            }
            cursor.step_key(&storage);
        }
    }

    /// The users of this worker from number `next` on who have rows, until they have `most` rows together. Moves `next` on; after
    /// the last user it is the number of users.
    pub fn take_users(&mut self, next: &mut u32, most: usize) -> Vec<(u32, Vec<(Row, i32)>)> {
        let first = std::mem::replace(next, self.users.len() as u32);
        let (mut found, mut n_rows) = (Vec::new(), 0);
        self.each_user(first, |user, rows| {
            if n_rows >= most {
                *next = user;
                return false;
            }
            n_rows += rows.len();
            found.push((user, rows.to_vec()));
            true
        });
        found
    }

    /// Ends the dataflow and gives back what it held.
    pub fn end(self) {
        let Engine { mut worker, input, trace, dataflow, .. } = self;
        input.close();
        drop(trace);
        worker.drop_dataflow(dataflow);
    }
}

/// Appends what a batch has of a user's item. Users must be asked for in rising order, and so must the items of a user.
fn read_pair<C>(cursor: &mut C, batch: &C::Storage, user: u32, item: u32, pair: &mut Pair)
where
    C: for<'a> Cursor<Key<'a> = &'a u32, Val<'a> = &'a Row, DiffGat<'a> = &'a i32>,
{
    cursor.seek_key(batch, &user);
    if cursor.get_key(batch) != Some(&user) {
        return;
    }
    cursor.seek_val(batch, &Row::first(item));
    while let Some(&row) = cursor.get_val(batch).filter(|row| row.item == item) {
        cursor.map_times(batch, |_, &difference| pair.rows.push((row, difference)));
        cursor.step_val(batch);
    }
}

/// Keeps `placements` up to date.
fn note_users(
    users: VecCollection<'_, Epoch, (u32, Placement), i32>,
    placements: &Rc<RefCell<Placements>>,
    frame: &Rc<Frame>,
    probe: &ProbeHandle<Epoch>,
) {
    let (placements, frame) = (Rc::clone(placements), Rc::clone(frame));
    users
        .inner
        .unary::<CapacityContainerBuilder<Vec<()>>, _, _, _>(Pipeline, "Users", move |_, _| {
            move |input, _output| {
                input.for_each(|_, differences| {
                    let mut placements = placements.borrow_mut();
                    for ((user, placement), _, n) in differences.drain(..) {
                        placements.add(user, placement, n, &frame);
                    }
                });
            }
        })
        .probe_with(probe);
}

/// Keeps `tables` up to date, each cell where it is routed to.
fn note_tallies(
    tallies: VecCollection<'_, Epoch, Cell, Tally>,
    tables: &SharedTables,
    route: impl Fn(&Cell) -> u64 + 'static,
    probe: &ProbeHandle<Epoch>,
) {
    let tables = Rc::clone(tables);
    let route = Exchange::new(move |(cell, _, _): &(Cell, Epoch, Tally)| route(cell));
    tallies
        .inner
        .unary::<CapacityContainerBuilder<Vec<()>>, _, _, _>(route, "Tables", move |_, _| {
            move |input, _output| {
                input.for_each(|_, differences| {
                    let mut tables = tables.borrow_mut();
                    differences.drain(..).for_each(|(cell, _, tally)| tables.add(cell, tally));
                });
            }
        })
        .probe_with(probe);
}
