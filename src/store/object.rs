//! Reads an object. Separate threads fetch the bytes, so that the next piece is on its way while one is read.

use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, MutexGuard, mpsc};

use bytes::Bytes;
use futures_util::StreamExt;
use object_store::path::Path as Key;
use object_store::{GetOptions, GetRange, ObjectStore};
use tokio::task::JoinHandle;

use super::client::{RUNTIME, as_io, connect};

/// Pieces of a stream that wait for their reader, at most.
const PIECES_AHEAD: usize = 8;

/// An object that can be read.
pub struct Object {
    store: Arc<dyn ObjectStore>,
    key: Key,
    version: Option<String>,
    /// Pieces that were asked for ahead, by their start.
    coming: Mutex<HashMap<u64, (u64, Pending)>>,
}

type Pending = JoinHandle<object_store::Result<Bytes>>;

impl std::fmt::Debug for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Object").field("key", &self.key).finish_non_exhaustive()
    }
}

impl Object {
    /// The object at an address: this version of it, if one is named.
    pub fn open(address: &str, version: Option<&str>) -> io::Result<Object> {
        let (store, key, _) = connect(address).map_err(|e| as_io(&e))?;
        Ok(Object { store, key, version: version.map(str::to_string), coming: Mutex::default() })
    }

    fn options(&self, range: Option<GetRange>) -> GetOptions {
        GetOptions { range, if_match: self.version.clone(), ..GetOptions::default() }
    }

    fn ask(&self, start: u64, length: u64) -> Pending {
        let (store, key) = (Arc::clone(&self.store), self.key.clone());
        let options = self.options(Some(GetRange::Bounded(start..start + length)));
        RUNTIME.spawn(async move { store.get_opts(&key, options).await?.bytes().await })
    }

    fn coming(&self) -> MutexGuard<'_, HashMap<u64, (u64, Pending)>> {
        self.coming.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub fn prefetch(&self, start: u64, length: u64) {
        self.coming().entry(start).or_insert_with(|| (length, self.ask(start, length)));
    }

    pub fn read_at(&self, start: u64, length: u64) -> io::Result<Bytes> {
        let asked = self.coming().remove(&start);
        let pending = match asked {
            Some((ahead, pending)) if ahead >= length => pending,
            _ => self.ask(start, length),
        };
        let bytes = RUNTIME.block_on(pending).map_err(io::Error::other)?.map_err(|e| as_io(&e))?;
        Ok(bytes.slice(..bytes.len().min(length as usize)))
    }

    pub fn stream(self) -> Box<dyn Read + Send> {
        let (send, pieces) = mpsc::sync_channel(PIECES_AHEAD);
        let (store, key, options) = (Arc::clone(&self.store), self.key.clone(), self.options(None));
        let fetch = async move {
            let mut stream = store.get_opts(&key, options).await?.into_stream();
            while let Some(piece) = stream.next().await {
                let piece = piece?;
                // A full channel blocks this thread of the runtime, which bounds the memory.
                if tokio::task::block_in_place(|| send.send(Ok(piece))).is_err() {
                    break;
                }
            }
            Ok::<_, object_store::Error>(())
        };
        let (fail, failure) = mpsc::channel();
        RUNTIME.spawn(async move {
            if let Err(error) = fetch.await {
                let _ = fail.send(as_io(&error));
            }
        });
        Box::new(Pieces { pieces, failure, current: Bytes::new() })
    }
}

/// A stream of an object's bytes, in pieces as they come.
struct Pieces {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    failure: mpsc::Receiver<io::Error>,
    current: Bytes,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.pieces.recv() {
                Ok(piece) => self.current = piece?,
                // The sender is gone: at the end, or after a failure.
                Err(_) => match self.failure.recv() {
                    Ok(error) => return Err(error),
                    Err(_) => return Ok(0),
                },
            }
        }
        let length = buffer.len().min(self.current.len());
        buffer[..length].copy_from_slice(&self.current.split_to(length));
        Ok(length)
    }
}
