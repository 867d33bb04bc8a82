//! The objects that an address names: one, all under a prefix, or all that match a pattern.

use std::io;
use std::sync::Arc;

use futures_util::TryStreamExt;
use object_store::path::Path as Key;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};

use super::Stored;
use super::client::{answer, connect};

/// What `address` names. Of what is under a prefix, only what `counts` by the rest of its name.
pub fn list(address: &str, counts: impl Fn(&str) -> bool) -> io::Result<Vec<Stored>> {
    answer(find(address, counts))
}

async fn find(address: &str, counts: impl Fn(&str) -> bool) -> object_store::Result<Vec<Stored>> {
    let pattern_at = address.find(['*', '?', '[']);
    let literal = pattern_at.map_or(address, |at| &address[..=address[..at].rfind('/').unwrap_or(at - 1)]);
    let (store, key, root) = connect(literal)?;
    if pattern_at.is_none()
        && !literal.ends_with('/')
        && let Some(meta) = head(&store, &key).await?
    {
        return Ok(vec![stored(address.to_string(), meta)]);
    }
    let prefix = (!key.as_ref().is_empty()).then_some(&key);
    let all: Vec<ObjectMeta> = store.list(prefix).try_collect().await?;
    let named = all.into_iter().map(|meta| stored(format!("{root}{}", meta.location), meta));
    let below = |address: &str| counts(address.strip_prefix(literal).unwrap_or(address));
    match pattern_at {
        None => Ok(named.filter(|object| below(&object.address)).collect()),
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

/// The objects whose address matches a pattern.
fn matching(pattern: &str, objects: impl Iterator<Item = Stored>) -> object_store::Result<Vec<Stored>> {
    let options = glob::MatchOptions {
        require_literal_separator: true,
        require_literal_leading_dot: true,
        ..glob::MatchOptions::new()
    };
    let pattern = glob::Pattern::new(pattern)
        .map_err(|e| object_store::Error::Generic { store: "pattern", source: Box::new(e) })?;
    Ok(objects.filter(|object| pattern.matches_with(&object.address, options)).collect())
}

fn stored(address: String, meta: ObjectMeta) -> Stored {
    Stored { address, bytes: meta.size, version: meta.e_tag }
}
