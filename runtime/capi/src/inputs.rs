//! The inputs of runs: guest paths and the trees that are seen there.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bacalhau_cas::car::CarFile;
use bacalhau_cas::unixfs::DagTree;
use bacalhau_runtime::{HostFailure, HostTree, Link, Tree};

use crate::callbacks::{CallbackTree, TreeCallbacks};
use crate::data::{View, free, handle};
use crate::status::{BH_REFUSED, Error, guard};

/// Inputs of runs, by guest path. A run takes those that are in it when it is made.
#[derive(Debug, Default)]
pub struct Inputs(Mutex<bacalhau_runtime::Inputs>);

impl Inputs {
    /// The inputs now.
    pub(crate) fn now(&self) -> bacalhau_runtime::Inputs {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn add(&self, at: &str, tree: Arc<dyn Tree>) -> Result<(), Error> {
        let mut inputs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if inputs.contains_key(at) {
            return Err(Error::misuse(format!("there is an input at {at:?} already")));
        }
        inputs.insert(at.into(), tree);
        Ok(())
    }
}

/// Makes an empty set of inputs.
#[unsafe(no_mangle)]
pub extern "C" fn bh_inputs_new() -> *mut Inputs {
    Box::into_raw(Box::default())
}

/// Adds the directory or file `path` of the host at the absolute guest path `at`. It is read in place, and must not change
/// while runs read it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bh_inputs_add_path(inputs: *const Inputs, at: View, path: View, err: *mut *mut Error) -> i32 {
    guard(err, || {
        // SAFETY: by the rules of the header.
        let (inputs, at, path) = unsafe { (handle(inputs, "inputs")?, at.text("at")?, path.text("path")?) };
        let path = Path::new(path);
        let tree = HostTree::open(path).map_err(|error| HostFailure::at("open the input", path, error))?;
        inputs.add(at, Arc::new(tree))
    })
}

/// Adds a file that contains a copy of `bytes` at the guest path `at`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bh_inputs_add_bytes(
    inputs: *const Inputs,
    at: View,
    bytes: View,
    err: *mut *mut Error,
) -> i32 {
    guard(err, || {
        // SAFETY: by the rules of the header.
        let (inputs, at, bytes) = unsafe { (handle(inputs, "inputs")?, at.text("at")?, bytes.bytes("bytes")?) };
        inputs.add(at, Arc::new(bacalhau_runtime::BytesTree::new(bytes.to_vec())))
    })
}

/// Adds the UnixFS file or directory with the CID `root` from the CAR file `car`, or what is at `path` below it, at the guest
/// path `at`. Each block is checked against its CID when it is read. An index of the CAR is kept in the directory
/// `index_dir`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bh_inputs_add_car(
    inputs: *const Inputs,
    at: View,
    car: View,
    root: View,
    path: View,
    index_dir: View,
    err: *mut *mut Error,
) -> i32 {
    guard(err, || {
        // SAFETY: by the rules of the header.
        let (inputs, at, car, root, path, index_dir) = unsafe {
            let (car, root) = (car.text("car")?, root.text("root")?);
            (handle(inputs, "inputs")?, at.text("at")?, car, root, path.text("path")?, index_dir.text("index_dir")?)
        };
        let root: Link =
            root.parse().map_err(|error| Error::new(BH_REFUSED, format!("{root:?} is not a CID: {error}")))?;
        let data = |error: bacalhau_cas::DataError| HostFailure::of(error.into());
        let file = CarFile::open(Path::new(car), Path::new(index_dir)).map_err(data)?;
        let tree = DagTree::open(Arc::new(file), root.cid(), path).map_err(data)?;
        inputs.add(at, Arc::new(tree))
    })
}

/// Adds a tree behind functions of the caller at the guest path `at`. `callbacks` is copied; its `ctx` has to be valid until
/// `release` is called, which happens also when this fails with another status than BH_MISUSE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bh_inputs_add_tree(
    inputs: *const Inputs,
    at: View,
    callbacks: *const TreeCallbacks,
    err: *mut *mut Error,
) -> i32 {
    guard(err, || {
        // SAFETY: by the rules of the header.
        let (inputs, at) = unsafe { (handle(inputs, "inputs")?, at.text("at")?) };
        if inputs.now().contains_key(at) {
            return Err(Error::misuse(format!("there is an input at {at:?} already")));
        }
        // SAFETY: by the rules of the header.
        let tree = unsafe { CallbackTree::new(callbacks) }?;
        inputs.add(at, Arc::new(tree))
    })
}

/// Frees a set of inputs. Runs that have them go on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bh_inputs_free(inputs: *mut Inputs) {
    // SAFETY: by the rules of the header.
    unsafe { free(inputs) }
}
