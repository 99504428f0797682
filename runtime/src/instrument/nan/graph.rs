//! The graph of a function's float values. It answers what a value can be, and where NaNs must be made canonical so
//! that no other bits are observable.
//!
//! It identifies operators by index and has no control flow; `flow` builds it.

use super::floats::Shape;

/// A value, or the place where several come together.
pub(super) type Node = u32;

/// A value from elsewhere: any bits, and all of them count.
pub(super) const EXACT: Node = 0;
/// A value that is never a NaN.
pub(super) const NUMBER: Node = 1;

/// Origin of a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Origin {
    Exact,
    Number,
    /// The result of an arithmetic operator: if a NaN, one with any bits until it is made canonical.
    Computed(Place),
    /// One of its inputs, bit by bit.
    Copy,
    /// The same value read from a local: another place where it can be made canonical.
    Read(Place),
    Negated,
    Absolute,
    /// With the sign of another value.
    Signed,
}

/// An operator behind which code can be inserted, where its value is on top.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    pub(super) operator: usize,
    /// How many loops it is in.
    pub(super) depth: u32,
    /// Shape of a computed value. That of a read value follows from its origin.
    pub(super) shape: Option<Shape>,
}

/// Make the value behind this operator canonical.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::instrument) struct Canonical {
    pub(in crate::instrument) operator: usize,
    pub(in crate::instrument) shape: Shape,
    /// The NaN has its sign bit set: it was negated on the way.
    pub(in crate::instrument) negative: bool,
}

/// What a value can be if every NaN is made canonical where it is computed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// No NaN at all, or not reachable.
    Never,
    /// If a NaN, then this one.
    Canonical(Shape, bool),
    /// Any NaN.
    Any,
}

/// Knowledge about a node.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Fact {
    kind: Kind,
    /// The shapes of the computed values that may come here uncanonicalised, one bit each.
    open: u8,
}

const NOTHING: Fact = Fact { kind: Kind::Never, open: 0 };

/// The floats of one function.
#[derive(Debug)]
pub(super) struct Graph {
    origins: Vec<Origin>,
    /// From a value to one that it may become.
    edges: Vec<(Node, Node)>,
    /// Values whose bits are observed.
    observed: Vec<Node>,
    /// Values that are looked at as of one shape: observed if they may be of another.
    shaped: Vec<(Node, Shape)>,
    /// How many edges were followed to solve it: a measure of the work.
    pub(super) followed: usize,
}

impl Graph {
    pub(super) fn new() -> Self {
        let origins = vec![Origin::Exact, Origin::Number];
        Self { origins, edges: Vec::new(), observed: Vec::new(), shaped: Vec::new(), followed: 0 }
    }

    /// How much there is to work on.
    pub(super) fn size(&self) -> usize {
        self.origins.len() + self.edges.len()
    }

    pub(super) fn add(&mut self, origin: Origin) -> Node {
        self.origins.push(origin);
        // A function has at most 7.6 million operators, and `flow` stops long before four billion nodes.
        u32::try_from(self.origins.len() - 1).unwrap_or(EXACT)
    }

    /// Adds a value derived from another. Exact values and numbers stay so.
    pub(super) fn derive(&mut self, from: Node, origin: Origin) -> Node {
        if from == EXACT || from == NUMBER {
            return from;
        }
        let node = self.add(origin);
        self.connect(from, node);
        node
    }

    pub(super) fn connect(&mut self, from: Node, to: Node) {
        self.edges.push((from, to));
    }

    pub(super) fn observe(&mut self, node: Node) {
        if node > NUMBER {
            self.observed.push(node);
        }
    }

    /// `node` is used as a value of this shape.
    pub(super) fn use_as(&mut self, node: Node, shape: Shape) {
        // A scalar has only one shape.
        if node > NUMBER && matches!(shape, Shape::F32x4 | Shape::F64x2) {
            self.shaped.push((node, shape));
        }
    }

    /// Places where NaNs must be made canonical, in order of operators: as few as possible, and outside of loops if
    /// possible.
    pub(super) fn solve(mut self) -> Vec<Canonical> {
        let users = Adjacency::new(self.origins.len(), self.edges.iter().copied());
        let facts = self.facts(&users);
        let depths = self.depths(&users);
        drop(users);
        for (node, shape) in std::mem::take(&mut self.shaped) {
            if facts[node as usize].open & !bit(shape) != 0 {
                self.observed.push(node);
            }
        }
        let inputs = Adjacency::new(self.origins.len(), self.edges.iter().map(|(from, to)| (*to, *from)));
        let mut seen = vec![false; self.origins.len()];
        let mut work = std::mem::take(&mut self.observed);
        let mut found = Vec::new();
        while let Some(node) = work.pop() {
            if std::mem::replace(&mut seen[node as usize], true) {
                continue;
            }
            let depth = depths[node as usize];
            match (self.origins[node as usize], facts[node as usize]) {
                (Origin::Computed(Place { operator, shape: Some(shape), .. }), _) => {
                    found.push(Canonical { operator, shape, negative: false });
                }
                (Origin::Read(place), Fact { kind: Kind::Canonical(shape, negative), .. }) if place.depth < depth => {
                    found.push(Canonical { operator: place.operator, shape, negative });
                }
                _ => work.extend(inputs.of(node)),
            }
        }
        found.sort_unstable_by_key(|canonical| canonical.operator);
        found
    }

