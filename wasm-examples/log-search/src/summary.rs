//! Counts the matching lines, and the requests among them by hour and by status.
//!
//! It keeps no lines: memory grows with the number of hours, not with the logs.

use crate::request::Request;
use std::collections::BTreeMap;

/// Requests and the bytes sent for them.
#[derive(Debug, Default)]
struct Traffic {
    requests: u64,
    bytes: u64,
}

/// All that is known of a search when it ends.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    pub(crate) lines: u64,
    pub(crate) matches: u64,
    by_hour: BTreeMap<String, Traffic>,
    by_status: BTreeMap<u16, Traffic>,
}

impl Summary {
    pub(crate) fn add_match(&mut self, line: &[u8]) {
        self.matches += 1;
        if let Some(request) = Request::parse(line) {
            self.by_hour.entry(request.hour).or_default().add(request.bytes);
            self.by_status.entry(request.status).or_default().add(request.bytes);
        }
    }

    pub(crate) fn requests(&self) -> u64 {
        self.by_status.values().map(|traffic| traffic.requests).sum()
    }

    pub(crate) fn by_hour_csv(&self) -> String {
        csv("hour", &self.by_hour)
    }

    pub(crate) fn by_status_csv(&self) -> String {
        csv("status", &self.by_status)
    }
}

impl Traffic {
    fn add(&mut self, bytes: u64) {
        self.requests += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

fn csv<K: std::fmt::Display>(key: &str, rows: &BTreeMap<K, Traffic>) -> String {
    let mut csv = format!("{key},requests,bytes\n");
    for (key, traffic) in rows {
        csv.push_str(&format!("{key},{},{}\n", traffic.requests, traffic.bytes));
    }
    csv
}
