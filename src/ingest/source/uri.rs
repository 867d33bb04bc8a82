//! Addresses: `file:///data/ratings.csv`, `s3://bucket/ratings/`.

use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;

use crate::error::{Error, Result};
use crate::postgres::is_address;
use crate::store::address::{is_store, scheme};

/// What a name in `input.ratings` means.
#[derive(Debug, PartialEq, Eq)]
pub enum Named {
    /// A path on a disk.
    Path(PathBuf),
    /// The address of an object, of a prefix, or a pattern.
    Store(String),
    /// A table or query of a database.
    Database(PathBuf),
}

/// Whether a name is a path or an address.
///
/// Errors: [`Error::Job`] for an address that cannot be read.
pub fn named(path: &Path) -> Result<Named> {
    let text = path.to_string_lossy();
    match scheme(&text) {
        None => Ok(Named::Path(path.to_path_buf())),
        _ if is_address(path) => Ok(Named::Database(path.to_path_buf())),
        Some("file") => local(&text).map(Named::Path),
        Some(scheme) if is_store(scheme) => Ok(Named::Store(text.into_owned())),
        Some(scheme) => Err(Error::job(
            "input.ratings",
            format!("{text}: {scheme}:// cannot be read"),
            "name a path, or an address that begins with s3://, gs://, az://, postgres:// or file://",
        )),
    }
}

/// The path of `file:///path` or `file://localhost/path`.
fn local(text: &str) -> Result<PathBuf> {
    let rest = text.strip_prefix("file://").unwrap_or(text);
    let path = rest.strip_prefix("localhost").unwrap_or(rest);
    if !path.starts_with('/') {
        let remedy = "write it as in file:///data/ratings.csv, with the whole path";
        return Err(Error::job("input.ratings", format!("{text} does not name a file on this machine"), remedy));
    }
    Ok(PathBuf::from(percent_decode_str(path).decode_utf8_lossy().into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_paths() {
        let path = |text: &str| named(Path::new(text)).unwrap();
        assert_eq!(path("a/b.csv"), Named::Path("a/b.csv".into()));
        assert_eq!(path("odd:name/://x"), Named::Path("odd:name/://x".into()));
        assert_eq!(path("file:///a%20b/c.csv"), Named::Path("/a b/c.csv".into()));
        assert_eq!(path("file://localhost/c.csv"), Named::Path("/c.csv".into()));
        assert_eq!(path("s3://bucket/x/*.csv"), Named::Store("s3://bucket/x/*.csv".into()));
        for wrong in ["https://example.org/x.csv", "file://x.csv", "ftp://x"] {
            assert_eq!(named(Path::new(wrong)).unwrap_err().exit_code(), 2, "{wrong}");
        }
    }
}
