//! In place of a connection where segmill is built without the feature `postgres`: none can be made.

use std::convert::Infallible;

use super::Address;
use crate::error::Result;

/// Cannot exist.
#[derive(Debug)]
pub struct Client(Infallible);

/// Fails, as [`super::check_built`] does earlier.
pub fn connect(address: &Address) -> Result<Client> {
    super::check_built(&address.to_string()).and_then(|()| unreachable!("this build has no PostgreSQL"))
}
