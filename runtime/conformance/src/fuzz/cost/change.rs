//! Shapes at random, and changes of one.

use super::shape::{Construct, Kind, Node, Shape};
use crate::fuzz::dice::Dice;

/// Shapes with a known high cost: those that the bounds of the gate were designed against.
pub fn known() -> Vec<Shape> {
    let plain = Shape {
        types: 0,
        params: 0,
        results: 0,
        functions: 1,
        exported: false,
        locals: 1,
        kind: Kind::I64,
        body: Vec::new(),
    };
    let of = |locals, kind, body| Shape { locals, kind, body, ..plain.clone() };
    let touch =
        |construct, depth| vec![Node::Repeat(2_000, vec![Node::Inside(construct, depth, vec![Node::Locals(1, 1)])])];
    vec![
        Shape { types: 140, params: 400, ..plain.clone() },
        Shape { functions: 20_000, ..plain.clone() },
        Shape { params: 32, results: 32, body: vec![Node::Calls(100, false)], ..plain.clone() },
        of(
            1,
            Kind::I64,
            vec![Node::Inside(Construct::Block, 1_000, vec![Node::Repeat(50, vec![Node::Table(1_000, 1_000)])])],
        ),
        of(1, Kind::I64, vec![Node::Inside(Construct::Block, 13_000, Vec::new())]),
        of(700, Kind::I64, touch(Construct::Loop, 1)),
        of(700, Kind::I64, touch(Construct::If, 1)),
        of(200, Kind::F64, vec![Node::Inside(Construct::Loop, 800, vec![Node::Locals(200, 1)])]),
        of(1, Kind::I64, vec![Node::Above(500, true, vec![Node::Calls(1_000, false)])]),
        of(8, Kind::F64, vec![Node::Locals(8_000, 1)]),
        of(8, Kind::V128, vec![Node::Locals(8_000, 3)]),
        of(1, Kind::I32, vec![Node::Memory(8_000, 2)]),
    ]
}

/// A shape to begin with.
pub fn random(dice: &mut Dice) -> Shape {
    Shape {
        types: if dice.chance(20) { number(dice) } else { 0 },
        params: if dice.chance(30) { number(dice).min(400) } else { 0 },
        results: if dice.chance(30) { number(dice).min(32) } else { 0 },
        functions: if dice.chance(50) { number(dice) } else { 1 },
        exported: dice.chance(30),
        locals: number(dice),
        kind: dice.pick(&[Kind::I32, Kind::I64, Kind::F32, Kind::F64, Kind::V128]),
        body: nodes(dice, 3),
    }
}

/// A shape that differs from another in some places.
pub fn changed(dice: &mut Dice, shape: &Shape) -> Shape {
    let mut shape = shape.clone();
    for _ in 0..dice.between(1, 3) {
        match dice.below(9) {
            0 => shape.types = other(dice, shape.types),
            1 => shape.params = other(dice, shape.params).min(400),
            2 => shape.results = other(dice, shape.results).min(32),
            3 => shape.functions = other(dice, shape.functions),
            4 => shape.locals = other(dice, shape.locals),
            5 if dice.chance(50) => shape.exported = !shape.exported,
            5 => shape.kind = dice.pick(&[Kind::I32, Kind::I64, Kind::F32, Kind::F64, Kind::V128]),
            _ => change_nodes(dice, &mut shape.body),
        }
    }
    shape
}

/// A shape with less of everything, for one that a bound refuses.
pub fn smaller(dice: &mut Dice, shape: &Shape) -> Shape {
    let mut shape = shape.clone();
    match dice.below(3) {
        0 => shape.locals = shape.locals * 3 / 4,
        1 => {
            shape.params = shape.params * 3 / 4;
            shape.results = shape.results * 3 / 4;
            shape.types = shape.types * 3 / 4;
        }
        _ => {
            for node in &mut shape.body {
                less(node);
            }
        }
    }
    shape
}

