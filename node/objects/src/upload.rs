//! Directories as objects.

use std::io::Read;
use std::sync::Arc;

use object_store::{ObjectStore, ObjectStoreExt as _, WriteMultipart};

use super::error::Why;
use super::stores::{ObjectStores, key};
use super::wait::wait;
use super::{ObjectError, ObjectUrl};

/// Size of the parts of a large object in bytes, and of the largest object that is sent whole.
const PART_BYTES: usize = 8 << 20;

impl ObjectStores {
    /// Puts what `data` has at `url`, in parts if it is large.
    ///
    /// # Errors
    /// When `data` cannot be read, or the store cannot be reached or refuses it. A part of a large object may be left for
    /// the store to expire then.
    pub fn put(&self, url: &ObjectUrl, data: &mut dyn Read) -> Result<(), ObjectError> {
        put(self.store(url)?, url, data)
    }
}

fn put(store: Arc<dyn ObjectStore>, url: &ObjectUrl, data: &mut dyn Read) -> Result<(), ObjectError> {
    let path = key("write", url)?;
    let unreadable = |error: std::io::Error| ObjectError::new("write", url, Why::Unusable(error.to_string()));
    let failed = |error| ObjectError::of("write", url, error);
    let first = part(data).map_err(unreadable)?;
    if first.len() < PART_BYTES {
        return wait(async move { store.put(&path, first.into()).await }).map(drop).map_err(failed);
    }
    let upload = wait(async move { store.put_multipart(&path).await }).map_err(failed)?;
    let mut upload = WriteMultipart::new_with_chunk_size(upload, PART_BYTES);
    let mut next = first;
    while !next.is_empty() {
        // One part is under way while the next one is read.
        let (kept, room) = wait(async move {
            let room = upload.wait_for_capacity(1).await;
            upload.put(next.into());
            Ok((upload, room))
        })
        .map_err(failed)?;
        upload = kept;
        if let Err(error) = room {
            abort(upload);
            return Err(failed(error));
        }
        next = match part(data) {
            Ok(part) => part,
            Err(error) => {
                abort(upload);
                return Err(unreadable(error));
            }
        };
    }
    wait(async move { upload.finish().await }).map(drop).map_err(failed)
}

/// Gives the parts up; the store expires them if that fails too.
fn abort(upload: WriteMultipart) {
    drop(wait(async move { upload.abort().await }));
}

fn part(data: &mut dyn Read) -> std::io::Result<Vec<u8>> {
    let mut part = Vec::new();
    data.take(PART_BYTES as u64).read_to_end(&mut part)?;
    Ok(part)
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;

    use super::*;
    use crate::listing::Listing;

    #[test]
    fn small_and_large_files_arrive_whole() {
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        for size in [0, 5, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 3 * PART_BYTES + 9] {
            let data: Vec<u8> = (0..size).map(|number| u8::try_from(number % 253).unwrap()).collect();
            let url: ObjectUrl = format!("s3://data/{size}").parse().unwrap();
            put(Arc::clone(&store), &url, &mut &data[..]).unwrap();
            let listing = Listing::read(&store, &url).unwrap();
            assert_eq!(listing.bytes(), size as u64);
            let (store, path) = (Arc::clone(&store), key("read", &url).unwrap());
            let found = wait(async move { store.get(&path).await?.bytes().await }).unwrap();
            assert!(found == data, "{size} bytes");
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_no_object() {
        struct Broken(usize);
        impl Read for Broken {
            fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
                let count = buf.len().min(self.0);
                self.0 -= count;
                if count == 0 { Err(std::io::Error::other("the disk is gone")) } else { Ok(count) }
            }
        }
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let url: ObjectUrl = "s3://data/broken".parse().unwrap();
        for size in [10, PART_BYTES + 10] {
            let error = put(Arc::clone(&store), &url, &mut Broken(size)).unwrap_err().to_string();
            assert_eq!(error, "cannot write s3://data/broken: the disk is gone");
            assert!(Listing::read(&store, &url).unwrap_err().is_absent());
        }
    }
}
