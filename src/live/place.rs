//! Users to segments: the operator that follows the collection of rows.
//!
//! It does what an operator of differential dataflow does at totally ordered times: for every user of a new batch it reads
//! their rows as they were from the shared trace, adds the batch, and gives out what is no longer so and what is so now. Two
//! collections follow from the rows: where each user is, and what each adds to the tables of profiles. Both are made of
//! a user's whole row by the code of the fit ([`crate::stages::assign::Assigner`], [`crate::kernel::tfidf`]), since weights and
//! lengths depend on all of it: the work grows with the rows of the users who changed, not with the data. What the users of one
//! segment bring and take is added up before it is sent.

use std::rc::Rc;

use differential_dataflow::operators::arrange::{Arranged, TraceAgent};
use differential_dataflow::trace::cursor::cursor_list;
use differential_dataflow::trace::implementations::ValSpine;
use differential_dataflow::trace::{Cursor, SpanOf, TraceReader};
use differential_dataflow::{AsCollection, VecCollection};
use serde::{Deserialize, Serialize};
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;

use crate::kernel::csr::Rows;
use crate::stages::kmeans::Assignment;

use super::frame::Frame;
use super::row::Row;
use super::tally::{Cell, Counter, Tally};

/// Batches of changes, in their order.
pub type Epoch = u64;

/// The rows of this worker's users, by user.
pub type RowsTrace = TraceAgent<ValSpine<u32, Row, Epoch, i32>>;

/// Where a user is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Placement {
    pub segment: u32,
    /// The next nearest.
    pub second: u32,
    /// Bits of the distances to both.
    distance: u64,
    second_distance: u64,
    /// Ratings that count: not 0, of items that the model knows.
    pub n_ratings: u32,
}

impl Placement {
    fn of(assignment: &Assignment, at: usize, n_ratings: u32) -> Placement {
        Placement {
            segment: assignment.segment[at],
            second: assignment.second[at],
            distance: assignment.distance[at].to_bits(),
            second_distance: assignment.second_distance[at].to_bits(),
            n_ratings,
        }
    }

    pub fn distance(&self) -> f64 {
        f64::from_bits(self.distance)
    }

    pub fn second_distance(&self) -> f64 {
        f64::from_bits(self.second_distance)
    }
}

/// The two collections.
pub struct Placed<'scope> {
    /// Where every user is who has a row.
    pub users: VecCollection<'scope, Epoch, (u32, Placement), i32>,
    /// What they add to the tables.
    pub tallies: VecCollection<'scope, Epoch, Cell, Tally>,
}

/// Entries of rows that are worked on at a time.
const ENTRIES: usize = 1 << 21;

/// Follows `rows`, which hold this worker's users alone.
pub fn place<'scope>(rows: &Arranged<'scope, RowsTrace>, frame: &Rc<Frame>) -> Placed<'scope> {
    let mut builder = OperatorBuilder::new("Place".into(), rows.stream.scope());
    let mut input = builder.new_input(rows.stream.clone(), Pipeline);
    let (users_output, users) = builder.new_output::<Vec<((u32, Placement), Epoch, i32)>>();
    let (tallies_output, tallies) = builder.new_output::<Vec<(Cell, Epoch, Tally)>>();
    let (mut users_output, mut tallies_output) =
        (OutputBuilder::from(users_output), OutputBuilder::from(tallies_output));
    let mut trace = rows.trace.clone();
    let mut placer = Placer::new(Rc::clone(frame));
    builder.build(move |_capabilities| {
        move |_frontiers| {
            let (mut users_output, mut tallies_output) = (users_output.activate(), tallies_output.activate());
            input.for_each(|capability, spans| {
                let (mut users, mut tallies) = (users_output.session(&capability), tallies_output.session(&capability));
                for span in spans.drain(..) {
                    placer.follow(&mut trace, &span);
                    placer.finish(
                        |user, epoch, n| users.give((user, epoch, n)),
                        |cell, epoch, tally| tallies.give((cell, epoch, tally)),
                    );
                    compact(&mut trace, &span);
                }
            });
        }
    });
    Placed { users: users.as_collection(), tallies: tallies.as_collection() }
}

/// Nothing looks back behind a span that has been followed.
fn compact(trace: &mut RowsTrace, span: &SpanOf<RowsTrace>) {
    trace.set_logical_compaction(span.upper().borrow());
    trace.set_physical_compaction(span.upper().borrow());
}

/// A user whose rows have changed. Row `at` of the two blocks is theirs.
struct Change {
    user: u32,
    epoch: Epoch,
    /// Some row is left.
    exists: bool,
}

/// Epoch, segment, row of the blocks, and whether the segment gains it (as it is after the change) or loses it (as it was before).
type Moved = (Epoch, u32, u32, bool);

struct Placer {
    frame: Rc<Frame>,
    /// By user, where they are.
    placements: Vec<Option<Placement>>,
    changes: Vec<Change>,
    /// The users' merged rows before and after their changes.
    before: Rows,
    after: Rows,
    /// What changed is worked off.
    done: Vec<(u32, Option<Placement>, Option<Placement>, Epoch)>,
    tallied: Vec<(Cell, Epoch, Tally)>,
    counter: Counter,
}

impl Placer {
    fn new(frame: Rc<Frame>) -> Placer {
        Placer {
            placements: Vec::new(),
            changes: Vec::new(),
            before: Rows::empty(),
            after: Rows::empty(),
            done: Vec::new(),
            tallied: Vec::new(),
            counter: Counter::new(frame.n_items),
            frame,
        }
    }

