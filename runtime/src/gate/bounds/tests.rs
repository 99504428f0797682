//! Each bound at its limit and one over it.

use wasm_encoder::{
    BlockType, CodeSection, ElementSection, Elements, EntityType, ExportKind, ExportSection, Function, FunctionSection,
    ImportSection, Instruction as I, MemorySection, MemoryType, Module, RefType, TableSection, TableType, TypeSection,
    ValType,
};

use super::*;

/// A module with function types of so many parameters and results, and functions of the type of the first index.
fn module(types: &[(usize, usize)], functions: impl IntoIterator<Item = (u32, Function)>) -> Vec<u8> {
    let (mut type_section, mut function_section, mut code) =
        (TypeSection::new(), FunctionSection::new(), CodeSection::new());
    for (params, results) in types {
        type_section.ty().function(vec![ValType::I64; *params], vec![ValType::I64; *results]);
    }
    for (ty, function) in functions {
        function_section.function(ty);
        code.function(&function);
    }
    let mut memories = MemorySection::new();
    memories.memory(MemoryType { minimum: 1, maximum: None, memory64: false, shared: false, page_size_log2: None });
    let mut module = Module::new();
    module.section(&type_section).section(&function_section).section(&memories).section(&code);
    module.finish()
}

/// A function with locals of type `i64` and a body.
fn function(locals: usize, body: &[I<'_>]) -> Function {
    let mut function = Function::new([(u32::try_from(locals).unwrap(), ValType::I64)]);
    for instruction in body {
        function.instruction(instruction);
    }
    function.instruction(&I::End);
    function
}

fn one(locals: usize, body: &[I<'_>]) -> Vec<u8> {
    module(&[(0, 0)], [(0, function(locals, body))])
}

fn nested(construct: &I<'static>, depth: usize) -> Vec<u8> {
    one(0, &[vec![construct.clone(); depth], vec![I::End; depth]].concat())
}

fn imports(n: usize) -> Vec<u8> {
    let (mut types, mut imports) = (TypeSection::new(), ImportSection::new());
    types.ty().function([], []);
    for _ in 0..n {
        imports.import("", "", EntityType::Function(0));
    }
    let mut module = Module::new();
    module.section(&types).section(&imports);
    module.finish()
}

/// So many exports, some of which are a function with parameters.
fn exports((params, of_it): (usize, usize), n: usize) -> Vec<u8> {
    let (mut types, mut imports, mut exports) = (TypeSection::new(), ImportSection::new(), ExportSection::new());
    types.ty().function([], []);
    types.ty().function(vec![ValType::I64; params], []);
    imports.import("", "", EntityType::Function(0)).import("", "", EntityType::Function(1));
    for index in 0..n {
        exports.export(&index.to_string(), ExportKind::Func, u32::from(index < of_it));
    }
    let mut module = Module::new();
    module.section(&types).section(&imports).section(&exports);
    module.finish()
}

fn elements(n: usize) -> Vec<u8> {
    let (mut types, mut imports) = (TypeSection::new(), ImportSection::new());
    types.ty().function([], []);
    imports.import("", "", EntityType::Function(0));
    let (mut tables, mut segments) = (TableSection::new(), ElementSection::new());
    tables.table(TableType {
        element_type: RefType::FUNCREF,
        table64: false,
        minimum: 0,
        maximum: None,
        shared: false,
    });
    segments.passive(Elements::Functions(vec![0; n / 2].into()));
    segments.passive(Elements::Functions(vec![0; n - n / 2].into()));
    let mut module = Module::new();
    module.section(&types).section(&imports).section(&tables).section(&segments);
    module.finish()
}

/// A module with so much of it, which is over no other bound before that.
fn with(bound: Bound, n: usize) -> Vec<u8> {
    match bound {
        Bound::Parameters => module(&[(n, 0)], []),
        Bound::Results => module(&[(0, n)], []),
        Bound::Types => module(&vec![(1, 1); n], []),
        Bound::TypeArity => {
            let mut types = vec![(300, 0); n / 300];
            types.push((n % 300, 0));
            module(&types, [])
        }
        Bound::Functions => module(&[(0, 0)], (0..n).map(|_| (0, function(0, &[])))),
        // Of 1,000 functions some have 40 parameters.
        Bound::FunctionArity => {
            module(&[(0, 0), (40, 0)], (0..1_000).map(|index| (u32::from(index < n), function(0, &[]))))
        }
        Bound::Imports => imports(n),
        Bound::Exports => exports((0, 0), n),
        // Of 1,000 exports some have 40 parameters.
        Bound::ExportArity => exports((40, n), 1_000),
        Bound::Elements => elements(n),
        Bound::Locals => one(n, &[]),
        Bound::Nesting => nested(&I::Block(BlockType::Empty), n),
        // With as many operators besides as the number of loops by bytes takes.
        Bound::LoopNesting => {
            let filler = vec![I::Nop; 16 * n];
            one(0, &[vec![I::Loop(BlockType::Empty); n], filler, vec![I::End; n]].concat())
        }
        Bound::Loops => one(0, &vec![[I::Loop(BlockType::Empty), I::End]; n].concat()),
        Bound::BranchTargets => one(0, &[I::I32Const(0), I::BrTable(vec![0; n].into(), 0)]),
        Bound::CarriedValues => {
            let ways = vec![[I::I32Const(0), I::BrIf(0)]; n].concat();
            let uses: Vec<_> = (0..800).flat_map(|local| [I::LocalGet(local), I::Drop]).collect();
            one(800, &[ways, uses].concat())
        }
        Bound::AssignedLocals => {
            let (to, from) = (vec![I::Block(BlockType::Empty); 100], vec![I::End; 100]);
            let body: Vec<_> =
                (0..u32::try_from(n).unwrap()).flat_map(|local| [I::I64Const(0), I::LocalSet(local)]).collect();
            one(200, &[to, body, from].concat())
        }
        Bound::LoopLocals => {
            let (to, from) = (vec![I::Loop(BlockType::Empty); 20], vec![I::End; 20]);
            let body: Vec<_> =
                (0..u32::try_from(n).unwrap()).flat_map(|local| [I::I64Const(0), I::LocalSet(local)]).collect();
            one(200, &[to, body, from].concat())
        }
        Bound::MovedOperands => {
            let (to, from) = (vec![I::I64Const(0); 30], vec![I::Drop; 30]);
            let body = [to, vec![I::Call(0); n], from].concat();
            module(&[(30, 30), (0, 0)], [(0, function(0, &[I::Unreachable])), (1, function(0, &body))])
        }
        Bound::OperandHeights => {
            let (to, held, from) =
                (vec![I::I64Const(0); 200], vec![[I::I64Eqz, I::I64ExtendI32U]; n].concat(), vec![I::Drop; 200]);
            one(0, &[to, held, from].concat())
        }
        // A thousand functions of the same size, and none of the usual.
        Bound::MachineCode => {
            let body = vec![[I::I32Const(0), I::MemoryGrow(0), I::Drop]; n].concat();
            module(&[(0, 0)], (0..1_000).map(|_| (0, function(0, &body))))
        }
    }
}

/// The smallest of these numbers at which the module is refused.
fn first_refused(bound: Bound, most: usize) -> usize {
    let (mut accepted, mut refused) = (0, most);
    while accepted + 1 < refused {
        let middle = usize::midpoint(accepted, refused);
        if check(&with(bound, middle)).is_ok() { accepted = middle } else { refused = middle }
    }
    refused
}

#[track_caller]
fn holds(bound: Bound, most: usize) -> usize {
    let first = first_refused(bound, most);
    let excess = check(&with(bound, first)).expect_err("it is refused");
    assert_eq!(excess.bound, bound, "{excess}");
    assert!(excess.measured > excess.limit, "{excess}");
    let before = measure(&with(bound, first - 1)).into_iter().find(|measured| measured.bound == bound).unwrap();
    assert!(before.measured <= before.limit, "{before:?}");
    first
}

#[test]
fn numbers_that_do_not_grow_with_the_module_are_bounded() {
    for (bound, limit) in [
        (Bound::Parameters, 400),
        (Bound::Results, 32),
        (Bound::Types, 8_000),
        (Bound::TypeArity, 60_000),
        (Bound::LoopNesting, 800),
        (Bound::Nesting, 20_000),
        (Bound::BranchTargets, 70_000),
        (Bound::Imports, 4_000),
        (Bound::Exports, 320_000),
        (Bound::Elements, 1_000_000),
    ] {
        assert_eq!(check(&with(bound, limit)), Ok(()), "{bound}");
        let excess = check(&with(bound, limit + 1)).expect_err("it is refused");
        assert_eq!((excess.bound, excess.measured, excess.limit), (bound, limit as u64 + 1, limit as u64));
    }
}

#[test]
fn functions_are_bounded_by_the_bytes_of_the_module() {
    let limit = |bytes| Bound::Functions.limit(bytes);
    assert_eq!((limit(0), limit(64_000), limit(1 << 30)), (300_000, 301_000, 1_000_000));
    // pandoc 3, by its npm package.
    assert!(limit(58_580_800) > 619_906);
    // Empty ones: three bytes each, and one for its type.
    let module = with(Bound::Functions, 400_000);
    let excess = check(&module).expect_err("it is refused");
    let expected = 300_000 + module.len() as u64 / 64;
    assert_eq!((excess.bound, excess.measured, excess.limit), (Bound::Functions, 400_000, expected));
}

#[test]
fn numbers_that_grow_with_the_module_are_bounded_by_its_size() {
    for bound in [
        Bound::FunctionArity,
        Bound::ExportArity,
        Bound::Locals,
        Bound::CarriedValues,
        Bound::MovedOperands,
        Bound::OperandHeights,
    ] {
        holds(bound, 10_000);
    }
    holds(Bound::AssignedLocals, 199);
    holds(Bound::Loops, 1_000);
    holds(Bound::LoopLocals, 199);
}

#[test]
fn loops_of_a_function_are_bounded_whatever_its_size() {
    let large = |loops: usize| {
        let body = [vec![[I::Loop(BlockType::Empty), I::End]; loops].concat(), vec![I::Nop; 100_000]].concat();
        check(&one(0, &body))
    };
    assert_eq!(large(6_000), Ok(()));
    let excess = large(6_001).expect_err("it is refused");
    assert_eq!((excess.bound, excess.measured, excess.limit), (Bound::Loops, 6_001, 6_000));
    // Twenty loops with as many assignments as fit below it, one after the other.
    let assigning = |loops: u32| {
        let set: Vec<_> = (0..100).flat_map(|local| [I::I64Const(0), I::LocalSet(local)]).collect();
        let body = vec![[&[I::Loop(BlockType::Empty)][..], &set, &[I::End]].concat(); loops as usize].concat();
        check(&one(100, &[body, vec![I::Nop; 100_000]].concat()))
    };
    assert_eq!(assigning(400), Ok(()));
    let excess = assigning(401).expect_err("it is refused");
    assert_eq!((excess.bound, excess.measured, excess.limit), (Bound::LoopLocals, 40_100, 40_000));
}

#[test]
fn a_local_counts_once_for_each_loop_that_it_is_assigned_in() {
    let (set, open, block) =
        ([I::I64Const(0), I::LocalSet(0)], [I::Loop(BlockType::Empty)], [I::Block(BlockType::Empty)]);
    let counted = |body: &[&[I<'_>]]| {
        let measured = measure(&one(1, &body.concat()));
        measured.into_iter().find(|of| of.bound == Bound::LoopLocals).unwrap().measured
    };
    assert_eq!(counted(&[&set, &block, &set, &[I::End]]), 0, "in none");
    assert_eq!(counted(&[&open, &set, &block, &set, &[I::End], &set, &[I::End]]), 1);
    assert_eq!(counted(&[&open, &set, &open, &set, &[I::End, I::End]]), 2);
    assert_eq!(counted(&[&open, &open, &set, &[I::End], &open, &set, &[I::End, I::End]]), 3);
}

#[test]
fn a_local_counts_once_for_each_construct_that_it_is_assigned_in() {
    let set = [I::I64Const(0), I::LocalSet(0)];
    let block = [I::Block(BlockType::Empty)];
    let assigned = |body: &[&[I<'_>]]| {
        let measured = measure(&one(1, &body.concat()));
        measured.into_iter().find(|of| of.bound == Bound::AssignedLocals).unwrap().measured
    };
    assert_eq!(assigned(&[&set, &set]), 0, "in none");
    assert_eq!(assigned(&[&block, &set, &set, &[I::End], &set]), 1);
    assert_eq!(assigned(&[&block, &set, &block, &set, &[I::End, I::End]]), 2);
    assert_eq!(assigned(&[&block, &block, &set, &[I::End], &block, &set, &[I::End, I::End]]), 3);
}

#[test]
fn the_machine_code_of_a_module_is_bounded() {
    assert_eq!(check(&with(Bound::MachineCode, 10_000)), Ok(()));
    let excess = check(&with(Bound::MachineCode, 14_000)).expect_err("it is refused");
    assert_eq!(excess.bound, Bound::MachineCode);
}

#[test]
fn every_bound_is_in_the_table_once_and_every_number_is_counted() {
    let mut bounds: Vec<_> = table::TABLE.iter().map(|row| row.bound).collect();
    bounds.sort_unstable();
    let mut counted: Vec<_> = [one(0, &[]), imports(1), exports((0, 0), 1), elements(2)]
        .iter()
        .flat_map(|module| measure(module))
        .map(|measured| measured.bound)
        .collect();
    counted.sort_unstable();
    counted.dedup();
    assert_eq!(bounds, counted);
}

#[test]
fn dead_code_is_counted_by_nothing_but_its_bytes_and_its_depth() {
    let dead = [vec![I::Unreachable], vec![I::Block(BlockType::Empty); 50], vec![I::Br(0); 1_000], vec![I::End; 50]];
    let measured = measure(&one(0, &dead.concat()));
    let of = |bound| measured.iter().find(|measured| measured.bound == bound).unwrap().measured;
    assert_eq!((of(Bound::Nesting), of(Bound::OperandHeights), of(Bound::MovedOperands)), (50, 0, 0));
}

#[test]
fn a_local_counts_up_to_the_end_of_the_outermost_loop_that_uses_it() {
    let use_it = [I::LocalGet(0), I::Drop];
    let branches = vec![[I::I32Const(0), I::BrIf(0)]; 10].concat();
    let carried = |body: Vec<I<'_>>| {
        measure(&one(1, &body)).into_iter().find(|of| of.bound == Bound::CarriedValues).unwrap().measured
    };
    assert_eq!(carried([&use_it[..], &branches].concat()), 0);
    assert_eq!(carried([&branches[..], &use_it].concat()), 10);
    let looping = [&[I::Loop(BlockType::Empty)][..], &use_it, &branches, &[I::End], &branches].concat();
    assert_eq!(carried(looping), 12, "the loop, its end, and ten branches in it");
}

#[test]
fn a_refusal_names_what_where_how_much_and_the_limit() {
    let refusal = crate::gate::inspect(&with(Bound::Parameters, 401), 1 << 20).expect_err("it is refused");
    let expected = Excess { bound: Bound::Parameters, index: Some(0), measured: 401, limit: 400 };
    assert_eq!(refusal.kind(), crate::gate::RefusalKind::Bound(expected));
    assert!(
        refusal.to_string().contains("(type 0: parameters of a function type: 401, and the limit is 400)"),
        "{refusal}"
    );
}

/// What is refused for its language is not refused for a bound that was counted wrongly before.
#[test]
fn constructs_of_exceptions_are_counted_as_what_they_are() {
    for (constructs, ends) in
        [("try_table (catch_all 0) ", "end "), ("try ", "catch_all end "), ("try ", "delegate 0 ")]
    {
        let text = format!("(module (tag $t) (func {} {}))", constructs.repeat(100), ends.repeat(100));
        let wasm = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}"));
        let nesting = measure(&wasm).into_iter().find(|measured| measured.bound == Bound::Nesting);
        assert_eq!(nesting.map(|measured| measured.measured), Some(100), "{constructs}");
    }
}

#[test]
fn calls_by_reference_and_branches_on_null_are_counted() {
    let ty = |index| wasm_encoder::HeapType::Concrete(index);
    let body = [
        I::I64Const(0),
        I::I64Const(0),
        I::RefNull(ty(0)),
        I::CallRef(0),
        I::Block(BlockType::Empty),
        I::RefNull(ty(0)),
        I::BrOnNull(0),
        I::Drop,
        I::RefNull(ty(0)),
        I::ReturnCallRef(1),
        // Dead.
        I::CallRef(0),
        I::End,
    ];
    let measured = measure(&module(&[(2, 0), (0, 0)], [(1, function(0, &body))]));
    let of = |bound| measured.iter().find(|measured| measured.bound == bound).unwrap().measured;
    assert_eq!(of(Bound::MovedOperands), 2);
    // Before each operator: two constants, the reference, the call, the block, the reference, the branch, and so on.
    assert_eq!(of(Bound::OperandHeights), 1 + 2 + 3 + 1 + 1 + 1);
}
