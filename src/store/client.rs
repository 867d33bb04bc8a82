//! Connects to a store, and runs the requests on threads of their own.

use std::io;
use std::sync::{Arc, LazyLock};

use object_store::ObjectStore;
use object_store::path::Path as Key;
use tokio::runtime::Runtime;
use url::Url;

use super::failure::StoreFailed;

/// Runs the requests.
pub static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    // The cryptography of TLS. It fails where another library has installed one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let threads = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    threads.expect("threads can be started")
});

/// The most characters of a store's message.
const MESSAGE: usize = 300;

/// The store of an address, the key in it, and the part of the address before the key.
pub fn connect(address: &str) -> object_store::Result<(Arc<dyn ObjectStore>, Key, String)> {
    // The client of a store wants its cryptography from the start.
    LazyLock::force(&RUNTIME);
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
pub fn as_io(error: &object_store::Error) -> io::Error {
    let text = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    let short: String = text.chars().take(MESSAGE).collect();
    io::Error::other(StoreFailed(short))
}

/// Waits for the answer to a request.
pub fn answer<T>(request: impl Future<Output = object_store::Result<T>>) -> io::Result<T> {
    RUNTIME.block_on(request).map_err(|e| as_io(&e))
}
