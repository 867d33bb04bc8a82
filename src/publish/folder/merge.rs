//! The memberships that there are and those that are to be, both by rising id, merged.

use std::cmp::Ordering;
use std::path::PathBuf;
use std::vec;

use crate::error::Result;
use crate::publish::rows::{Group, Rows};
use crate::publish::target::{Change, Members};
use crate::results::Id;

/// A merge that can be run once.
pub struct Merge<'a> {
    earlier: Cursor<Earlier>,
    incoming: Incoming<'a>,
    renewed: &'a [u32],
    now: i64,
    numeric: bool,
}

/// Users with the values of a row group.
struct Cursor<T> {
    rows: Option<Rows>,
    group: vec::IntoIter<T>,
    of_group: fn(Group) -> Vec<T>,
    next: Option<T>,
}

type Earlier = (Id, i64, i64);

enum Incoming<'a> {
    All(Cursor<(Id, i64)>),
    Changed(&'a [Change]),
}

/// A user, the segment where they were and since when, and what is to become of them.
type Found = (Id, Option<(i64, i64)>, Then);

/// What is to become of a user.
enum Then {
    /// Nothing is said, so they stay.
    Stay,
    To(Option<i64>),
}

impl<T> Cursor<T> {
    fn of(rows: Option<Rows>, of_group: fn(Group) -> Vec<T>) -> Result<Cursor<T>> {
        let mut cursor = Cursor { rows, group: Vec::new().into_iter(), of_group, next: None };
        cursor.take()?;
        Ok(cursor)
    }

    /// The row that it is at; it goes on.
    fn take(&mut self) -> Result<Option<T>> {
        let next = loop {
            match self.group.next() {
                Some(row) => break Some(row),
                None => match self.rows.as_mut().map_or(Ok(None), Rows::next_group)? {
                    Some(group) => self.group = (self.of_group)(group).into_iter(),
                    None => break None,
                },
            }
        };
        Ok(std::mem::replace(&mut self.next, next))
    }
}

/// Columns that are never missing.
fn column(numbers: &mut Vec<Vec<Option<i64>>>) -> impl Iterator<Item = i64> + use<> {
    numbers.remove(0).into_iter().map(|number| number.unwrap_or(-1))
}

fn of_earlier(mut group: Group) -> Vec<Earlier> {
    let (segments, since) = (column(&mut group.numbers), column(&mut group.numbers));
    group.users.into_iter().zip(segments.zip(since)).map(|(user, (segment, since))| (user, segment, since)).collect()
}

fn of_incoming(mut group: Group) -> Vec<(Id, i64)> {
    group.users.into_iter().zip(column(&mut group.numbers)).collect()
}

impl<'a> Merge<'a> {
    /// Of the file of earlier memberships, if there is one. `now` is when who comes has come.
    pub fn of(earlier: Option<PathBuf>, members: Members<'a>, renewed: &'a [u32], now: i64) -> Result<Merge<'a>> {
        let rows = earlier.map(|file| Rows::once(vec![file], &["segment", "since"]));
        let mut numeric = rows.as_ref().map_or(Ok(true), Rows::is_numeric)?;
        let incoming = match members {
            Members::All(rows) => {
                numeric &= rows.is_numeric()?;
                Incoming::All(Cursor::of(Some(rows), of_incoming)?)
            }
            Members::Changed(changes) => {
                numeric &= changes.iter().all(|(user, _)| matches!(user, Id::Number(_)));
                Incoming::Changed(changes)
            }
        };
        Ok(Merge { earlier: Cursor::of(rows, of_earlier)?, incoming, renewed, now, numeric })
    }

    /// All users are numbers.
    pub fn is_numeric(&self) -> bool {
        self.numeric
    }

    /// Hands out each membership (user, segment, since) and each change (user, from, to), by rising id.
    pub fn run(
        mut self,
        mut member: impl FnMut(&Id, i64, i64) -> Result<()>,
        mut change: impl FnMut(&Id, Option<i64>, Option<i64>) -> Result<()>,
    ) -> Result<()> {
        while let Some((user, earlier, then)) = self.next()? {
            let from = earlier.map(|(segment, _)| segment);
            let to = match then {
                Then::Stay => from,
                Then::To(to) => to,
            };
            let is_renewed = to.is_some_and(|to| self.renewed.iter().any(|&renewed| i64::from(renewed) == to));
            let is_change = from != to || is_renewed;
            if is_change {
                change(&user, from, to)?;
            }
            if let Some(to) = to {
                let since = earlier.filter(|_| !is_change).map_or(self.now, |(_, since)| since);
                member(&user, to, since)?;
            }
        }
        Ok(())
    }

    /// The next user of both.
    fn next(&mut self) -> Result<Option<Found>> {
        let ordering = match (self.earlier.next.as_ref().map(|(user, ..)| user), self.incoming.user()) {
            (None, None) => return Ok(None),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(earlier), Some(incoming)) => earlier.cmp(incoming),
        };
        let earlier = if ordering.is_le() { self.earlier.take()? } else { None };
        let incoming = if ordering.is_ge() { self.incoming.take()? } else { None };
        let then = match (&incoming, &self.incoming) {
            (Some((_, to)), _) => Then::To(*to),
            // Who is not among all is gone.
            (None, Incoming::All(_)) => Then::To(None),
            (None, Incoming::Changed(_)) => Then::Stay,
        };
        let place = earlier.as_ref().map(|&(_, segment, since)| (segment, since));
        let user = earlier.map(|(user, ..)| user).or(incoming.map(|(user, _)| user));
        Ok(user.map(|user| (user, place, then)))
    }
}

impl Incoming<'_> {
    fn user(&self) -> Option<&Id> {
        match self {
            Incoming::All(cursor) => cursor.next.as_ref().map(|(user, _)| user),
            Incoming::Changed(changes) => changes.first().map(|(user, _)| user),
        }
    }

    fn take(&mut self) -> Result<Option<(Id, Option<i64>)>> {
        match self {
            Incoming::All(cursor) => Ok(cursor.take()?.map(|(user, segment)| (user, Some(segment)))),
            Incoming::Changed(changes) => {
                Ok(changes.split_off_first().map(|(user, to)| (user.clone(), to.map(i64::from))))
            }
        }
    }
}
