//! What a snapshot says beside the users.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::ingest::ids::Id;
use crate::job::Duplicates;
use crate::live::state::coding::Coding;
use crate::results::followed::Changes;

use super::order::Order;

/// What a snapshot says beside the users.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// Of the keys by which users are dealt to workers.
    pub hash_seed: u64,
    pub totals: Changes,
    /// Items that the model does not know, in the order of their numbers.
    pub others: Vec<Id>,
    pub refits: u64,
    pub duplicates: Duplicates,
    /// As they were when the batches behind it were taken: these are applied again under the same.
    pub drift: f64,
    pub refit: bool,
    /// It was said that a refit is due.
    pub is_due: bool,
}

impl Header {
    /// Of a state at its beginning.
    pub fn of(order: &Order) -> Header {
        Header {
            hash_seed: 0,
            totals: Changes::default(),
            others: Vec::new(),
            refits: 0,
            duplicates: order.job.input.duplicates,
            drift: order.drift,
            refit: order.refit,
            is_due: false,
        }
    }

    /// Nothing where a session ended before its first snapshot.
    pub fn read(coding: Coding, bytes: &[u8]) -> Result<Option<Header>> {
        if bytes.is_empty() {
            return Ok(None);
        }
        coding.decode(bytes).map(Some).map_err(|e| {
            let problem = format!("the snapshot is of another version of segmill: {e}");
            Error::job("--state", problem, "go on with that version, or begin anew with another --state")
        })
    }

    /// # Errors
    /// [`Error::Job`] for a rule other than the one by which the rows were kept.
    pub fn check(&self, order: &Order) -> Result<()> {
        if self.duplicates == order.job.input.duplicates {
            return Ok(());
        }
        let name =
            |rule: Duplicates| serde_json::to_value(rule).ok().and_then(|name| name.as_str().map(str::to_string));
        let problem = format!(
            "the state was kept with {:?}, not {:?}",
            name(self.duplicates).unwrap_or_default(),
            name(order.job.input.duplicates).unwrap_or_default()
        );
        Err(Error::job("input.duplicates", problem, "leave it as it was, or begin anew with another --state"))
    }
}
