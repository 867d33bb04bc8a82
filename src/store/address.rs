//! Addresses of object stores: `s3://bucket/ratings/`.

use std::path::Path;

/// The schemes of object stores.
const STORES: [&str; 7] = ["s3", "s3a", "gs", "az", "azure", "abfs", "abfss"];

/// The text before `://`.
pub fn scheme(text: &str) -> Option<&str> {
    let (scheme, _) = text.split_once("://")?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    (!scheme.is_empty() && scheme.chars().all(fits)).then_some(scheme)
}

/// Whether a scheme is that of an object store.
pub fn is_store(scheme: &str) -> bool {
    STORES.contains(&scheme)
}

/// Whether a path is the address of something in an object store.
pub fn is_address(path: &Path) -> bool {
    scheme(&path.to_string_lossy()).is_some_and(is_store)
}
