//! Modules that cost much to compile. Each is refused before anything of it is compiled, by the bound that it is over; what is
//! just below a bound is compiled.

use bacalhau_runtime::{Bound, Inspection, Refusal, RefusalKind, inspect};

const I32: u8 = 0x7f;
const I64: u8 = 0x7e;
const F64: u8 = 0x7c;
const MODULE_BYTES: u64 = 256 << 20;

fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push(u8::try_from(number & 0x7f).unwrap() | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).unwrap());
    bytes
}

fn list(items: &[Vec<u8>]) -> Vec<u8> {
    [leb(items.len()), items.concat()].concat()
}

fn section(id: u8, items: &[Vec<u8>]) -> Vec<u8> {
    let content = list(items);
    [vec![id], leb(content.len()), content].concat()
}

fn ty(params: &[u8], results: &[u8]) -> Vec<u8> {
    [&[0x60][..], &leb(params.len()), params, &leb(results.len()), results].concat()
}

fn code(locals: usize, of: u8, body: &[u8]) -> Vec<u8> {
    let body = [&[1][..], &leb(locals), &[of], body, &[0x0b]].concat();
    [leb(body.len()), body].concat()
}

/// A module whose functions have these types, the last of which is `_start`.
fn module(types: &[Vec<u8>], functions: &[usize], bodies: &[Vec<u8>]) -> Vec<u8> {
    let functions: Vec<_> = functions.iter().map(|ty| leb(*ty)).collect();
    let start = [&b"\x06_start\x00"[..], &leb(functions.len() - 1)].concat();
    [&b"\0asm\x01\0\0\0"[..], &section(1, types), &section(3, &functions), &section(7, &[start]), &section(10, bodies)]
        .concat()
}

fn one(locals: usize, of: u8, body: &[u8]) -> Vec<u8> {
    module(&[ty(&[], &[])], &[0], &[code(locals, of, body)])
}

fn local(op: u8, index: usize) -> Vec<u8> {
    [vec![op], leb(index)].concat()
}

/// Reads each local once more.
fn uses(locals: usize, then: &[u8]) -> Vec<u8> {
    (0..locals).flat_map(|index| [local(0x20, index), then.to_vec()].concat()).collect()
}

/// `n` calls of a function that returns its `k` parameters.
fn calls(n: usize, k: usize) -> Vec<u8> {
    let same = code(0, I32, &(0..k).flat_map(|index| local(0x20, index)).collect::<Vec<_>>());
    let start = [b"\x42\0".repeat(k), b"\x10\0".repeat(n), b"\x1a".repeat(k)].concat();
    module(&[ty(&vec![I64; k], &vec![I64; k]), ty(&[], &[])], &[0, 1], &[same, code(0, I32, &start)])
}

/// `n` branches that take `k` values along.
fn branches(n: usize, k: usize) -> Vec<u8> {
    let body =
        [b"\x02\x01".to_vec(), b"\x42\0".repeat(k), b"\x41\0\x0d\0".repeat(n), vec![0x0b], b"\x1a".repeat(k)].concat();
    module(&[ty(&[], &[]), ty(&[], &vec![I64; k])], &[0], &[code(0, I32, &body)])
}

fn functions(n: usize) -> Vec<u8> {
    module(&[ty(&[], &[])], &vec![0; n], &vec![code(0, I32, &[]); n])
}

/// `n` tables of `d` branches to as many blocks.
fn tables(n: usize, d: usize) -> Vec<u8> {
    let targets: Vec<u8> = (0..d).flat_map(leb).collect();
    let table = [&b"\x02\x40\x41\0\x0e"[..], &leb(d), &targets, b"\0\x0b"].concat();
    one(0, I32, &[b"\x02\x40".repeat(d), table.repeat(n), vec![0x0b; d]].concat())
}

/// One table of `n` branches to one block.
fn table(n: usize) -> Vec<u8> {
    one(0, I32, &[&b"\x02\x40\x41\0\x0e"[..], &leb(n), &vec![0; n], b"\0\x0b"].concat())
}

fn nested(n: usize, construct: u8) -> Vec<u8> {
    one(0, I32, &[[construct, 0x40].repeat(n), vec![0x0b; n]].concat())
}

/// `n` loops after each other, each of which changes one of `m` locals; all are read in the end.
fn loops(n: usize, m: usize) -> Vec<u8> {
    let each = |index: usize| {
        let (get, set) = (local(0x20, index % m), local(0x21, index % m));
        [b"\x03\x40", &get[..], b"\x42\x01\x7c", &set, &get, b"\xa7\x0d\0\x0b"].concat()
    };
    one(m, I64, &[(0..n).flat_map(each).collect(), uses(m, b"\xa7\x1a")].concat())
}

/// The same with `if`.
fn choices(n: usize, m: usize) -> Vec<u8> {
    let each = |index: usize| {
        [b"\x20\0\xa7\x04\x40", &local(0x20, index * 7 % m)[..], &local(0x21, index % m), b"\x0b"].concat()
    };
    one(m, I64, &[(0..n).flat_map(each).collect(), uses(m, b"\xa7\x1a")].concat())
}

