//! A schema of PostgreSQL that is brought up to date, in one transaction.
//!
//! | table | columns |
//! |---|---|
//! | `segments` | number (key), name, size, profile (jsonb) |
//! | `memberships` | user (key), segment, since |
//! | `changes` | publication, user (key together), from, to, when |
//! | `publications` | publication (key), when, content, model, lineage (jsonb), state, batch, users, changes, segmill |
//!
//! `user` is a `bigint` while all ids are numbers, else `text`. An advisory lock of the transaction keeps publishers apart. Who is to be
//! where comes by `COPY` into a temporary table; what differs is then found and changed by statements over whole tables, and
//! readers go on with what was there until the transaction ends. The first users go straight into `memberships`.

mod copy;
mod sql;

use ::postgres::{Client, Transaction};

use self::copy::{Copy, Kind};
use self::sql::Schema;
use super::edition::{Edition, Segment};
use super::record::{Position, Record};
use super::rows::Rows;
use super::target::{Begun, Change, Members, Sizes, Target};
use crate::error::{Error, Result};
use crate::postgres::{Address, Failed, connect, failed};
use crate::results::Id;

const CANNOT: &str = "cannot publish";

/// Connects to the database of an address.
pub fn open(address: &Address, schema: &str) -> Result<Box<dyn Target>> {
    let client = connect(address)?;
    Ok(Box::new(Database { address: address.clone(), schema: Schema::called(schema), client }))
}

struct Database {
    address: Address,
    schema: Schema,
    client: Client,
}

impl Target for Database {
    fn begin(&mut self) -> Result<Box<dyn Begun + '_>> {
        let Database { address, schema, client } = self;
        let (transaction, last) = hold(schema, client).map_err(|e| failed(address, CANNOT, e))?;
        Ok(Box::new(Held { address, schema, transaction, last }))
    }
}

/// A transaction that others wait for, and the last publication.
fn hold<'c>(schema: &Schema, client: &'c mut Client) -> std::result::Result<(Transaction<'c>, Option<Record>), Failed> {
    let mut transaction = client.transaction()?;
    let last = schema.prepare(&mut transaction)?;
    Ok((transaction, last))
}

/// A transaction that holds other publishers off.
struct Held<'a> {
    address: &'a Address,
    schema: &'a Schema,
    transaction: Transaction<'a>,
    last: Option<Record>,
}

impl Begun for Held<'_> {
    fn last(&self) -> Option<&Record> {
        self.last.as_ref()
    }

    fn put(
        mut self: Box<Self>,
        edition: &Edition,
        live: Option<Position>,
        members: Members<'_>,
        renewed: &[u32],
    ) -> Result<Record> {
        let publication = self.last.as_ref().map_or(0, |last| last.publication) + 1;
        let renewed: Vec<i32> = renewed.iter().map(|&segment| segment as i32).collect();
        let (sizes, changes) = match members {
            Members::All(rows) => self.put_all(edition, publication, rows, &renewed)?,
            Members::Changed(moves) => self.put_changed(edition, publication, moves, &renewed)?,
        };
        let address = self.address;
        self.end(edition, live, [publication, sizes.iter().sum(), changes], &sizes)
            .map_err(|e| failed(address, CANNOT, e))
    }
}

impl Held<'_> {
    fn failed(&self, error: impl Into<Failed>) -> Error {
        failed(self.address, CANNOT, error)
    }

    /// What the column of users holds, after it has been made to hold these.
    fn kind(&mut self, numeric: bool) -> Result<Kind> {
        let (schema, transaction) = (self.schema, &mut self.transaction);
        schema.make_room(transaction, numeric).map_err(|e| failed(self.address, CANNOT, e))
    }

    fn put_all(&mut self, edition: &Edition, publication: u64, rows: Rows, renewed: &[i32]) -> Result<(Vec<u64>, u64)> {
        let kind = self.kind(rows.is_numeric()?)?;
        let mut sizes = Sizes::of(edition);
        if self.last.is_none() {
            let into = self.schema.copy_into_memberships();
            self.copy_all(&into, kind, rows, &mut sizes)?;
            return Ok((sizes.0, 0));
        }
        let (schema, transaction) = (self.schema, &mut self.transaction);
        let into = schema.expect(transaction, kind).map_err(|e| failed(self.address, CANNOT, e))?;
        self.copy_all(into, kind, rows, &mut sizes)?;
        let changes = self.schema.differ(&mut self.transaction, renewed).map_err(|e| self.failed(e))?;
        self.apply(publication)?;
        Ok((sizes.0, changes))
    }

    fn copy_all(&mut self, into: &str, kind: Kind, mut rows: Rows, sizes: &mut Sizes) -> Result<()> {
        let address = self.address;
        let failed = |e: Failed| failed(address, CANNOT, e);
        let mut copy = Copy::begin(&mut self.transaction, into, kind).map_err(failed)?;
        while let Some(group) = rows.next_group()? {
            let segments = sizes.count(&group)?;
            for (user, segment) in group.users.iter().zip(segments) {
                copy.push(user, Some(segment)).map_err(failed)?;
            }
        }
        copy.finish().map_err(failed)
    }

    fn put_changed(
        &mut self,
        edition: &Edition,
        publication: u64,
        moves: &[Change],
        renewed: &[i32],
    ) -> Result<(Vec<u64>, u64)> {
        let kind = self.kind(moves.iter().all(|(user, _)| matches!(user, Id::Number(_))))?;
        let address = self.address;
        let failed = |e: Failed| failed(address, CANNOT, e);
        let into = self.schema.expect(&mut self.transaction, kind).map_err(failed)?;
        let mut copy = Copy::begin(&mut self.transaction, into, kind).map_err(failed)?;
        moves.iter().try_for_each(|(user, to)| copy.push(user, *to)).map_err(failed)?;
        copy.finish().map_err(failed)?;
        let changes = self.schema.move_on(&mut self.transaction, renewed).map_err(failed)?;
        let sizes = self.schema.sizes(&mut self.transaction, edition.segments.len()).map_err(failed)?;
        self.apply(publication)?;
        Ok((sizes, changes))
    }

    fn apply(&mut self, publication: u64) -> Result<()> {
        self.schema.apply(&mut self.transaction, publication).map_err(|e| self.failed(e))
    }

    /// `numbers`: publication, users, changes.
    fn end(
        self: Box<Self>,
        edition: &Edition,
        live: Option<Position>,
        numbers: [u64; 3],
        sizes: &[u64],
    ) -> std::result::Result<Record, Failed> {
        let Held { schema, mut transaction, .. } = *self;
        let profile = |segment: &Segment| segment.profile.to_string();
        let profiles: Vec<String> = edition.segments.iter().map(profile).collect();
        schema.set_segments(&mut transaction, edition, sizes, &profiles)?;
        let [publication, users, changes] = numbers;
        let record = Record {
            publication,
            when: String::new(),
            content: edition.content.clone(),
            model: edition.model.clone(),
            lineage: edition.lineage.clone(),
            live,
            users,
            changes,
            segmill: env!("CARGO_PKG_VERSION").into(),
        };
        let when = schema.note(&mut transaction, &record)?;
        transaction.commit()?;
        Ok(Record { when, ..record })
    }
}
