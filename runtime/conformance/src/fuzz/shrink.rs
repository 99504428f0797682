//! Reduces a failing program: removes statements and replaces expressions by zeros or by their parts, as long as it
//! still fails.

use super::node::{Kind, Node};

/// The smallest failing program found. `fails` must return false for invalid programs.
pub fn shrink(mut program: Node, tries: usize, fails: &mut dyn FnMut(&Node) -> bool) -> Node {
    let mut left = tries;
    loop {
        let before = program.size();
        // From the outside in: the largest parts go first.
        let mut at = 0;
        while at < program.size() && left > 0 {
            for smaller in smaller(node(&program, at)) {
                if left == 0 {
                    break;
                }
                left -= 1;
                let mut candidate = program.clone();
                match smaller {
                    Some(smaller) => *node_mut(&mut candidate, at) = smaller,
                    None => remove(&mut candidate, at),
                }
                if fails(&candidate) {
                    program = candidate;
                    break;
                }
            }
            at += 1;
        }
        if program.size() == before || left == 0 {
            return program;
        }
    }
}

/// Replacements of a node; `None` removes it.
fn smaller(node: &Node) -> Vec<Option<Node>> {
    match node.kind {
        // It was left out before.
        Kind::Statement if node.head.is_empty() && node.kids.is_empty() => Vec::new(),
        Kind::Statement => std::iter::once(None)
            .chain(node.kids.iter().filter(|kid| kid.kind == Kind::Statement).map(|kid| Some(kid.clone())))
            .collect(),
        Kind::Part => Vec::new(),
        Kind::Value(_) if node.kids.is_empty() => Vec::new(),
        Kind::Value(ty) => std::iter::once(Some(ty.zero()))
            .chain(node.kids.iter().filter(|kid| kid.kind == node.kind).map(|kid| Some(kid.clone())))
            .collect(),
    }
}

/// Node number `at`, counted from the outside in and from left to right.
fn node(root: &Node, mut at: usize) -> &Node {
    let mut here = root;
    while at > 0 {
        at -= 1;
        for kid in &here.kids {
            let size = kid.size();
            if at < size {
                here = kid;
                break;
            }
            at -= size;
        }
    }
    here
}

fn node_mut(root: &mut Node, mut at: usize) -> &mut Node {
    let mut here = root;
    while at > 0 {
        at -= 1;
        let mut next = 0;
        while let Some(size) = here.kids.get(next).map(Node::size).filter(|size| at >= *size) {
            at -= size;
            next += 1;
        }
        here = &mut here.kids[next];
    }
    here
}

fn remove(root: &mut Node, at: usize) {
    *node_mut(root, at) = Node::statement("", []);
}

#[cfg(test)]
mod tests {
    use super::super::node::Type;
    use super::*;

    #[test]
    fn what_matters_stays_and_nothing_else() {
        let noise = || Node::statement("drop", [Node::value(Type::I32, "i32.eqz", [Type::I32.zero()])]);
        let needle = Node::value(Type::F64, "f64.neg", [Node::value(Type::F64, "f64.abs", [Type::F64.zero()])]);
        let around = Node::value(Type::F64, "f64.sqrt", [needle]);
        let block = Node::statement("block", [noise(), Node::statement("drop", [around]), noise()]);
        let program = Node::part("func", [noise(), block, noise()]);
        let small = shrink(program, 1_000, &mut |candidate| candidate.to_string().contains("f64.neg"));
        let text = small.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(text.replace(" )", ")"), "(func (drop (f64.neg (f64.const 0))))");
    }
}