    /// Reads what a span of the trace changes.
    fn follow(&mut self, trace: &mut RowsTrace, span: &SpanOf<RowsTrace>) {
        let Some(batch) = &span.inner else { return };
        let earlier = trace.batches_through(span.lower().borrow()).expect("what came before is kept for this operator");
        let (mut known, known_storage) = cursor_list(earlier);
        let (mut new, new_storage) = cursor_list(vec![batch.clone()]);
        let mut rows = Vec::new();
        let mut news: Vec<(Epoch, Row, i32)> = Vec::new();
        while let Some(&user) = new.get_key(&new_storage) {
            rows.clear();
            known.seek_key(&known_storage, &user);
            if known.get_key(&known_storage) == Some(&user) {
                read_rows(&mut known, &known_storage, &mut rows);
            }
            news.clear();
            while let Some(&row) = new.get_val(&new_storage) {
                new.map_times(&new_storage, |&epoch, &difference| news.push((epoch, row, difference)));
                new.step_val(&new_storage);
            }
            news.sort_unstable();
            self.change(user, &mut rows, &news);
            if self.before.indices.len() + self.after.indices.len() > ENTRIES {
                self.work_off();
            }
            new.step_key(&new_storage);
        }
        self.work_off();
    }

    /// Notes how the rows of a user change from epoch to epoch.
    fn change(&mut self, user: u32, rows: &mut Vec<(Row, i32)>, news: &[(Epoch, Row, i32)]) {
        for of_epoch in news.chunk_by(|a, b| a.0 == b.0) {
            self.frame.push_row(&mut self.before, rows);
            *rows = changed(rows, of_epoch);
            self.frame.push_row(&mut self.after, rows);
            self.changes.push(Change { user, epoch: of_epoch[0].0, exists: !rows.is_empty() });
        }
    }

    /// Places the users read so far, and adds up what they bring and take.
    fn work_off(&mut self) {
        let (before, after) = (take_block(&mut self.before), take_block(&mut self.after));
        let moved = self.place_users(&after);
        let (before, after) = (before.view(), after.view());
        for of_segment in moved.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            let (epoch, segment, ..) = of_segment[0];
            for &(_, _, at, brought) in of_segment {
                let (rows, sign) = if brought { (&after, 1) } else { (&before, -1) };
                self.counter.add(rows.row(at as usize), sign, &self.frame);
            }
            let tallied = &mut self.tallied;
            self.counter.drain(|item, tally| tallied.push((Cell { segment, item }, epoch, tally)));
        }
    }

    /// Places the users by their rows after their changes. Returns the rows that segments gain and lose, in order.
    fn place_users(&mut self, after: &Rows) -> Vec<Moved> {
        let changes = std::mem::take(&mut self.changes);
        let mut assignment = Assignment::with_capacity(changes.len());
        self.frame.assigner.place(after.view(), &mut assignment);
        let mut moved: Vec<Moved> = Vec::with_capacity(2 * changes.len());
        for (at, change) in changes.iter().enumerate() {
            let n_ratings = after.indptr[at + 1] - after.indptr[at];
            let placement = change.exists.then(|| Placement::of(&assignment, at, n_ratings));
            if self.placements.len() <= change.user as usize {
                self.placements.resize(change.user as usize + 1, None);
            }
            let earlier = std::mem::replace(&mut self.placements[change.user as usize], placement);
            moved.extend(earlier.map(|earlier| (change.epoch, earlier.segment, at as u32, false)));
            moved.extend(placement.map(|placement| (change.epoch, placement.segment, at as u32, true)));
            self.done.push((change.user, earlier, placement, change.epoch));
        }
        moved.sort_unstable();
        moved
    }

    /// Hands out the differences of both collections.
    fn finish(
        &mut self,
        mut user: impl FnMut((u32, Placement), Epoch, i32),
        mut tally: impl FnMut(Cell, Epoch, Tally),
    ) {
        for (number, earlier, placement, epoch) in self.done.drain(..).filter(|(_, earlier, now, _)| earlier != now) {
            earlier.into_iter().for_each(|earlier| user((number, earlier), epoch, -1));
            placement.into_iter().for_each(|placement| user((number, placement), epoch, 1));
        }
        self.tallied.drain(..).for_each(|(cell, epoch, difference)| tally(cell, epoch, difference));
    }
}

/// Appends the rows of the user that a cursor is at, each with how often it is there.
pub fn read_rows<C>(cursor: &mut C, storage: &C::Storage, rows: &mut Vec<(Row, i32)>)
where
    C: for<'a> Cursor<Val<'a> = &'a Row, DiffGat<'a> = &'a i32>,
{
    while let Some(&row) = cursor.get_val(storage) {
        let mut n = 0;
        cursor.map_times(storage, |_, &difference| n += difference);
        if n != 0 {
            rows.push((row, n));
        }
        cursor.step_val(storage);
    }
}

/// `rows`, in order, with the differences of an epoch, in order.
fn changed(rows: &[(Row, i32)], differences: &[(Epoch, Row, i32)]) -> Vec<(Row, i32)> {
    let mut all: Vec<(Row, i32)> = Vec::with_capacity(rows.len() + differences.len());
    let mut rest = rows;
    for &(_, row, n) in differences {
        let (before, from) = rest.split_at(rest.partition_point(|(other, _)| *other < row));
        all.extend_from_slice(before);
        let (there, from) = match from.split_first() {
            Some(((other, there), after)) if *other == row => (*there, after),
            _ => (0, from),
        };
        if there + n != 0 {
            all.push((row, there + n));
        }
        rest = from;
    }
    all.extend_from_slice(rest);
    all
}

fn take_block(block: &mut Rows) -> Rows {
    std::mem::replace(block, Rows::empty())
}
