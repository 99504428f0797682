//! Several storages for data by CID, in order. The first that can open an input is used; after a failure, the next
//! continues at the same place in the same bytes. The receipt records the services.

use std::fmt::Write as _;
use std::io;
use std::mem;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};

use bacalhau_receipt::Checked;
use bacalhau_tree::{Deadline, Entry, HostFailure, InputError, ReadAt, Stat, Tree};

use super::{CidSource, Opened, Services, Source, Storage};

/// Storages of data by CID, the most wanted first.
#[derive(Debug)]
pub struct Combo {
    drivers: Arc<[Arc<dyn Storage>]>,
}

impl Combo {
    /// A combination of `drivers` in order.
    pub fn new(drivers: Vec<Arc<dyn Storage>>) -> Self {
        Self { drivers: drivers.into() }
    }
}

impl Storage for Combo {
    fn name(&self) -> &'static str {
        "combo"
    }

    fn has_locally(&self, source: &Source) -> Result<bool, HostFailure> {
        let mut errors = Errors::default();
        for driver in &*self.drivers {
            match driver.has_locally(source) {
                Ok(true) => return Ok(true),
                Ok(false) => {}
                Err(error) => errors.add(driver.name(), &error),
            }
        }
        if errors.is_empty() { Ok(false) } else { Err(HostFailure::new(errors.about(source))) }
    }

    fn size(&self, source: &Source) -> Result<Option<u64>, HostFailure> {
        let mut errors = Errors::default();
        for driver in &*self.drivers {
            match driver.size(source) {
                Ok(Some(size)) => return Ok(Some(size)),
                Ok(None) => {}
                Err(error) => errors.add(driver.name(), &error),
            }
        }
        if errors.is_empty() { Ok(None) } else { Err(HostFailure::new(errors.about(source))) }
    }

    fn open(&self, source: &Source) -> Result<Opened, HostFailure> {
        let cid_source = source.cid("CIDs")?;
        let mut errors = Errors::default();
        let first = open_next(&self.drivers, 0, source, &mut errors)?;
        let (index, opened) = first.ok_or_else(|| HostFailure::new(errors.about(source)))?;
        let services = opened.services.clone();
        let state = Mutex::new(State { index, tree: opened.tree, past: Vec::new(), moves: false });
        let shared = Shared {
            drivers: self.drivers.clone(),
            source: cid_source.clone(),
            services: services.clone(),
            state,
            moved: Condvar::new(),
        };
        Ok(Opened { tree: Arc::new(ComboTree(Arc::new(shared))), services })
    }
}

/// The first of `drivers` from `index` on that can open `source`; `None` when none can.
///
/// # Errors
/// When the data itself is invalid, so that others would fail too.
fn open_next(
    drivers: &[Arc<dyn Storage>],
    index: usize,
    source: &Source,
    errors: &mut Errors,
) -> Result<Option<(usize, Opened)>, HostFailure> {
    for (index, driver) in drivers.iter().enumerate().skip(index) {
        match driver.open(source).and_then(|opened| fit(source, opened)) {
            Ok(opened) => return Ok(Some((index, opened))),
            Err(error) if error.of_input().is_some() => return Err(error),
            Err(error) => errors.add(driver.name(), &error),
        }
    }
    Ok(None)
}

/// Rejects unverified data if the job requires verification.
fn fit(source: &Source, opened: Opened) -> Result<Opened, HostFailure> {
    let must = matches!(source, Source::Cid(CidSource { verified: true, .. }));
    if must && opened.services.list().iter().any(|service| service.checked != Checked::Verified) {
        return Err(HostFailure::new("its data is not checked against the CID, and the job requires verified inputs"));
    }
    Ok(opened)
}

/// The errors of the storages.
#[derive(Debug, Default)]
struct Errors(String);

impl Errors {
    fn add(&mut self, driver: &str, error: &dyn std::error::Error) {
        // Writing to a string does not fail.
        let _ = write!(self.0, "{}{driver}: {error}", if self.0.is_empty() { "" } else { "; " });
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn about(&self, source: &Source) -> String {
        format!("cannot read {} ({})", source.recorded(), self.0)
    }
}

/// State shared by the tree and its open files.
struct Shared {
    drivers: Arc<[Arc<dyn Storage>]>,
    source: CidSource,
    services: Services,
    /// Never locked while something is read or opened.
    state: Mutex<State>,
    moved: Condvar,
}

/// The active storage.
struct State {
    index: usize,
    tree: Arc<dyn Tree>,
    /// Failed storages. Their data must be unchanged at the end too.
    past: Vec<Arc<dyn Tree>>,
    /// A thread is opening the next.
    moves: bool,
}

/// A thread's turn to open the next.
struct Move<'a>(&'a Shared);

