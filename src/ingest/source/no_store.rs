//! In place of `store.rs` where segmill is built without the feature `stores`: every address is refused.

use std::convert::Infallible;
use std::io::{self, Read};

use bytes::Bytes;

use super::file::InputFile;
use crate::error::{Error, Result};

/// Cannot exist.
#[derive(Debug)]
pub struct Object(Infallible);

pub fn list(address: &str) -> Result<Vec<InputFile>> {
    Err(without(address))
}

fn without(address: &str) -> Error {
    let remedy = "build it with `cargo build --release --features stores`, or copy the files to a disk";
    Error::job("input.ratings", format!("{address}: this segmill was built without object stores"), remedy)
}

impl Object {
    pub fn open(file: &InputFile, _version: Option<&str>) -> Result<Object> {
        Err(without(&file.path.to_string_lossy()))
    }

    pub fn read_at(&self, _start: u64, _length: u64) -> io::Result<Bytes> {
        match self.0 {}
    }

    pub fn prefetch(&self, _start: u64, _length: u64) {
        match self.0 {}
    }

    pub fn stream(self) -> Box<dyn Read + Send> {
        match self.0 {}
    }
}
