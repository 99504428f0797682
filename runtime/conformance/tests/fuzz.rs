//! Short campaigns of the three fuzzers, always the same. Long ones are for `--example fuzz`, see `FUZZING.md`.
#![cfg(feature = "fuzz")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to fail")]

use bacalhau_conformance::{
    fuzz::campaign::Campaign,
    fuzz::check::{BARE_DIFFERS, FUEL_COMPARED, MODULES, OUT_OF_FUEL, STACK_FULL, TRAPPED},
    fuzz::counts::Counts,
    fuzz::{Target, stack},
};

/// Runs a campaign, which must not find anything.
fn search(target: Target, modules: u64) -> Counts {
    let campaign = Campaign { seed: 3, first: 0, modules, jobs: 2 };
    let (counts, findings) = target.run(campaign, &|finding| eprintln!("{finding}")).unwrap();
    println!("{counts}");
    assert!(findings.is_empty(), "{} findings, see above", findings.len());
    counts
}

#[test]
fn modules_that_nobody_would_write_are_metered_as_wasmtime_does_and_equal_everywhere() {
    let counts = search(Target::Smith, 250);
    assert!(counts.sum(MODULES) > 150, "most seeds make a module of the profile");
    for seen in [FUEL_COMPARED, OUT_OF_FUEL, STACK_FULL, TRAPPED] {
        assert!(counts.sum(seen) > 50, "{seen}: {}", counts.sum(seen));
    }
}

#[test]
fn programs_with_floats_give_the_bits_of_eager_canonicalization() {
    let counts = search(Target::Floats, 120);
    assert_eq!(counts.sum(MODULES), 120);
    // Without this, all of the above would say nothing.
    assert!(counts.sum(BARE_DIFFERS) > 80, "{} differ without canonicalization", counts.sum(BARE_DIFFERS));
    assert!(counts.sum(FUEL_COMPARED) > 1_000);
}

#[test]
fn the_slots_end_before_the_native_stack_does() {
    let counts = search(Target::Stack, 8);
    let largest = counts.largest(&stack::ratio_of("cranelift-speed")).unwrap();
    assert!(largest > 4.0, "frames of {largest} native bytes for a byte are no search");
}
