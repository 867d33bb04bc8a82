//! Which column of a file a key of the job file means.

use super::want::{Key, Want};
use crate::error::Result;
use crate::job::Column;

/// A file's own columns.
pub struct Table<'a> {
    /// Their names, where the file has a header.
    pub names: Option<&'a [String]>,
    pub columns: usize,
    pub delimiter: &'a [u8],
}

impl Want<'_> {
    /// The index of the key's column; `None` where a column is not there and need not be.
    pub fn resolve(&self, key: &Key, table: &Table<'_>) -> Result<Option<usize>> {
        match &key.column {
            Column::Index(index) => self.by_index(key, *index, table),
            Column::Name(name) => self.by_name(key, name, table).map(Some),
        }
    }

    fn by_index(&self, key: &Key, index: usize, table: &Table<'_>) -> Result<Option<usize>> {
        let columns = table.columns;
        if index < columns || key.required && index < columns + self.partitions.len() {
            return Ok(Some(index));
        }
        if !key.required {
            return Ok(None);
        }
        let plural = if columns == 1 { "" } else { "s" };
        let problem = format!(
            "there is no column {index}, counted from 0: delimiter {:?} makes {columns} column{plural}",
            String::from_utf8_lossy(table.delimiter)
        );
        let remedy = format!("correct {0}.{1} or {0}.delimiter", self.section, key.name);
        Err(self.misfit(key.name, problem, &remedy))
    }

    fn by_name(&self, key: &Key, name: &str, table: &Table<'_>) -> Result<usize> {
        let own = table.names.unwrap_or_default();
        let names: Vec<&String> = own.iter().chain(&self.partitions).collect();
        // Without a header the file's own columns have no names.
        let unnamed = if table.names.is_some() { 0 } else { table.columns };
        let name = name.trim_matches([' ', '\t']);
        // A column of the file comes before one of the same name that its folder gives.
        let searched = if own.iter().any(|n| n == name) { own.len() } else { names.len() };
        let mut matching = (0..searched).filter(|&i| names[i] == name);
        let misfit = |problem, remedy| Err(self.misfit(key.name, problem, remedy));
        match (matching.next(), matching.next()) {
            (Some(index), None) => Ok(unnamed + index),
            (None, _) => {
                let names = names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
                let problem = format!("no column is called {name:?}: the columns are {names}");
                misfit(problem, "name one of them, or give its index, counted from 0")
            }
            (Some(a), Some(b)) => misfit(
                format!("columns {a} and {b} are both called {name:?}"),
                "give the column's index, counted from 0",
            ),
        }
    }
}
