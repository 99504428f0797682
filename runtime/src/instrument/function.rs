//! A function as shared by the parts of the pass: validated, with a list of operators and its frame.
//!
//! `operators` has the costs of operators, `stack` that of a frame.

use wasmparser::{
    FuncToValidate, FuncValidatorAllocations, FunctionBody, Operator, Result, ValType, ValidatorResources,
};

use super::stack::Frame;

/// A function of the module, in the order of its text.
pub(super) struct Function<'a> {
    /// Its index in the module.
    pub(super) index: u32,
    /// Types of parameters and declared locals, as `(how many, which)`.
    pub(super) locals: Vec<(u32, ValType)>,
    /// How many of the groups of locals are parameters.
    pub(super) params: usize,
    /// Every operator with its offset in the module. The last is the function's `end`.
    pub(super) operators: Vec<(Operator<'a>, usize)>,
    /// Offset after the declarations of locals.
    pub(super) start: usize,
    /// Offset of the first byte behind the body.
    pub(super) end: usize,
    /// Maximum size of the frame.
    pub(super) frame: Frame,
}

impl<'a> Function<'a> {
    /// Reads and validates a body. `scratch` is memory to use again for the next function.
    pub(super) fn read(
        function: FuncToValidate<ValidatorResources>,
        body: &FunctionBody<'a>,
        params: &[ValType],
        scratch: &mut FuncValidatorAllocations,
    ) -> Result<Self> {
        let index = function.index;
        let mut validator = function.into_validator(std::mem::take(scratch));
        validator.read_locals(&mut body.get_binary_reader())?;
        let mut locals: Vec<(u32, ValType)> = params.iter().map(|ty| (1, *ty)).collect();
        for group in body.get_locals_reader()? {
            locals.push(group?);
        }
        let mut frame = Frame::of_locals(&locals, params.len());
        let mut reader = body.get_operators_reader()?;
        let start = reader.original_position();
        // Most operators take one or two bytes.
        let mut operators = Vec::with_capacity(body.as_bytes().len() / 2);
        while !reader.eof() {
            let (operator, offset) = reader.read_with_offset()?;
            validator.op(offset, &operator)?;
            frame.see(&operator, &validator);
            operators.push((operator, offset));
        }
        *scratch = validator.into_allocations();
        Ok(Self { index, locals, params: params.len(), operators, start, end: body.range().end, frame })
    }

    /// Offset of an operator, or of the end of the body for the index behind the last.
    pub(super) fn offset(&self, operator: usize) -> usize {
        self.operators.get(operator).map_or(self.end, |(_, offset)| *offset)
    }

    /// How many locals there are, parameters included.
    pub(super) fn local_count(&self) -> u32 {
        self.locals.iter().map(|(count, _)| count).sum()
    }
}
