//! `bacalhau devstack` as a real process, and commands that talk to it.

use bacalhau_testkit::{End, Lab, Node, guests::HELLO_AND_ARGS};

/// Nodes of one process, and the program `program.wat` for them.
pub(crate) struct Stack {
    pub(crate) node: Node,
    lab: Lab,
}

impl Stack {
    /// So many nodes, of which the last `bad` return wrong results.
    pub(crate) fn of(nodes: u16, bad: u16) -> Self {
        Self::with(nodes, bad, "")
    }

    /// The same with further flags.
    pub(crate) fn with(nodes: u16, bad: u16, flags: &str) -> Self {
        let lab = Lab::new();
        lab.write("program.wat", HELLO_AND_ARGS);
        let line =
            format!("devstack --nodes {nodes} --bad-actors {bad} --job-selection-data-locality anywhere {flags}");
        let node = lab.node("stack", &line);
        assert_eq!(node.apis.len(), usize::from(nodes));
        Self { node, lab }
    }

    /// Runs a command that talks to the first node.
    pub(crate) fn run(&self, line: &str) -> End {
        self.lab.run(&format!("{line} --api-host {}", self.node.api))
    }
}
