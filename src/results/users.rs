//! Tables with a row for each user, and how their rows are picked and put together: they lie over the workers.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ingest::ids::Id;
use crate::results::outcome::UserTable;
use crate::stages::continuity::Moves;
use crate::stages::kmeans::Assignment;

/// Columns with a row for each of some users.
pub trait UserRows: Default + Serialize + DeserializeOwned {
    /// Of the users, row by row.
    fn ids(&self) -> &[Id];

    /// A copy of these rows, in this order.
    fn pick(&self, rows: &[u32]) -> Self;

    fn append(&mut self, more: Self);
}

impl UserRows for UserTable {
    fn ids(&self) -> &[Id] {
        &self.users
    }

    fn pick(&self, rows: &[u32]) -> UserTable {
        let of = &self.assignment;
        let assignment = Assignment {
            segment: picked(&of.segment, rows),
            distance: picked(&of.distance, rows),
            second: picked(&of.second, rows),
            second_distance: picked(&of.second_distance, rows),
        };
        // Without Naive Bayes there is no such column.
        let nb_segment = if self.nb_segment.is_empty() { Vec::new() } else { picked(&self.nb_segment, rows) };
        UserTable { users: picked(&self.users, rows), assignment, nb_segment }
    }

    fn append(&mut self, more: UserTable) {
        let (to, from) = (&mut self.assignment, more.assignment);
        self.users.extend(more.users);
        to.segment.extend(from.segment);
        to.distance.extend(from.distance);
        to.second.extend(from.second);
        to.second_distance.extend(from.second_distance);
        self.nb_segment.extend(more.nb_segment);
    }
}

impl UserRows for Moves {
    fn ids(&self) -> &[Id] {
        &self.users
    }

    fn pick(&self, rows: &[u32]) -> Moves {
        Moves {
            users: picked(&self.users, rows),
            from: picked(&self.from, rows),
            to: picked(&self.to, rows),
            margin: picked(&self.margin, rows),
        }
    }

    fn append(&mut self, more: Moves) {
        self.users.extend(more.users);
        self.from.extend(more.from);
        self.to.extend(more.to);
        self.margin.extend(more.margin);
    }
}

fn picked<T: Clone>(values: &[T], rows: &[u32]) -> Vec<T> {
    rows.iter().map(|&row| values[row as usize].clone()).collect()
}
