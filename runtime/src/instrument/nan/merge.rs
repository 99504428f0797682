//! Where ways through a function come together: the versions of float locals, and labels at which versions and operands
//! of several branches meet.

use super::flow::is_float;
use super::graph::{EXACT, Graph, NUMBER, Node, Origin};
use crate::instrument::function::Function;

/// The value that each local holds, as far as it can hold a float.
pub(super) struct State {
    /// For each local its place in `versions`, or none.
    slots: Vec<Option<u32>>,
    versions: Vec<Node>,
    /// How many versions were copied or compared in all: a measure of the work.
    pub(super) copied: usize,
}

impl State {
    /// Parameters come from elsewhere, other locals begin as zero.
    pub(super) fn of(function: &Function<'_>) -> Self {
        let mut state = Self { slots: Vec::new(), versions: Vec::new(), copied: 0 };
        for (group, (count, ty)) in function.locals.iter().enumerate() {
            for _ in 0..*count {
                let slot = is_float(*ty).then(|| {
                    state.versions.push(if group < function.params { EXACT } else { NUMBER });
                    u32::try_from(state.versions.len() - 1).unwrap_or(u32::MAX)
                });
                state.slots.push(slot);
            }
        }
        state
    }

    pub(super) fn get(&self, local: u32) -> Node {
        self.slot(local).map_or(EXACT, |slot| self.versions[slot])
    }

    pub(super) fn set(&mut self, local: u32, value: Node) {
        if let Some(slot) = self.slot(local) {
            self.versions[slot] = value;
        }
    }

    fn slot(&self, local: u32) -> Option<usize> {
        self.slots.get(local as usize).copied().flatten().map(|slot| slot as usize)
    }

    fn copy(&mut self) -> Vec<Node> {
        self.copied += self.versions.len();
        self.versions.clone()
    }
}

/// Knowledge at a merge point.
#[derive(Clone, Copy)]
struct Meeting {
    node: Node,
    /// The node was made for this meeting, so that further ways can be joined into it.
    own: bool,
}

impl Meeting {
    fn join(&mut self, incoming: Node, graph: &mut Graph) {
        if self.node == incoming {
            return;
        }
        if !self.own {
            let first = self.node;
            *self = Self { node: graph.add(Origin::Copy), own: true };
            graph.connect(first, self.node);
        }
        graph.connect(incoming, self.node);
    }
}

/// Operands and versions that met.
struct Met {
    operands: Vec<Meeting>,
    versions: Vec<Meeting>,
}

impl Met {
    fn first(operands: &[Node], versions: &[Node]) -> Self {
        let meetings = |nodes: &[Node]| nodes.iter().map(|node| Meeting { node: *node, own: false }).collect();
        Self { operands: meetings(operands), versions: meetings(versions) }
    }

    fn join(&mut self, operands: &[Node], versions: &[Node], graph: &mut Graph) {
        let meetings = self.operands.iter_mut().chain(&mut self.versions);
        for (meeting, incoming) in meetings.zip(operands.iter().chain(versions)) {
            meeting.join(*incoming, graph);
        }
    }
}

/// An open construct, and the states at its label or end.
pub(super) struct Label {
    /// Height of the operands below its parameters.
    base: usize,
    params: usize,
    results: usize,
    /// Whether control is still coming from above.
    pub(super) live: bool,
    /// The head of a loop.
    head: Option<Met>,
    /// For an `if` without its `else` yet: parameters and versions at its beginning.
    untaken: Option<(Vec<Node>, Vec<Node>)>,
    end: Option<Met>,
}

impl Label {
    pub(super) fn new(base: usize, params: usize, results: usize) -> Self {
        Self { base, params, results, live: true, head: None, untaken: None, end: None }
    }

    /// A loop; its parameters and all versions may change at its head.
    pub(super) fn of_loop(
        base: usize,
        results: usize,
        operands: &mut [Node],
        state: &mut State,
        graph: &mut Graph,
    ) -> Self {
        let params = operands.len() - base;
        state.copied += state.versions.len();
        let mut head = Met::first(&operands[base..], &state.versions);
        for meeting in head.operands.iter_mut().chain(&mut head.versions) {
            let first = meeting.node;
            *meeting = Meeting { node: graph.add(Origin::Copy), own: true };
            graph.connect(first, meeting.node);
        }
        for (value, meeting) in operands[base..].iter_mut().zip(&head.operands) {
            *value = meeting.node;
        }
        for (version, meeting) in state.versions.iter_mut().zip(&head.versions) {
            *version = meeting.node;
        }
        Self { head: Some(head), ..Self::new(base, params, results) }
    }

    pub(super) fn results(&self) -> usize {
        self.results
    }

    pub(super) fn is_loop(&self) -> bool {
        self.head.is_some()
    }

    /// Stores the state of the path that skips an `if`.
    pub(super) fn is_if(&mut self, operands: &[Node], state: &mut State) {
        self.untaken = Some((operands[self.base..].to_vec(), state.copy()));
    }

    /// Begins the way past an `if`.
    pub(super) fn turn_to_else(&mut self, operands: &mut Vec<Node>, state: &mut State) {
        if let Some((params, versions)) = self.untaken.take() {
            operands.truncate(self.base);
            operands.extend(params);
            state.versions = versions;
        }
        self.live = true;
    }

    /// A branch to the label.
    pub(super) fn join(&mut self, operands: &[Node], state: &mut State, graph: &mut Graph) {
        match &mut self.head {
            Some(head) => {
                state.copied += state.versions.len();
                head.join(top(operands, self.params), &state.versions, graph);
            }
            None => self.join_end(operands, state, graph),
        }
    }

    /// Merges a state into the end.
    pub(super) fn join_end(&mut self, operands: &[Node], state: &mut State, graph: &mut Graph) {
        state.copied += state.versions.len();
        let results = top(operands, self.results);
        match &mut self.end {
            Some(end) => end.join(results, &state.versions, graph),
            None => self.end = Some(Met::first(results, &state.versions)),
        }
    }

    /// Continues after the end with the merged state.
    pub(super) fn close(&mut self, operands: &mut Vec<Node>, state: &mut State, graph: &mut Graph) {
        if let Some((params, versions)) = self.untaken.take() {
            // Without `else`, the path that skips the `if` changes nothing.
            let mut past = State { slots: Vec::new(), versions, copied: 0 };
            self.join_end(&params, &mut past, graph);
        }
        operands.truncate(self.base);
        match self.end.take() {
            Some(end) => {
                operands.extend(end.operands.iter().map(|meeting| meeting.node));
                state.copied += end.versions.len();
                state.versions = end.versions.iter().map(|meeting| meeting.node).collect();
            }
            // Unreachable, as is the code after it.
            None => operands.extend(std::iter::repeat_n(NUMBER, self.results)),
        }
    }
}

fn top(operands: &[Node], count: usize) -> &[Node] {
    &operands[operands.len().saturating_sub(count)..]
}
