//! Object stores: S3 and what speaks its protocol, Google Cloud Storage, Azure.
//!
//! Credentials, region and endpoint come from the environment, by the names that each store's own tools use
//! (`AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT_URL`, `GOOGLE_APPLICATION_CREDENTIALS`, `AZURE_STORAGE_ACCOUNT_NAME`, …). The
//! client decides when to repeat a request. Separate threads fetch the bytes, so that the next piece is on its way
//! while one is read.

use std::collections::HashMap;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, mpsc};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use object_store::path::Path as Key;
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use url::Url;

use super::failure::{StoreFailed, failed};
use super::file::{InputFile, Place};
use super::hidden;
use crate::error::{Error, Result};

/// Runs the requests.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    // The cryptography of TLS. It fails where another library has installed one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let threads = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    threads.expect("threads can be started")
});

/// Pieces of a stream that wait for their reader, at most.
const PIECES_AHEAD: usize = 8;

/// The most characters of a store's message.
const MESSAGE: usize = 300;

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

/// The objects that `address` names: one object, all under a prefix, or all that match a pattern.
pub fn list(address: &str) -> Result<Vec<InputFile>> {
    let path = PathBuf::from(address);
    let found = RUNTIME.block_on(find(address)).map_err(|e| failed(&path, &as_io(&e)))?;
    if found.is_empty() {
        return Err(Error::File {
            path,
            problem: "no object is there".into(),
            remedy: "check the address in input.ratings".into(),
        });
    }
    Ok(found)
}

async fn find(address: &str) -> object_store::Result<Vec<InputFile>> {
    let pattern_at = address.find(['*', '?', '[']);
    let literal = pattern_at.map_or(address, |at| &address[..=address[..at].rfind('/').unwrap_or(at - 1)]);
    let (store, key, root) = connect(literal)?;
    if pattern_at.is_none()
        && !literal.ends_with('/')
        && let Some(meta) = head(&store, &key).await?
    {
        return Ok(vec![file(address.to_string(), meta)]);
    }
    let prefix = (!key.as_ref().is_empty()).then_some(&key);
    let all: Vec<ObjectMeta> = store.list(prefix).try_collect().await?;
    let named = all.into_iter().map(|meta| file(format!("{root}{}", meta.location), meta));
    match pattern_at {
        None => Ok(named.filter(|file| !is_hidden(file, literal)).collect()),
        Some(_) => matching(address, named),
    }
}

/// What the store says of one object, if there is one of this name.
async fn head(store: &Arc<dyn ObjectStore>, key: &Key) -> object_store::Result<Option<ObjectMeta>> {
    match store.head(key).await {
        Ok(meta) => Ok(Some(meta)),
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The files whose address matches a pattern.
fn matching(pattern: &str, files: impl Iterator<Item = InputFile>) -> object_store::Result<Vec<InputFile>> {
    let options = glob::MatchOptions {
        require_literal_separator: true,
        require_literal_leading_dot: true,
        ..glob::MatchOptions::new()
    };
    let pattern = glob::Pattern::new(pattern)
        .map_err(|e| object_store::Error::Generic { store: "pattern", source: Box::new(e) })?;
    Ok(files.filter(|file| pattern.matches_with(&file.path.to_string_lossy(), options)).collect())
}

fn file(address: String, meta: ObjectMeta) -> InputFile {
    InputFile { path: address.into(), bytes: meta.size, place: Place::Store { version: meta.e_tag } }
}

fn is_hidden(file: &InputFile, folder: &str) -> bool {
    let path = file.path.to_string_lossy();
    path.strip_prefix(folder).unwrap_or(&path).split('/').any(hidden::is_hidden)
}

/// The store of an address, the key in it, and the part of the address before the key.
fn connect(address: &str) -> object_store::Result<(Arc<dyn ObjectStore>, Key, String)> {
    let generic = |e: url::ParseError| object_store::Error::Generic { store: "address", source: Box::new(e) };
    let url = Url::parse(address).map_err(generic)?;
    let variables = std::env::vars_os().filter_map(|(name, value)| {
        let (name, value) = (name.into_string().ok()?.to_ascii_lowercase(), value.into_string().ok()?);
        Some((if name == "aws_endpoint_url_s3" { "aws_endpoint_url".to_string() } else { name }, value))
    });
    let (store, key) = object_store::parse_url_opts(&url, variables)?;
    let scheme_and_host = url.as_str().find("://").and_then(|at| url.as_str()[at + 3..].find('/').map(|n| at + 3 + n));
    let root = scheme_and_host.map_or_else(|| format!("{}/", url.as_str()), |end| url.as_str()[..=end].to_string());
    Ok((store.into(), key, root))
}

/// The message of a store in one line, cut to [`MESSAGE`] characters.
fn as_io(error: &object_store::Error) -> io::Error {
    let text = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    let short: String = text.chars().take(MESSAGE).collect();
    io::Error::other(StoreFailed(short))
}

impl Object {
    pub fn open(file: &InputFile, version: Option<&str>) -> Result<Object> {
        let (store, key, _) = connect(&file.path.to_string_lossy()).map_err(|e| failed(&file.path, &as_io(&e)))?;
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
