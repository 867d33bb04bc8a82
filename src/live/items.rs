//! The numbers of items: first those of the model, then those that came since.

use std::collections::HashMap;

use crate::ingest::ids::Id;

/// The coordinator's dictionary.
#[derive(Debug)]
pub struct Items {
    numbers: HashMap<Id, u32>,
    n_known: usize,
    /// Those that the model does not know, in the order in which they came: number `n_known` is the first.
    others: Vec<Id>,
}

impl Items {
    /// The items of a model, and others that came before.
    pub fn new(known: &[Id], others: Vec<Id>) -> Items {
        let numbers = known.iter().chain(&others).cloned().zip(0..).collect();
        Items { numbers, n_known: known.len(), others }
    }

    /// The number of an item, new or known.
    pub fn number(&mut self, id: &Id) -> u32 {
        if let Some(&number) = self.numbers.get(id) {
            return number;
        }
        let number = u32::try_from(self.numbers.len()).expect("there are fewer than 2^32 items");
        self.numbers.insert(id.clone(), number);
        self.others.push(id.clone());
        number
    }

    /// The number of an item that has come before.
    pub fn known(&self, id: &Id) -> Option<u32> {
        self.numbers.get(id).copied()
    }

    pub fn is_of_model(&self, number: u32) -> bool {
        (number as usize) < self.n_known
    }

    /// Those that the model does not know.
    pub fn others(&self) -> &[Id] {
        &self.others
    }
}
