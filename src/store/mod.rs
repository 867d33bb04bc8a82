//! Object stores: S3 and what speaks its protocol, Google Cloud Storage, Azure.
//!
//! Credentials, region and endpoint come from the environment, by the names that each store's own tools use
//! (`AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT_URL`, `GOOGLE_APPLICATION_CREDENTIALS`, `AZURE_STORAGE_ACCOUNT_NAME`, …). The
//! client decides when to repeat a request.
//!
//! Knows: errors. Does not know: what the bytes are.
//!
//! **Invariant: unseen-until-whole.** Nobody sees an object before all its bytes are there.
//!
//! | module | what it does |
//! |---|---|
//! | [`address`] | tells an address from a path |
//! | [`failure`] | what a store says when it fails |
//! | `client` | connects, and runs the requests |
//! | `list` | the objects that an address names |
//! | `object` | reads one |
//! | `upload` | writes one, which is not to be seen before it is whole |
//! | `folder` | the objects below an address, as an output has them |
//! | `off` | in their place without the feature `stores`: every address is refused |

pub mod address;
#[cfg(feature = "stores")]
mod client;
pub mod failure;
#[cfg(feature = "stores")]
mod folder;
#[cfg(feature = "stores")]
mod list;
#[cfg(feature = "stores")]
mod object;
#[cfg(not(feature = "stores"))]
mod off;
#[cfg(feature = "stores")]
mod upload;

pub use address::is_address;
#[cfg(not(feature = "stores"))]
pub use off::{Folder, Object, Ready, Upload, list};
#[cfg(feature = "stores")]
pub use {
    folder::Folder,
    list::list,
    object::Object,
    upload::{Ready, Upload},
};

use crate::error::{Error, Result};

/// An object, as its store lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub address: String,
    pub bytes: u64,
    /// The store's name for this version of it.
    pub version: Option<String>,
}

/// Refuses an address where segmill was built without stores. `key` is what names it.
pub fn check_built(key: &str, address: &str) -> Result<()> {
    if cfg!(feature = "stores") {
        return Ok(());
    }
    let remedy = "build it with `cargo build --release --features stores`, or use a disk";
    Err(Error::job(key, format!("{address}: this segmill was built without object stores"), remedy))
}
