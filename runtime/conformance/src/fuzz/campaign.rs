//! Tests many modules from one seed on several threads. The distribution over threads does not affect results.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use super::counts::Counts;
use super::dice::Dice;

/// Number of findings after which a campaign stops.
const ENOUGH: usize = 10;

/// Configuration of a campaign.
#[derive(Clone, Copy, Debug)]
pub struct Campaign {
    /// Decides everything, together with the number of a module.
    pub seed: u64,
    /// Number of the first module.
    pub first: u64,
    /// Number of modules.
    pub modules: u64,
    /// Number of threads.
    pub jobs: usize,
}

/// A module that shows an error, and how.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Text of the module, if it is from one of our generators.
    pub text: Option<String>,
    /// The module before the pass.
    pub wasm: Vec<u8>,
    /// Description of the difference.
    pub what: String,
}

/// A failure, and how to see it again.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Which kind of module.
    pub target: &'static str,
    /// Seed of the campaign.
    pub seed: u64,
    /// Number of the module.
    pub index: u64,
    /// The failure.
    pub failure: Failure,
    /// Where the module was written, and its text beside it.
    pub file: PathBuf,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { target, seed, index, failure, file } = self;
        writeln!(f, "{target}: module {index} of seed {seed}, in {}", file.display())?;
        writeln!(
            f,
            "again: cargo run -p bacalhau-conformance --example fuzz -- {target} --seed {seed} --first {index} --modules 1"
        )?;
        if let Some(text) = &failure.text {
            writeln!(f, "{text}")?;
        }
        write!(f, "{}", failure.what)
    }
}

impl Campaign {
    /// Tests every module, on threads with this stack size. Calls `found` for each finding.
    ///
    /// # Errors
    /// When threads or files of the host fail.
    pub fn run(
        &self,
        target: &'static str,
        thread_stack: usize,
        try_one: &(dyn Fn(&mut Dice, &mut Counts) -> Result<(), Failure> + Sync),
        found: &(dyn Fn(&Finding) + Sync),
    ) -> io::Result<(Counts, Vec<Finding>)> {
        let next = AtomicU64::new(self.first);
        let all = Mutex::new((Counts::default(), Vec::new()));
        let work = || {
            let mut counts = Counts::default();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= self.first + self.modules {
                    break;
                }
                let Err(failure) = try_one(&mut Dice::new(self.seed, index), &mut counts) else { continue };
                let file = write(target, self.seed, index, &failure)?;
                let finding = Finding { target, seed: self.seed, index, failure, file };
                found(&finding);
                let mut all = all.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                all.1.push(finding);
                if all.1.len() >= ENOUGH {
                    break;
                }
            }
            all.lock().unwrap_or_else(std::sync::PoisonError::into_inner).0.merge(&counts);
            Ok(())
        };
        thread::scope(|scope| {
            let threads: Vec<_> = (0..self.jobs.max(1))
                .map(|_| thread::Builder::new().stack_size(thread_stack).spawn_scoped(scope, work))
                .collect::<io::Result<_>>()?;
            threads
                .into_iter()
                .try_for_each(|thread| thread.join().unwrap_or_else(|_| Err(io::Error::other("a thread panicked"))))
        })?;
        let (counts, mut findings) = all.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        findings.sort_by_key(|finding| finding.index);
        Ok((counts, findings))
    }
}

/// Writes the module to a temporary file with a descriptive name.
fn write(target: &str, seed: u64, index: u64, failure: &Failure) -> io::Result<PathBuf> {
    let file = std::env::temp_dir().join(format!("bacalhau-fuzz-{target}-{seed}-{index}.wasm"));
    std::fs::write(&file, &failure.wasm)?;
    if let Some(text) = &failure.text {
        std::fs::write(file.with_extension("wat"), text)?;
    }
    Ok(file)
}
