//! A job as people describe it in a file: a spec of which much may be left out. What is missing has the defaults of `wasm
//! run` and `docker run`; a key that there is not is refused.

use std::collections::BTreeMap;

use bacalhau_runtime::{Job, Limits, Link};
use serde_json::{Map, Value, json};

use super::super::exit::Failure;
use super::super::mount::Mount;
use crate::job::{DockerSpec, InputSpec, JobSpec};

/// Runs where nothing is said.
const DEFAULT_CONCURRENCY: u16 = 3;

/// A description that was read.
#[derive(Debug)]
pub(super) struct Draft {
    /// The spec without engine and inputs.
    rest: Map<String, Value>,
    program: Program,
    inputs: Vec<Value>,
}

/// What is said of the program.
#[derive(Debug)]
pub(super) enum Program {
    /// One for the sandbox.
    Wasm {
        /// Where the module is found.
        module: String,
        /// What is said of the job.
        job: Map<String, Value>,
    },
    /// A container, whose image may be named by a tag.
    Docker(DockerSpec),
}

/// Which program a spec is to be of, now that it was looked up.
#[derive(Clone, Debug)]
pub(super) enum Found {
    /// The module with this CID, which is found there.
    Module(Link, String),
    /// This image, by what it is.
    Image(String),
}

impl Draft {
    /// Reads YAML or JSON.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let value: Value = if text.trim_start().starts_with('{') {
            serde_json::from_str(text).map_err(|error| error.to_string())?
        } else {
            serde_yaml_ng::from_str(text).map_err(|error| error.to_string())?
        };
        let mut rest = map(value, "the file")?;
        let mut engine = map(rest.remove("engine").ok_or("it has no `engine`")?, "engine")?;
        let program = match (engine.remove("wasm"), engine.remove("docker")) {
            (Some(wasm), None) => Program::wasm(map(wasm, "engine.wasm")?)?,
            (None, Some(docker)) => Program::docker(map(docker, "engine.docker")?)?,
            (Some(_), Some(_)) => return Err("`engine` has both wasm and docker: write one of them".into()),
            (None, None) => return Err("`engine` has neither wasm nor docker".into()),
        };
        if let Some(other) = engine.keys().next() {
            return Err(format!("there is no engine {other}: write wasm or docker"));
        }
        let inputs = match rest.remove("inputs") {
            None => Vec::new(),
            Some(Value::Array(inputs)) => inputs,
            Some(_) => return Err("inputs is to be a list".into()),
        };
        Ok(Self { rest, program, inputs })
    }

    /// What is said of the program.
    pub(super) fn program(&self) -> &Program {
        &self.program
    }

    /// Its inputs: `SRC:DST` as on the command line, or `source` and `target`.
    ///
    /// # Errors
    /// When one is neither, or nothing is there.
    pub(super) fn mounts(&self) -> Result<Vec<Mount>, Failure> {
        let one = |input: &Value| match input {
            Value::String(text) => Mount::parse(text),
            Value::Object(_) => {
                let spec: InputSpec = serde_json::from_value(input.clone())
                    .map_err(|error| Failure::usage(format!("inputs: {error}")))?;
                Mount::parse(&format!("{}:{}", spec.source, spec.target))
            }
            _ => Err(Failure::usage("an input is to be SRC:DST, or to have a source and a target")),
        };
        self.inputs.iter().map(one).collect()
    }

    /// The whole spec, of the program that was `found`.
    pub(super) fn spec(&self, found: &Found, inputs: &[InputSpec]) -> Result<JobSpec, String> {
        let engine = match (&self.program, found) {
            (Program::Wasm { job, .. }, Found::Module(cid, module)) => {
                json!({"wasm": {"module": module, "job": job_of(job, *cid, module)?}})
            }
            (Program::Docker(spec), Found::Image(image)) => {
                json!({"docker": DockerSpec { image: image.clone(), ..spec.clone() }})
            }
            _ => return Err("another kind of program was looked up; please report this".into()),
        };
        let mut spec = self.rest.clone();
        if let Some(publishers) = publishers(&mut spec)? {
            spec.insert("publishers".into(), publishers);
        }
        spec.entry("deal").or_insert_with(|| json!({"concurrency": DEFAULT_CONCURRENCY}));
        spec.insert("engine".into(), engine);
        spec.insert("inputs".into(), json!(inputs));
        serde_json::from_value(Value::Object(spec)).map_err(|error| error.to_string())
    }
}

impl Program {
    fn wasm(mut wasm: Map<String, Value>) -> Result<Self, String> {
        let Some(Value::String(module)) = wasm.remove("module") else {
            return Err("engine.wasm.module is to be a path, a URL or a CID".into());
        };
        let job = wasm.remove("job").map_or_else(|| Ok(Map::new()), |job| map(job, "engine.wasm.job"))?;
        if let Some(other) = wasm.keys().next() {
            return Err(format!("there is no key engine.wasm.{other}: write module and job"));
        }
        Ok(Self::Wasm { module, job })
    }

