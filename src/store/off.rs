//! In place of the rest where segmill is built without the feature `stores`: nothing here can be made, and
//! [`super::check_built`] refuses every address before it is tried.

use std::convert::Infallible;
use std::io::{self, Read, Write};
use std::path::Path;

use bytes::Bytes;

use super::Stored;
use super::failure::StoreFailed;

fn without<T>() -> io::Result<T> {
    Err(io::Error::other(StoreFailed("this segmill was built without object stores".into())))
}

pub fn list(_address: &str, _counts: impl Fn(&str) -> bool) -> io::Result<Vec<Stored>> {
    without()
}

/// Cannot exist.
#[derive(Debug)]
pub struct Object(Infallible);

impl Object {
    pub fn open(_address: &str, _version: Option<&str>) -> io::Result<Object> {
        without()
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

/// Cannot exist.
pub struct Upload(Infallible);

/// Cannot exist.
pub struct Ready(Infallible);

impl Upload {
    pub fn finish(self) -> io::Result<Ready> {
        match self.0 {}
    }
}

impl Write for Upload {
    fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
        match self.0 {}
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.0 {}
    }
}

impl Ready {
    pub fn publish(self) -> io::Result<()> {
        match self.0 {}
    }
}

/// Cannot exist.
pub struct Folder(Infallible);

impl Folder {
    pub fn at(_address: &str) -> io::Result<Folder> {
        without()
    }

    pub fn names(&self) -> io::Result<Vec<String>> {
        match self.0 {}
    }

    pub fn get(&self, _name: &str) -> io::Result<Option<Vec<u8>>> {
        match self.0 {}
    }

    pub fn fetch(&self, _name: &str, _to: &Path) -> io::Result<()> {
        match self.0 {}
    }

    pub fn create(&self, _name: &str) -> Upload {
        match self.0 {}
    }

    pub fn put(&self, _name: &str, _bytes: &[u8]) -> io::Result<()> {
        match self.0 {}
    }

    pub fn put_file(&self, _name: &str, _file: &Path) -> io::Result<()> {
        match self.0 {}
    }

    pub fn remove<'n>(&self, _names: impl IntoIterator<Item = &'n str>) -> io::Result<()> {
        match self.0 {}
    }
}