/// `n` types with `k` parameters, no two of them equal.
fn types(n: usize, k: usize) -> Vec<u8> {
    let params =
        |index: usize| (0..k).map(|bit| if bit < 24 && index >> bit & 1 == 1 { I64 } else { I32 }).collect::<Vec<_>>();
    let mut types: Vec<_> = (0..n).map(|index| ty(&params(index), &[])).collect();
    types.push(ty(&[], &[]));
    module(&types, &[n], &[code(0, I32, &[])])
}

/// `n` values that are all on the operand stack at once.
fn held(n: usize) -> Vec<u8> {
    one(1, I64, &[b"\x20\0\x42\x01\x7c\x22\0".repeat(n), b"\x7c".repeat(n - 1), vec![0x1a]].concat())
}

/// `n` loops in each other, with sums of `m` locals that hold floats.
fn float_loops(n: usize, m: usize) -> Vec<u8> {
    let each = |index: usize| {
        let (a, b) = (local(0x20, index % m), local(0x20, (index + 1) % m));
        [b"\x03\x40", &a[..], &b, b"\xa0", &local(0x21, index * 3 % m)].concat()
    };
    let ends = b"\x41\0\x0d\0\x0b".repeat(n);
    one(m, F64, &[(0..n).flat_map(each).collect(), ends, uses(m, b"\xbd\xa7\x1a")].concat())
}

fn looked_at(module: &[u8]) -> Result<Inspection, Refusal> {
    inspect(module, MODULE_BYTES)
}

#[track_caller]
fn refused(module: &[u8], by: Bound) {
    let refusal = looked_at(module).unwrap_err();
    let RefusalKind::Bound(excess) = refusal.kind() else { panic!("{refusal}") };
    assert_eq!(excess.bound, by, "{refusal}");
    assert!(excess.measured > excess.limit, "{refusal}");
    assert!(refusal.to_string().contains(&excess.to_string()), "{refusal}");
}

#[test]
fn five_thousand_calls_with_a_thousand_parameters_and_results() {
    refused(&calls(5_000, 1_000), Bound::Parameters);
    refused(&calls(5_000, 400), Bound::Results);
    refused(&calls(5_000, 32), Bound::MovedOperands);
}

#[test]
fn branches_with_a_thousand_values() {
    refused(&branches(5_000, 1_000), Bound::Results);
    refused(&branches(5_000, 32), Bound::MovedOperands);
}

#[test]
fn five_hundred_types_of_a_thousand_parameters() {
    refused(&types(500, 1_000), Bound::Parameters);
    refused(&types(500, 400), Bound::TypeArity);
    refused(&types(10_000, 3), Bound::Types);
}

#[test]
fn a_million_empty_functions() {
    refused(&functions(999_000), Bound::Functions);
}

#[test]
fn tables_of_a_million_branches() {
    refused(&table(1_000_000), Bound::BranchTargets);
    refused(&tables(1_000, 1_000), Bound::BranchTargets);
}

#[test]
fn a_hundred_thousand_nested_blocks_or_loops() {
    refused(&nested(100_000, 0x02), Bound::Nesting);
    refused(&nested(10_000, 0x03), Bound::LoopNesting);
    refused(&nested(800, 0x03), Bound::Loops);
}

#[test]
fn loops_and_choices_with_thousands_of_locals() {
    refused(&loops(5_000, 2_000), Bound::CarriedValues);
    refused(&choices(5_000, 2_000), Bound::CarriedValues);
    refused(&one(50_000, I64, &[]), Bound::Locals);
}

#[test]
fn thousands_of_operands_that_are_held_at_once() {
    refused(&held(5_000), Bound::OperandHeights);
}

#[test]
fn nested_loops_of_sums_of_floats() {
    refused(&float_loops(3_000, 50), Bound::LoopNesting);
    refused(&float_loops(700, 50), Bound::LoopLocals);
}

/// Below the bounds the same shapes are accepted, and what is compiled of them has a size in proportion to theirs.
#[test]
fn what_is_compiled_of_an_accepted_module_grows_with_its_bytes() {
    for (name, module) in [
        ("calls", calls(5, 32)),
        ("branches", branches(20, 32)),
        ("types", types(100, 400)),
        ("functions", functions(1_000)),
        ("table", table(70_000)),
        ("tables", tables(60, 1_000)),
        ("blocks", nested(20_000, 0x02)),
        ("loops", nested(30, 0x03)),
        ("loops with locals", loops(500, 300)),
        ("choices", choices(500, 300)),
        ("operands", held(200)),
        ("floats", float_loops(30, 50)),
    ] {
        looked_at(&module).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
        let made = bacalhau_runtime::instrument::instrument(&module).unwrap().len();
        assert!(made < 16 * module.len() + 1_000, "{name}: {made} of {}", module.len());
    }
}
