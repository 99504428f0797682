//! How much memory a process has.

use std::fs;

use bacalhau_testkit::Node;

/// Bytes of memory of the process of `node`.
pub(crate) fn rss(node: &Node) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", node.child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}
