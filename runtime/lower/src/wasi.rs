//! What components may import: the interfaces of WASI 0.2 with the types of their functions, in `wasi.txt`.
//!
//! A function with another type than WASI's is refused: the support module would misread its arguments.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::LazyLock;

use crate::error::{LowerError, Result};
use crate::graph::{Func, FuncBody, Graph, Owner};
use crate::instantiate::{Exports, Item};
use crate::types::{FuncType, Kind, Type};

static TABLE: LazyLock<Table> = LazyLock::new(|| Table::read(include_str!("wasi.txt")));

const RUN: &str = "wasi:cli/run";

/// The functions and resources of WASI 0.2 by interface.
#[derive(Debug, Default)]
struct Table {
    interfaces: BTreeSet<&'static str>,
    resources: BTreeSet<(&'static str, &'static str)>,
    functions: BTreeMap<(&'static str, &'static str), String>,
}

impl Table {
    /// Lines are `interface NAME`, `resource NAME`, `type NAME = TYPE` (used below as `$NAME`) and `func NAME TYPE`.
    fn read(text: &'static str) -> Self {
        let mut table = Self::default();
        let mut interface = "";
        let mut types: Vec<(String, String)> = Vec::new();
        let expand = |types: &[(String, String)], text: &str| {
            types.iter().rev().fold(text.to_owned(), |text, (name, ty)| text.replace(name.as_str(), ty))
        };
        for line in text.lines() {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            match word {
                "interface" => {
                    interface = rest;
                    table.interfaces.insert(rest);
                }
                "resource" => {
                    table.resources.insert((interface, rest));
                }
                "type" => {
                    if let Some((name, ty)) = rest.split_once(" = ") {
                        types.push((format!("${name}$"), expand(&types, ty)));
                    }
                }
                "func" => {
                    if let Some((name, ty)) = rest.split_once(' ') {
                        table.functions.insert((interface, name), expand(&types, ty));
                    }
                }
                _ => {}
            }
        }
        table
    }
}

/// The interface that an import names, without its version.
pub(crate) fn interface(name: &str) -> Result<String> {
    let (interface, version) = name.split_once('@').unwrap_or((name, ""));
    let patch = version.strip_prefix("0.2.").filter(|patch| patch.bytes().all(|byte| byte.is_ascii_digit()));
    if patch.is_some_and(|patch| !patch.is_empty()) && TABLE.interfaces.contains(interface) {
        return Ok(interface.to_owned());
    }
    if interface.starts_with("wasi:") && version.starts_with("0.3.") {
        return Err(LowerError::unsupported(format!(
            "the component imports {name:?} of WASI 0.3: build it for WASI 0.2 (wasm32-wasip2)"
        )));
    }
    Err(unknown_import(name))
}

pub(crate) fn unknown_import(name: &str) -> LowerError {
    let why = if name.starts_with("wasi:http/") { "jobs have no network" } else { "jobs do not have it" };
    LowerError::unsupported(format!(
        "the component imports {name:?}, and {why}: build it for the world wasi:cli/command of WASI 0.2 without this \
         import, or compose it with a component that exports it"
    ))
}

/// Refuses a resource that WASI 0.2 does not have.
pub(crate) fn check_resource(interface: &str, name: &str) -> Result<()> {
    if TABLE.resources.contains(&(interface, name)) || is_sockets(interface) {
        return Ok(());
    }
    Err(LowerError::unsupported(format!(
        "the component imports the resource {name:?} of {interface}, which WASI 0.2 does not have: build it for the world \
         wasi:cli/command"
    )))
}

/// How a function of WASI is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Provided {
    /// By this export of the support module.
    Support(String),
    /// Never: it is a method of a socket, and there are no sockets.
    Unreachable,
}

/// Looks up a function of WASI and compares its type.
pub(crate) fn provided(graph: &Graph<'_>, interface: &str, name: &str, ty: &FuncType) -> Result<Provided> {
    let Some(expected) = TABLE.functions.get(&(interface, name)) else {
        if is_sockets(interface) && name.starts_with("[method]") {
            return Ok(Provided::Unreachable);
        }
        return Err(LowerError::unsupported(format!(
            "the component calls {name:?} of {interface}, which jobs do not have: build it for the world wasi:cli/command \
             of WASI 0.2"
        )));
    };
    let has = signature(graph, ty);
    if has != *expected {
        return Err(LowerError::unsupported(format!(
            "the component imports {name:?} of {interface} as {has}, and in WASI 0.2 it is {expected}: build it from the \
             released interfaces"
        )));
    }
    Ok(Provided::Support(format!("{interface}#{name}")))
}

fn is_sockets(interface: &str) -> bool {
    interface.starts_with("wasi:sockets/")
}

