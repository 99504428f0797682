//! Follows every float through a function: operators, operands, locals and branches; builds the `graph`.
//!
//! Locals are followed by assignment, because compilers use one local for many values. Calls are opaque: arguments and
//! results count bit by bit. Dead code is skipped.

use wasmparser::{BlockType, ContType, FrameKind, FuncType, ModuleArity, Operator, RefType, SubType, ValType};

use super::floats::{self, Effect, Shape};
use super::graph::{EXACT, Graph, NUMBER, Node, Origin, Place};
use super::merge::{Label, State};
use crate::instrument::blocks::Blocks;
use crate::instrument::function::Function;
use crate::instrument::types::ModuleTypes;

/// Maximum nodes, edges and copied states for each operator, above which the pass stops following a function: with many
/// floats in locals and many branches the graph grows as their product.
const MOST_PER_OPERATOR: usize = 256;
/// Minimum allowance of every function, and maximum of any: about 100 MB.
const MOST_AT_LEAST: usize = 1 << 16;
const MOST_AT_ALL: usize = 4 << 20;

/// The graph of a function; `None` if it would be too large.
pub(super) fn graph(function: &Function<'_>, blocks: &Blocks, types: ModuleTypes<'_>) -> Option<Graph> {
    let results = types.of_function(function.index).1.len();
    let mut flow = Flow {
        graph: Graph::new(),
        operands: Vec::new(),
        loops: 0,
        most: (function.operators.len() * MOST_PER_OPERATOR).clamp(MOST_AT_LEAST, MOST_AT_ALL),
        types,
        labels: vec![Label::new(0, 0, results)],
        state: State::of(function),
    };
    let mut dead = blocks.dead.iter().peekable();
    let mut index = 0;
    while index < function.operators.len() {
        if let Some(range) = dead.next_if(|range| range.start == index) {
            index = range.end;
            continue;
        }
        flow.step(index, &function.operators[index].0);
        if flow.size() > flow.most {
            return None;
        }
        index += 1;
    }
    Some(flow.graph)
}

struct Flow<'a> {
    graph: Graph,
    /// A node for each operand; operands other than floats are exact.
    operands: Vec<Node>,
    labels: Vec<Label>,
    state: State,
    /// How many loops are open.
    loops: u32,
    most: usize,
    types: ModuleTypes<'a>,
}

