//! Counts the figures of a function in one pass over its operators, with memory for its locals and open constructs.
//!
//! Counts like a validator without validating: figures of invalid code are meaningless, and it is rejected later. Dead
//! code counts by its bytes only.

use wasmparser::{
    BlockType, Catch, ContType, Error, FrameKind, FuncType, FunctionBody, ModuleArity, Operator, RefType, SubType,
};

use super::signatures::{Arity, Signatures};
use super::weights;

/// Properties of a function that cost a compiler more than their bytes.
#[derive(Debug, Default)]
pub(super) struct Figures {
    pub(super) bytes: u64,
    /// Declared locals, without parameters.
    pub(super) locals: u64,
    /// Open constructs, at most.
    pub(super) nesting: u64,
    /// Open loops, at most.
    pub(super) loop_nesting: u64,
    /// Number of loops.
    pub(super) loops: u64,
    /// Targets of all `br_table`.
    pub(super) targets: u64,
    /// For each local, the edges up to its last use, over which a compiler may carry its value.
    pub(super) carried: u64,
    /// For each construct, the locals that are assigned in it.
    pub(super) assigned: u64,
    /// For each loop, the locals that are assigned in it.
    pub(super) loop_locals: u64,
    /// Operands that calls take and give, and that branches and constructs take along.
    pub(super) moved: u64,
    /// Heights of the operands, added up over all operators.
    pub(super) heights: u64,
    /// Estimated bytes of machine code.
    pub(super) code: u64,
}

/// As in `wasmparser::limits` and in browsers.
const MOST_LOCALS: u64 = 50_000;

/// Counts the figures of a body whose function has `arity`.
pub(super) fn figures(body: &FunctionBody<'_>, arity: Arity, signatures: &Signatures) -> Result<Figures, Error> {
    let mut walk = Walk {
        figures: Figures { bytes: body.range().len() as u64, code: weights::FUNCTION, ..Figures::default() },
        signatures,
        uses: Vec::new(),
        loop_ends: Vec::new(),
        open: vec![Open { start: 0, base: 0, arity: Arity::new(arity.gives, arity.gives), is_loop: false }],
        position: 0,
        height: 0,
        edges: 0,
        loop_starts: Vec::new(),
        dead: None,
    };
    for group in body.get_locals_reader()? {
        walk.figures.locals += u64::from(group?.0);
    }
    let locals = u64::from(arity.takes) + walk.figures.locals;
    walk.figures.code += weights::LOCAL * locals;
    // Above that the validator refuses it.
    walk.uses.resize(usize::try_from(locals.min(MOST_LOCALS)).unwrap_or(0), Use::default());
    let mut reader = body.get_operators_reader()?;
    while !reader.eof() {
        walk.see(&reader.read()?);
    }
    Ok(walk.finish())
}

/// A construct that is open.
struct Open {
    /// Which operator it begins with, counted from 1.
    start: u64,
    /// Height of the operands below its parameters.
    base: u64,
    arity: Arity,
    is_loop: bool,
}

/// Last use and last assignment of a local.
#[derive(Clone, Copy, Default)]
struct Use {
    /// Number of edges before it.
    edges: u64,
    /// The outermost loop that it is in, counted from 1, or 0.
    outer_loop: u32,
    /// The last operator that assigns it, counted from 1, or 0.
    assigned: u64,
}

struct Walk<'a> {
    figures: Figures,
    signatures: &'a Signatures,
    uses: Vec<Use>,
    /// Edges before the end of each outermost loop.
    loop_ends: Vec<u64>,
    open: Vec<Open>,
    /// Operators so far, dead ones not counted.
    position: u64,
    height: u64,
    /// Places so far where control parts or meets; a `br_table` counts once for each target.
    edges: u64,
    /// Which operator each open loop begins with.
    loop_starts: Vec<u64>,
    /// In dead code: how many constructs have been opened since it began.
    dead: Option<u64>,
}

