//! An input tree behind functions of the caller.

use std::ffi::c_void;
use std::fmt;
use std::io;
use std::sync::Arc;

use bacalhau_runtime::{Deadline, Entry, Kind, ReadAt, Stat, Tree, identity_of, is_result_name};

use crate::data::View;
use crate::status::Error;
use crate::threads::Threads;

/// Kind of an entry: a directory.
pub const BH_DIR: u8 = 0;
/// Kind of an entry: a regular file.
pub const BH_FILE: u8 = 1;
/// Kind of an entry: a symbolic link.
pub const BH_LINK: u8 = 2;

/// The longest target of a link, or identity, in bytes.
const MAX_TEXT_BYTES: usize = 4096;

/// An input tree of the caller, which must not change while runs read it. Paths are relative, with `/` between names; the
/// empty path is the root, which may be a file.
///
/// All functions are called on threads of this library, several at a time. A negative result is -errno and ends the run as
/// a failure of this machine. A function that blocks holds up a thread, but not a run that is cancelled or late.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct TreeCallbacks {
    /// sizeof of this struct.
    pub size: usize,
    /// Passed to each function.
    pub ctx: *mut c_void,
    /// Stores the kind (BH_DIR, BH_FILE, BH_LINK) of the entry, and the length of a file or of a link's target.
    pub stat: Option<unsafe extern "C" fn(ctx: *mut c_void, path: View, kind: *mut u8, length: *mut u64) -> i32>,
    /// Calls `each` with `sink`, a name and its kind for each entry of the directory, in any order.
    pub list: Option<
        unsafe extern "C" fn(
            ctx: *mut c_void,
            path: View,
            sink: *mut c_void,
            each: Option<unsafe extern "C" fn(sink: *mut c_void, name: View, kind: u8)>,
        ) -> i32,
    >,
    /// Reads the file from `offset` into `buffer` and returns the number of bytes, fewer than `length` only at its end.
    pub read:
        Option<unsafe extern "C" fn(ctx: *mut c_void, path: View, buffer: *mut u8, length: usize, offset: u64) -> i64>,
    /// Calls `each` with `sink` and the target of the link. May be NULL if there are no links.
    pub link: Option<
        unsafe extern "C" fn(
            ctx: *mut c_void,
            path: View,
            sink: *mut c_void,
            each: Option<unsafe extern "C" fn(sink: *mut c_void, target: View)>,
        ) -> i32,
    >,
    /// Called once, when neither inputs nor runs have the tree any more. May be NULL.
    pub release: Option<unsafe extern "C" fn(ctx: *mut c_void)>,
    /// Calls `each` with `sink` and the identity of the tree, which is equal for equal content only, such as a CID: the job of the
    /// receipt has it. NULL: all is read and hashed, and the identity is that of a directory or file of the host.
    pub identity: Option<
        unsafe extern "C" fn(
            ctx: *mut c_void,
            sink: *mut c_void,
            each: Option<unsafe extern "C" fn(sink: *mut c_void, identity: View)>,
        ) -> i32,
    >,
}

/// Size of the first version, which ends before `identity`.
const FIRST_SIZE: usize = std::mem::offset_of!(TreeCallbacks, identity);
/// What a struct of an earlier version has in later fields.
const EMPTY: TreeCallbacks = TreeCallbacks {
    size: 0,
    ctx: std::ptr::null_mut(),
    stat: None,
    list: None,
    read: None,
    link: None,
    release: None,
    identity: None,
};

/// The functions, all of which are there.
#[derive(Clone, Copy)]
struct Table(TreeCallbacks);

// SAFETY: the rules of the header: the functions are called on any thread, several at a time.
unsafe impl Send for Table {}
// SAFETY: as above.
unsafe impl Sync for Table {}

/// The tree.
#[derive(Clone)]
pub(crate) struct CallbackTree(Arc<Shared>);

struct Shared {
    table: Table,
    threads: Threads,
}

impl CallbackTree {
    /// A tree of `callbacks`, which is copied.
    ///
    /// # Errors
    /// When a function is missing or the size is not that of a version of the struct.
    ///
    /// # Safety
    /// `callbacks` is NULL, or points to a struct of the size that it states.
    pub(crate) unsafe fn new(callbacks: *const TreeCallbacks) -> Result<Self, Error> {
        // SAFETY: `size` is the first field of all versions.
        let size = unsafe { callbacks.cast::<usize>().as_ref() };
        let size = *size.ok_or_else(|| Error::misuse("callbacks is NULL"))?;
        let wanted = size_of::<TreeCallbacks>();
        if size != wanted && size != FIRST_SIZE {
            return Err(Error::misuse(format!(
                "callbacks has size {size}: set it to sizeof(bh_tree_callbacks), {wanted}"
            )));
        }
        let mut table = EMPTY;
        // SAFETY: as promised by the caller; no version is larger than this one.
        unsafe { callbacks.cast::<u8>().copy_to_nonoverlapping((&raw mut table).cast(), size) };
        for (name, is_there) in
            [("stat", table.stat.is_some()), ("list", table.list.is_some()), ("read", table.read.is_some())]
        {
            if !is_there {
                return Err(Error::misuse(format!("the function {name} of callbacks is NULL")));
            }
        }
        Ok(Self(Arc::new(Shared { table: Table(table), threads: Threads::default() })))
    }

    /// Calls a function of the table with a path, on a plain thread.
    fn call<T: Send + 'static>(
        &self,
        path: &str,
        function: impl FnOnce(&TreeCallbacks, View) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let (table, path) = (self.0.table, path.to_owned());
        self.0.threads.call(move || {
            let table = table;
            function(&table.0, View::of(path.as_bytes()))
        })?
    }
}

