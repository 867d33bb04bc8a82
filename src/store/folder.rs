//! The objects below an address, by the rest of their names: what a folder is on a disk.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt};
use object_store::path::{Path as Key, PathPart};
use object_store::{ObjectStore, ObjectStoreExt};

use super::client::{answer, as_io, connect};
use super::upload::Upload;

pub struct Folder {
    store: Arc<dyn ObjectStore>,
    key: Key,
}

impl Folder {
    /// Below `address`. Nothing is asked of the store yet.
    pub fn at(address: &str) -> io::Result<Folder> {
        let (store, key, _) = connect(address.trim_end_matches('/')).map_err(|e| as_io(&e))?;
        Ok(Folder { store, key })
    }

    fn key(&self, name: &str) -> Key {
        self.key.parts().chain(name.split('/').map(PathPart::from)).collect()
    }

    /// The names of all objects, as in `model/model.json`, in order.
    pub fn names(&self) -> io::Result<Vec<String>> {
        let prefix = (!self.key.as_ref().is_empty()).then_some(&self.key);
        let found = self.store.list(prefix).map_ok(|meta| {
            let rest = meta.location.prefix_match(&self.key).into_iter().flatten();
            rest.map(|part| part.as_ref().to_string()).collect::<Vec<_>>().join("/")
        });
        let mut names: Vec<String> = answer(found.try_collect())?;
        names.retain(|name| !name.is_empty());
        names.sort_unstable();
        Ok(names)
    }

    /// The bytes of a small object; nothing where there is none.
    pub fn get(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let key = self.key(name);
        answer(async {
            match self.store.get(&key).await {
                Ok(found) => Ok(Some(found.bytes().await?.to_vec())),
                Err(object_store::Error::NotFound { .. }) => Ok(None),
                Err(error) => Err(error),
            }
        })
    }

    /// Copies an object of any size to a new file.
    pub fn fetch(&self, name: &str, to: &Path) -> io::Result<()> {
        let mut file = File::create(to)?;
        let mut stream = answer(self.store.get(&self.key(name)))?.into_stream();
        while let Some(piece) = answer(stream.try_next())? {
            file.write_all(&piece)?;
        }
        Ok(())
    }

    pub fn create(&self, name: &str) -> Upload {
        Upload::new(Arc::clone(&self.store), self.key(name))
    }

    pub fn put(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.send(name, &mut &bytes[..])
    }

    /// Copies a file there.
    pub fn put_file(&self, name: &str, file: &Path) -> io::Result<()> {
        self.send(name, &mut File::open(file)?)
    }

    fn send(&self, name: &str, from: &mut impl Read) -> io::Result<()> {
        let mut upload = self.create(name);
        io::copy(from, &mut upload)?;
        upload.finish()?.publish()
    }

    /// Removes objects; one that is not there is no failure.
    pub fn remove<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> io::Result<()> {
        let keys: Vec<_> = names.into_iter().map(|name| Ok(self.key(name))).collect();
        let removed = self.store.delete_stream(futures_util::stream::iter(keys).boxed());
        // Stores differ in what they say of an object that is not there.
        answer(
            removed
                .map(|removed| match removed {
                    Err(object_store::Error::NotFound { .. }) => Ok(()),
                    other => other.map(drop),
                })
                .try_for_each(|()| async { Ok(()) }),
        )
    }
}
