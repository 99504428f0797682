//! The state of a generator inside one function: which locals, labels and callees there are, and how much may still be
//! written. Forms of control are in `control`, statements in `statements`.

use super::super::dice::Dice;
use super::super::node::{Node, Type};
use super::constants::constant;
use super::ops::Op;

/// Locals of each type in addition to the parameters. Few, so that one local holds many values in turn, as in the
/// output of compilers.
pub(super) const LOCALS: [(Type, usize); 5] =
    [(Type::F64, 3), (Type::F32, 2), (Type::V128, 3), (Type::I32, 2), (Type::I64, 1)];
/// Loops inside each other; each has a counter of its own.
pub(super) const LOOPS: usize = 3;
/// Addresses are below this value, so that written memory is read again.
const ADDRESSES: u32 = 0x3f8;

/// Parameters and results of a function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Signature {
    pub(super) params: Vec<Type>,
    pub(super) results: Vec<Type>,
}

/// A label that a branch may target without looping, and the values that it takes.
pub(super) struct Label {
    pub(super) name: String,
    pub(super) carries: Vec<Type>,
}

pub(super) struct Generator<'a> {
    pub(super) dice: &'a mut Dice,
    /// All functions of the module.
    pub(super) functions: &'a [Signature],
    /// Which of them is being written.
    pub(super) current: usize,
    /// Whether tail calls are used.
    pub(super) tail_calls: bool,
    /// Names and types of accessible variables.
    pub(super) locals: Vec<(String, Type)>,
    pub(super) labels: Vec<Label>,
    /// How many loops are around this place.
    pub(super) loops: usize,
    /// For names that are used once.
    pub(super) fresh: usize,
    /// Nodes that may still be written, about.
    pub(super) room: usize,
}

