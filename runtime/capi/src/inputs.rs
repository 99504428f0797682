//! The inputs of runs: guest paths and the trees that are seen there.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bacalhau_cas::DataError;
use bacalhau_cas::car::CarFile;
use bacalhau_cas::piece::PieceTree;
use bacalhau_cas::unixfs::DagTree;
use bacalhau_runtime::{HostFailure, HostTree, Link, Tree};

use crate::callbacks::{CallbackTree, TreeCallbacks};
use crate::data::{View, duplicate, free, handle};
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

/// Adds the directory or file that is open for reading as `fd` at the guest path `at`, wherever it is. The descriptor is
/// duplicated; the caller may close it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bh_inputs_add_fd(inputs: *const Inputs, at: View, fd: i32, err: *mut *mut Error) -> i32 {
    guard(err, || {
        // SAFETY: by the rules of the header.
        let (inputs, at) = unsafe { (handle(inputs, "inputs")?, at.text("at")?) };
        let tree = HostTree::of_file(duplicate(fd)?);
        let tree = tree.map_err(|error| HostFailure::io(format!("open the descriptor {fd} as an input"), error))?;
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
        let root = parsed(root)?;
        let file = CarFile::open(Path::new(car), Path::new(index_dir)).map_err(of_data)?;
        let tree = DagTree::open(Arc::new(file), root.cid(), path).map_err(of_data)?;
        inputs.add(at, Arc::new(tree))
    })
}

/// Adds the Filecoin piece with the CID `cid` of version 2 in the file `piece` at the guest path `at`: the root of the archive that it
/// holds, or a file with its payload. The whole file is compared with the CID when it is added first; later, what is read is.
/// What that needs is kept in the directory `index_dir`. An aggregate of pieces is BH_REFUSED: add its segments.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bh_inputs_add_piece(
    inputs: *const Inputs,
    at: View,
    piece: View,
    cid: View,
    index_dir: View,
    err: *mut *mut Error,
) -> i32 {
    guard(err, || {
        // SAFETY: by the rules of the header.
        let (inputs, at, piece, cid, index_dir) = unsafe {
            let (inputs, at, piece) = (handle(inputs, "inputs")?, at.text("at")?, piece.text("piece")?);
            (inputs, at, piece, cid.text("cid")?, index_dir.text("index_dir")?)
        };
        let cid = parsed(cid)?;
        let tree = PieceTree::open(Path::new(piece), cid.cid(), Path::new(index_dir)).map_err(of_data)?;
        inputs.add(at, Arc::new(tree))
    })
}

fn parsed(cid: &str) -> Result<Link, Error> {
    cid.parse().map_err(|error| Error::new(BH_REFUSED, format!("{cid:?} is not a CID: {error}")))
}

/// What is unsupported is refused on every machine; other errors are those of the file.
fn of_data(error: DataError) -> Error {
    match error {
        DataError::Unsupported { .. } => Error::new(BH_REFUSED, error.to_string()),
        error => HostFailure::of(error.into()).into(),
    }
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
