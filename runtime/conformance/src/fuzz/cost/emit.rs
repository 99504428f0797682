//! The module of a shape.

use wasm_encoder::{
    BlockType, CodeSection, ExportKind, ExportSection, Function, FunctionSection, HeapType, Instruction as I, MemArg,
    MemorySection, MemoryType, Module, RefType, TableSection, TableType, TypeSection, ValType,
};

use super::shape::{Construct, Kind, Node, Shape};

/// Bodies are cut short beyond this; constructs are closed then.
const BODY_BYTES: usize = 40_000;
/// And no more functions begun beyond this.
const MODULE_BYTES: usize = 80_000;

/// Makes the module. It is valid.
pub fn module(shape: &Shape) -> Vec<u8> {
    let ty = value_type(shape.kind);
    let (mut types, mut functions) = (TypeSection::new(), FunctionSection::new());
    let (mut exports, mut code) = (ExportSection::new(), CodeSection::new());
    types.ty().function([], []);
    types.ty().function(vec![ty; shape.params as usize], vec![ty; shape.results as usize]);
    for number in 0..shape.types {
        let one = |bit: u32| if number >> bit.min(31) & 1 == 1 && bit < 24 { ValType::I64 } else { ValType::I32 };
        types.ty().function((0..shape.params.max(12)).map(one), []);
    }
    let mut written = 0;
    for index in 0..shape.functions.max(1) {
        functions.function(1);
        if shape.exported {
            exports.export(&index.to_string(), ExportKind::Func, index);
        }
        let body = body(shape, index);
        written += body.byte_len() + 4;
        code.function(&body);
        if written > MODULE_BYTES {
            break;
        }
    }
    let mut tables = TableSection::new();
    tables.table(TableType {
        element_type: RefType::FUNCREF,
        table64: false,
        minimum: 1,
        maximum: None,
        shared: false,
    });
    let mut memories = MemorySection::new();
    memories.memory(MemoryType { minimum: 1, maximum: None, memory64: false, shared: false, page_size_log2: None });
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&tables).section(&memories).section(&exports).section(&code);
    module.finish()
}

fn body(shape: &Shape, index: u32) -> Function {
    let locals = [(1, ValType::I32), (shape.locals.max(1), value_type(shape.kind))];
    let mut writer = Writer { function: Function::new(locals), shape, index, next: 0, open: 0 };
    writer.nodes(&shape.body);
    for _ in 0..shape.results {
        writer.constant();
    }
    writer.add(&I::End);
    writer.function
}

struct Writer<'a> {
    function: Function,
    shape: &'a Shape,
    index: u32,
    /// The next local.
    next: u32,
    /// Constructs that are open.
    open: u32,
}

