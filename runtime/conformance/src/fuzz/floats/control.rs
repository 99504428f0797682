//! Forms of control that leave a value: blocks, `if`, loops that carry values around, branch tables out of several blocks.

use super::super::node::{Node, Type};
use super::generator::{Generator, LOOPS, Label};

impl Generator<'_> {
    /// An expression with control flow.
    pub(super) fn control(&mut self, ty: Type, depth: usize) -> Node {
        match self.dice.below(10) {
            0..2 => self.block(ty, depth),
            2..4 => self.block_with_params(ty, depth),
            4..6 => self.choice(ty, depth),
            6 => self.choice_with_param(ty, depth),
            7..9 if self.loops < LOOPS => self.carrying_loop(ty, depth),
            _ => self.table(ty, depth),
        }
    }

    /// Statements, then a value, with a label that carries such a value.
    fn block(&mut self, ty: Type, depth: usize) -> Node {
        let name = self.name();
        let kids = self.labelled(&name, &[ty], |this| {
            let mut kids = this.statements(2, depth);
            kids.push(this.value(ty, depth));
            kids
        });
        Node::value(ty, format!("block {name} (result {ty})"), kids)
    }

    /// A block that takes several values and leaves one of them changed.
    fn block_with_params(&mut self, ty: Type, depth: usize) -> Node {
        let name = self.name();
        let mut params = self.types(1, 3);
        params.push(ty);
        let mut group = self.values(&params, depth);
        let kids = self.labelled(&name, &[ty], |this| {
            let mut kids = this.sets(&params);
            kids.extend(this.statements(1, depth));
            kids.push(this.value(ty, depth));
            kids
        });
        group.push(Node::part(format!("block {name}{} (result {ty})", list("param", &params)), kids));
        Node::value(ty, "", group)
    }

    fn choice(&mut self, ty: Type, depth: usize) -> Node {
        let name = self.name();
        let condition = self.condition(depth);
        let arms = self.labelled(&name, &[ty], |this| {
            ["then", "else"].map(|arm| {
                let mut kids = this.statements(1, depth);
                kids.push(this.value(ty, depth));
                Node::part(arm, kids)
            })
        });
        let [then, otherwise] = arms;
        Node::value(ty, format!("if {name} (result {ty})"), [condition, then, otherwise])
    }

    /// `if` over a value that is there already; one arm leaves it alone.
    fn choice_with_param(&mut self, ty: Type, depth: usize) -> Node {
        let name = self.name();
        let value = self.value(ty, depth);
        let condition = self.condition(depth);
        let local = self.local(ty);
        let arms = self.labelled(&name, &[ty], |this| {
            let changed = [Node::part(format!("local.set {local}"), []), this.value(ty, depth)];
            [Node::part("then", changed), Node::part("else", this.statements(1, depth))]
        });
        let [then, otherwise] = arms;
        let form = Node::part(format!("if {name} (param {ty}) (result {ty})"), [condition, then, otherwise]);
        Node::value(ty, "", [value, form])
    }

    /// A loop whose label takes a value: at the back edge the accumulator is not in a local.
    fn carrying_loop(&mut self, ty: Type, depth: usize) -> Node {
        let name = self.name();
        let mut params = vec![ty];
        if self.dice.chance(50) {
            params.push(self.ty());
        }
        let (start, again) = self.counter();
        let mut group = vec![start];
        group.extend(self.values(&params, depth));
        self.loops += 1;
        let mut kids = self.sets(&params);
        kids.extend(self.statements(2, depth));
        let mut around = self.values(&params, depth);
        around.push(again);
        kids.push(Node::part(format!("br_if {name}"), around));
        self.loops -= 1;
        kids.extend(params.iter().skip(1).map(|_| Node::part("drop", [])));
        group.push(Node::part(format!("loop {name}{} (result {ty})", list("param", &params)), kids));
        Node::value(ty, "", group)
    }

    /// Blocks around each other and a branch table that leaves all of them with one value.
    fn table(&mut self, ty: Type, depth: usize) -> Node {
        let names: Vec<String> = (0..self.dice.between(1, 4)).map(|_| self.name()).collect();
        let before = self.labels.len();
        self.labels.extend(names.iter().map(|name| Label { name: name.clone(), carries: vec![ty] }));
        let mut body = self.statements(1, depth);
        let targets: Vec<String> = (0..=self.dice.below(5)).map(|_| self.dice.pick(&names)).collect();
        let leaving = [self.value(ty, depth), self.value(Type::I32, depth)];
        body.push(Node::part(format!("br_table {}", targets.join(" ")), leaving));
        self.labels.truncate(before);
        for name in names.iter().rev() {
            let block = Node::value(ty, format!("block {name} (result {ty})"), body);
            body = vec![self.changed(ty, block)];
        }
        Node::value(ty, "", body)
    }

    /// The value, or something that is computed from it alone.
    fn changed(&mut self, ty: Type, value: Node) -> Node {
        let op = match (ty, self.dice.below(3)) {
            (_, 0) | (Type::I32 | Type::I64, _) => return value,
            (Type::V128, 1) => "f64x2.neg".into(),
            (Type::V128, _) => "f32x4.sqrt".into(),
            (_, 1) => format!("{ty}.abs"),
            _ => format!("{ty}.sqrt"),
        };
        Node::value(ty, op, [value])
    }

    /// The initialization of a counter, and the condition of the next iteration.
    pub(super) fn counter(&mut self) -> (Node, Node) {
        let counter = format!("$loop{}", self.loops);
        let number = |count: u64| Node::value(Type::I32, format!("i32.const {count}"), []);
        let read = Node::part(format!("local.get {counter}"), []);
        let less = Node::part("i32.sub", [read, number(1)]);
        let again = Node::part(format!("local.tee {counter}"), [less]);
        (Node::part(format!("local.set {counter}"), [number(self.dice.between(1, 6))]), again)
    }

    /// Writes something inside of a label.
    pub(super) fn labelled<T>(&mut self, name: &str, carries: &[Type], write: impl FnOnce(&mut Self) -> T) -> T {
        let label = Label { name: name.to_owned(), carries: carries.to_vec() };
        self.labels.push(label);
        let written = write(self);
        self.labels.pop();
        written
    }

    /// Takes values from the operand stack, the last first, into locals or away.
    pub(super) fn sets(&mut self, types: &[Type]) -> Vec<Node> {
        let set = |ty: &Type| {
            let head = match self.dice.below(6) {
                0 => "drop".into(),
                1 => format!("global.set {}", self.global(*ty)),
                _ => format!("local.set {}", self.local(*ty)),
            };
            Node::part(head, [])
        };
        types.iter().rev().map(set).collect()
    }
}

/// ` (param f64 f32)`, or an empty string.
pub(super) fn list(word: &str, types: &[Type]) -> String {
    if types.is_empty() {
        return String::new();
    }
    let names: Vec<&str> = types.iter().map(|ty| ty.name()).collect();
    format!(" ({word} {})", names.join(" "))
}