fn less(node: &mut Node) {
    match node {
        Node::Inside(_, count, body) | Node::Above(count, _, body) => {
            *count = *count * 3 / 4;
            body.iter_mut().for_each(less);
        }
        Node::Repeat(_, body) => body.iter_mut().for_each(less),
        Node::Table(count, _) | Node::Calls(count, _) => *count = *count * 3 / 4,
        _ => {}
    }
}

/// Small numbers more often than large ones.
fn number(dice: &mut Dice) -> u32 {
    let bits = dice.between(0, 14);
    u32::try_from(dice.between(1, 1 << bits)).unwrap_or(1)
}

fn other(dice: &mut Dice, old: u32) -> u32 {
    match dice.below(6) {
        0 => old.saturating_mul(2).min(100_000),
        1 => old / 2,
        2 => old.saturating_add(1),
        3 => old.saturating_mul(5) / 4,
        4 => old.saturating_mul(3) / 4,
        _ => number(dice),
    }
}

fn nodes(dice: &mut Dice, depth: u32) -> Vec<Node> {
    (0..dice.between(1, 3)).map(|_| node(dice, depth)).collect()
}

fn node(dice: &mut Dice, depth: u32) -> Node {
    let inner = |dice: &mut Dice| if depth == 0 { Vec::new() } else { nodes(dice, depth - 1) };
    let operator = u8::try_from(dice.below(60)).unwrap_or(0);
    match dice.below(12) {
        0 | 1 => Node::Repeat(number(dice), inner(dice)),
        2 | 3 => {
            Node::Inside(dice.pick(&[Construct::Block, Construct::Loop, Construct::If]), number(dice), inner(dice))
        }
        4 => Node::Above(number(dice), dice.chance(50), inner(dice)),
        5 | 6 => Node::Locals(number(dice), operator),
        7 => Node::Operators(number(dice), operator),
        8 => Node::Calls(number(dice), dice.chance(30)),
        9 => Node::Branches(number(dice), number(dice)),
        10 => Node::Table(number(dice), number(dice)),
        _ => Node::Memory(number(dice), operator),
    }
}

fn change_nodes(dice: &mut Dice, body: &mut Vec<Node>) {
    let length = body.len() as u64;
    if length == 0 || dice.chance(20) {
        let at = usize::try_from(dice.below(length + 1)).unwrap_or(0);
        let made = node(dice, 2);
        return body.insert(at, made);
    }
    let at = usize::try_from(dice.below(length)).unwrap_or(0);
    match dice.below(8) {
        0 if length > 1 => drop(body.remove(at)),
        1 => body[at] = node(dice, 2),
        2 => body[at] = Node::Repeat(number(dice), vec![body[at].clone()]),
        3 => {
            body[at] = Node::Inside(
                dice.pick(&[Construct::Block, Construct::Loop, Construct::If]),
                number(dice),
                vec![body[at].clone()],
            );
        }
        _ => change_node(dice, &mut body[at]),
    }
}

fn change_node(dice: &mut Dice, node: &mut Node) {
    match node {
        Node::Repeat(count, body) | Node::Inside(_, count, body) | Node::Above(count, _, body) => {
            if dice.chance(50) {
                *count = other(dice, *count);
            } else {
                change_nodes(dice, body);
            }
        }
        Node::Locals(count, operator) | Node::Operators(count, operator) | Node::Memory(count, operator) => {
            if dice.chance(50) {
                *count = other(dice, *count);
            } else {
                *operator = u8::try_from(dice.below(60)).unwrap_or(0);
            }
        }
        Node::Calls(count, indirect) => {
            if dice.chance(70) {
                *count = other(dice, *count);
            } else {
                *indirect = !*indirect;
            }
        }
        Node::Branches(count, out) | Node::Table(count, out) => {
            if dice.chance(50) {
                *count = other(dice, *count);
            } else {
                *out = other(dice, *out);
            }
        }
    }
}
