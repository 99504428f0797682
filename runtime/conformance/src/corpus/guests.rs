//! Hand-written guests in `guests/`: each exported function without parameters is a case. Cases with special limits are
//! listed here.

use wasmtime::{Engine, ExternType, Module};

use crate::case::{Case, DEFAULT_STACK_SLOTS, MAX_STACK_SLOTS};

/// Name and text of each guest.
macro_rules! guests {
    ($($name:literal)*) => { &[$(($name, include_str!(concat!("../../guests/", $name, ".wat")))),*] };
}

/// All files of `guests/`.
pub(super) const GUESTS: &[(&str, &str)] = guests! {
    "blur" "branches" "bulk" "deep" "integers" "loops" "matrix" "memories" "nbody" "recursion" "references" "segment"
    "start" "start_runs_out" "start_traps" "tail_calls" "traps" "values"
};

/// Sufficient for all guests that terminate, and exhausted early by the others.
const FUEL: u64 = 30_000_000;

/// Guest, function, and additional amounts of fuel.
const SCARCE_FUEL: &[(&str, &str, &[u64])] = &[
    ("blur", "vector", &[0, 1, 777, 20_000]),
    ("branches", "run", &[1, 100, 777_777]),
    ("bulk", "copy overlapping", &[1, 46, 1_000, 50_000, 100_000]),
    ("bulk", "fill", &[1, 4, 59_999, 60_000, 60_001, 60_002, 60_003, 60_004, 60_005, 60_006]),
    ("bulk", "grow", &[1, 255, 259, 260, 100_000, 131_331, 131_332, 131_600, 200_000, 262_000, 300_000]),
    ("bulk", "tables", &[1, 10, 200, 300, 400, 500, 600]),
    ("deep", "direct", &[1, 2, 3, 1_000]),
    ("deep", "vectors", &[777]),
    ("integers", "run", &[1, 100, 777_777]),
    ("loops", "calls forever", &[0, 1, 2, 3, 100, 777_777]),
    ("loops", "counts", &[1, 100, 77_777, 699_999, 700_000, 700_001, 700_002]),
    ("loops", "empty forever", &[0, 1, 2, 100]),
    ("loops", "nested", &[100, 100_001]),
    ("matrix", "run", &[1, 100, 777_777]),
    ("nbody", "nan", &[100, 1_234]),
    ("recursion", "fib", &[1, 100, 10_000]),
    ("start", "run", &[1, 100, 1_000]),
    ("tail_calls", "count", &[1, 100, 777_777]),
    ("traps", "divide i32 by zero", &[0, 1, 2, 5, 10, 11, 12]),
    ("traps", "fill with everything", &[1_000_000]),
    ("traps", "in iteration 51", &[1, 100, 700]),
    ("traps", "unreachable", &[0, 1, 7, 8, 9, 10]),
    ("values", "run", &[10, 50, 70]),
];

/// Guest, function, and slots of the call stack.
const SCARCE_STACK: &[(&str, &str, &[u64])] = &[
    ("deep", "direct", &[0, 1, 3, 4, 1_000, MAX_STACK_SLOTS]),
    ("deep", "tiny", &[3, 4, 5, MAX_STACK_SLOTS]),
    ("deep", "indirect", &[100, 1_001, MAX_STACK_SLOTS]),
    ("deep", "mutual", &[10, 11, 12, 13, 1_002, MAX_STACK_SLOTS]),
    ("deep", "large frames", &[999, MAX_STACK_SLOTS]),
    ("deep", "vectors", &[50, MAX_STACK_SLOTS]),
    ("deep", "sum", &[77, MAX_STACK_SLOTS]),
    ("integers", "run", &[0, 5]),
    ("recursion", "ackermann", &[200, 2_000]),
    ("start", "run", &[100]),
    ("tail_calls", "count", &[4, 8, 20]),
    ("tail_calls", "return", &[300]),
];

pub(super) fn cases() -> Result<Vec<Case>, String> {
    let engine = Engine::default();
    let mut cases = Vec::new();
    for (guest, text) in GUESTS {
        let wasm = wat::parse_str(text).map_err(|error| format!("{guest}.wat: {error}"))?;
        let module = Module::new(&engine, &wasm).map_err(|error| format!("{guest}.wat: {error:#}"))?;
        for export in module.exports() {
            let callable = matches!(export.ty(), ExternType::Func(ty) if ty.params().len() == 0);
            if callable {
                cases.extend(of_function(guest, export.name(), &wasm));
            }
        }
    }
    Ok(cases)
}

/// The case of a function, and those with less fuel.
fn of_function(guest: &str, function: &str, wasm: &[u8]) -> Vec<Case> {
    let plain =
        Case { function: function.into(), fuel: FUEL, ..Case::new(format!("{guest}: {function}"), wasm.into()) };
    let of = |table: &[(&str, &str, &'static [u64])]| -> Vec<u64> {
        table.iter().filter(|row| (row.0, row.1) == (guest, function)).flat_map(|row| row.2).copied().collect()
    };
    let fuel = of(SCARCE_FUEL).into_iter().map(|fuel| Case {
        name: format!("{}, fuel {fuel}", plain.name),
        fuel,
        ..plain.clone()
    });
    let stack = of(SCARCE_STACK).into_iter().filter(|slots| *slots != DEFAULT_STACK_SLOTS).map(|stack_slots| Case {
        name: format!("{}, stack {stack_slots}", plain.name),
        stack_slots,
        ..plain.clone()
    });
    let less: Vec<Case> = fuel.chain(stack).collect();
    [vec![plain], less].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_a_guest_and_every_row_has_one() {
        let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/guests");
        let mut files: Vec<String> = std::fs::read_dir(dir)
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.file_name().to_str()?.strip_suffix(".wat")?.to_owned()))
            .collect();
        files.sort();
        let names: Vec<&str> = GUESTS.iter().map(|guest| guest.0).collect();
        assert_eq!(files, names);

        let cases = cases().unwrap_or_else(|error| panic!("{error}"));
        for (guest, function, _) in SCARCE_FUEL.iter().chain(SCARCE_STACK) {
            assert!(cases.iter().any(|case| case.name == format!("{guest}: {function}")), "{guest}: {function}");
        }
    }
}
