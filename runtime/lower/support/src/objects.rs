//! The resources of WASI: descriptors, streams, pollables and errors. Their indices are the representations of handles.

use crate::cells::Global;
use crate::memory::{load32, load64, store32, store64, trap};
use crate::store::Array;

/// Fields of a record: what it is, two words, two long words. Free records have the next free index in the first word.
static OBJECTS: Array<32> = Array::new();
static LEN: Global<u32> = Global::new(0);
static NEXT: Global<u32> = Global::new(0);

/// What an object is.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Kind {
    Free,
    Descriptor,
    InputStream,
    OutputStream,
    Pollable,
    Error,
    Directory,
}

/// An object. Its fields depend on its kind.
#[derive(Clone, Copy)]
pub(crate) struct Object(u32);

impl Object {
    pub(crate) fn new(kind: Kind) -> Self {
        let index = NEXT.get();
        let object = Self(index);
        let record = object.record();
        if index == LEN.get() {
            LEN.set(index + 1);
            NEXT.set(index + 1);
        } else {
            NEXT.set(load32(record + 4));
        }
        store32(record, kind as u32);
        for offset in [4, 8, 12] {
            store32(record + offset, 0);
        }
        store64(record + 16, 0);
        store64(record + 24, 0);
        object
    }

    /// The object of a representation. Handle tables let only those of the right kind pass.
    pub(crate) fn of(rep: u32, kind: Kind) -> Self {
        let object = Self(rep);
        if rep >= LEN.get() || load32(object.record()) != kind as u32 {
            trap();
        }
        object
    }

    pub(crate) fn rep(self) -> u32 {
        self.0
    }

    pub(crate) fn free(self) {
        store32(self.record(), Kind::Free as u32);
        store32(self.record() + 4, NEXT.get());
        NEXT.set(self.0);
    }

    fn record(self) -> u32 {
        OBJECTS.at(self.0)
    }

    pub(crate) fn word(self, field: u32) -> u32 {
        load32(self.record() + 4 + 4 * field)
    }

    pub(crate) fn set_word(self, field: u32, value: u32) {
        store32(self.record() + 4 + 4 * field, value);
    }

    pub(crate) fn long(self, field: u32) -> u64 {
        load64(self.record() + 16 + 8 * field)
    }

    pub(crate) fn set_long(self, field: u32, value: u64) {
        store64(self.record() + 16 + 8 * field, value);
    }
}