impl Drop for Move<'_> {
    fn drop(&mut self) {
        self.0.state().moves = false;
        self.0.moved.notify_all();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn current(&self) -> (usize, Arc<dyn Tree>) {
        let state = self.state();
        (state.index, Arc::clone(&state.tree))
    }

    /// Whether the active data is verified against the CID, so that errors in it are permanent.
    fn is_checked(&self) -> bool {
        self.services.list().last().is_some_and(|service| service.checked == Checked::Verified)
    }

    /// Runs `work` on the active tree, and after a failure on the next one's.
    fn attempt<T>(&self, work: impl Fn(&dyn Tree) -> io::Result<T>) -> io::Result<(usize, T)> {
        loop {
            let (index, tree) = self.current();
            match work(&*tree) {
                Ok(done) => return Ok((index, done)),
                Err(error) => self.go_on(index, &error)?,
            }
        }
    }

    /// Switches from `failed` to the next storage, unless another thread did. Opening may fetch and hash for long, so
    /// no lock is held, and other threads wait. A pool thread does not wait, because it may wait for its own task. So
    /// two threads may open the next one; the first counts.
    fn go_on(&self, failed: usize, error: &io::Error) -> io::Result<()> {
        let mut state = self.state();
        while state.moves && state.index == failed && rayon::current_thread_index().is_none() {
            state = self.moved.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.index != failed {
            return Ok(());
        }
        state.moves = true;
        drop(state);
        let _move = Move(self);
        let mut errors = Errors::default();
        if let Some(driver) = self.drivers.get(failed) {
            errors.add(driver.name(), error);
        }
        let source = Source::Cid(self.source.clone());
        if InputError::in_error(error).is_some() && self.is_checked() {
            return Err(copied(error));
        }
        let opened = open_next(&self.drivers, failed + 1, &source, &mut errors);
        let in_io = |failure: HostFailure| match failure.of_input() {
            Some(of_input) => io::Error::other(of_input.clone()),
            None => io::Error::other(failure.to_string()),
        };
        let Some((next, opened)) = opened.map_err(in_io)? else {
            return Err(io::Error::new(error.kind(), errors.about(&source)));
        };
        let mut state = self.state();
        if state.index == failed {
            self.services.failed(&error.to_string());
            for service in opened.services.list() {
                self.services.add(service);
            }
            let past = mem::replace(&mut state.tree, opened.tree);
            state.past.push(past);
            state.index = next;
        }
        Ok(())
    }
}

/// A copy of the error.
fn copied(error: &io::Error) -> io::Error {
    match InputError::in_error(error) {
        Some(of_input) => io::Error::new(error.kind(), of_input.clone()),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}

/// A tree that switches storages.
struct ComboTree(Arc<Shared>);

impl std::fmt::Debug for ComboTree {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0.source)
    }
}

impl Tree for ComboTree {
    fn stat(&self, path: &str) -> io::Result<Stat> {
        self.0.attempt(|tree| tree.stat(path)).map(|(_, stat)| stat)
    }

    fn list(&self, path: &str) -> io::Result<Vec<Entry>> {
        self.0.attempt(|tree| tree.list(path)).map(|(_, entries)| entries)
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn ReadAt>> {
        let (index, file) = self.0.attempt(|tree| tree.open(path))?;
        let open = RwLock::new((index, Arc::from(file)));
        Ok(Box::new(ComboFile { shared: Arc::clone(&self.0), path: path.into(), open }))
    }

    fn read_link(&self, path: &str) -> io::Result<String> {
        self.0.attempt(|tree| tree.read_link(path)).map(|(_, target)| target)
    }

    /// The CID and path in the job, whichever storage serves it.
    fn identity(&self, _: &Deadline) -> io::Result<String> {
        Ok(self.0.source.identity())
    }

    fn check_unchanged(&self, deadline: &Deadline) -> io::Result<()> {
        let trees = {
            let state = self.0.state();
            let past = state.past.iter().map(Arc::clone);
            past.chain([Arc::clone(&state.tree)]).collect::<Vec<_>>()
        };
        trees.iter().try_for_each(|tree| tree.check_unchanged(deadline))
    }

    fn host_path(&self) -> Option<PathBuf> {
        self.0.current().1.host_path()
    }
}

struct ComboFile {
    shared: Arc<Shared>,
    path: String,
    /// The active storage's number and file.
    open: RwLock<(usize, Arc<dyn ReadAt>)>,
}

impl ReadAt for ComboFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        loop {
            let (index, file) = self.open.read().unwrap_or_else(PoisonError::into_inner).clone();
            match file.read_at(buf, offset) {
                Ok(read) => return Ok(read),
                Err(error) => self.shared.go_on(index, &error)?,
            }
            let (index, file) = self.shared.attempt(|tree| tree.open(&self.path))?;
            *self.open.write().unwrap_or_else(PoisonError::into_inner) = (index, Arc::from(file));
        }
    }
}

#[cfg(test)]
mod tests;
