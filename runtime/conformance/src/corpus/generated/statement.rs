//! Statements: they change variables, memory and control flow.

use super::expression::at;
use super::{MOST_LOOPS, Type, Writer};

impl Writer {
    /// Not deeper than `depth`.
    pub(super) fn statement(&mut self, depth: usize) -> String {
        match self.random.below(100) {
            0..28 => self.assignment(),
            28..48 => self.store(),
            48..54 => {
                let ty = *self.random.pick(self.types);
                format!("(global.set ${} {})", ty.name(), self.expression(ty, 3))
            }
            54..58 => {
                let ty = *self.random.pick(self.types);
                format!("(drop {})", self.expression(ty, 3))
            }
            58..61 => self.bulk(),
            61..63 => format!("(drop (memory.grow (i32.and {} (i32.const 1))))", self.expression(Type::I32, 1)),
            63..65 if self.labels > 0 => {
                let label = self.random.below(self.labels);
                format!("(br_if {label} {})", self.expression(Type::I32, 2))
            }
            63..67 => self.leave(),
            _ if depth == 0 => self.assignment(),
            67..79 => self.choice(depth),
            79..84 => {
                self.labels += 1;
                let body = self.body(depth);
                self.labels -= 1;
                format!("(block {body})")
            }
            84..87 => self.switch(depth),
            _ if self.loops < MOST_LOOPS => self.repeat(depth),
            _ => self.store(),
        }
    }

    fn body(&mut self, depth: usize) -> String {
        let statements: Vec<String> = (0..=self.random.below(4)).map(|_| self.statement(depth - 1)).collect();
        statements.join("\n   ")
    }

    fn assignment(&mut self) -> String {
        let ty = *self.random.pick(self.types);
        match self.local(ty) {
            Some(local) => format!("(local.set {local} {})", self.expression(ty, 4)),
            None => "(nop)".into(),
        }
    }

    fn store(&mut self) -> String {
        let stores: Vec<usize> = (0..self.memory.len()).filter(|n| self.memory[*n].gives.is_none()).collect();
        let operator = self.memory[*self.random.pick(&stores)].clone();
        let (address, value) = (self.address(2), self.expression(operator.takes[1], 4));
        format!("({} {address} {value})", at(operator.text, self.random.below(64)))
    }

    fn bulk(&mut self) -> String {
        let (to, from) = (self.address(1), self.address(1));
        let length = self.expression(Type::I32, 1);
        if self.random.once_in(2) {
            format!("(memory.copy {to} {from} (i32.and {length} (i32.const 255)))")
        } else {
            format!("(memory.fill {to} {from} (i32.and {length} (i32.const 255)))")
        }
    }

    /// Returns, if a condition holds.
    fn leave(&mut self) -> String {
        let condition = self.expression(Type::I32, 2);
        let result = self.functions[self.current].result;
        let fitting: Vec<usize> =
            (self.current + 1..self.functions.len()).filter(|n| self.functions[*n].result == result).collect();
        if self.tail_calls && !fitting.is_empty() {
            let callee = *self.random.pick(&fitting);
            let params = self.functions[callee].params.clone();
            let args: Vec<String> = params.iter().map(|ty| self.expression(*ty, 2)).collect();
            return format!("(if {condition} (then (return_call $f{callee} {})))", args.join(" "));
        }
        format!("(if {condition} (then (return {})))", self.expression(result, 2))
    }

    fn choice(&mut self, depth: usize) -> String {
        let condition = self.expression(Type::I32, 3);
        self.labels += 1;
        let then = self.body(depth);
        let otherwise = if self.random.once_in(2) { format!("(else {})", self.body(depth)) } else { String::new() };
        self.labels -= 1;
        format!("(if {condition} (then {then}) {otherwise})")
    }

    fn switch(&mut self, depth: usize) -> String {
        let selector = self.expression(Type::I32, 2);
        self.labels += 1;
        let (first, second) = (self.body(depth), self.body(depth));
        self.labels -= 1;
        format!(
            "(block $d (block $b (block $a (br_table $a $b $d $a (i32.and {selector} (i32.const 3)))) {first}) {second})"
        )
    }

    /// A loop that ends after a few rounds, unless a branch to its start skips the counting: then fuel ends it.
    fn repeat(&mut self, depth: usize) -> String {
        let (counter, rounds) = (self.loops, 1 + self.random.below(12));
        self.loops += 1;
        self.labels += 1;
        let body = self.body(depth);
        self.labels -= 1;
        self.loops -= 1;
        format!(
            "(local.set $c{counter} (i32.const {rounds})) (loop {body}\n   \
             (br_if 0 (local.tee $c{counter} (i32.sub (local.get $c{counter}) (i32.const 1)))))"
        )
    }
}
