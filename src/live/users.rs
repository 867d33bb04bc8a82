//! The numbers of a worker's users.

use std::collections::HashMap;

use crate::ingest::ids::Id;

/// Users by number, from 0 as they come. A number is never given to another.
#[derive(Debug, Default)]
pub struct Users {
    numbers: HashMap<Id, u32>,
    ids: Vec<Id>,
}

impl Users {
    pub fn number(&self, id: &Id) -> Option<u32> {
        self.numbers.get(id).copied()
    }

    /// The number of a user, new or known.
    pub fn number_of(&mut self, id: &Id) -> u32 {
        if let Some(number) = self.number(id) {
            return number;
        }
        let number = u32::try_from(self.ids.len()).expect("a worker has fewer than 2^32 users");
        self.numbers.insert(id.clone(), number);
        self.ids.push(id.clone());
        number
    }

    pub fn id(&self, number: u32) -> &Id {
        &self.ids[number as usize]
    }

    pub fn len(&self) -> usize {
        self.ids.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}
