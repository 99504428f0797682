//! Modules of wasm-smith: valid WebAssembly of all kinds, including code that compilers do not emit.

use arbitrary::Unstructured;
use wasm_smith::{Config, Module};

use super::campaign::Failure;
use super::check;
use super::counts::Counts;
use super::dice::Dice;
use super::engines::Engines;

/// Generates one module and checks it.
///
/// # Errors
///
/// The module, if anything differed.
pub fn try_one(engines: &Engines, dice: &mut Dice, counts: &mut Counts) -> Result<(), Failure> {
    let size = dice.between(200, 6_000);
    let bytes = dice.bytes(usize::try_from(size).unwrap_or_default());
    let Ok(module) = Module::new(config(dice), &mut Unstructured::new(&bytes)) else {
        counts.add("seeds that wasm-smith makes no module of", 1);
        return Ok(());
    };
    let wasm = module.to_bytes();
    check::check(engines, &wasm, &[], dice, counts).map_err(|what| Failure { text: None, wasm, what })
}

/// The language of the profile, all items exported, no imports, and sizes for many small runs.
fn config(dice: &mut Dice) -> Config {
    Config {
        allow_start_export: true,
        // The pass is to do that.
        canonicalize_nans: false,
        export_everything: true,
        max_imports: 0,
        min_funcs: 1,
        max_funcs: 12,
        max_instructions: usize::try_from(dice.pick(&[30, 100, 300])).unwrap_or(100),
        max_globals: 10,
        max_tables: 3,
        max_table_elements: 1_000,
        min_memories: u32::from(dice.chance(80)),
        max_memories: 3,
        max_memory32_bytes: 1 << 20,
        max_memory64_bytes: 1 << 20,
        max_tags: 0,
        bulk_memory_enabled: true,
        extended_const_enabled: true,
        multi_value_enabled: true,
        // Not all: they come with externref, which V1 does not have.
        reference_types_enabled: dice.chance(30),
        saturating_float_to_int_enabled: true,
        sign_extension_ops_enabled: true,
        simd_enabled: true,
        // Winch does not support them, and must compile most modules.
        tail_call_enabled: dice.chance(20),
        exceptions_enabled: false,
        gc_enabled: false,
        custom_descriptors_enabled: false,
        custom_page_sizes_enabled: false,
        memory64_enabled: dice.chance(40),
        relaxed_simd_enabled: false,
        shared_everything_threads_enabled: false,
        threads_enabled: false,
        wide_arithmetic_enabled: dice.chance(50),
        ..Config::default()
    }
}
