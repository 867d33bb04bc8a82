//! Writes an object in pieces. It is not to be seen before it is whole and [`Ready::publish`] is called; what is dropped before
//! that leaves nothing. (What a killed process has sent stays with the store, unseen, until a rule of the store removes it.)

use std::collections::VecDeque;
use std::io::{self, Write};
use std::mem;
use std::sync::Arc;

use object_store::path::Path as Key;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt};
use tokio::task::JoinHandle;

use super::client::{RUNTIME, answer, as_io};

/// Bytes of a piece; S3 takes 10,000 of them, so that an object has 80 GB at most.
const PIECE: usize = 8 << 20;

/// Pieces on their way at a time.
const UNDERWAY: usize = 4;

/// An object that is being written.
pub struct Upload {
    store: Arc<dyn ObjectStore>,
    key: Key,
    /// From the first full piece on.
    parts: Option<Box<dyn MultipartUpload>>,
    piece: Vec<u8>,
    underway: VecDeque<JoinHandle<object_store::Result<()>>>,
}

/// An object whose bytes are all there.
pub struct Ready(Upload);

impl Upload {
    pub(super) fn new(store: Arc<dyn ObjectStore>, key: Key) -> Upload {
        Upload { store, key, parts: None, piece: Vec::new(), underway: VecDeque::new() }
    }

    /// Waits until all bytes are there. A last piece goes with [`Ready::publish`] where it is the only one.
    pub fn finish(mut self) -> io::Result<Ready> {
        if self.parts.is_some() && !self.piece.is_empty() {
            self.send()?;
        }
        while !self.underway.is_empty() {
            self.wait_for_one()?;
        }
        Ok(Ready(self))
    }

    fn send(&mut self) -> io::Result<()> {
        if self.underway.len() == UNDERWAY {
            self.wait_for_one()?;
        }
        let parts = match &mut self.parts {
            Some(parts) => parts,
            none => none.insert(answer(self.store.put_multipart(&self.key))?),
        };
        let piece = mem::take(&mut self.piece);
        self.underway.push_back(RUNTIME.spawn(parts.put_part(piece.into())));
        Ok(())
    }

    fn wait_for_one(&mut self) -> io::Result<()> {
        let Some(piece) = self.underway.pop_front() else { return Ok(()) };
        RUNTIME.block_on(piece).map_err(io::Error::other)?.map_err(|e| as_io(&e))
    }
}

impl Write for Upload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(PIECE - self.piece.len());
        self.piece.extend_from_slice(&bytes[..taken]);
        if self.piece.len() == PIECE {
            self.send()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Ready {
    /// Lets everybody see the object, in the place of an earlier one.
    pub fn publish(mut self) -> io::Result<()> {
        match self.0.parts.take() {
            Some(mut parts) => answer(parts.complete()).map(drop),
            None => answer(self.0.store.put(&self.0.key, mem::take(&mut self.0.piece).into())).map(drop),
        }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        self.underway.drain(..).for_each(|piece| piece.abort());
        if let Some(parts) = &mut self.parts {
            // What cannot be removed is left: the error that brought us here is the one to report.
            let _ = answer(parts.abort());
        }
    }
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;

    use super::*;

    fn there(store: &InMemory) -> Vec<u8> {
        answer(async { store.get(&Key::from("a/b")).await?.bytes().await })
            .map(|bytes| bytes.to_vec())
            .unwrap_or_default()
    }

    #[test]
    fn an_object_is_seen_when_it_is_published_and_not_before() {
        for length in [0, 10, PIECE - 1, PIECE, PIECE + 1, 6 * PIECE + 5] {
            let store = Arc::new(InMemory::new());
            answer(store.put(&Key::from("a/b"), "earlier".into())).unwrap();
            let bytes: Vec<u8> = (0..length).map(|at| (at / 7 % 251) as u8).collect();
            let mut upload = Upload::new(store.clone(), Key::from("a/b"));
            bytes.chunks(3_000_000).for_each(|chunk| upload.write_all(chunk).unwrap());
            let ready = upload.finish().unwrap();
            assert_eq!(there(&store), b"earlier");
            ready.publish().unwrap();
            assert!(there(&store) == bytes, "{length}");
        }
    }

    #[test]
    fn what_is_dropped_is_never_seen() {
        let store = Arc::new(InMemory::new());
        for finished in [false, true] {
            let mut upload = Upload::new(store.clone(), Key::from("a/b"));
            upload.write_all(&vec![7; 2 * PIECE + 1]).unwrap();
            if finished {
                drop(upload.finish().unwrap());
            }
        }
        assert!(there(&store).is_empty());
    }
}