impl Writer<'_> {
    fn add(&mut self, instruction: &I<'_>) {
        self.function.instruction(instruction);
    }

    fn is_full(&self) -> bool {
        self.function.byte_len() > BODY_BYTES
    }

    fn nodes(&mut self, nodes: &[Node]) {
        for node in nodes {
            if self.is_full() {
                return;
            }
            self.node(node);
        }
    }

    fn times(&mut self, times: u32, mut each: impl FnMut(&mut Self)) {
        for _ in 0..times {
            if self.is_full() {
                return;
            }
            each(self);
        }
    }

    fn node(&mut self, node: &Node) {
        match node {
            Node::Repeat(times, body) => self.times(*times, |writer| writer.nodes(body)),
            Node::Inside(construct, depth, body) => self.inside(*construct, *depth, body),
            Node::Above(count, of_locals, body) => {
                let before = self.next;
                let mut held = 0;
                self.times(*count, |writer| {
                    if *of_locals {
                        writer.local();
                    } else {
                        writer.constant();
                    }
                    held += 1;
                });
                self.next = before;
                self.nodes(body);
                for _ in 0..held {
                    self.add(&I::Drop);
                }
            }
            Node::Locals(count, operator) => self.times(*count, |writer| {
                let local = writer.choose();
                writer.add(&I::LocalGet(local));
                writer.operator(*operator);
                writer.add(&I::LocalSet(local));
            }),
            Node::Operators(count, operator) => {
                self.local();
                self.times(*count, |writer| writer.operator(*operator));
                let local = self.choose();
                self.add(&I::LocalSet(local));
            }
            Node::Calls(count, indirect) => self.calls(*count, *indirect),
            Node::Branches(count, out) => self.times(*count, |writer| {
                let label = if writer.open == 0 { 0 } else { out % writer.open };
                if writer.open > 0 {
                    writer.add(&I::LocalGet(writer.shape.params));
                    writer.add(&I::BrIf(label));
                }
            }),
            Node::Table(targets, spread) => self.table(*targets, *spread),
            Node::Memory(count, operator) => self.times(*count, |writer| writer.memory(*operator)),
        }
    }

    fn inside(&mut self, construct: Construct, depth: u32, body: &[Node]) {
        let mut opened = 0;
        self.times(depth, |writer| {
            match construct {
                Construct::Block => writer.add(&I::Block(BlockType::Empty)),
                Construct::Loop => writer.add(&I::Loop(BlockType::Empty)),
                Construct::If => {
                    writer.add(&I::LocalGet(writer.shape.params));
                    writer.add(&I::If(BlockType::Empty));
                }
            }
            writer.open += 1;
            opened += 1;
        });
        self.nodes(body);
        for _ in 0..opened {
            if construct == Construct::Loop {
                self.add(&I::LocalGet(self.shape.params));
                self.add(&I::BrIf(0));
            }
            self.add(&I::End);
            self.open -= 1;
        }
    }

    fn calls(&mut self, count: u32, indirect: bool) {
        let (params, results) = (self.shape.params, self.shape.results);
        for _ in 0..params {
            self.local();
        }
        let mut held = params;
        self.times(count, |writer| {
            for _ in held..params {
                writer.constant();
            }
            for _ in params..held {
                writer.add(&I::Drop);
            }
            if indirect {
                writer.add(&I::I32Const(0));
                writer.add(&I::CallIndirect { type_index: 1, table_index: 0 });
            } else {
                writer.add(&I::Call(writer.index));
            }
            held = results;
        });
        for _ in 0..held {
            self.add(&I::Drop);
        }
    }

    fn table(&mut self, targets: u32, spread: u32) {
        let most = self.open + 1;
        let targets = targets.min(u32::try_from(BODY_BYTES).unwrap_or(0));
        let targets: Vec<u32> = (0..targets).map(|target| target % spread.clamp(1, most)).collect();
        self.add(&I::Block(BlockType::Empty));
        self.add(&I::LocalGet(self.shape.params));
        self.add(&I::BrTable(targets.into(), 0));
        self.add(&I::End);
    }

    /// One of the locals, the next time another.
    fn choose(&mut self) -> u32 {
        let locals = self.shape.locals.max(1);
        self.next = (self.next + 1) % locals;
        self.shape.params + 1 + self.next
    }

    fn local(&mut self) {
        let local = self.choose();
        self.add(&I::LocalGet(local));
    }

    fn constant(&mut self) {
        self.add(&match self.shape.kind {
            Kind::I32 => I::I32Const(1),
            Kind::I64 => I::I64Const(1),
            Kind::F32 => I::F32Const(1.0_f32.into()),
            Kind::F64 => I::F64Const(1.0_f64.into()),
            Kind::V128 => I::V128Const(1),
        });
    }

    /// An operator on the value on top.
    fn operator(&mut self, number: u8) {
        let of = |list: &[I<'static>]| list[usize::from(number) % list.len()].clone();
        let unary = number.is_multiple_of(2);
        let operator = match (self.shape.kind, unary) {
            (Kind::I32, true) => of(&[I::I32Clz, I::I32Popcnt, I::I32Extend8S]),
            (Kind::I32, false) => of(&[I::I32Add, I::I32DivS, I::I32Mul, I::I32Rotl, I::I32RemU]),
            (Kind::I64, true) => of(&[I::I64Clz, I::I64Popcnt, I::I64Extend8S]),
            (Kind::I64, false) => of(&[I::I64Add, I::I64DivS, I::I64Mul, I::I64Rotl, I::I64RemU]),
            (Kind::F32, true) => of(&[I::F32Sqrt, I::F32Nearest, I::F32Neg, I::F32Ceil]),
            (Kind::F32, false) => of(&[I::F32Add, I::F32Min, I::F32Copysign, I::F32Div]),
            (Kind::F64, true) => of(&[I::F64Sqrt, I::F64Nearest, I::F64Neg, I::F64Ceil]),
            (Kind::F64, false) => of(&[I::F64Add, I::F64Min, I::F64Copysign, I::F64Div]),
            (Kind::V128, true) => of(&[
                I::I8x16Popcnt,
                I::F32x4Sqrt,
                I::F64x2Nearest,
                I::I32x4TruncSatF64x2UZero,
                I::F32x4ConvertI32x4U,
                I::F64x2PromoteLowF32x4,
            ]),
            (Kind::V128, false) => {
                of(&[I::F32x4Add, I::F64x2Max, I::I64x2Mul, I::I8x16Swizzle, I::F64x2PMin, I::I8x16NarrowI16x8S])
            }
        };
        if !unary {
            self.local();
        }
        self.add(&operator);
    }

    fn memory(&mut self, number: u8) {
        let at = MemArg { offset: 8, align: 0, memory_index: 0 };
        let zero = I::I32Const(0);
        match number % 10 {
            0 => self.all(&[zero, I::I64Load(at), I::Drop]),
            1 => self.all(&[zero, I::I64Const(1), I::I64Store(at)]),
            2 => self.all(&[zero, I::MemoryGrow(0), I::Drop]),
            3 => self.all(&[zero.clone(), zero.clone(), zero, I::MemoryFill(0)]),
            4 => self.all(&[zero.clone(), zero.clone(), zero, I::MemoryCopy { src_mem: 0, dst_mem: 0 }]),
            5 => self.all(&[zero, I::TableGet(0), I::Drop]),
            6 => self.all(&[zero, I::RefNull(HeapType::FUNC), I::TableSet(0)]),
            7 => self.all(&[I::RefNull(HeapType::FUNC), zero, I::TableGrow(0), I::Drop]),
            8 => self.all(&[I::MemorySize(0), I::Drop]),
            _ => self.all(&[zero, I::F64Load(at), I::I64TruncF64U, I::Drop]),
        }
    }

    fn all(&mut self, instructions: &[I<'_>]) {
        for instruction in instructions {
            self.add(instruction);
        }
    }
}

fn value_type(kind: Kind) -> ValType {
    match kind {
        Kind::I32 => ValType::I32,
        Kind::I64 => ValType::I64,
        Kind::F32 => ValType::F32,
        Kind::F64 => ValType::F64,
        Kind::V128 => ValType::V128,
    }
}