    fn docker(mut docker: Map<String, Value>) -> Result<Self, String> {
        let outputs = BTreeMap::from([Job::default_output()]);
        docker.entry("outputs").or_insert_with(|| json!(outputs));
        let spec = serde_json::from_value(Value::Object(docker));
        spec.map(Self::Docker).map_err(|error| format!("engine.docker: {error}"))
    }
}

/// The limits of a job of which `job` is said.
///
/// # Errors
/// When there are other keys, or values that are none.
pub(super) fn limits(job: &Map<String, Value>) -> Result<Limits, Failure> {
    let limits = filled_in(&json!(Limits::default()), job.get("limits"));
    serde_json::from_value(limits).map_err(|error| Failure::usage(format!("engine.wasm.job.limits: {error}")))
}

/// The job of the module with this CID, of which `said` is said.
fn job_of(said: &Map<String, Value>, cid: Link, module: &str) -> Result<Job, String> {
    let mut job = json!(Job::new(cid));
    for (key, said) in said {
        let default = job.get(key).cloned().unwrap_or(Value::Null);
        // Outputs that are named stand instead of the default one; limits are changed one by one.
        job[key] = if key == "limits" { filled_in(&default, Some(said)) } else { said.clone() };
    }
    if job["module"] != json!(cid) {
        return Err(format!("engine.wasm.job.module is {}, but the module at {module} is {cid}", job["module"]));
    }
    serde_json::from_value(job).map_err(|error| format!("engine.wasm.job: {error}"))
}

/// Who is to publish: one, or a list, by either name of the key; `noop` is nobody.
fn publishers(spec: &mut Map<String, Value>) -> Result<Option<Value>, String> {
    let said = match (spec.remove("publisher"), spec.remove("publishers")) {
        (Some(_), Some(_)) => return Err("it has both `publisher` and `publishers`: write one of them".into()),
        (said, None) | (None, said) => said,
    };
    Ok(said.map(|said| match said {
        Value::Array(names) => Value::Array(names.into_iter().filter(|name| name != "noop").collect()),
        name if name == "noop" => json!([]),
        name => json!([name]),
    }))
}

fn map(value: Value, what: &str) -> Result<Map<String, Value>, String> {
    match value {
        Value::Object(map) => Ok(map),
        _ => Err(format!("{what} is to hold keys and values")),
    }
}

