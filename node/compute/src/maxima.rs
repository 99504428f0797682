//! Maxima of a job on this node, besides processors, memory and disk, which capacity limits. They are checked before
//! any data of a job is looked up.

use bacalhau_job::{ContainerLimits, DeclineReason, Declined, Engine, JobSpec, MAX_TIMEOUT_SECONDS};

/// The maxima. `fuel` is bounded by the timeout, `stack_bytes` and `path_depth` by the runtime; inputs, outputs and
/// labels by the size of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Maxima {
    /// Timeout in seconds. Default: the longest allowed for any job.
    pub timeout_seconds: u64,
    /// Module size in bytes. Default 256 MiB.
    pub module_bytes: u64,
    /// Table elements. Default 10,000,000.
    pub table_elements: u64,
    /// Open descriptors. Default 4,096.
    pub open_files: u64,
    /// Size of outputs in bytes. Default 16 GiB.
    pub output_bytes: u64,
    /// Files, directories and links of outputs. Default 1,000,000.
    pub output_files: u64,
    /// Size of standard output and standard error in bytes. Default 1 GiB.
    pub log_bytes: u64,
    /// Number of arguments. Default 4,096.
    pub args: u64,
    /// Total size of arguments in bytes, with one for the end of each. Default 128 KiB.
    pub args_bytes: u64,
    /// Number of environment variables. Default 1,024.
    pub env: u64,
    /// Total size of the environment in bytes, with two for the ends of each name and value. Default 128 KiB.
    pub env_bytes: u64,
}

impl Default for Maxima {
    fn default() -> Self {
        Self {
            timeout_seconds: MAX_TIMEOUT_SECONDS,
            module_bytes: 256 << 20,
            table_elements: 10_000_000,
            open_files: 4096,
            output_bytes: 16 << 30,
            output_files: 1_000_000,
            log_bytes: 1 << 30,
            args: 4096,
            args_bytes: 128 << 10,
            env: 1024,
            env_bytes: 128 << 10,
        }
    }
}

/// A number of a job: name, requested value, key and value of its maximum.
type Number = (&'static str, u64, &'static str, u64);

fn compare((name, asked, key, most): Number) -> Result<(), Declined> {
    if asked <= most {
        return Ok(());
    }
    let why = format!("{name} of the job is {asked}, and the maximum of this node is {most} (compute.{key})");
    Err(Declined::new(DeclineReason::TooLarge, why))
}

impl Maxima {
    /// Compares all numbers of a job with their maxima.
    ///
    /// # Errors
    /// The first number above its maximum, both values, and the key that sets the maximum.
    pub(super) fn check(&self, spec: &JobSpec) -> Result<(), Declined> {
        self.numbers(spec).into_iter().try_for_each(compare)
    }

