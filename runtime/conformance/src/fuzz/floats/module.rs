//! A whole program: signatures first, so that calls can be generated, then the functions, globals and memory.

use super::super::dice::Dice;
use super::super::node::{Node, Type};
use super::constants::{bits, constant};
use super::control::list;
use super::generator::{Generator, LOCALS, LOOPS, Signature};

/// Bytes of memory that have something in them.
const DATA: usize = 0x420;

/// Generates a program.
pub(super) fn module(dice: &mut Dice) -> Node {
    let functions = signatures(dice);
    let tail_calls = dice.chance(10);
    let mut parts = shared(dice, functions.len());
    for (index, signature) in functions.iter().enumerate() {
        let ty =
            format!("type $t{index} (func{}{})", list("param", &signature.params), list("result", &signature.results));
        parts.push(Node::part(ty, []));
    }
    for index in 0..functions.len() {
        parts.push(function(dice, &functions, index, tail_calls));
    }
    Node::part("module", parts)
}

/// Drawn from few kinds, so that some functions have equal types.
fn signatures(dice: &mut Dice) -> Vec<Signature> {
    let ty = |dice: &mut Dice| dice.pick(&[Type::F64, Type::F64, Type::F32, Type::V128, Type::I32, Type::I64]);
    let kinds: Vec<Signature> = (0..3)
        .map(|_| Signature {
            params: (0..dice.below(5)).map(|_| ty(dice)).collect(),
            results: (0..dice.pick(&[1, 1, 1, 2, 3, 0])).map(|_| ty(dice)).collect(),
        })
        .collect();
    (0..dice.between(2, 6)).map(|_| dice.pick(&kinds)).collect()
}

/// Memory, globals, a table of all functions.
fn shared(dice: &mut Dice, functions: usize) -> Vec<Node> {
    let data: String =
        (0..DATA / 8).flat_map(|_| bits(dice).to_le_bytes()).map(|byte| format!("\\{byte:02x}")).collect();
    let mut parts = vec![
        Node::part("memory (export \"memory\") 1 1", []),
        Node::statement(format!("data (i32.const 0) \"{data}\""), []),
        Node::part("global $budget (export \"budget\") (mut i32) (i32.const 12)", []),
    ];
    for ty in Type::ALL {
        for index in 0..2 {
            let head = format!("global ${ty}_{index} (export \"{ty}_{index}\") (mut {ty})");
            parts.push(Node::part(head, [constant(ty, dice)]));
        }
    }
    let names: Vec<String> = (0..functions).map(|index| format!("$f{index}")).collect();
    parts.push(Node::part(format!("table {functions} funcref"), []));
    parts.push(Node::statement(format!("elem (i32.const 0) {}", names.join(" ")), []));
    parts
}

fn function(dice: &mut Dice, functions: &[Signature], index: usize, tail_calls: bool) -> Node {
    let signature = &functions[index];
    let mut locals = Vec::new();
    let mut head = format!("func $f{index} (export \"f{index}\") (type $t{index})");
    for (position, ty) in signature.params.iter().enumerate() {
        head.push_str(&format!(" (param $p{position} {ty})"));
        locals.push((format!("$p{position}"), *ty));
    }
    head.push_str(&list("result", &signature.results));
    for (ty, count) in LOCALS {
        for position in 0..count {
            head.push_str(&format!(" (local ${ty}{position} {ty})"));
            locals.push((format!("${ty}{position}"), ty));
        }
    }
    for position in 0..LOOPS {
        head.push_str(&format!(" (local $loop{position} i32)"));
    }
    let room = usize::try_from(dice.pick(&[30, 80, 150, 300])).unwrap_or(80);
    let depth = usize::try_from(dice.between(2, 5)).unwrap_or(3);
    let mut generator =
        Generator { dice, functions, current: index, tail_calls, locals, labels: Vec::new(), loops: 0, fresh: 0, room };
    let mut kids = Vec::new();
    while generator.room > 10 && kids.len() < 12 {
        kids.push(generator.statement(depth));
    }
    kids.extend(generator.values(&signature.results, depth));
    Node::part(head, kids)
}