/// `default` with the keys that `said` has.
fn filled_in(default: &Value, said: Option<&Value>) -> Value {
    match (default, said) {
        (Value::Object(default), Some(Value::Object(said))) => {
            let keys = default.iter().chain(said).map(|(key, value)| (key.clone(), value.clone()));
            Value::Object(keys.collect())
        }
        (default, said) => said.unwrap_or(default).clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Deal, Engine, VerifierKind};

    fn spec(text: &str) -> Result<JobSpec, String> {
        let draft = Draft::parse(text)?;
        let found = match draft.program() {
            Program::Wasm { job, .. } => {
                limits(job).map_err(|failure| failure.message)?;
                Found::Module(Link::of_raw(b"module"), "ipfs://module".into())
            }
            Program::Docker(spec) => Found::Image(format!("{}@sha256:{}", spec.image, "0".repeat(64))),
        };
        let inputs = vec![InputSpec { source: "ipfs://x".into(), target: "/in".into() }];
        draft.spec(&found, &inputs)
    }

    #[test]
    fn what_is_left_out_has_the_defaults() {
        let spec = spec("engine: {wasm: {module: a.wasm}}").unwrap();
        let Engine::Wasm(wasm) = &spec.engine else { panic!("it is for the sandbox") };
        assert_eq!((wasm.module.as_str(), &wasm.job), ("ipfs://module", &Job::new(Link::of_raw(b"module"))));
        assert_eq!((spec.deal, spec.verifier), (Deal::new(3, 0).unwrap(), VerifierKind::Deterministic));
        assert_eq!((spec.inputs.len(), spec.check()), (1, Ok(())));
    }

    #[test]
    fn what_is_said_counts_in_yaml_and_json() {
        let yaml = "\
engine:
  wasm:
    module: a.wasm
    job:
      args: [--top, '10']
      env: {A: b}
      outputs: {report: /report}
      limits: {fuel: 5}
deal: {concurrency: 5, confidence: 4, min_bids: 7}
sharding: {glob_pattern: /*.csv}
private: true
labels: [nightly]
";
        let spec_of_yaml = spec(yaml).unwrap();
        let json = serde_json::to_string(&serde_yaml_ng::from_str::<Value>(yaml).unwrap()).unwrap();
        assert_eq!(spec(&json).as_ref(), Ok(&spec_of_yaml));
        let Engine::Wasm(wasm) = &spec_of_yaml.engine else { panic!("it is for the sandbox") };
        assert_eq!((wasm.job.args.len(), wasm.job.outputs.len(), wasm.job.limits.fuel), (2, 1, 5));
        assert_eq!(wasm.job.limits.memory_bytes, Limits::default().memory_bytes);
        assert_eq!(spec_of_yaml.deal.min_bids(), 7);
        assert!(spec_of_yaml.private && spec_of_yaml.sharding.is_some());
    }

    #[test]
    fn a_container_is_described_as_it_is_run() {
        let text =
            "engine: {docker: {image: busybox, args: [date], limits: {log_bytes: 5}}}\nresources: {cpu_millis: 500}";
        let spec = spec(text).unwrap();
        let Engine::Docker(docker) = &spec.engine else { panic!("it is a container") };
        assert!(docker.image.starts_with("busybox@sha256:"));
        assert_eq!(
            (docker.args.len(), docker.limits.log_bytes, docker.outputs["outputs"].as_str()),
            (1, 5, "/outputs")
        );
        assert_eq!(docker.limits.output_files, Limits::default().output_files);
        assert_eq!((spec.resources.cpu_millis, spec.deal, spec.check()), (500, Deal::new(3, 0).unwrap(), Ok(())));
    }

    #[test]
    fn a_spec_is_its_own_description() {
        let first = spec("engine: {wasm: {module: a.wasm}}").unwrap();
        let text = serde_json::to_string(&first).unwrap();
        assert_eq!(spec(&text), Ok(first));
    }

    #[test]
    fn publishers_are_written_in_several_ways() {
        use crate::job::PublisherKind::{Estuary, Ipfs, Local};

        let table = [
            ("publishers: [ipfs, local]", vec![Ipfs, Local]),
            ("publishers: estuary", vec![Estuary]),
            ("publisher: ipfs", vec![Ipfs]),
            ("publisher: [ipfs, noop]", vec![Ipfs]),
            ("publisher: noop", Vec::new()),
            ("publishers: []", Vec::new()),
        ];
        for (line, kinds) in table {
            let spec = spec(&format!("engine: {{wasm: {{module: a}}}}\n{line}")).unwrap();
            assert_eq!((spec.publishers.clone(), spec.check()), (kinds, Ok(())), "{line}");
        }
        for (line, words) in [
            ("publisher: ipfs\npublishers: [local]", "both `publisher` and `publishers`"),
            ("publisher: lotus", "unknown variant `lotus`"),
            ("publishers: [5]", "expected"),
        ] {
            let error = spec(&format!("engine: {{wasm: {{module: a}}}}\n{line}")).unwrap_err();
            assert!(error.contains(words), "{line}: {error}");
        }
    }

    #[test]
    fn slips_are_named() {
        let table = [
            ("", "the file is to hold keys and values"),
            ("{", "EOF"),
            ("a: [", "line"),
            ("deal: {}", "it has no `engine`"),
            ("engine: {}", "`engine` has neither wasm nor docker"),
            ("engine: {docker: {}}", "engine.docker: missing field `image`"),
            ("engine: {docker: {image: a, arg: []}}", "engine.docker: unknown field `arg`"),
            ("engine: {wasm: {module: a, job: {}}, docker: {}}", "both wasm and docker"),
            ("engine: {wasm: {module: a}, python: {}}", "there is no engine python"),
            ("engine: {wasm: {module: 5}}", "engine.wasm.module is to be a path"),
            ("engine: {wasm: {module: a, args: []}}", "there is no key engine.wasm.args"),
            ("engine: {wasm: {module: a, job: {arg: []}}}", "engine.wasm.job: unknown field `arg`"),
            ("engine: {wasm: {module: a, job: {limits: {fule: 1}}}}", "engine.wasm.job.limits: unknown field `fule`"),
            ("{\"engine\": {\"wasm\": {\"module\": \"a\"}}, \"confidence\": 3}", "unknown field `confidence`"),
            ("engine: {wasm: {module: a}}\ndeal: {concurrency: 2, confidence: 3}", "can never be reached by 2 runs"),
            ("engine: {wasm: {module: a}}\ninputs: a", "inputs is to be a list"),
        ];
        for (text, words) in table {
            let error = spec(text).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
        let other = format!("engine: {{wasm: {{module: a, job: {{module: {}}}}}}}", Link::of_raw(b"other"));
        assert!(spec(&other).unwrap_err().contains("but the module at ipfs://module is"));
    }

    #[test]
    fn inputs_are_written_in_two_ways() {
        let text = "{\"engine\": {\"wasm\": {\"module\": \"a\"}}, \"inputs\": [\"src:/in\", {\"source\": \"data:,x\", \"target\": \"/x\"}]}";
        let mounts = Draft::parse(text).unwrap().mounts().unwrap();
        let targets: Vec<_> = mounts.iter().map(|mount| mount.target.as_deref()).collect();
        assert_eq!(targets, [Some("/in"), Some("/x")]);
        for wrong in ["[5]", "[{\"source\": \"data:,x\"}]", "[\"missing\"]"] {
            let text = format!("{{\"engine\": {{\"wasm\": {{\"module\": \"a\"}}}}, \"inputs\": {wrong}}}");
            assert!(Draft::parse(&text).unwrap().mounts().is_err(), "{wrong}");
        }
    }
}
