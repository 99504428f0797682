//! Copies of a store, as of one moment, while it is used.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use redb::{Error, Key, ReadTransaction, ReadableTable as _, TableDefinition, Value, WriteTransaction};

use super::error::Place;
use super::{JobStore, StoreError, builder, tables};

impl JobStore {
    /// Writes everything that was committed before this began to a new file at `path`.
    ///
    /// # Errors
    /// When something is at `path`, this store cannot be read, or the disk fails.
    pub fn copy_to(&self, path: &Path) -> Result<(), StoreError> {
        let place = Place(Some(path.to_path_buf()));
        self.read(|from| Ok(copy(from, path).map_err(|error| place.explain(error))))?
    }
}

fn copy(from: &ReadTransaction, path: &Path) -> Result<(), Error> {
    // redb would go on in a file that is there.
    drop(OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?);
    let target = builder().create(path)?;
    let to = target.begin_write()?;
    tables::copy(from, &to)?;
    to.commit()?;
    Ok(())
}

/// Copies a table.
pub(super) fn table<K: Key + 'static, V: Value + 'static>(
    from: &ReadTransaction,
    to: &WriteTransaction,
    table: TableDefinition<'_, K, V>,
) -> Result<(), Error> {
    let mut target = to.open_table(table)?;
    for row in from.open_table(table)?.iter()? {
        let (key, value) = row?;
        target.insert(key.value(), value.value())?;
    }
    Ok(())
}