    /// Propagates facts along edges to a fixed point. A fact changes at most six times, so each edge is followed at
    /// most seven times.
    fn facts(&mut self, users: &Adjacency) -> Vec<Fact> {
        let mut facts: Vec<Fact> = self.origins.iter().map(source).collect();
        let mut work: Vec<Node> = (0..).take(facts.len()).collect();
        while let Some(node) = work.pop() {
            let fact = facts[node as usize];
            for user in users.of(node) {
                self.followed += 1;
                let new = join(facts[user as usize], pass(self.origins[user as usize], fact));
                if new != facts[user as usize] {
                    facts[user as usize] = new;
                    work.push(user);
                }
            }
        }
        facts
    }

    /// For each node, in how many loops the deepest of the computed values is that may come there. From the deepest on, so that
    /// each node is reached once: a number that rises by one each time would be carried along as often as loops are nested.
    fn depths(&mut self, users: &Adjacency) -> Vec<u32> {
        let computed = |(node, origin): (usize, &Origin)| match origin {
            Origin::Computed(Place { depth, .. }) => Some((*depth, u32::try_from(node).ok()?)),
            _ => None,
        };
        let mut sources: Vec<(u32, Node)> = self.origins.iter().enumerate().filter_map(computed).collect();
        sources.sort_unstable();
        let mut depths = vec![0; self.origins.len()];
        let mut seen = vec![false; self.origins.len()];
        let mut work = Vec::new();
        for (depth, source) in sources.into_iter().rev() {
            work.push(source);
            while let Some(node) = work.pop() {
                if std::mem::replace(&mut seen[node as usize], true) {
                    continue;
                }
                depths[node as usize] = depth;
                work.extend(users.of(node).inspect(|_| self.followed += 1));
            }
        }
        depths
    }
}

fn source(origin: &Origin) -> Fact {
    match origin {
        Origin::Exact => Fact { kind: Kind::Any, ..NOTHING },
        Origin::Computed(Place { shape: Some(shape), .. }) => {
            Fact { kind: Kind::Canonical(*shape, false), open: bit(*shape) }
        }
        _ => NOTHING,
    }
}

/// The fact about a value after an edge.
fn pass(origin: Origin, fact: Fact) -> Fact {
    let kind = match (origin, fact.kind) {
        (_, Kind::Never) => Kind::Never,
        (Origin::Negated, Kind::Canonical(shape, negative)) => Kind::Canonical(shape, !negative),
        (Origin::Absolute, Kind::Canonical(shape, _)) => Kind::Canonical(shape, false),
        (Origin::Signed, _) => Kind::Any,
        (_, kind) => kind,
    };
    Fact { kind, ..fact }
}

fn join(a: Fact, b: Fact) -> Fact {
    let kind = match (a.kind, b.kind) {
        (Kind::Never, kind) | (kind, Kind::Never) => kind,
        (left, right) if left == right => left,
        _ => Kind::Any,
    };
    Fact { kind, open: a.open | b.open }
}

fn bit(shape: Shape) -> u8 {
    1 << shape as u8
}

/// The neighbours of each node in one list.
struct Adjacency {
    starts: Vec<u32>,
    ends: Vec<Node>,
}

impl Adjacency {
    fn new(nodes: usize, edges: impl Iterator<Item = (Node, Node)> + Clone) -> Self {
        let mut starts = vec![0_u32; nodes + 1];
        for (from, _) in edges.clone() {
            starts[from as usize + 1] += 1;
        }
        for index in 0..nodes {
            starts[index + 1] += starts[index];
        }
        let mut next = starts.clone();
        let mut ends = vec![0; starts[nodes] as usize];
        for (from, to) in edges {
            let at = &mut next[from as usize];
            ends[*at as usize] = to;
            *at += 1;
        }
        Self { starts, ends }
    }

    fn of(&self, node: Node) -> impl Iterator<Item = Node> + '_ {
        let node = node as usize;
        self.ends[self.starts[node] as usize..self.starts[node + 1] as usize].iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values computed in 1 to `n` loops that all go into a chain of `n` copies, the shallowest of them first.
    fn chain(n: u32) -> Graph {
        let mut graph = Graph::new();
        let links: Vec<Node> = (0..n).map(|_| graph.add(Origin::Copy)).collect();
        for pair in links.windows(2) {
            graph.connect(pair[0], pair[1]);
        }
        for depth in (1..=n).rev() {
            let computed = graph.add(Origin::Computed(Place { operator: 0, depth, shape: Some(Shape::F64) }));
            graph.connect(computed, links[0]);
        }
        graph
    }

    #[test]
    fn each_edge_is_followed_a_few_times_however_deep_loops_are_nested() {
        for n in [100, 400, 1_600] {
            let mut graph = chain(n);
            let users = Adjacency::new(graph.origins.len(), graph.edges.iter().copied());
            graph.facts(&users);
            let depths = graph.depths(&users);
            assert_eq!(depths[EXACT as usize + 2..][..n as usize], vec![n; n as usize]);
            assert!(graph.followed <= 8 * graph.edges.len(), "{} of {}", graph.followed, graph.edges.len());
        }
    }
}
