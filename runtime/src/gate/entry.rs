//! Whether the function that a job names can be its entry point.

use super::{
    inspection::Inspection,
    refusal::{Refusal, RefusalKind, quote},
};

/// How many exported functions a refusal lists.
const LISTED: usize = 30;

/// Note about a module without `_start` and with `_initialize`.
const REACTOR: &str = ". It is a reactor, a library that is set up by _initialize and has no main";

/// Checks that `entry` is an exported function without parameters and results.
///
/// # Errors
/// When it is not: with what it is, whether the module is a library, and possible names.
pub fn check_entry(module: &Inspection, entry: &str) -> Result<(), Refusal> {
    if module.entry_points.iter().any(|name| name == entry) {
        return Ok(());
    }
    let export = module.exports.iter().find(|export| export.name == entry);
    let what = match export {
        Some(export) if export.ty.starts_with("func ") => format!(
            "the entry point {} is a {}; it must be one without parameters and results, func () -> ()",
            quote(entry),
            export.ty
        ),
        Some(export) => format!("the entry point {} is not a function but a {}", quote(entry), export.ty),
        None => not_exported(entry),
    };
    Err(Refusal::new(RefusalKind::EntryPoint, format!("{what}{}: {}", kind(module, entry), advice(module))))
}

/// The refusal for a module of which only the names of its entry points are at hand, and whether `entry` is exported.
pub(crate) fn refuse_entry(names: &[String], entry: &str, exported: bool) -> Refusal {
    let reactor = if entry == "_start" && names.iter().any(|name| name == "_initialize") { REACTOR } else { "" };
    let advice = callable(names)
        .unwrap_or_else(|| "it has no function that could be called: build it as a program with a main".into());
    let what = if exported {
        format!("the entry point {} is not a function without parameters and results", quote(entry))
    } else {
        not_exported(entry)
    };
    Refusal::new(RefusalKind::EntryPoint, format!("{what}{reactor}: {advice}"))
}

fn not_exported(entry: &str) -> String {
    format!("the module exports no function named {}", quote(entry))
}

fn kind(module: &Inspection, entry: &str) -> &'static str {
    if module.is_reactor && entry == "_start" { REACTOR } else { "" }
}

fn advice(module: &Inspection) -> String {
    callable(&module.entry_points).unwrap_or_else(|| {
        format!(
            "build it as a program with a main (Rust: a binary, not a cdylib; C: without -mexec-model=reactor), or export \
             a function without parameters and results. It exports {}",
            everything(module)
        )
    })
}

/// The entry points that may be named instead, if there are any. A name without characters is not worth naming.
fn callable(entry_points: &[String]) -> Option<String> {
    let names: Vec<String> = entry_points
        .iter()
        .filter(|name| !["", "_initialize"].contains(&name.as_str()))
        .map(|name| quote(name))
        .collect();
    (!names.is_empty()).then(|| format!("name one of these with --entry-point: {}", some(names)))
}

fn everything(module: &Inspection) -> String {
    if module.exports.is_empty() {
        return "nothing".into();
    }
    some(module.exports.iter().map(|export| format!("{} ({})", quote(&export.name), export.ty)).collect())
}

fn some(mut names: Vec<String>) -> String {
    let more = names.len().saturating_sub(LISTED);
    names.truncate(LISTED);
    let names = names.join(", ");
    if more == 0 { names } else { format!("{names} and {more} more") }
}
