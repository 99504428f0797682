//! The report of a compile process: one line of JSON at its end.

use serde::{Deserialize, Serialize};

/// Outcome of a compilation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "end", deny_unknown_fields)]
pub enum CompileReport {
    /// The module is in the cache. For an optimization: it is, or another process makes it.
    Compiled,
    /// The module is invalid on every machine.
    Refused {
        /// The problem of the module.
        message: String,
    },
    /// This machine failed.
    Failed {
        /// The error.
        message: String,
    },
}

impl CompileReport {
    /// The report as a line.
    pub fn line(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The report in the output of a process: its last line.
    pub(super) fn find(output: &str) -> Option<Self> {
        serde_json::from_str(output.lines().last()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_the_last_line() {
        let refused = CompileReport::Refused { message: "the \"module\"\nis no module".into() };
        for report in [CompileReport::Compiled, refused] {
            let text = format!("thread main panicked\n{}\n", report.line());
            assert_eq!(CompileReport::find(&text), Some(report));
        }
        assert_eq!(CompileReport::find(""), None);
        assert_eq!(CompileReport::find("{\"end\":\"compiled\"}\nmemory allocation of 5 bytes failed\n"), None);
    }
}
