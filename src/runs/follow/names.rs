//! What items and segments are called.

use std::path::Path;

use crate::error::{Error, Result};
use crate::ingest::ids::Id;
use crate::results::model::{self, Model};

/// The words of a model.
#[derive(Debug)]
pub struct Names {
    /// By number, those that the model knows.
    pub items: Vec<Id>,
    pub titles: Vec<Option<String>>,
    pub segments: Vec<String>,
}

impl Names {
    /// Those of the model in the finished run `folder`.
    pub fn of(model: &Model, folder: &Path) -> Result<Names> {
        let titles = model::titles(&folder.join(model::FOLDER))?;
        if titles.len() != model.items.len() {
            let problem = format!("{} items in the table of items, {} in the model", titles.len(), model.items.len());
            return Err(Error::data(folder.display().to_string(), problem, "run the job again"));
        }
        let segments = model.manifest.segments.iter().map(|segment| segment.name.clone()).collect();
        Ok(Names { items: model.items.clone(), titles, segments })
    }
}
