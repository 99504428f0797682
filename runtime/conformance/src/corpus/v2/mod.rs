//! Cases of Profile V2, in a group of their own: what V1 does not have.

mod program;

use std::ops::Range;

use crate::case::Case;

/// Numbers of the generated programs in the corpus, which is also run under emulation.
const IN_CORPUS: Range<u64> = 0..48;
/// Numbers of further programs, for the engines of this machine.
const FURTHER: Range<u64> = 48..240;
/// Fuel that most programs do not use up.
const FUEL: u64 = 3_000_000;

/// Hand-written guests: each exported function without parameters is a case.
const GUESTS: [(&str, &str, &[&str]); 8] = [
    (
        "exceptions",
        include_str!("../../../guests/v2/exceptions.wat"),
        &[
            "deep",
            "rethrow",
            "uncaught",
            "null",
            "loop",
            "throw in a loop",
            "past a full stack",
            "values",
            "function label",
        ],
    ),
    (
        "atomics",
        include_str!("../../../guests/v2/atomics.wat"),
        &["all", "unaligned load", "unaligned rmw", "outside", "unaligned outside", "notify", "wait", "wait unaligned"],
    ),
    (
        "addresses",
        include_str!("../../../guests/v2/addresses.wat"),
        &[
            "all",
            "grow",
            "tables",
            "copy down",
            "fill too much",
            "fill beyond all",
            "outside",
            "offset",
            "table outside",
        ],
    ),
    (
        "far threads",
        include_str!("../../../guests/v2/far_threads.wat"),
        &["all", "wait for ever", "outside", "unaligned"],
    ),
    ("wide", include_str!("../../../guests/v2/wide.wat"), &["all", "loop"]),
    (
        "references",
        include_str!("../../../guests/v2/references.wat"),
        &["calls", "down", "deep", "null", "externs", "null call", "null tail call", "not null", "null extern"],
    ),
    ("relaxed", include_str!("../../../guests/v2/relaxed.wat"), &["all", "canonical", "rounded twice", "loop", "dead"]),
    (
        "threads",
        include_str!("../../../guests/v2/threads.wat"),
        &[
            "wait",
            "wait for ever",
            "wait for ever in a loop",
            "wait unaligned",
            "wait outside",
            "dead",
            "notify",
            "grow",
        ],
    ),
];

/// All cases of V2.
pub(super) fn cases() -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    for (guest, text, functions) in GUESTS {
        let wasm = wat::parse_str(text).map_err(|error| format!("{guest}.wat: {error}"))?;
        for function in functions {
            let name = format!("{guest}: {function}");
            let plain = Case { function: (*function).into(), fuel: FUEL, ..Case::new(&name, wasm.clone()) };
            cases.extend([1, 2, 5, 20, 100, 1_007, 1_500, 2_222, 10_000].map(|fuel| Case {
                name: format!("{name}, fuel {fuel}"),
                fuel,
                ..plain.clone()
            }));
            cases.extend([3, 10, 50, 300].map(|stack_slots| Case {
                name: format!("{name}, stack {stack_slots}"),
                stack_slots,
                ..plain.clone()
            }));
            cases.push(plain);
        }
    }
    cases.extend(of_programs(IN_CORPUS)?);
    Ok(cases)
}

/// Generated cases that are not in the corpus.
pub(super) fn further_cases() -> Result<Vec<Case>, String> {
    of_programs(FURTHER)
}

fn of_programs(numbers: Range<u64>) -> Result<Vec<Case>, String> {
    let cases = numbers.map(of_program).collect::<Result<Vec<_>, _>>()?;
    Ok(cases.concat())
}

/// A generated program with much fuel, with little, and with little stack.
fn of_program(number: u64) -> Result<[Case; 4], String> {
    let name = format!("throwing {number}");
    let wasm = wat::parse_str(program::text(number)).map_err(|error| format!("{name}: {error}"))?;
    let plain = Case { fuel: FUEL, ..Case::new(&name, wasm) };
    let (some, little) = (1_000 + number * 977 % 30_000, number * 31 % 1_500);
    Ok([
        Case { name: format!("{name}, fuel {some}"), fuel: some, ..plain.clone() },
        Case { name: format!("{name}, fuel {little}"), fuel: little, ..plain.clone() },
        Case { name: format!("{name}, stack"), stack_slots: 20 + number % 150, ..plain.clone() },
        plain,
    ])
}
