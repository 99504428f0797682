//! Jobs as people and programs write them: JSON with what differs from the defaults.

use serde_json::{Map, Value};

use bacalhau_tree::Link;

use crate::job::{Job, JobError};
use crate::profile::Profile;

/// Maximum size of a job's JSON in bytes.
pub const MAX_JOB_JSON_BYTES: usize = 4 << 20;

impl Job {
    /// Reads a job from JSON in which all fields are optional, those of `limits` too. Fields that are missing have their
    /// defaults; `module` is that of the job without one. A profile may be named, as in `"profile": "v2"`.
    ///
    /// ```
    /// use bacalhau_receipt::{Job, Link};
    ///
    /// let module = Link::of_raw(b"the module's bytes");
    /// let job = Job::from_json(br#"{"args": ["-v"], "limits": {"fuel": 5}}"#, Some(module))?;
    /// assert_eq!(job.limits.fuel, 5);
    /// assert_eq!(job.entry_point, "_start");
    /// # Ok::<(), bacalhau_receipt::JobError>(())
    /// ```
    ///
    /// # Errors
    /// When the text is larger than [`MAX_JOB_JSON_BYTES`], not JSON, or has an unknown or invalid field, and when there is
    /// no module.
    pub fn from_json(text: &[u8], module: Option<Link>) -> Result<Self, JobError> {
        if text.len() > MAX_JOB_JSON_BYTES {
            let size = text.len();
            return Err(invalid(&format!("it has {size} bytes, and {MAX_JOB_JSON_BYTES} are allowed")));
        }
        let written: Map<String, Value> = serde_json::from_slice(text).map_err(|error| invalid(&error))?;
        let module = match written.get("module") {
            Some(named) => {
                serde_json::from_value(named.clone()).map_err(|error| invalid(&format!("module: {error}")))?
            }
            None => module.ok_or_else(|| invalid(&"it has no field `module`, the CID of the program"))?,
        };
        let mut job = to_map(&Self::new(module))?;
        for (name, mut value) in written {
            match (name.as_str(), &mut value) {
                ("profile", Value::String(text)) => {
                    if let Some(profile) = Profile::ALL.iter().find(|profile| profile.name == text) {
                        *text = profile.id().to_string();
                    }
                }
                ("limits", Value::Object(limits)) => {
                    let mut all = job.remove("limits").and_then(into_map).unwrap_or_default();
                    all.append(limits);
                    *limits = all;
                }
                _ => {}
            }
            job.insert(name, value);
        }
        serde_json::from_value(Value::Object(job)).map_err(|error| invalid(&error))
    }

    /// The job as indented JSON with all fields, ending in a newline.
    ///
    /// # Errors
    /// None that is known; numbers, text, lists and maps with text keys can be written.
    pub fn to_json(&self) -> Result<String, JobError> {
        serde_json::to_string_pretty(self).map(|text| text + "\n").map_err(|error| invalid(&error))
    }
}

fn to_map(job: &Job) -> Result<Map<String, Value>, JobError> {
    let value = serde_json::to_value(job).map_err(|error| invalid(&error))?;
    Ok(into_map(value).unwrap_or_default())
}

fn into_map(value: Value) -> Option<Map<String, Value>> {
    if let Value::Object(map) = value { Some(map) } else { None }
}

fn invalid(why: &impl std::fmt::Display) -> JobError {
    JobError::new(format!("the JSON of the job is invalid: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Job, String> {
        Job::from_json(text.as_bytes(), Some(Link::of_raw(b""))).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_not_written_has_its_default() {
        assert_eq!(read("{}").unwrap(), Job::new(Link::of_raw(b"")));
        let job = read(r#"{"seed": 3, "limits": {"fuel": 7}, "outputs": {}, "profile": "v2"}"#).unwrap();
        let mut wanted = Job::new(Link::of_raw(b""));
        wanted.seed = 3;
        wanted.limits.fuel = 7;
        wanted.outputs.clear();
        wanted.profile = Profile::V2.id();
        assert_eq!(job, wanted);
        assert_eq!(read(&job.to_json().unwrap()).unwrap(), job, "the full form is read too");
    }

    #[test]
    fn slips_are_named() {
        for (text, wanted) in [
            ("", "EOF"),
            ("[]", "invalid type: sequence"),
            (r#"{"modul": "x"}"#, "unknown field `modul`"),
            (r#"{"limits": {"fule": 1}}"#, "unknown field `fule`"),
            (r#"{"limits": 1}"#, "invalid type: integer `1`"),
            (r#"{"module": "x"}"#, "module: "),
            (r#"{"seed": -1}"#, "invalid value: integer `-1`"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.starts_with("the JSON of the job is invalid: ") && error.contains(wanted), "{text}: {error}");
        }
        assert!(Job::from_json(b"{}", None).unwrap_err().to_string().contains("no field `module`"));
        let long = format!("{{\"stdin\": \"{}\"}}", "x".repeat(MAX_JOB_JSON_BYTES));
        assert!(read(&long).unwrap_err().contains("4194304 are allowed"));
        let many = serde_json::json!({ "args": vec![""; crate::MAX_ARGUMENTS + 1] }).to_string();
        assert!(read(&many).unwrap_err().contains("more than 16384 elements"));
    }
}
