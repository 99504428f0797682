//! Expressions: a value of a wanted type, from operators, variables, memory, calls and choices.

use super::{Type, Writer};

/// Floats at the edges, as the text format has them. NaN with payloads and signs are the reason for this corpus.
const FLOATS: [&str; 16] = [
    "0",
    "-0",
    "1",
    "-1.5",
    "inf",
    "-inf",
    "nan",
    "-nan",
    "nan:0x200001",
    "-nan:0x1",
    "0x1p-126",
    "-0x1p-140",
    "3.25e30",
    "16777217",
    "-2147483648",
    "0.1",
];
const INTEGERS: [&str; 10] = ["0", "1", "-1", "2", "7", "255", "-128", "0x7fffffff", "-0x80000000", "0x12345678"];

impl Writer {
    /// Of this type, not deeper than `depth`.
    pub(super) fn expression(&mut self, ty: Type, depth: usize) -> String {
        if depth == 0 {
            return self.leaf(ty);
        }
        match self.random.below(100) {
            0..62 => self.operator(ty, depth),
            62..70 => self.load(ty, depth),
            70..75 => {
                let (a, b) = (self.expression(ty, depth - 1), self.expression(ty, depth - 1));
                format!("(select {a} {b} {})", self.expression(Type::I32, depth - 1))
            }
            75..80 => {
                let condition = self.expression(Type::I32, depth - 1);
                let (a, b) = (self.expression(ty, depth - 1), self.expression(ty, depth - 1));
                format!("(if (result {}) {condition} (then {a}) (else {b}))", ty.name())
            }
            80..83 => {
                let (a, b) = (self.expression(ty, depth - 1), self.expression(ty, depth - 1));
                let condition = self.expression(Type::I32, depth - 1);
                format!("(block $v (result {}) (drop (br_if $v {a} {condition})) {b})", ty.name())
            }
            83..88 => self.call(ty, depth).unwrap_or_else(|| self.operator(ty, depth)),
            88..90 => self.partial(ty, depth).unwrap_or_else(|| self.operator(ty, depth)),
            90..93 => match self.local(ty) {
                Some(local) => format!("(local.tee {local} {})", self.expression(ty, depth - 1)),
                None => self.leaf(ty),
            },
            _ => self.leaf(ty),
        }
    }

    fn leaf(&mut self, ty: Type) -> String {
        match self.random.below(8) {
            0..5 => self.local(ty).map_or_else(|| self.constant(ty), |local| format!("(local.get {local})")),
            5 => format!("(global.get ${})", ty.name()),
            _ => self.constant(ty),
        }
    }

    pub(super) fn constant(&mut self, ty: Type) -> String {
        match ty {
            Type::I32 => format!("(i32.const {})", self.random.pick(&INTEGERS)),
            Type::I64 if self.random.once_in(3) => format!("(i64.const {})", self.random.bits().cast_signed()),
            Type::I64 => format!("(i64.const {})", self.random.pick(&INTEGERS)),
            Type::F32 | Type::F64 => format!("({}.const {})", ty.name(), self.random.pick(&FLOATS)),
            Type::V128 if self.random.once_in(3) => {
                format!("(v128.const i64x2 {} {})", self.random.bits(), self.random.bits())
            }
            Type::V128 if self.random.once_in(2) => {
                format!("(v128.const f64x2 {} {})", self.random.pick(&FLOATS), self.random.pick(&FLOATS))
            }
            Type::V128 => {
                let lanes = [(); 4].map(|()| *self.random.pick(&FLOATS));
                format!("(v128.const f32x4 {})", lanes.join(" "))
            }
        }
    }

    /// A parameter or local of this type, if there is one.
    pub(super) fn local(&mut self, ty: Type) -> Option<usize> {
        let fitting: Vec<usize> = (0..self.locals.len()).filter(|n| self.locals[*n] == ty).collect();
        if fitting.is_empty() { None } else { Some(*self.random.pick(&fitting)) }
    }

    fn operator(&mut self, ty: Type, depth: usize) -> String {
        let fitting: Vec<usize> = (0..self.total.len()).filter(|n| self.total[*n].gives == Some(ty)).collect();
        let operator = self.total[*self.random.pick(&fitting)].clone();
        let operands: Vec<String> = operator.takes.iter().map(|ty| self.expression(*ty, depth - 1)).collect();
        format!("({} {})", operator.text, operands.join(" "))
    }

    /// An operator that may trap, with an operand that mostly keeps it from that.
    fn partial(&mut self, ty: Type, depth: usize) -> Option<String> {
        let fitting: Vec<usize> = (0..self.partial.len()).filter(|n| self.partial[*n].gives == Some(ty)).collect();
        if fitting.is_empty() {
            return None;
        }
        let operator = self.partial[*self.random.pick(&fitting)].clone();
        let safe = !self.random.once_in(6);
        let mut operands: Vec<String> = operator.takes.iter().map(|ty| self.expression(*ty, depth - 1)).collect();
        match operator.takes[..] {
            [Type::I32 | Type::I64, _] if safe => {
                let name = ty.name();
                operands[1] = format!("({name}.or ({name}.and {} ({name}.const 15)) ({name}.const 1))", operands[1]);
            }
            [from] if safe => {
                operands[0] = format!("({0}.convert_i32_u (i32.and {1} (i32.const 65535)))", from.name(), {
                    self.expression(Type::I32, depth - 1)
                });
            }
            _ => {}
        }
        Some(format!("({} {})", operator.text, operands.join(" ")))
    }

    fn load(&mut self, ty: Type, depth: usize) -> String {
        let fitting: Vec<usize> = (0..self.memory.len()).filter(|n| self.memory[*n].gives == Some(ty)).collect();
        let operator = self.memory[*self.random.pick(&fitting)].clone();
        let address = self.address(depth - 1);
        let rest: Vec<String> = operator.takes[1..].iter().map(|ty| self.expression(*ty, depth - 1)).collect();
        format!("({} {address} {})", at(operator.text, self.random.below(64)), rest.join(" "))
    }

    /// Mostly in the first 4 KiB.
    pub(super) fn address(&mut self, depth: usize) -> String {
        let any = self.expression(Type::I32, depth);
        if self.random.once_in(60) { any } else { format!("(i32.and {any} (i32.const 0xfff))") }
    }

    /// A call of a function behind the current one that gives this type.
    fn call(&mut self, ty: Type, depth: usize) -> Option<String> {
        let behind = self.current + 1..self.functions.len();
        let fitting: Vec<usize> = behind.filter(|n| self.functions[*n].result == ty).collect();
        if fitting.is_empty() {
            return None;
        }
        let callee = *self.random.pick(&fitting);
        let params = self.functions[callee].params.clone();
        let args: Vec<String> = params.iter().map(|ty| self.expression(*ty, depth - 1)).collect();
        let args = args.join(" ");
        if self.random.once_in(2) {
            return Some(format!("(call $f{callee} {args})"));
        }
        let index = if self.random.once_in(20) { self.random.below(self.functions.len() + 2) } else { callee };
        // A wrong index may still fit, and be a call upwards: then fuel or stack end it.
        let params: Vec<&str> = params.iter().map(|ty| ty.name()).collect();
        Some(format!("(call_indirect (param {}) (result {}) {args} (i32.const {index}))", params.join(" "), ty.name()))
    }
}

/// The operator with an offset, which precedes a lane in the text format.
pub(super) fn at(text: &str, offset: usize) -> String {
    match text.split_once(' ') {
        Some((name, lane)) => format!("{name} offset={offset} {lane}"),
        None => format!("{text} offset={offset}"),
    }
}