impl Walk<'_> {
    fn see(&mut self, operator: &Operator<'_>) {
        if let Some(depth) = self.dead {
            self.dead = match operator {
                Operator::Block { .. }
                | Operator::Loop { .. }
                | Operator::If { .. }
                | Operator::TryTable { .. }
                | Operator::Try { .. } => Some(depth + 1),
                Operator::End | Operator::Delegate { .. } if depth > 0 => Some(depth - 1),
                Operator::End
                | Operator::Else
                | Operator::Delegate { .. }
                | Operator::Catch { .. }
                | Operator::CatchAll => None,
                _ => Some(depth),
            };
            if let Some(depth) = self.dead {
                self.nest(depth);
                return;
            }
        }
        self.position += 1;
        self.figures.heights += self.height;
        self.figures.code += weights::of(operator);
        match operator {
            Operator::LocalGet { local_index } => {
                self.mention(*local_index);
                self.height += 1;
            }
            Operator::LocalSet { local_index } => {
                self.assign(*local_index);
                self.pop(1);
            }
            Operator::LocalTee { local_index } => self.assign(*local_index),
            Operator::Call { function_index } => self.call(self.signatures.of_function(*function_index)),
            Operator::CallIndirect { type_index, .. } | Operator::CallRef { type_index } => {
                self.pop(1);
                self.call(self.signatures.of_type(*type_index));
            }
            Operator::ReturnCall { function_index } => {
                self.call(self.signatures.of_function(*function_index));
                self.stop();
            }
            Operator::ReturnCallIndirect { type_index, .. } | Operator::ReturnCallRef { type_index } => {
                self.pop(1);
                self.call(self.signatures.of_type(*type_index));
                self.stop();
            }
            _ => self.control(operator),
        }
    }

    fn control(&mut self, operator: &Operator<'_>) {
        match operator {
            Operator::Block { blockty } | Operator::Try { blockty } => {
                self.enter(self.signatures.of_block(*blockty), false);
            }
            Operator::TryTable { try_table } => {
                for catch in &try_table.catches {
                    let (Catch::One { label, .. }
                    | Catch::OneRef { label, .. }
                    | Catch::All { label }
                    | Catch::AllRef { label }) = catch;
                    self.branch(*label);
                }
                self.enter(self.signatures.of_block(try_table.ty), false);
            }
            Operator::Loop { blockty } => self.enter(self.signatures.of_block(*blockty), true),
            Operator::If { blockty } => {
                self.pop(1);
                self.edges += 1;
                self.enter(self.signatures.of_block(*blockty), false);
            }
            Operator::Else | Operator::Catch { .. } | Operator::CatchAll => {
                self.edges += 1;
                if let Some(open) = self.open.last() {
                    self.figures.moved += open.arity.sum();
                    self.height = open.base + u64::from(open.arity.takes);
                }
            }
            Operator::End | Operator::Delegate { .. } => self.leave(),
            Operator::Br { relative_depth } => {
                self.branch(*relative_depth);
                self.stop();
            }
            Operator::BrIf { relative_depth } => {
                self.pop(1);
                self.branch(*relative_depth);
            }
            Operator::BrOnNull { relative_depth } => {
                self.pop(1);
                self.branch(*relative_depth);
                self.height += 1;
            }
            Operator::BrOnNonNull { relative_depth } => {
                self.branch(*relative_depth);
                self.pop(1);
            }
            Operator::BrTable { targets } => {
                self.pop(1);
                self.figures.targets += u64::from(targets.len());
                self.figures.code += weights::TARGET * u64::from(targets.len());
                for depth in targets.targets().flatten().chain([targets.default()]) {
                    self.branch(depth);
                }
                self.stop();
            }
            Operator::Return => {
                self.branch(u32::try_from(self.open.len().saturating_sub(1)).unwrap_or(0));
                self.stop();
            }
            Operator::Unreachable | Operator::Throw { .. } | Operator::ThrowRef | Operator::Rethrow { .. } => {
                self.stop();
            }
            _ => {
                let (takes, gives) = operator.operator_arity(&Plain).unwrap_or((0, 0));
                self.pop(takes);
                self.height += u64::from(gives);
            }
        }
    }

    fn mention(&mut self, local: u32) {
        if let Some(used) = self.uses.get_mut(local as usize) {
            let outer_loop =
                if self.loop_starts.is_empty() { 0 } else { u32::try_from(self.loop_ends.len()).unwrap_or(0) };
            used.edges = self.edges;
            used.outer_loop = outer_loop;
        }
    }

    /// Counts the open constructs, but for the function's own, and the open loops in which the local has not been assigned before.
    fn assign(&mut self, local: u32) {
        self.mention(local);
        if let Some(used) = self.uses.get_mut(local as usize) {
            let before = self.open.partition_point(|open| open.start <= used.assigned).max(1);
            self.figures.assigned += self.open.len().saturating_sub(before) as u64;
            let before = self.loop_starts.partition_point(|start| *start <= used.assigned);
            self.figures.loop_locals += self.loop_starts.len().saturating_sub(before) as u64;
            used.assigned = self.position;
        }
    }

    fn pop(&mut self, count: u32) {
        self.height = self.height.saturating_sub(count.into());
    }

    fn call(&mut self, arity: Arity) {
        self.figures.moved += arity.sum();
        self.figures.code += weights::MOVED * arity.sum();
        self.pop(arity.takes);
        self.height += u64::from(arity.gives);
    }

    fn enter(&mut self, arity: Arity, is_loop: bool) {
        self.edges += 1;
        self.figures.moved += arity.sum();
        self.open.push(Open {
            start: self.position,
            base: self.height.saturating_sub(arity.takes.into()),
            arity,
            is_loop,
        });
        self.nest(0);
        if is_loop {
            if self.loop_starts.is_empty() {
                self.loop_ends.push(0);
            }
            self.loop_starts.push(self.position);
            self.figures.loops += 1;
            self.figures.loop_nesting = self.figures.loop_nesting.max(self.loop_starts.len() as u64);
        }
    }

    /// Opens `dead` nested dead constructs.
    fn nest(&mut self, dead: u64) {
        self.figures.nesting = self.figures.nesting.max(self.open.len().saturating_sub(1) as u64 + dead);
    }

    fn leave(&mut self) {
        self.edges += 1;
        let Some(open) = self.open.pop() else { return };
        self.height = open.base + u64::from(open.arity.gives);
        if open.is_loop {
            self.loop_starts.pop();
            if self.loop_starts.is_empty()
                && let Some(end) = self.loop_ends.last_mut()
            {
                *end = self.edges;
            }
        }
    }

    fn branch(&mut self, depth: u32) {
        self.edges += 1;
        let label = self.open.len().checked_sub(depth as usize + 1).and_then(|at| self.open.get(at));
        let taken = label.map_or(0, |open| if open.is_loop { open.arity.takes } else { open.arity.gives });
        self.figures.moved += u64::from(taken);
        self.figures.code += weights::MOVED * u64::from(taken);
    }

    /// Control does not go on here.
    fn stop(&mut self) {
        self.dead = Some(0);
    }

    fn finish(mut self) -> Figures {
        for used in &self.uses {
            let end = (used.outer_loop as usize).checked_sub(1).and_then(|at| self.loop_ends.get(at));
            self.figures.carried += used.edges.max(end.copied().unwrap_or(0));
        }
        self.figures
    }
}

/// Arity of operators that depends only on themselves; others are handled above.
struct Plain;

impl ModuleArity for Plain {
    fn sub_type_at(&self, _: u32) -> Option<&SubType> {
        None
    }
    fn tag_type_arity(&self, _: u32) -> Option<(u32, u32)> {
        None
    }
    fn type_index_of_function(&self, _: u32) -> Option<u32> {
        None
    }
    fn func_type_of_cont_type(&self, _: &ContType) -> Option<&FuncType> {
        None
    }
    fn sub_type_of_ref_type(&self, _: &RefType) -> Option<&SubType> {
        None
    }
    fn control_stack_height(&self) -> u32 {
        0
    }
    fn label_block(&self, _: u32) -> Option<(BlockType, FrameKind)> {
        None
    }
}