impl Tree for CallbackTree {
    fn stat(&self, path: &str) -> io::Result<Stat> {
        self.call(path, |table, path| {
            let (mut kind, mut size) = (u8::MAX, 0);
            let stat = table.stat.ok_or(io::ErrorKind::Unsupported)?;
            // SAFETY: a function of the caller, by the rules of the header.
            done(unsafe { stat(table.ctx, path, &raw mut kind, &raw mut size) })?;
            let kind = kind_of(kind)?;
            Ok(Stat::new(kind, if kind == Kind::Dir { 0 } else { size }))
        })
    }

    fn list(&self, path: &str) -> io::Result<Vec<Entry>> {
        self.call(path, |table, path| {
            let mut sink: io::Result<Vec<Entry>> = Ok(Vec::new());
            let list = table.list.ok_or(io::ErrorKind::Unsupported)?;
            // SAFETY: a function of the caller, by the rules of the header. The sink outlives the call.
            done(unsafe { list(table.ctx, path, (&raw mut sink).cast(), Some(add_entry)) })?;
            sink
        })
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn ReadAt>> {
        Ok(Box::new(CallbackFile { tree: self.clone(), path: path.into() }))
    }

    fn read_link(&self, path: &str) -> io::Result<String> {
        self.call(path, |table, path| {
            let mut sink: io::Result<String> = Ok(String::new());
            let link = table.link.ok_or_else(|| io::Error::other("there are links, and the function link is NULL"))?;
            // SAFETY: as for `list`.
            done(unsafe { link(table.ctx, path, (&raw mut sink).cast(), Some(set_text)) })?;
            sink
        })
    }

    fn identity(&self, deadline: &Deadline) -> io::Result<String> {
        let Some(identity) = self.0.table.0.identity else { return identity_of(self, deadline) };
        self.call("", move |table, _| {
            let mut sink: io::Result<String> = Ok(String::new());
            // SAFETY: as for `list`.
            done(unsafe { identity(table.ctx, (&raw mut sink).cast(), Some(set_text)) })?;
            sink.and_then(
                |text| if text.is_empty() { Err(io::Error::other("a callback gave no identity")) } else { Ok(text) },
            )
        })
    }
}

struct CallbackFile {
    tree: CallbackTree,
    path: String,
}

impl ReadAt for CallbackFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let length = buf.len();
        // The caller may be left behind by a run that is over, and then the buffer is gone: so it is not lent.
        let read = self.tree.call(&self.path, move |table, path| {
            let mut bytes = vec![0; length];
            let read = table.read.ok_or(io::ErrorKind::Unsupported)?;
            // SAFETY: a function of the caller, by the rules of the header. The buffer has `length` bytes.
            let read = unsafe { read(table.ctx, path, bytes.as_mut_ptr(), length, offset) };
            let read = usize::try_from(read).map_err(|_| errno(read))?;
            if read > length {
                return Err(io::Error::other(format!("a callback read {read} bytes into a buffer of {length}")));
            }
            bytes.truncate(read);
            Ok(bytes)
        })?;
        buf[..read.len()].copy_from_slice(&read);
        Ok(read.len())
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let table = self.table;
        // Without a thread the context of the caller is not released, which is the lesser harm.
        let _ = self.threads.call(move || {
            let table = table;
            if let Some(release) = table.0.release {
                // SAFETY: a function of the caller, called once.
                unsafe { release(table.0.ctx) };
            }
        });
    }
}

/// Adds an entry to the sink of `list`.
unsafe extern "C" fn add_entry(sink: *mut c_void, name: View, kind: u8) {
    // SAFETY: the caller passes the sink that it was given, during the call that gave it.
    let Some(sink) = (unsafe { sink.cast::<io::Result<Vec<Entry>>>().as_mut() }) else { return };
    let entry = || -> io::Result<Entry> {
        // SAFETY: by the rules of the header.
        let name = unsafe { name.text("a name of the tree") }.map_err(|error| io::Error::other(error.to_string()))?;
        if !is_result_name(name.as_bytes()) {
            return Err(io::Error::other(format!("the name {name:?} of a tree is not portable")));
        }
        Ok(Entry { name: name.into(), kind: kind_of(kind)? })
    };
    if let Ok(entries) = sink {
        match entry() {
            Ok(entry) => entries.push(entry),
            Err(error) => *sink = Err(error),
        }
    }
}

/// Sets the sink of `link` or `identity`.
unsafe extern "C" fn set_text(sink: *mut c_void, text: View) {
    // SAFETY: as for `add_entry`.
    let Some(sink) = (unsafe { sink.cast::<io::Result<String>>().as_mut() }) else { return };
    // SAFETY: by the rules of the header.
    *sink = match unsafe { text.text("the text of a callback") } {
        Ok(text) if text.len() <= MAX_TEXT_BYTES => Ok(text.into()),
        Ok(text) => {
            Err(io::Error::other(format!("the text of a callback has {} bytes; at most {MAX_TEXT_BYTES}", text.len())))
        }
        Err(error) => Err(io::Error::other(error.to_string())),
    };
}

fn kind_of(kind: u8) -> io::Result<Kind> {
    match kind {
        BH_DIR => Ok(Kind::Dir),
        BH_FILE => Ok(Kind::File),
        BH_LINK => Ok(Kind::Link),
        other => Err(io::Error::other(format!("a callback gave an entry the kind {other}"))),
    }
}

fn done(status: i32) -> io::Result<()> {
    if status < 0 { Err(errno(status.into())) } else { Ok(()) }
}

fn errno(negative: i64) -> io::Error {
    io::Error::from_raw_os_error(i32::try_from(-negative).unwrap_or(0))
}

impl fmt::Debug for CallbackTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallbackTree").finish_non_exhaustive()
    }
}