    /// Compares the timeout of a job with its maximum.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub(super) fn check_timeout(&self, seconds: u64) -> Result<(), Declined> {
        compare(self.timeout(seconds))
    }

    fn timeout(&self, seconds: u64) -> Number {
        ("timeout_seconds", seconds, "max_timeout", self.timeout_seconds)
    }

    /// The numbers of a job.
    fn numbers(&self, spec: &JobSpec) -> Vec<Number> {
        let mut numbers = vec![self.timeout(spec.timeout_seconds)];
        let (written, words, env) = match &spec.engine {
            Engine::Wasm(wasm) => {
                let limits = &wasm.job.limits;
                numbers.extend([
                    ("module_bytes", limits.module_bytes, "max_module", self.module_bytes),
                    ("table_elements", limits.table_elements, "max_table_elements", self.table_elements),
                    ("open_files", limits.open_files, "max_open_files", self.open_files),
                ]);
                let written = ContainerLimits {
                    log_bytes: limits.log_bytes,
                    output_bytes: limits.output_bytes,
                    output_files: limits.output_files,
                };
                (written, vec![&wasm.job.args], &wasm.job.env)
            }
            Engine::Docker(docker) => (docker.limits, vec![&docker.entrypoint, &docker.args], &docker.env),
        };
        let args = words.iter().map(|words| words.len() as u64).sum();
        let args_bytes = words.iter().flat_map(|words| words.iter()).map(|word| word.len() as u64 + 1).sum();
        let env_bytes = env.iter().map(|(name, value)| name.len() as u64 + value.len() as u64 + 2).sum();
        numbers.extend([
            ("output_bytes", written.output_bytes, "max_output", self.output_bytes),
            ("output_files", written.output_files, "max_output_files", self.output_files),
            ("log_bytes", written.log_bytes, "max_log", self.log_bytes),
            ("the number of arguments", args, "max_args", self.args),
            ("the size in bytes of all arguments", args_bytes, "max_args_size", self.args_bytes),
            ("the number of environment variables", env.len() as u64, "max_env", self.env),
            ("the size in bytes of the environment", env_bytes, "max_env_size", self.env_bytes),
        ]);
        numbers
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use bacalhau_receipt::Job;
    use bacalhau_tree::Link;

    use super::*;
    use bacalhau_job::{Deal, DockerSpec};

    const MOST: Maxima = Maxima {
        timeout_seconds: 9,
        module_bytes: 10,
        table_elements: 11,
        open_files: 12,
        output_bytes: 13,
        output_files: 14,
        log_bytes: 15,
        args: 2,
        args_bytes: 16,
        env: 2,
        env_bytes: 18,
    };

    type Change = fn(&mut Job, &mut u64);

    /// Says what is wrong with a job at all maxima after `change`.
    fn why(change: impl Fn(&mut Job, &mut u64)) -> Result<(), String> {
        let mut job = Job::new(Link::of_raw(b""));
        let limits = &mut job.limits;
        (limits.module_bytes, limits.table_elements, limits.open_files) = (10, 11, 12);
        (limits.output_bytes, limits.output_files, limits.log_bytes) = (13, 14, 15);
        job.args = vec!["1234567".into(); 2];
        job.env = [("a", "123456"), ("b", "123456")].map(|(name, value)| (name.into(), value.into())).into();
        let mut timeout_seconds = 9;
        change(&mut job, &mut timeout_seconds);
        let limits = &job.limits;
        let docker = DockerSpec {
            entrypoint: job.args.iter().take(1).cloned().collect(),
            args: job.args.iter().skip(1).cloned().collect(),
            env: job.env.clone(),
            limits: ContainerLimits {
                log_bytes: limits.log_bytes,
                output_bytes: limits.output_bytes,
                output_files: limits.output_files,
            },
            ..DockerSpec::of("sha256:0".into())
        };
        let deal = Deal::new(1, 0).unwrap();
        let container = JobSpec { timeout_seconds, ..JobSpec::new(Engine::Docker(docker), deal) };
        let wasm = JobSpec { timeout_seconds, ..JobSpec::wasm("data:,x", job, deal) };
        let of = |spec| {
            MOST.check(&spec).map_err(|declined| {
                assert_eq!(declined.reason, DeclineReason::TooLarge);
                declined.why
            })
        };
        let why = of(wasm);
        if !why.as_ref().is_err_and(|why| ["module", "table", "open"].iter().any(|word| why.starts_with(word))) {
            assert_eq!(of(container), why, "as for a container");
        }
        why
    }

    #[test]
    fn every_number_is_taken_at_its_maximum_and_not_above() {
        assert_eq!(why(|_, _| ()), Ok(()));
        let changes: [(Change, &str); 11] = [
            (
                |_, seconds| *seconds = 10,
                "timeout_seconds of the job is 10, and the maximum of this node is 9 (compute.max_timeout)",
            ),
            (|job, _| job.limits.module_bytes += 1, "module_bytes of the job is 11, "),
            (|job, _| job.limits.table_elements += 1, "table_elements of the job is 12, "),
            (|job, _| job.limits.open_files += 1, "open_files of the job is 13, "),
            (|job, _| job.limits.output_bytes += 1, "output_bytes of the job is 14, "),
            (|job, _| job.limits.output_files += 1, "output_files of the job is 15, "),
            (|job, _| job.limits.log_bytes += 1, "log_bytes of the job is 16, "),
            (|job, _| job.args = vec![String::new(); 3], "the number of arguments of the job is 3, "),
            (|job, _| job.args[0].push('8'), "the size in bytes of all arguments of the job is 17, "),
            (
                |job, _| drop(job.env.insert("c".into(), String::new())),
                "the number of environment variables of the job is 3, ",
            ),
            (
                |job, _| job.env = BTreeMap::from([("a".into(), "1".repeat(16))]),
                "the size in bytes of the environment of the job is 19, ",
            ),
        ];
        for (change, words) in changes {
            let why = why(change).unwrap_err();
            assert!(why.starts_with(words), "{why}");
        }
    }

    #[test]
    fn a_job_with_the_defaults_is_below_the_default_maxima() {
        let spec = JobSpec::wasm("data:,x", Job::new(Link::of_raw(b"")), Deal::new(1, 0).unwrap());
        assert_eq!(Maxima::default().check(&spec), Ok(()));
    }
}
