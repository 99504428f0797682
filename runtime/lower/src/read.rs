//! Reads the sections of a component into a list of definitions. Nothing is resolved.

use std::ops::Range;
use std::rc::Rc;

use wasmparser::{
    CanonicalFunction, ComponentAlias, ComponentExport, ComponentImport, ComponentInstance, ComponentType, Encoding,
    Instance, Parser, Payload, Validator, WasmFeatures,
};

use crate::bounds::MAX_NESTING;
use crate::error::{LowerError, Result};
use crate::module::Module;

/// A component: its definitions in their order.
#[derive(Debug, Default)]
pub(crate) struct Component<'a> {
    pub(crate) definitions: Vec<Definition<'a>>,
}

/// One definition of a component.
#[derive(Debug)]
pub(crate) enum Definition<'a> {
    CoreModule(Rc<Module<'a>>),
    CoreInstance(Instance<'a>),
    /// Only its place in the index space is used.
    CoreType,
    Component(Rc<Component<'a>>),
    Instance(ComponentInstance<'a>),
    Alias(ComponentAlias<'a>),
    Type(Rc<ComponentType<'a>>),
    Canonical(CanonicalFunction),
    Import(ComponentImport<'a>),
    Export(ComponentExport<'a>),
}

/// Language of core modules inside: that of the newest profile, without references to types and 64-bit addresses. The gate
/// looks at what they are lowered to.
fn features() -> WasmFeatures {
    WasmFeatures::WASM2
        | WasmFeatures::TAIL_CALL
        | WasmFeatures::EXTENDED_CONST
        | WasmFeatures::MULTI_MEMORY
        | WasmFeatures::EXCEPTIONS
        | WasmFeatures::THREADS
        | WasmFeatures::RELAXED_SIMD
        | WasmFeatures::WIDE_ARITHMETIC
        | WasmFeatures::COMPONENT_MODEL
        // Accepted here so that they are refused by name, not by the bytes of their encoding.
        | WasmFeatures::CM_ASYNC
        | WasmFeatures::CM_ASYNC_STACKFUL
        | WasmFeatures::CM_MORE_ASYNC_BUILTINS
        | WasmFeatures::CM_ERROR_CONTEXT
        | WasmFeatures::CM_THREADING
}

/// Validates the bytes and reads them.
pub(crate) fn read(bytes: &[u8]) -> Result<Rc<Component<'_>>> {
    check_nesting(bytes)?;
    Validator::new_with_features(features()).validate_all(bytes)?;
    let mut stack: Vec<Component<'_>> = Vec::new();
    let mut finished = None;
    // The parser reports what is inside of core modules as well; `Module` has read them.
    let mut inside_module = false;
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload?;
        if inside_module {
            inside_module = !matches!(payload, Payload::End(_));
            continue;
        }
        match payload {
            Payload::Version { encoding: Encoding::Component, .. } => stack.push(Component::default()),
            Payload::ModuleSection { unchecked_range, .. } => {
                let module = Rc::new(Module::read(slice(bytes, unchecked_range)?)?);
                top(&mut stack)?.push(Definition::CoreModule(module));
                inside_module = true;
            }
            Payload::End(_) => {
                let done = Rc::new(stack.pop().ok_or_else(|| LowerError::inconsistent("a component"))?);
                match stack.last_mut() {
                    Some(outer) => outer.definitions.push(Definition::Component(done)),
                    None => finished = Some(done),
                }
            }
            other => add(other, &mut stack)?,
        }
    }
    finished.ok_or_else(|| LowerError::inconsistent("the end of the component"))
}

fn add<'a>(payload: Payload<'a>, stack: &mut [Component<'a>]) -> Result<()> {
    let into = top(stack)?;
    match payload {
        Payload::InstanceSection(section) => all(section, into, Definition::CoreInstance),
        Payload::CoreTypeSection(section) => all(section, into, |_| Definition::CoreType),
        Payload::ComponentInstanceSection(section) => all(section, into, Definition::Instance),
        Payload::ComponentAliasSection(section) => all(section, into, Definition::Alias),
        Payload::ComponentTypeSection(section) => all(section, into, |ty| Definition::Type(Rc::new(ty))),
        Payload::ComponentCanonicalSection(section) => all(section, into, Definition::Canonical),
        Payload::ComponentImportSection(section) => all(section, into, Definition::Import),
        Payload::ComponentExportSection(section) => all(section, into, Definition::Export),
        Payload::ComponentStartSection { .. } => Err(LowerError::unsupported(
            "the component has a start function of the component model, which jobs do not have: build it without one",
        )),
        _ => Ok(()),
    }
}

fn all<'a, T: wasmparser::FromReader<'a>>(
    section: wasmparser::SectionLimited<'a, T>,
    into: &mut Vec<Definition<'a>>,
    of: impl Fn(T) -> Definition<'a>,
) -> Result<()> {
    for item in section {
        into.push(of(item?));
    }
    Ok(())
}

fn top<'s, 'a>(stack: &'s mut [Component<'a>]) -> Result<&'s mut Vec<Definition<'a>>> {
    let top = stack.last_mut().ok_or_else(|| LowerError::inconsistent("the component around a section"))?;
    Ok(&mut top.definitions)
}

fn slice(bytes: &[u8], range: Range<usize>) -> Result<&[u8]> {
    bytes.get(range).ok_or_else(|| LowerError::inconsistent("a part of the file"))
}

/// Bounds nesting before the validator follows it.
fn check_nesting(bytes: &[u8]) -> Result<()> {
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            _ => {}
        }
        if depth > MAX_NESTING {
            return Err(LowerError::too_large("components inside of one another", depth, MAX_NESTING));
        }
    }
    Ok(())
}