/// The function `run` that a command exports.
pub(crate) fn run_of(exports: &Exports<'_>) -> Result<Func> {
    let versioned = |name: &str, version: &str| name.strip_prefix(RUN).is_some_and(|rest| rest.starts_with(version));
    let instance = exports.iter().find(|(name, _)| versioned(name, "@0.2."));
    let Some((_, Item::Instance(instance))) = instance else {
        if exports.keys().any(|name| versioned(name, "@0.3.")) {
            return Err(LowerError::unsupported(
                "the component is a command of WASI 0.3: build it for WASI 0.2 (wasm32-wasip2)",
            ));
        }
        let names: Vec<&str> = exports.keys().map(String::as_str).collect();
        let has = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
        return Err(LowerError::unsupported(format!(
            "the component does not export {RUN}@0.2, so it is not a command (it exports {has}): build it for the world \
             wasi:cli/command, or compose it with one"
        )));
    };
    let Some(Item::Func(func)) = instance.get("run") else {
        return Err(LowerError::unsupported(format!("the component exports {RUN} without its function run")));
    };
    let right = func.ty.params.is_empty()
        && func.ty.result.as_ref().is_some_and(|ty| matches!(ty.kind, Kind::Result(None, None)));
    if !right || !matches!(func.body, FuncBody::Lifted { .. }) {
        return Err(LowerError::unsupported(format!(
            "the component exports {RUN} with a function run of another type"
        )));
    }
    Ok(func.clone())
}

/// The type of a function as text, structurally: without the names of parameters and of types.
pub(crate) fn signature(graph: &Graph<'_>, ty: &FuncType) -> String {
    let params: Vec<String> = ty.params.iter().map(|ty| type_text(graph, ty)).collect();
    let mut text = format!("({})", params.join(", "));
    if let Some(result) = &ty.result {
        let _ = write!(text, " -> {}", type_text(graph, result));
    }
    text
}

fn type_text(graph: &Graph<'_>, ty: &Type) -> String {
    let text = |ty: &Type| type_text(graph, ty);
    let list = |types: &[Type]| types.iter().map(text).collect::<Vec<_>>().join(", ");
    match &ty.kind {
        Kind::Bool => "bool".into(),
        Kind::S8 => "s8".into(),
        Kind::U8 => "u8".into(),
        Kind::S16 => "s16".into(),
        Kind::U16 => "u16".into(),
        Kind::S32 => "s32".into(),
        Kind::U32 => "u32".into(),
        Kind::S64 => "s64".into(),
        Kind::U64 => "u64".into(),
        Kind::F32 => "f32".into(),
        Kind::F64 => "f64".into(),
        Kind::Char => "char".into(),
        Kind::String => "string".into(),
        Kind::List(element) => format!("list<{}>", text(element)),
        Kind::Record(fields) => {
            let fields: Vec<String> = fields.iter().map(|(name, ty)| format!("{name}: {}", text(ty))).collect();
            format!("record {{{}}}", fields.join(", "))
        }
        Kind::Tuple(parts) => format!("tuple<{}>", list(parts)),
        Kind::Flags(names) => format!("flags {{{}}}", names.join(", ")),
        Kind::Enum(names) => format!("enum {{{}}}", names.join(", ")),
        Kind::Variant(cases) => {
            let case = |(name, ty): &(String, Option<Type>)| match ty {
                Some(ty) => format!("{name}({})", text(ty)),
                None => name.clone(),
            };
            format!("variant {{{}}}", cases.iter().map(case).collect::<Vec<_>>().join(", "))
        }
        Kind::Option(some) => format!("option<{}>", text(some)),
        Kind::Result(None, None) => "result".into(),
        Kind::Result(ok, None) => format!("result<{}>", ok.as_ref().map_or_else(|| "_".into(), text)),
        Kind::Result(ok, Some(err)) => {
            format!("result<{}, {}>", ok.as_ref().map_or_else(|| "_".into(), text), text(err))
        }
        Kind::Own(id) => format!("own<{}>", resource_text(graph, *id)),
        Kind::Borrow(id) => format!("borrow<{}>", resource_text(graph, *id)),
    }
}

fn resource_text(graph: &Graph<'_>, id: usize) -> String {
    match graph.resources.get(id).map(|resource| &resource.owner) {
        Some(Owner::Host { name, .. }) => name.clone(),
        _ => format!("resource {id} of the component"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use wasmparser::{Parser, Payload};

    use super::*;

    /// The table and the support module have the same functions.
    #[test]
    fn every_function_is_in_the_support_module() {
        let mut exports = BTreeSet::new();
        for payload in Parser::new(0).parse_all(crate::SUPPORT) {
            if let Payload::ExportSection(section) = payload.unwrap() {
                exports.extend(section.into_iter().map(|export| export.unwrap().name.to_owned()));
            }
        }
        let named: BTreeSet<String> = TABLE.functions.keys().map(|(of, name)| format!("{of}#{name}")).collect();
        let provided: BTreeSet<String> =
            exports.into_iter().filter(|name| name.starts_with("wasi:") && !name.contains("[dtor]")).collect();
        assert_eq!(named, provided);
        assert!(TABLE.functions.values().all(|ty| !ty.contains('$')), "each name of a type is one");
    }
}
