//! Handle tables of component instances, as the canonical ABI has them: one for each instance, for resources of all types.
//! Handles begin at 1, and the one that was given back last is given next.

use crate::cells::Global;
use crate::memory::{load32, store32, trap};
use crate::store::Array;

/// Tables. `bacalhau-lower` has the same bound.
const TABLES: usize = 64;

/// A record of a table: its state, the representation or the next free index, the lends or the scope.
const FREE: u32 = 0;
const OWN: u32 = 1;
const BORROW: u32 = 2;

struct Table {
    records: Array<16>,
    len: Global<u32>,
    next: Global<u32>,
}

static HANDLES: [Table; TABLES] =
    [const { Table { records: Array::new(), len: Global::new(0), next: Global::new(0) } }; TABLES];

/// Calls in progress that lend handles: how many borrowed handles there are, and where their lenders begin.
static SCOPES: Array<8> = Array::new();
static SCOPES_LEN: Global<u32> = Global::new(0);

/// Records of handles that are lent.
static LENDERS: Array<4> = Array::new();
static LENDERS_LEN: Global<u32> = Global::new(0);

fn table(number: u32) -> &'static Table {
    match HANDLES.get(number as usize) {
        Some(table) => table,
        None => trap(),
    }
}

fn state(ty: u32, kind: u32) -> u32 {
    ty << 2 | kind
}

fn insert(number: u32, state: u32, rep: u32, extra: u32) -> u32 {
    let table = table(number);
    let index = table.next.get();
    let record = table.records.at(index);
    if index == table.len.get() {
        table.len.set(index + 1);
        table.next.set(index + 1);
    } else {
        table.next.set(load32(record + 4));
    }
    store32(record, state);
    store32(record + 4, rep);
    store32(record + 8, extra);
    index + 1
}

/// The record of a handle. Traps if there is none.
fn record(number: u32, handle: u32) -> u32 {
    let table = table(number);
    if handle == 0 || handle > table.len.get() {
        trap();
    }
    table.records.at(handle - 1)
}

fn remove(number: u32, handle: u32, record: u32) {
    let table = table(number);
    store32(record, FREE);
    store32(record + 4, table.next.get());
    table.next.set(handle - 1);
}

#[unsafe(export_name = "handles#insert-own")]
extern "C" fn insert_own(number: u32, ty: u32, rep: u32) -> u32 {
    insert(number, state(ty, OWN), rep, 0)
}

/// Takes an owned handle that is not lent out of a table.
#[unsafe(export_name = "handles#take-own")]
extern "C" fn take_own(number: u32, ty: u32, handle: u32) -> u32 {
    let record = record(number, handle);
    if load32(record) != state(ty, OWN) || load32(record + 8) != 0 {
        trap();
    }
    let rep = load32(record + 4);
    remove(number, handle, record);
    rep
}

#[unsafe(export_name = "handles#rep")]
extern "C" fn rep(number: u32, ty: u32, handle: u32) -> u32 {
    let record = record(number, handle);
    let has = load32(record);
    if has != state(ty, OWN) && has != state(ty, BORROW) {
        trap();
    }
    load32(record + 4)
}

/// Drops a handle: returns the representation of an owned one, and -1 for a borrowed one.
#[unsafe(export_name = "handles#drop")]
extern "C" fn drop(number: u32, ty: u32, handle: u32) -> i64 {
    let at = record(number, handle);
    if load32(at) == state(ty, BORROW) {
        let scope = SCOPES.at(load32(at + 8));
        store32(scope, load32(scope) - 1);
        remove(number, handle, at);
        return -1;
    }
    i64::from(take_own(number, ty, handle))
}

/// Begins a call that lends handles.
#[unsafe(export_name = "handles#enter")]
extern "C" fn enter() {
    let index = SCOPES_LEN.get();
    let scope = SCOPES.at(index);
    store32(scope, 0);
    store32(scope + 4, LENDERS_LEN.get());
    SCOPES_LEN.set(index + 1);
}

/// Ends it. Traps if the callee has kept a borrowed handle.
#[unsafe(export_name = "handles#leave")]
extern "C" fn leave() {
    let index = SCOPES_LEN.get() - 1;
    let scope = SCOPES.at(index);
    if load32(scope) != 0 {
        trap();
    }
    let first = load32(scope + 4);
    for lender in first..LENDERS_LEN.get() {
        let record = load32(LENDERS.at(lender));
        store32(record + 8, load32(record + 8) - 1);
    }
    LENDERS_LEN.set(first);
    SCOPES_LEN.set(index);
}

/// Lends a handle until the call in progress ends.
#[unsafe(export_name = "handles#lend")]
extern "C" fn lend(number: u32, ty: u32, handle: u32) -> u32 {
    let rep = rep(number, ty, handle);
    let record = record(number, handle);
    if load32(record) == state(ty, OWN) {
        store32(record + 8, load32(record + 8) + 1);
        let lender = LENDERS_LEN.get();
        store32(LENDERS.at(lender), record);
        LENDERS_LEN.set(lender + 1);
    }
    rep
}

/// A borrowed handle for the call in progress.
#[unsafe(export_name = "handles#insert-borrow")]
extern "C" fn insert_borrow(number: u32, ty: u32, rep: u32) -> u32 {
    let index = SCOPES_LEN.get() - 1;
    let scope = SCOPES.at(index);
    store32(scope, load32(scope) + 1);
    insert(number, state(ty, BORROW), rep, index)
}
