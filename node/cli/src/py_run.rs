//! `bacalhau py run`: runs a Python script as a job. The program is a CPython for wasm32-wasip1; the script, its packages and the
//! standard library are inputs, so that the receipt names all of them by their hashes.

use std::collections::BTreeMap;

use clap::Args;

use super::exit::{Exit, Failure};
use super::mount::Mount;
use super::wasm_args::{Guest, WasmArgs};
use bacalhau_storage::Source;

/// Guest directory of the script.
const SCRIPT: &str = "/script";
/// Name of a script without a name, such as one by its CID.
const UNNAMED: &str = "main.py";
/// Guest directory of the packages, each in a directory with its number.
const PACKAGES: &str = "/packages";
/// Prefix of the interpreter if the standard library is an input.
const HOME: &str = "/python";
const PATH_VARIABLE: &str = "PYTHONPATH";
const HOME_VARIABLE: &str = "PYTHONHOME";

const EXAMPLES: &str = "Examples:
  bacalhau py run hello.py --python python.wasm
      a CPython for wasm32-wasip1 runs the script on three nodes of this process
  bacalhau py run count.py -i ./texts -- --top 10
      with BACALHAU_PYTHON set; a directory is mounted at /inputs; arguments after -- go to the script
  bacalhau py run report.py -i ipfs://bafy…/sales.csv:/inputs/sales.csv --requirements tabulate-0.9.0-py3-none-any.whl
      a pure-Python wheel is on the path of the script; results are the files in /outputs
  bacalhau py run report.py --python ipfs://bafy…/python.wasm -c 5 --confidence 4 --api-host HOST
      five nodes of a network, of which four must agree";

/// Run a Python script and verify its result
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct PyRun {
    /// The script: a path, an http(s) URL or a CID of a file, or a directory or zip with a `__main__.py`
    script: String,

    /// Arguments for the script
    args: Vec<String>,

    /// Arguments for the script that begin with a dash
    #[arg(last = true, value_name = "SCRIPT ARGS")]
    script_args: Vec<String>,

    #[command(flatten)]
    interpreter: Interpreter,

    #[command(flatten)]
    wasm: WasmArgs,
}

/// The interpreter and the packages of the script.
#[derive(Args, Debug)]
#[command(next_help_heading = "Python")]
struct Interpreter {
    /// CPython for wasm32-wasip1: a path, an http(s) URL (with #sha256=HEX it must have that hash) or a CID of its module. Also
    /// `BACALHAU_PYTHON`, or `python.module` of the configuration
    #[arg(long, value_name = "PATH|URL|CID")]
    python: Option<String>,

    /// Standard library of the interpreter: a directory or a zip. Also `python.library` of the configuration, if `--python` is
    /// not given [default: it is inside of the module]
    #[arg(long, value_name = "SRC")]
    python_library: Option<String>,

    /// Pure-Python packages for the script: a wheel, or a directory made by `pip install --target`. May be given several times
    #[arg(long, value_name = "DIR|WHEEL")]
    requirements: Vec<String>,
}

impl PyRun {
    /// Runs the job and prints the summary.
    ///
    /// # Errors
    /// When there is no result to report: usage error, rejected job, host failure.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let (module, library) = self.interpreter()?;
        let script = Source::parse(&self.script)?;
        let place = format!("{SCRIPT}/{}", script.name().unwrap_or(UNNAMED));
        let mut env = self.wasm.job.env()?;
        let mut path = Vec::new();
        let mut mounts = vec![Mount { source: script, target: Some(place.clone()) }];
        for (number, text) in (1..).zip(&self.interpreter.requirements) {
            let packages = packages(number, text)?;
            path.extend(packages.target.clone());
            mounts.push(packages);
        }
        if let Some(library) = library {
            let target = if library.is_dir() { format!("{HOME}/lib") } else { format!("{HOME}/lib.zip") };
            path.push(target.clone());
            mounts.push(Mount { source: library, target: Some(target) });
            env.entry(HOME_VARIABLE.into()).or_insert_with(|| HOME.into());
        }
        put_first(&mut env, path);
        // Without bytecode, which could not be kept: the script and its packages are read-only.
        let args = ["-B".to_owned(), place].into_iter().chain(self.args.iter().chain(&self.script_args).cloned());
        self.wasm.run(Guest { module, args: args.collect(), env, mounts })
    }

    /// The module of the interpreter, and its standard library if that is an input.
    fn interpreter(&self) -> Result<(Source, Option<Source>), Failure> {
        let Interpreter { python, python_library, .. } = &self.interpreter;
        let settings = self.wasm.job.submission.server.layers()?.config()?.python;
        // The library of the configuration is that of its module.
        let library = python_library.clone().or(settings.library.filter(|_| python.is_none()));
        let module = python.clone().or(settings.module).ok_or_else(|| {
            Failure::usage(
                "there is no Python to run: name the module of a CPython for wasm32-wasip1 with --python, or set \
                 BACALHAU_PYTHON or python.module of the configuration",
            )
        })?;
        Ok((Source::parse(&module)?, library.as_deref().map(Source::parse).transpose()?))
    }
}

/// Packages as an input, at the place that is their entry of the path.
fn packages(number: u32, text: &str) -> Result<Mount, Failure> {
    let source = Source::parse(text)?;
    let name = source.name().unwrap_or("packages");
    if is_binary_wheel(name) {
        return Err(Failure::usage(format!(
            "{text} has machine code, which no sandbox runs: give a wheel whose name ends in -none-any.whl"
        )));
    }
    let target = format!("{PACKAGES}/{number}/{name}");
    Ok(Mount { source, target: Some(target) })
}

/// Whether the name of a file is that of a wheel for certain interpreters or machines.
fn is_binary_wheel(name: &str) -> bool {
    name.strip_suffix(".whl").is_some_and(|name| !name.ends_with("-none-any"))
}

/// Puts `path` before the entries of the path that the user gave.
fn put_first(env: &mut BTreeMap<String, String>, mut path: Vec<String>) {
    if path.is_empty() {
        return;
    }
    path.extend(env.remove(PATH_VARIABLE));
    env.insert(PATH_VARIABLE.into(), path.join(":"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wheel_with_machine_code_is_refused_by_its_name() {
        for (name, is_binary) in [
            ("tabulate-0.9.0-py3-none-any.whl", false),
            ("six-1.17.0-py2.py3-none-any.whl", false),
            ("numpy-2.4.0-cp313-cp313-manylinux_2_28_x86_64.whl", true),
            ("x-1-cp312-abi3-any.whl", true),
            ("packages", false),
        ] {
            assert_eq!(is_binary_wheel(name), is_binary, "{name}");
        }
    }

    #[test]
    fn packages_come_before_the_path_of_the_user() {
        let mut env = BTreeMap::from([("PYTHONPATH".to_owned(), "/inputs/lib".to_owned())]);
        put_first(&mut env, Vec::new());
        assert_eq!(env["PYTHONPATH"], "/inputs/lib");
        put_first(&mut env, vec!["/packages/1/a.whl".into(), "/packages/2/b".into()]);
        assert_eq!(env["PYTHONPATH"], "/packages/1/a.whl:/packages/2/b:/inputs/lib");
    }
}