impl Flow<'_> {
    fn size(&self) -> usize {
        self.graph.size() + self.state.copied
    }

    fn step(&mut self, index: usize, operator: &Operator<'_>) {
        let place = |shape| Place { operator: index, depth: self.loops, shape };
        match floats::effect(operator) {
            Effect::Compute(count, from, to) => {
                let place = place(Some(to));
                self.consume(count, from);
                let made = self.graph.add(Origin::Computed(place));
                self.operands.push(made);
            }
            Effect::Consume(count, shape) => {
                self.consume(count, shape);
                self.operands.push(EXACT);
            }
            Effect::Number(count) => {
                self.observe(count as usize);
                self.operands.push(NUMBER);
            }
            Effect::Negate(shape) => self.derive(shape, Origin::Negated),
            Effect::Absolute(shape) => self.derive(shape, Origin::Absolute),
            Effect::CopySign => {
                self.observe(1);
                let value = self.pop();
                let signed = self.graph.derive(value, Origin::Signed);
                self.operands.push(signed);
            }
            Effect::Choose(shape) => {
                let (b, a) = (self.pop(), self.pop());
                self.graph.use_as(a, shape);
                self.graph.use_as(b, shape);
                self.choose(a, b);
            }
            Effect::Observe => self.other(operator, place(None)),
        }
    }

    fn other(&mut self, operator: &Operator<'_>, place: Place) {
        match operator {
            Operator::LocalGet { local_index } => {
                let version = self.state.get(*local_index);
                let read = self.graph.derive(version, Origin::Read(place));
                self.operands.push(read);
            }
            Operator::LocalSet { local_index } => {
                let value = self.pop();
                self.state.set(*local_index, value);
            }
            Operator::LocalTee { local_index } => {
                let value = self.pop();
                self.state.set(*local_index, value);
                self.operands.push(value);
            }
            Operator::Select | Operator::TypedSelect { .. } => {
                self.pop();
                let (b, a) = (self.pop(), self.pop());
                self.choose(a, b);
            }
            Operator::Drop => {
                self.pop();
            }
            Operator::Call { function_index } => {
                let (params, results) = self.types.of_function(*function_index);
                self.exchange(params.len(), results.len());
            }
            Operator::CallIndirect { type_index, .. } | Operator::CallRef { type_index } => {
                let (params, results) = self.types.of_type(*type_index);
                self.exchange(params.len() + 1, results.len());
            }
            _ if self.control(operator) => {}
            _ => {
                let (takes, gives) = operator.operator_arity(&Plain).unwrap_or((0, 0));
                self.exchange(takes as usize, gives as usize);
            }
        }
    }

    /// Whether the operator is one of control, which is followed then.
    fn control(&mut self, operator: &Operator<'_>) -> bool {
        match operator {
            Operator::Block { blockty } => self.enter(*blockty),
            Operator::Loop { blockty } => self.enter_loop(*blockty),
            Operator::If { blockty } => {
                self.pop();
                self.enter(*blockty);
                if let Some(label) = self.labels.last_mut() {
                    label.is_if(&self.operands, &mut self.state);
                }
            }
            Operator::Else => {
                self.arrive();
                if let Some(label) = self.labels.last_mut() {
                    label.turn_to_else(&mut self.operands, &mut self.state);
                }
            }
            Operator::End => self.leave(),
            Operator::BrIf { relative_depth } => {
                self.pop();
                self.branch(*relative_depth);
            }
            Operator::BrOnNull { relative_depth } => {
                let reference = self.pop();
                self.branch(*relative_depth);
                self.operands.push(reference);
            }
            Operator::BrOnNonNull { relative_depth } => {
                self.branch(*relative_depth);
                self.pop();
            }
            Operator::Br { relative_depth } => {
                self.branch(*relative_depth);
                self.stop();
            }
            Operator::BrTable { targets } => {
                self.pop();
                let mut depths: Vec<u32> = targets.targets().flatten().chain([targets.default()]).collect();
                depths.sort_unstable();
                depths.dedup();
                for depth in depths {
                    self.branch(depth);
                }
                self.stop();
            }
            Operator::Return => {
                self.observe(self.labels[0].results());
                self.stop();
            }
            Operator::ReturnCall { function_index } => {
                self.observe(self.types.of_function(*function_index).0.len());
                self.stop();
            }
            Operator::ReturnCallIndirect { type_index, .. } | Operator::ReturnCallRef { type_index } => {
                self.observe(self.types.of_type(*type_index).0.len() + 1);
                self.stop();
            }
            Operator::Unreachable => self.stop(),
            Operator::Throw { .. } | Operator::ThrowRef => {
                // The handler reads what is thrown bit by bit, and the operands below it are dropped.
                self.observe(self.operands.len());
                self.stop();
            }
            _ => return false,
        }
        true
    }

    fn pop(&mut self) -> Node {
        self.operands.pop().unwrap_or(EXACT)
    }

    fn consume(&mut self, count: u32, shape: Shape) {
        for _ in 0..count {
            let value = self.pop();
            self.graph.use_as(value, shape);
        }
    }

    fn observe(&mut self, count: usize) {
        for _ in 0..count {
            let value = self.pop();
            self.graph.observe(value);
        }
    }

    fn exchange(&mut self, takes: usize, gives: usize) {
        self.observe(takes);
        self.operands.extend(std::iter::repeat_n(EXACT, gives));
    }

    fn derive(&mut self, shape: Shape, origin: Origin) {
        let value = self.pop();
        self.graph.use_as(value, shape);
        let made = self.graph.derive(value, origin);
        self.operands.push(made);
    }

    fn choose(&mut self, a: Node, b: Node) {
        let chosen = if a == b {
            a
        } else {
            let chosen = self.graph.add(Origin::Copy);
            self.graph.connect(a, chosen);
            self.graph.connect(b, chosen);
            chosen
        };
        self.operands.push(chosen);
    }

    fn enter(&mut self, ty: BlockType) {
        let (params, results) = self.types.arity_of_block(ty);
        let base = self.operands.len().saturating_sub(params);
        self.labels.push(Label::new(base, params, results));
    }

    fn enter_loop(&mut self, ty: BlockType) {
        let (params, results) = self.types.arity_of_block(ty);
        let base = self.operands.len().saturating_sub(params);
        self.loops += 1;
        let label = Label::of_loop(base, results, &mut self.operands, &mut self.state, &mut self.graph);
        self.labels.push(label);
    }

    /// Merges the current state into the label of a branch.
    fn branch(&mut self, depth: u32) {
        // An operator may have thousands of targets. The limit is checked afterwards.
        if self.size() > self.most {
            return;
        }
        let Some(at) = self.labels.len().checked_sub(depth as usize + 1) else { return };
        if at == 0 {
            let results = self.labels[0].results();
            for value in self.operands.iter().rev().take(results) {
                self.graph.observe(*value);
            }
        } else {
            self.labels[at].join(&self.operands, &mut self.state, &mut self.graph);
        }
    }

    /// Merges the current state into the end of the innermost construct, if it is reachable.
    fn arrive(&mut self) {
        if let Some(label) = self.labels.last_mut()
            && label.live
        {
            label.join_end(&self.operands, &mut self.state, &mut self.graph);
        }
    }

    /// Control does not go on here.
    fn stop(&mut self) {
        if let Some(label) = self.labels.last_mut() {
            label.live = false;
        }
    }

    fn leave(&mut self) {
        if self.labels.len() == 1 {
            if self.labels[0].live {
                self.observe(self.labels[0].results());
            }
            return;
        }
        self.arrive();
        let Some(mut label) = self.labels.pop() else { return };
        if label.is_loop() {
            self.loops -= 1;
        }
        label.close(&mut self.operands, &mut self.state, &mut self.graph);
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

/// Whether a local can hold a float.
pub(super) fn is_float(ty: ValType) -> bool {
    matches!(ty, ValType::F32 | ValType::F64 | ValType::V128)
}
