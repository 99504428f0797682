//! Rejects imports other than the functions of WASI preview 1, and explains their likely origin.

use super::inspection::Import;
use super::origin;
use super::refusal::{Refusal, RefusalKind, quote};
use super::wasi::{WASI_MODULE, known, list};

/// How many missing imports a refusal lists before it only counts.
const LISTED: usize = 40;

/// Rejects a module with a list of all unsupported imports, and their likely origin.
pub(super) fn check(imports: &[Import]) -> Result<(), Refusal> {
    let missing: Vec<&Import> = imports.iter().filter(|import| !import.provided).collect();
    if missing.is_empty() {
        return check_memories(imports);
    }
    let mut lines = vec![format!("the module imports {} that jobs do not have:", count(missing.len()))];
    lines.extend(missing.iter().take(LISTED).map(|import| line(import)));
    if missing.len() > LISTED {
        lines.push(format!("  and {} more", missing.len() - LISTED));
    }
    lines.extend(origin::hints(&missing).into_iter().map(String::from));
    Err(Refusal::new(RefusalKind::Import, lines.join("\n")))
}

/// Rejects a module that imports its memory twice: both would be one memory.
fn check_memories(imports: &[Import]) -> Result<(), Refusal> {
    if imports.iter().filter(|import| import.is_memory()).count() <= 1 {
        return Ok(());
    }
    Err(Refusal::new(RefusalKind::Import, "the module imports its shared memory more than once: import it once"))
}

fn count(missing: usize) -> String {
    if missing == 1 { "something".into() } else { format!("{missing} things") }
}

/// One missing import; for a function of WASI with another type, both types.
fn line(import: &Import) -> String {
    let line = format!("  {} from {}: {}", quote(&import.name), quote(&import.module), import.ty);
    match known(&import.name) {
        Some((_, params, results)) if import.module == WASI_MODULE => {
            format!("{line}, where WASI has func {} -> {}", list(params), list(results))
        }
        _ => line,
    }
}
