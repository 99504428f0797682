//! Fuel against two other measures: wasmtime's own counter with the same prices on the module as it was, and the limit
//! itself, which has to be enough when it is met to the unit.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to fail")]

use bacalhau_conformance::{
    Backend, Case, Claim,
    claim::{MemoryDigest, OUT_OF_FUEL, RETURN},
    corpus, matrix,
};
use wasmtime::{Config, Engine, ExternType, Instance, Module, OperatorCost, Store, Val, VariableOperatorCost};

/// Cases of V1 that return, with their claims: wasmtime has no price for slots that an exception left.
fn returning() -> Vec<(Case, Claim)> {
    let backend = &Backend::all()[0];
    let groups = corpus::groups().unwrap().into_iter().filter(|(group, _)| *group != "v2");
    let cases: Vec<Case> = groups.flat_map(|(_, cases)| cases).collect();
    let claims = matrix::run(backend, &cases).unwrap().claims;
    cases.into_iter().zip(claims).filter(|(_, claim)| claim.end == RETURN).collect()
}

/// wasmtime with the prices of the profile, but for what a memory or table has grown by: there it charges for what was
/// asked. It makes NaNs canonical by itself, so results are to be equal too.
fn reference() -> Engine {
    let variable =
        VariableOperatorCost { memory_grow_per_page: 0, table_grow_per_element: 0, ..VariableOperatorCost::default() };
    let cost = OperatorCost { MemoryGrow: u8::MAX, TableGrow: u8::MAX, variable, ..OperatorCost::default() };
    let mut config = Config::new();
    config.consume_fuel(true).operator_cost(cost).cranelift_nan_canonicalization(true);
    Engine::new(&config).unwrap()
}

/// Fuel and digest of memories of the module as it was, by wasmtime's means.
fn by_wasmtime(module: &Module, case: &Case) -> (u64, String) {
    let mut store = Store::new(module.engine(), ());
    store.set_fuel(u64::MAX).unwrap();
    let instance = Instance::new(&mut store, module, &[]).unwrap();
    let before = store.get_fuel().unwrap();
    let function = instance.get_func(&mut store, &case.function).unwrap();
    let mut results = vec![Val::I32(0); function.ty(&store).results().len()];
    function.call(&mut store, &[], &mut results).unwrap();
    let mut fuel = before - store.get_fuel().unwrap();
    let mut digest = MemoryDigest::default();
    let mut memories: Vec<_> = module.exports().filter(|e| matches!(e.ty(), ExternType::Memory(_))).collect();
    memories.sort_by_key(wasmtime::ExportType::name);
    for export in memories {
        let memory = instance.get_memory(&mut store, export.name()).unwrap();
        let grown = memory.size(&store) - memory.ty(&store).minimum();
        fuel += grown * 65_536;
        digest.add(export.name(), memory.data(&store));
    }
    (fuel, digest.finish())
}

#[test]
fn fuel_and_memory_are_those_of_wasmtime_with_the_same_prices() {
    let engine = reference();
    let mut compared = 0;
    let mut last: Option<(Vec<u8>, Module)> = None;
    for (case, claim) in returning() {
        // The start section has run before wasmtime's counter can be read; five elements of a table cost 24 each.
        if case.name.starts_with("start") {
            continue;
        }
        let elements = if case.name == "bulk: tables" { 5 * 24 } else { 0 };
        let module = match last.take() {
            Some((wasm, module)) if wasm == case.wasm => module,
            _ => Module::from_binary(&engine, &case.wasm).unwrap(),
        };
        let (fuel, memory) = by_wasmtime(&module, &case);
        assert_eq!((claim.fuel, &claim.memory), (fuel + elements, &memory), "{}", case.name);
        compared += 1;
        last = Some((case.wasm, module));
    }
    assert!(compared >= 250, "only {compared} cases were compared");
}

#[test]
fn a_limit_that_is_met_exactly_is_enough_and_one_unit_less_is_not() {
    let backend = &Backend::all()[0];
    let (cases, claims): (Vec<Case>, Vec<Claim>) = returning().into_iter().unzip();
    let limited = |limit: fn(u64) -> u64| -> Vec<Case> {
        cases.iter().zip(&claims).map(|(case, claim)| Case { fuel: limit(claim.fuel), ..case.clone() }).collect()
    };
    assert_eq!(matrix::run(backend, &limited(|used| used)).unwrap().claims, claims);

    let scarce = limited(|used| used - 1);
    for (case, ended) in scarce.iter().zip(matrix::run(backend, &scarce).unwrap().claims) {
        assert_eq!((ended.end.as_str(), ended.fuel), (OUT_OF_FUEL, case.fuel), "{}", case.name);
    }
}
