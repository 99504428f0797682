//! A job file: a partial spec. Missing fields have the defaults of `wasm run` and `docker run`; unknown keys are
//! rejected.

use std::collections::BTreeMap;

use bacalhau_runtime::{Job, Limits, Link, Profile};
use serde_json::{Map, Value, json};

use super::super::exit::Failure;
use super::super::mount::Mount;
use super::super::spec;
use bacalhau_job::{DockerSpec, InputSpec, JobSpec, parse_selector};

/// Default number of runs.
const DEFAULT_CONCURRENCY: u16 = 3;

/// A parsed job file.
#[derive(Debug)]
pub(super) struct Draft {
    /// The spec without engine and inputs.
    rest: Map<String, Value>,
    program: Program,
    inputs: Vec<Value>,
}

/// The program of a job file.
#[derive(Debug)]
pub(super) enum Program {
    /// A WebAssembly module.
    Wasm {
        /// Source of the module.
        module: String,
        /// The fields of the job.
        job: Map<String, Value>,
    },
    /// A container; its image may be named by a tag.
    Docker(DockerSpec),
}

/// A resolved program.
#[derive(Clone, Debug)]
pub(super) enum Found {
    /// The module with this CID and its source.
    Module(Link, &'static Profile, String),
    /// The image by digest.
    Image(String),
}

impl Draft {
    /// Parses YAML or JSON.
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
            return Err(format!("unknown engine {other}: write wasm or docker"));
        }
        let inputs = match rest.remove("inputs") {
            None => Vec::new(),
            Some(Value::Array(inputs)) => inputs,
            Some(_) => return Err("inputs must be a list".into()),
        };
        Ok(Self { rest, program, inputs })
    }

    /// The program.
    pub(super) fn program(&self) -> &Program {
        &self.program
    }

    /// The inputs: `SRC:DST` as on the command line, or `source` and `target`.
    ///
    /// # Errors
    /// When one has another form, or its source does not exist.
    pub(super) fn mounts(&self) -> Result<Vec<Mount>, Failure> {
        let one = |input: &Value| match input {
            Value::String(text) => Mount::parse(text),
            Value::Object(_) => {
                let spec: InputSpec = serde_json::from_value(input.clone())
                    .map_err(|error| Failure::usage(format!("inputs: {error}")))?;
                Mount::parse(&format!("{}:{}", spec.source, spec.target))
            }
            _ => Err(Failure::usage("an input must be SRC:DST, or have a source and a target")),
        };
        self.inputs.iter().map(one).collect()
    }

    /// The complete spec for the resolved program.
    pub(super) fn spec(&self, found: &Found, inputs: &[InputSpec]) -> Result<JobSpec, String> {
        let engine = match (&self.program, found) {
            (Program::Wasm { job, .. }, Found::Module(cid, profile, module)) => {
                json!({"wasm": {"module": module, "job": job_of(job, *cid, profile, module)?}})
            }
            (Program::Docker(spec), Found::Image(image)) => {
                json!({"docker": DockerSpec { image: image.clone(), ..spec.clone() }})
            }
            _ => return Err("internal error: a program of another kind was resolved; please report this".into()),
        };
        let mut spec = self.rest.clone();
        if let Some(publishers) = publishers(&mut spec)? {
            spec.insert("publishers".into(), publishers);
        }
        if let Some(text) = spec.get("selector").and_then(Value::as_str) {
            let selector = parse_selector(text).map_err(|error| format!("selector: {error}"))?;
            spec.insert("selector".into(), json!(selector));
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
            return Err("engine.wasm.module must be a path, a URL or a CID".into());
        };
        let job = wasm.remove("job").map_or_else(|| Ok(Map::new()), |job| map(job, "engine.wasm.job"))?;
        if let Some(other) = wasm.keys().next() {
            return Err(format!("unknown key engine.wasm.{other}: write module and job"));
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

/// The limits in the fields of a job.
///
/// # Errors
/// When there are unknown keys or invalid values.
pub(super) fn limits(job: &Map<String, Value>) -> Result<Limits, Failure> {
    let limits = filled_in(&json!(Limits::default()), job.get("limits"));
    serde_json::from_value(limits).map_err(|error| Failure::usage(format!("engine.wasm.job.limits: {error}")))
}

/// The job of the module with this CID, which needs `profile`, and the given fields. A profile may be given by its name.
fn job_of(said: &Map<String, Value>, cid: Link, needed: &Profile, module: &str) -> Result<Job, String> {
    let mut job = Job::new(cid);
    job.profile = needed.id();
    let mut job = json!(job);
    let named = said.get("profile").and_then(Value::as_str).and_then(|name| spec::profile(name).ok());
    for (key, said) in said {
        let default = job.get(key).cloned().unwrap_or(Value::Null);
        // Given outputs replace the default one; limits are merged one by one.
        job[key] = if key == "limits" { filled_in(&default, Some(said)) } else { said.clone() };
    }
    if let Some(profile) = named {
        job["profile"] = json!(profile.id());
    }
    if job["module"] != json!(cid) {
        return Err(format!("engine.wasm.job.module is {}, but the module at {module} is {cid}", job["module"]));
    }
    serde_json::from_value(job).map_err(|error| format!("engine.wasm.job: {error}"))
}

/// The publishers: one or a list, by either name of the key; `noop` is none.
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
        _ => Err(format!("{what} must be a map")),
    }
}

/// `default` with the keys of `said`.
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
    use bacalhau_job::{Deal, Engine, VerifierKind};

    fn spec(text: &str) -> Result<JobSpec, String> {
        let draft = Draft::parse(text)?;
        let found = match draft.program() {
            Program::Wasm { job, .. } => {
                limits(job).map_err(|failure| failure.message)?;
                Found::Module(Link::of_raw(b"module"), &Profile::V1, "ipfs://module".into())
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
        let yaml = "engine:
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
        use bacalhau_job::PublisherKind::{Estuary, Ipfs, Local};

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
            ("", "the file must be a map"),
            ("{", "EOF"),
            ("a: [", "line"),
            ("deal: {}", "it has no `engine`"),
            ("engine: {}", "`engine` has neither wasm nor docker"),
            ("engine: {docker: {}}", "engine.docker: missing field `image`"),
            ("engine: {docker: {image: a, arg: []}}", "engine.docker: unknown field `arg`"),
            ("engine: {wasm: {module: a, job: {}}, docker: {}}", "both wasm and docker"),
            ("engine: {wasm: {module: a}, python: {}}", "unknown engine python"),
            ("engine: {wasm: {module: 5}}", "engine.wasm.module must be a path"),
            ("engine: {wasm: {module: a, args: []}}", "unknown key engine.wasm.args"),
            ("engine: {wasm: {module: a, job: {arg: []}}}", "engine.wasm.job: unknown field `arg`"),
            ("engine: {wasm: {module: a, job: {limits: {fule: 1}}}}", "engine.wasm.job.limits: unknown field `fule`"),
            ("{\"engine\": {\"wasm\": {\"module\": \"a\"}}, \"confidence\": 3}", "unknown field `confidence`"),
            ("engine: {wasm: {module: a}}\ndeal: {concurrency: 2, confidence: 3}", "can never be reached by 2 runs"),
            ("engine: {wasm: {module: a}}\ninputs: a", "inputs must be a list"),
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
