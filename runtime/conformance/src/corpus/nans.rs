//! Every operator on floats, scalars and vectors, applied to all combinations of values at the edges: signed zeros,
//! infinities, subnormals, NaN of both signs, quiet and signalling, with payloads. All results are stored as they come.

use std::fmt::Write as _;

use crate::case::Case;
use crate::operators::{Operator, TOTAL, Type, operators};

/// Bits of the floats of 32 bits that are combined.
const F32: [u32; 14] = [
    0x0000_0000,
    0x8000_0000,
    0x3f80_0000,
    0xbfc0_0000,
    0x7f80_0000,
    0xff80_0000,
    0x7fc0_0000,
    0xffc0_0000,
    0x7fa0_0001,
    0xff80_0001,
    0x7fff_ffff,
    0x0000_0001,
    0x7f7f_ffff,
    0xcf00_0000,
];
/// Bit patterns of 64-bit NaNs.
const F64: [u64; 14] = [
    0x0000_0000_0000_0000,
    0x8000_0000_0000_0000,
    0x3ff0_0000_0000_0000,
    0xbff8_0000_0000_0000,
    0x7ff0_0000_0000_0000,
    0xfff0_0000_0000_0000,
    0x7ff8_0000_0000_0000,
    0xfff8_0000_0000_0000,
    0x7ff4_0000_0000_0001,
    0xfff0_0000_0000_0001,
    0x7fff_ffff_ffff_ffff,
    0x0000_0000_0000_0001,
    0x7fef_ffff_ffff_ffff,
    0xc3e0_0000_0000_0000,
];
/// How many values there are of each type, and bytes between them.
const VALUES: usize = F32.len();
const STRIDE: usize = 16;
/// Where the values of each type begin, and where results are stored.
const TABLES: [(Type, usize); 3] = [(Type::F32, 0), (Type::F64, 0x400), (Type::V128, 0x800)];
const RESULTS: usize = 0x1000;

pub(super) fn cases() -> Result<Vec<Case>, String> {
    let floats: Vec<Operator> = operators(TOTAL).into_iter().filter(works_on_floats).collect();
    let wasm = wat::parse_str(module(&floats)).map_err(|error| format!("nans: {error}"))?;
    let case = |operator: &Operator| Case {
        function: operator.text.into(),
        ..Case::new(format!("nans: {}", operator.text), wasm.clone())
    };
    Ok(floats.iter().map(case).collect())
}

/// Whether all that it takes is in the tables, and it reads or makes floats.
fn works_on_floats(operator: &Operator) -> bool {
    let in_tables = operator.takes.iter().all(|ty| TABLES.iter().any(|table| table.0 == *ty));
    let scalar = operator.takes.iter().any(|ty| *ty != Type::V128);
    in_tables && (scalar || operator.text.contains("f32x4") || operator.text.contains("f64x2"))
}

fn module(floats: &[Operator]) -> String {
    let mut out = String::from("(module (memory (export \"memory\") 1)\n");
    for (ty, at) in TABLES {
        let _ = writeln!(out, " (data (i32.const {at}) \"{}\")", table(ty));
    }
    for operator in floats {
        let _ = writeln!(out, " {}", function(operator));
    }
    out + ")"
}

/// The values of a type, each in 16 bytes. A vector holds four floats of 32 bits or two of 64, neighbours in their table.
fn table(ty: Type) -> String {
    let value = |n: usize| -> Vec<u8> {
        let mut bytes = match ty {
            Type::F32 => F32[n].to_le_bytes().to_vec(),
            Type::V128 if n.is_multiple_of(2) => {
                (0..4).flat_map(|lane| F32[(n + 3 * lane) % VALUES].to_le_bytes()).collect()
            }
            Type::V128 => (0..2).flat_map(|lane| F64[(n + 5 * lane) % VALUES].to_le_bytes()).collect(),
            _ => F64[n].to_le_bytes().to_vec(),
        };
        bytes.resize(STRIDE, 0);
        bytes
    };
    (0..VALUES).flat_map(value).map(|byte| format!("\\{byte:02x}")).collect()
}

/// Applies the operator to all combinations: two loops, of which the inner one runs once when there is one operand.
fn function(operator: &Operator) -> String {
    let load = |(n, ty): (usize, &Type)| {
        let at = TABLES.iter().find(|table| table.0 == *ty).map_or(0, |table| table.1);
        format!("({}.load offset={at} (local.get {}))", ty.name(), n % 2)
    };
    let operands: Vec<String> = operator.takes.iter().enumerate().map(load).collect();
    let rounds = if operands.len() == 1 { 1 } else { VALUES };
    let result = operator.gives.map_or("i32", Type::name);
    format!(
        "(func (export \"{text}\") (local $a i32) (local $b i32) (local $to i32)\n  \
         (loop $first (local.set $b (i32.const 0))\n   \
         (loop $second ({result}.store offset={RESULTS} (local.get $to) ({text} {}))\n    \
         (local.set $to (i32.add (local.get $to) (i32.const {STRIDE})))\n    \
         (br_if $second (i32.lt_u (local.tee $b (i32.add (local.get $b) (i32.const {STRIDE}))) (i32.const {}))))\n   \
         (br_if $first (i32.lt_u (local.tee $a (i32.add (local.get $a) (i32.const {STRIDE}))) (i32.const {})))))",
        operands.join(" "),
        rounds * STRIDE,
        VALUES * STRIDE,
        text = operator.text,
    )
}
