//! A refit that was made, and the model in its folder.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::live::event::Matched;
use crate::results::model;

/// A refit, on the coordinator.
#[derive(Debug, Clone, PartialEq)]
pub struct Refitted {
    /// A finished run.
    pub folder: PathBuf,
    /// By the number of the new segments.
    pub matched: Vec<Matched>,
}

/// The folder of refit `number`, from 1, of a state.
pub fn folder(state: &Path, number: u64) -> PathBuf {
    state.join(format!("refit-{number}"))
}

/// `model.json` and `model.safetensors` of a run.
pub fn model_bytes(run: &Path) -> Result<[Vec<u8>; 2]> {
    let read = |file: &str| {
        let path = run.join(model::FOLDER).join(file);
        fs::read(&path).map_err(|e| Error::file(&path, "cannot read", &e, "name the output folder of a finished run"))
    };
    Ok([read(model::FILES[0])?, read(model::FILES[1])?])
}
