//! Instances of core modules.

use std::collections::BTreeMap;
use std::rc::Rc;

use wasmparser::{ExternalKind, Instance};

use super::scope::{CoreExports, Scope, ScopeId, at};
use super::{Evaluator, missing};
use crate::error::{LowerError, Result};
use crate::graph::{CoreFunc, CoreInstance, CoreItem, Defined, Graph};
use crate::module::kind_of;

impl<'a> Evaluator<'a> {
    pub(super) fn core_instance(&mut self, scope: ScopeId, instance: &Instance<'a>) -> Result<()> {
        let exports = match instance {
            Instance::Instantiate { module_index, args } => {
                self.core_instances.take(1)?;
                let here = &self.scopes[scope];
                let module = Rc::clone(at(&here.core_modules, *module_index)?);
                self.core_bytes.take(module.bytes as u64)?;
                let mut given = BTreeMap::new();
                for arg in args {
                    given.insert(arg.name, at(&here.core_instances, arg.index)?);
                }
                let mut imports = Vec::with_capacity(module.imports.len());
                for import in &module.imports {
                    let from = given.get(import.module).ok_or_else(|| missing(import.module))?;
                    imports.push(export(&self.graph, from, import.name, kind_of(import.ty))?);
                }
                self.graph.core.push(CoreInstance { module, imports });
                CoreExports::Instance(self.graph.core.len() - 1)
            }
            Instance::FromExports(exports) => {
                let here = &self.scopes[scope];
                let mut items = BTreeMap::new();
                for export in exports {
                    items.insert(export.name, get(here, export.kind, export.index)?);
                }
                CoreExports::Items(items)
            }
        };
        self.scopes[scope].core_instances.push(exports);
        Ok(())
    }
}

fn get(scope: &Scope<'_>, kind: ExternalKind, index: u32) -> Result<CoreItem> {
    Ok(match kind {
        ExternalKind::Func | ExternalKind::FuncExact => CoreItem::Func(*at(&scope.core_functions, index)?),
        ExternalKind::Table => CoreItem::Table(*at(&scope.core_tables, index)?),
        ExternalKind::Memory => CoreItem::Memory(*at(&scope.core_memories, index)?),
        ExternalKind::Global => CoreItem::Global(*at(&scope.core_globals, index)?),
        ExternalKind::Tag => CoreItem::Tag(*at(&scope.core_tags, index)?),
    })
}

/// An export of a core instance, followed to where it is defined.
pub(super) fn export(
    graph: &Graph<'_>,
    instance: &CoreExports<'_>,
    name: &str,
    kind: ExternalKind,
) -> Result<CoreItem> {
    match instance {
        CoreExports::Items(items) => items.get(name).copied().ok_or_else(|| missing(name)),
        CoreExports::Instance(id) => {
            let module = &graph.core[*id].module;
            let (exported, index) = *module.exports.get(name).ok_or_else(|| missing(name))?;
            if exported != kind {
                return Err(missing(name));
            }
            item(graph, *id, kind, index)
        }
    }
}

/// An item of an index space of a core instance, followed to where it is defined.
pub(crate) fn item(graph: &Graph<'_>, instance: usize, kind: ExternalKind, index: u32) -> Result<CoreItem> {
    let here = &graph.core[instance];
    let imported = here.module.imported.of(kind);
    if let Some(position) = imported.get(index as usize) {
        return here.imports.get(*position).copied().ok_or_else(|| LowerError::inconsistent("an imported item"));
    }
    let imported = u32::try_from(imported.len()).unwrap_or(u32::MAX);
    let defined = Defined { instance, index: index - imported };
    Ok(match kind {
        ExternalKind::Func | ExternalKind::FuncExact => CoreItem::Func(CoreFunc::Defined(defined)),
        ExternalKind::Table => CoreItem::Table(defined),
        ExternalKind::Memory => CoreItem::Memory(defined),
        ExternalKind::Global => CoreItem::Global(defined),
        ExternalKind::Tag => CoreItem::Tag(defined),
    })
}