impl Generator<'_> {
    /// A new name.
    pub(super) fn name(&mut self) -> String {
        self.fresh += 1;
        format!("$b{}", self.fresh)
    }

    /// A type, floats more often than integers.
    pub(super) fn ty(&mut self) -> Type {
        self.dice.pick(&[
            Type::F64,
            Type::F64,
            Type::F64,
            Type::F32,
            Type::F32,
            Type::V128,
            Type::V128,
            Type::I32,
            Type::I64,
        ])
    }

    /// As many types as lie between, both included.
    pub(super) fn types(&mut self, least: u64, most: u64) -> Vec<Type> {
        (0..self.dice.between(least, most)).map(|_| self.ty()).collect()
    }

    pub(super) fn local(&mut self, ty: Type) -> String {
        let fitting: Vec<&String> = self.locals.iter().filter(|local| local.1 == ty).map(|local| &local.0).collect();
        self.dice.pick(&fitting).clone()
    }

    pub(super) fn global(&mut self, ty: Type) -> String {
        format!("${ty}_{}", self.dice.below(2))
    }

    /// An expression of that type, at most that deep.
    pub(super) fn value(&mut self, ty: Type, depth: usize) -> Node {
        self.room = self.room.saturating_sub(1);
        if depth == 0 || self.room == 0 {
            return self.leaf(ty);
        }
        match self.dice.below(100) {
            0..52 => {
                let op = Op::giving(ty, self.dice);
                let head = op.head(self.dice);
                let kids: Vec<Node> = op.takes.iter().map(|ty| self.value(*ty, depth - 1)).collect();
                Node::value(ty, head, kids)
            }
            52..60 => self.leaf(ty),
            60..66 => self.load(ty, depth - 1),
            66..74 => self.select(ty, depth - 1),
            74..80 => {
                let local = self.local(ty);
                Node::value(ty, format!("local.tee {local}"), [self.value(ty, depth - 1)])
            }
            80..88 => self.call_for(ty, depth - 1),
            88..92 => self.branch_or_go_on(ty, depth - 1),
            _ => self.control(ty, depth - 1),
        }
    }

    pub(super) fn values(&mut self, types: &[Type], depth: usize) -> Vec<Node> {
        types.iter().map(|ty| self.value(*ty, depth)).collect()
    }

    /// An `i32` to decide by.
    pub(super) fn condition(&mut self, depth: usize) -> Node {
        if self.dice.chance(40) {
            return self.value(Type::I32, depth);
        }
        let (op, ty) = self.dice.pick(&[
            ("f64.lt", Type::F64),
            ("f64.ne", Type::F64),
            ("f32.gt", Type::F32),
            ("f32.eq", Type::F32),
        ]);
        let kids = self.values(&[ty, ty], depth.min(2));
        Node::value(Type::I32, op, kids)
    }

    fn leaf(&mut self, ty: Type) -> Node {
        match self.dice.below(10) {
            0..3 => constant(ty, self.dice),
            3 => {
                let global = self.global(ty);
                Node::value(ty, format!("global.get {global}"), [])
            }
            _ => {
                let local = self.local(ty);
                Node::value(ty, format!("local.get {local}"), [])
            }
        }
    }

    /// An address at which something is kept.
    pub(super) fn address(&mut self, depth: usize) -> Node {
        if self.dice.chance(50) {
            let at = self.dice.below(u64::from(ADDRESSES) / 8) * 8;
            return Node::value(Type::I32, format!("i32.const {at}"), []);
        }
        let mask = Node::value(Type::I32, format!("i32.const {ADDRESSES}"), []);
        let kids = [self.value(Type::I32, depth.min(1)), mask];
        Node::value(Type::I32, "i32.and", kids)
    }

    fn load(&mut self, ty: Type, depth: usize) -> Node {
        let address = self.address(depth);
        let offset = self.dice.pick(&[0, 0, 4, 8]);
        if ty == Type::V128 && self.dice.chance(50) {
            let lane = self.dice.below(2);
            let vector = self.value(ty, depth);
            let (op, kids) = match self.dice.below(5) {
                0 => (format!("v128.load64_splat offset={offset}"), vec![address]),
                1 => (format!("v128.load32_splat offset={offset}"), vec![address]),
                2 => (format!("v128.load64_zero offset={offset}"), vec![address]),
                3 => (format!("v128.load32_zero offset={offset}"), vec![address]),
                _ => (format!("v128.load64_lane offset={offset} {lane}"), vec![address, vector]),
            };
            return Node::value(ty, op, kids);
        }
        Node::value(ty, format!("{ty}.load offset={offset}"), [address])
    }

    fn select(&mut self, ty: Type, depth: usize) -> Node {
        let head = if self.dice.chance(50) { "select".into() } else { format!("select (result {ty})") };
        let kids = [self.value(ty, depth), self.value(ty, depth), self.condition(depth)];
        Node::value(ty, head, kids)
    }

    /// A call with one result of that type, or another expression if there is no such function.
    fn call_for(&mut self, ty: Type, depth: usize) -> Node {
        let behind: Vec<usize> =
            (self.current + 1..self.functions.len()).filter(|index| self.functions[*index].results == [ty]).collect();
        if behind.is_empty() {
            return self.select(ty, depth);
        }
        let callee = self.dice.pick(&behind);
        let (head, kids) = self.call(callee, depth);
        Node::value(ty, head, kids)
    }

    /// A direct or indirect call of a function.
    pub(super) fn call(&mut self, callee: usize, depth: usize) -> (String, Vec<Node>) {
        let params = self.functions[callee].params.clone();
        let mut kids = self.values(&params, depth.min(2));
        if self.dice.chance(60) {
            return (format!("call $f{callee}"), kids);
        }
        kids.push(Node::value(Type::I32, format!("i32.const {callee}"), []));
        (format!("call_indirect (type $t{callee})"), kids)
    }

    /// `br_if` with a value, to a label that takes it.
    fn branch_or_go_on(&mut self, ty: Type, depth: usize) -> Node {
        let fitting: Vec<String> =
            self.labels.iter().filter(|label| label.carries == [ty]).map(|label| label.name.clone()).collect();
        if fitting.is_empty() {
            return self.control(ty, depth);
        }
        let label = self.dice.pick(&fitting);
        let kids = [self.value(ty, depth), self.condition(depth)];
        Node::value(ty, format!("br_if {label}"), kids)
    }
}
