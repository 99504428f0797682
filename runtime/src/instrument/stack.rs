//! The price of a function's frame, from its text alone: what it holds at most while it runs.
//!
//! In slots of 8 bytes: [`FIXED_SLOTS`], its parameters and locals, and the greatest height that its operands reach. A
//! scalar takes one slot and a vector two; operands are counted as vectors in a function that may have a vector among
//! them. But at least [`FIXED_SLOTS`] and one for every [`VALUES_PER_SLOT`] operators that compute something: an
//! optimiser may compute each once and keep it for later, which no source that holds few values would show. (Measured:
//! 256 products, each used before and after a call, take 2 KiB of native stack where the source holds one local.)
//!
//! A function that calls nothing and stays within [`FREE_LEAF_SLOTS`] is free: only one such frame exists at a time, on
//! top of the others. It saves the loops of small helpers the cost.
//!
//! The price is part of the profile: changing it changes where programs stop.

use wasmparser::{
    CompositeInnerType, Error, FuncToValidate, FuncValidator, FuncValidatorAllocations, FunctionBody, Operator,
    ValType, ValidatorResources, types::Types,
};

/// Return address, frame pointer and what the engine saves.
const FIXED_SLOTS: u64 = 4;

/// The native stack has 32 bytes for each byte of a slot (see `engine`), so a slot pays for 32 kept values of 8 bytes.
const VALUES_PER_SLOT: u64 = 32;

/// The largest frame of a function without calls that costs nothing: 1 KiB.
pub(super) const FREE_LEAF_SLOTS: u64 = 128;

/// Whether any type of the module has a vector in it, so that a call or a block may bring one up.
pub(super) fn mentions_vectors(types: &Types) -> bool {
    let types = types.as_ref();
    let in_types = (0..types.core_type_count_in_module()).any(|index| {
        let ty = types.get(types.core_type_at_in_module(index)).map(|ty| &ty.composite_type.inner);
        let Some(CompositeInnerType::Func(ty)) = ty else { return false };
        ty.params().iter().chain(ty.results()).any(|ty| *ty == ValType::V128)
    });
    in_types || (0..types.global_count()).any(|index| types.global_at(index).content_type == ValType::V128)
}

/// The price of a function in slots, or none if it is free. Validates it on the way.
///
/// `vectors` is what [`mentions_vectors`] said. `scratch` is memory to use again for the next function.
pub(super) fn price(
    function: FuncToValidate<ValidatorResources>,
    body: &FunctionBody<'_>,
    params: &[ValType],
    vectors: bool,
    scratch: &mut FuncValidatorAllocations,
) -> Result<Option<i64>, Error> {
    let mut validator = function.into_validator(std::mem::take(scratch));
    let seen = walk(&mut validator, body)?;
    *scratch = validator.into_allocations();
    let locals = params.iter().map(|ty| slots(*ty)).sum::<u64>() + seen.local_slots;
    let operand = if vectors || seen.vectors { 2 } else { 1 };
    let held = locals + operand * seen.height;
    let kept = operand * seen.values / VALUES_PER_SLOT;
    let frame = FIXED_SLOTS + held.max(kept);
    if !seen.calls && frame <= FREE_LEAF_SLOTS {
        return Ok(None);
    }
    // A function has at most 50,000 locals and some 7.6 million operators, so this is far below the most.
    Ok(Some(i64::try_from(frame).unwrap_or(i64::MAX)))
}

/// What a function body shows.
#[derive(Default)]
struct Seen {
    local_slots: u64,
    height: u64,
    /// Operators whose result an optimiser could keep.
    values: u64,
    vectors: bool,
    calls: bool,
}

fn walk(validator: &mut FuncValidator<ValidatorResources>, body: &FunctionBody<'_>) -> Result<Seen, Error> {
    let mut seen = Seen::default();
    let mut locals = body.get_binary_reader();
    validator.read_locals(&mut locals)?;
    for local in body.get_locals_reader()? {
        let (count, ty) = local?;
        seen.local_slots += u64::from(count) * slots(ty);
        seen.vectors |= ty == ValType::V128;
    }
    let mut operators = body.get_operators_reader()?;
    while !operators.eof() {
        let (operator, offset) = operators.read_with_offset()?;
        validator.op(offset, &operator)?;
        seen.calls |= is_call(&operator);
        seen.values += u64::from(computes(&operator));
        seen.height = seen.height.max(u64::from(validator.operand_stack_height()));
        // Whatever makes a vector leaves it on top.
        seen.vectors |= validator.get_operand_type(0) == Some(Some(ValType::V128));
    }
    Ok(seen)
}

/// Tail calls count as calls: their own frame is there until they are made.
fn is_call(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::Call { .. }
            | Operator::CallIndirect { .. }
            | Operator::ReturnCall { .. }
            | Operator::ReturnCallIndirect { .. }
    )
}

/// Whether the operator may leave a value that is worth keeping: not where control goes, and neither locals nor
/// constants, which are counted as such or made again.
fn computes(operator: &Operator<'_>) -> bool {
    !matches!(
        operator,
        Operator::Nop
            | Operator::Unreachable
            | Operator::Block { .. }
            | Operator::Loop { .. }
            | Operator::If { .. }
            | Operator::Else
            | Operator::End
            | Operator::Br { .. }
            | Operator::BrIf { .. }
            | Operator::BrTable { .. }
            | Operator::Return
            | Operator::Drop
            | Operator::LocalGet { .. }
            | Operator::LocalSet { .. }
            | Operator::LocalTee { .. }
            | Operator::I32Const { .. }
            | Operator::I64Const { .. }
            | Operator::F32Const { .. }
            | Operator::F64Const { .. }
    )
}

fn slots(ty: ValType) -> u64 {
    if ty == ValType::V128 { 2 } else { 1 }
}
