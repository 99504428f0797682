//! What a process that compiles says at its end: one line of JSON.

use serde::{Deserialize, Serialize};

/// How compiling a module has ended, by the process that did it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "end", deny_unknown_fields)]
pub enum CompileReport {
    /// It is in the cache. For an optimization: it is there, or another process is at one.
    Compiled,
    /// No machine would compile it.
    Refused {
        /// What is wrong with the module.
        message: String,
    },
    /// This machine could not.
    Failed {
        /// What failed.
        message: String,
    },
}

impl CompileReport {
    /// The line.
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
