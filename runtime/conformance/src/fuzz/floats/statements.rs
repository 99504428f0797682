//! Statements: changes of locals, globals and memory, loops, returns, unreachable code.

use super::super::node::{Node, Type};
use super::control::list;
use super::generator::{Generator, LOOPS};

impl Generator<'_> {
    /// Some statements, at most that many.
    pub(super) fn statements(&mut self, most: u64, depth: usize) -> Vec<Node> {
        (0..self.dice.between(0, most)).map(|_| self.statement(depth)).collect()
    }

    /// One statement.
    pub(super) fn statement(&mut self, depth: usize) -> Node {
        let depth = depth.saturating_sub(1);
        match self.dice.below(100) {
            0..30 => {
                let ty = self.ty();
                let local = self.local(ty);
                Node::statement(format!("local.set {local}"), [self.value(ty, depth + 2)])
            }
            30..52 => self.store(depth),
            52..60 => {
                let ty = self.ty();
                let global = self.global(ty);
                Node::statement(format!("global.set {global}"), [self.value(ty, depth + 1)])
            }
            60..72 if self.loops < LOOPS => self.repeat(depth),
            72..80 => self.choose(depth),
            80..85 => self.block_of_several(depth),
            85..91 => self.call_of_any(depth),
            91..95 => self.way_out(depth),
            95..97 => self.dead_end(depth),
            _ => {
                let ty = self.ty();
                Node::statement("drop", [self.value(ty, depth + 1)])
            }
        }
    }

    fn store(&mut self, depth: usize) -> Node {
        let ty = self.ty();
        let address = self.address(depth);
        let offset = self.dice.pick(&[0, 0, 4, 8]);
        let value = self.value(ty, depth + 2);
        let head = if ty == Type::V128 && self.dice.chance(40) {
            let lane = self.dice.below(2);
            format!("v128.store64_lane offset={offset} {lane}")
        } else {
            format!("{ty}.store offset={offset}")
        };
        Node::statement(head, [address, value])
    }

    /// A loop over statements, with stores to a place that moves.
    fn repeat(&mut self, depth: usize) -> Node {
        let name = self.name();
        let (start, again) = self.counter();
        self.loops += 1;
        let mut kids: Vec<Node> = (0..self.dice.between(1, 3)).map(|_| self.statement(depth)).collect();
        if self.dice.chance(60) {
            let local = self.local(Type::F64);
            let step = self.value(Type::F64, depth.min(2));
            let read = Node::value(Type::F64, format!("local.get {local}"), []);
            let op = self.dice.pick(&["f64.add", "f64.sub", "f64.mul", "f64.div"]);
            kids.push(Node::statement(format!("local.set {local}"), [Node::value(Type::F64, op, [read, step])]));
        }
        self.loops -= 1;
        kids.push(Node::part(format!("br_if {name}"), [again]));
        Node::statement("", [start, Node::part(format!("loop {name}"), kids)])
    }

    fn choose(&mut self, depth: usize) -> Node {
        let condition = self.condition(depth);
        let mut kids = vec![condition, Node::part("then", self.statements(2, depth))];
        if self.dice.chance(60) {
            kids.push(Node::part("else", self.statements(2, depth)));
        }
        Node::statement("if", kids)
    }

    /// A block that leaves several values, some of them by way of a branch.
    fn block_of_several(&mut self, depth: usize) -> Node {
        let name = self.name();
        let types = self.types(1, 3);
        let kids = self.labelled(&name, &types, |this| {
            let mut kids = this.statements(1, depth);
            let mut early = this.values(&types, depth);
            early.push(this.condition(depth));
            kids.push(Node::part(format!("br_if {name}"), early));
            if this.dice.chance(50) {
                kids.extend(this.sets(&types));
                kids.extend(this.values(&types, depth));
            }
            kids
        });
        let block = Node::part(format!("block {name}{}", list("result", &types)), kids);
        let sets = self.sets(&types);
        Node::statement("", std::iter::once(block).chain(sets).collect::<Vec<_>>())
    }

    /// Any function, itself included, for as long as the budget of the module allows.
    fn call_of_any(&mut self, depth: usize) -> Node {
        let callee = usize::try_from(self.dice.below(self.functions.len() as u64)).unwrap_or(0);
        let results = self.functions[callee].results.clone();
        let (head, kids) = self.call(callee, depth);
        let mut then = vec![
            Node::part("global.set $budget (i32.sub (global.get $budget) (i32.const 1))", []),
            Node::part(head, kids),
        ];
        then.extend(self.sets(&results));
        let condition = Node::part("i32.gt_s (global.get $budget) (i32.const 0)", []);
        Node::statement("if", [condition, Node::part("then", then)])
    }

    /// Leaves the function, or a block with several values, if a condition holds.
    fn way_out(&mut self, depth: usize) -> Node {
        let condition = self.condition(depth);
        let results = self.functions[self.current].results.clone();
        let mut then = self.statements(1, depth);
        let label = self.dice.below(self.labels.len() as u64 + 1);
        let label = usize::try_from(label).ok().and_then(|label| self.labels.get(label));
        if let Some((name, carries)) = label.map(|label| (label.name.clone(), label.carries.clone())) {
            then.push(Node::part(format!("br {name}"), self.values(&carries, depth)));
        } else if let Some(callee) = self.tail_callee() {
            let (head, kids) = self.call(callee, depth);
            then.push(Node::part(format!("return_{head}"), kids));
        } else {
            then.push(Node::part("return", self.values(&results, depth)));
        }
        if self.dice.chance(30) {
            // Unreachable code: the operands are of any type.
            then.push(Node::statement("drop (f64.neg (f64.add))", []));
            then.extend(self.statements(1, depth));
        }
        Node::statement("if", [condition, Node::part("then", then)])
    }

    fn tail_callee(&mut self) -> Option<usize> {
        let results = &self.functions[self.current].results;
        let fitting: Vec<usize> = (self.current + 1..self.functions.len())
            .filter(|callee| self.tail_calls && self.functions[*callee].results == *results)
            .collect();
        (!fitting.is_empty()).then(|| self.dice.pick(&fitting))
    }

    /// Code behind a branch that is always taken.
    fn dead_end(&mut self, depth: usize) -> Node {
        let name = self.name();
        let mut kids = vec![Node::part(format!("br {name}"), [])];
        kids.extend((0..2).map(|_| self.statement(depth)));
        kids.push(Node::statement("drop (f32.sqrt (f32.mul))", []));
        Node::statement(format!("block {name}"), kids)
    }
}
