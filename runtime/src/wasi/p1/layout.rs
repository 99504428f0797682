//! Preview 1's structures as bytes, from `wasi_snapshot_preview1.witx`.

use bacalhau_tree::Kind;

use crate::vfs::Stat;
use crate::wasi::descriptors::Descriptor;

/// Type `filetype::unknown` of a standard stream that is not a terminal, as in wasmtime.
const UNKNOWN: u8 = 0;

/// Bytes of a directory entry before its name.
pub(super) const DIRENT_BYTES: usize = 24;

/// The `filetype` of a node.
pub(super) fn filetype(kind: Kind) -> u8 {
    match kind {
        Kind::Dir => 3,
        Kind::File => 4,
        Kind::Link => 7,
    }
}

/// `filetype` of a descriptor.
pub(super) fn descriptor_filetype(descriptor: &Descriptor, kind: Kind) -> u8 {
    if descriptor.stream.is_some() { UNKNOWN } else { filetype(kind) }
}

/// `filestat`. The device is 1 for everything.
pub(super) fn filestat(stat: &Stat, filetype: u8) -> [u8; 64] {
    let mut bytes = [0; 64];
    put(&mut bytes, 0, &1_u64.to_le_bytes());
    put(&mut bytes, 8, &stat.inode.to_le_bytes());
    bytes[16] = filetype;
    put(&mut bytes, 24, &u64::from(stat.links).to_le_bytes());
    put(&mut bytes, 32, &stat.size.to_le_bytes());
    put(&mut bytes, 40, &stat.times.accessed.to_le_bytes());
    put(&mut bytes, 48, &stat.times.modified.to_le_bytes());
    put(&mut bytes, 56, &stat.times.changed.to_le_bytes());
    bytes
}

/// The layout of `fdstat`.
pub(super) fn fdstat(descriptor: &Descriptor, filetype: u8) -> [u8; 24] {
    let mut bytes = [0; 24];
    bytes[0] = filetype;
    put(&mut bytes, 2, &descriptor.flags.to_le_bytes());
    put(&mut bytes, 8, &(descriptor.rights & !descriptor.given_up).0.to_le_bytes());
    put(&mut bytes, 16, &descriptor.inheriting.0.to_le_bytes());
    bytes
}

/// `dirent`, with the cookie of the entry after it.
pub(super) fn dirent(name: &str, inode: u64, kind: Kind, next: u64) -> [u8; DIRENT_BYTES] {
    let mut bytes = [0; DIRENT_BYTES];
    put(&mut bytes, 0, &next.to_le_bytes());
    put(&mut bytes, 8, &inode.to_le_bytes());
    // Names are 255 bytes at most.
    put(&mut bytes, 16, &u32::try_from(name.len()).unwrap_or(u32::MAX).to_le_bytes());
    bytes[20] = filetype(kind);
    bytes
}

/// The layout of `event`.
pub(super) fn event(userdata: u64, errno: u16, kind: u8, bytes_ready: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    put(&mut bytes, 0, &userdata.to_le_bytes());
    put(&mut bytes, 8, &errno.to_le_bytes());
    bytes[10] = kind;
    put(&mut bytes, 16, &bytes_ready.to_le_bytes());
    bytes
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}
