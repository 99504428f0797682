//! Instantiates a component: follows its definitions in their order and collects core instances and functions.
//!
//! A component inside is instantiated again for each `instantiate`, so each instance has functions, memories and resource
//! types of its own.

mod core;
mod scope;
mod types;

use std::collections::BTreeMap;
use std::rc::Rc;

use wasmparser::{
    CanonicalFunction, CanonicalOption, ComponentAlias, ComponentExternalKind, ComponentInstance,
    ComponentOuterAliasKind, ComponentTypeRef, TypeBounds,
};

pub(crate) use self::core::item;
use crate::bounds::{Budget, MAX_COMPONENT_INSTANCES, MAX_CORE_INSTANCES, MAX_DEFINITIONS};
use crate::error::{LowerError, Result};
use crate::graph::{CoreInstance, Encoding, Func, FuncBody, Generated, Graph, Options, Task};
use crate::read::{Component, Definition};
use crate::wasi;
use scope::{Closure, Scope, ScopeId, TypeItem, at};
pub(crate) use scope::{Exports, Item};

/// What instantiating the root came to.
pub(crate) struct Instantiated<'a> {
    pub(crate) graph: Graph<'a>,
    /// The lifted `wasi:cli/run#run`.
    pub(crate) run: Func,
}

/// Instantiates the component. `support` is the module that has WASI; its instance is the first.
/// `max_bytes` bounds the core modules, each counted as often as it is instantiated.
pub(crate) fn instantiate<'a>(
    root: &Rc<Component<'a>>,
    support: CoreInstance<'a>,
    max_bytes: u64,
) -> Result<Instantiated<'a>> {
    let mut evaluator = Evaluator {
        graph: Graph::default(),
        scopes: Vec::new(),
        definitions: Budget::new("definitions", MAX_DEFINITIONS),
        core_instances: Budget::new("instances of core modules", MAX_CORE_INSTANCES),
        core_bytes: Budget::new("bytes in instances of core modules", max_bytes),
    };
    evaluator.graph.core.push(support);
    let exports = evaluator.component(root, None, None)?;
    let run = wasi::run_of(&exports)?;
    Ok(Instantiated { graph: evaluator.graph, run })
}

struct Evaluator<'a> {
    graph: Graph<'a>,
    scopes: Vec<Scope<'a>>,
    definitions: Budget,
    core_instances: Budget,
    core_bytes: Budget,
}

/// Arguments of an instantiation. The root has none: its imports are WASI.
type Args<'a> = BTreeMap<&'a str, Item<'a>>;

impl<'a> Evaluator<'a> {
    fn component(
        &mut self,
        body: &Rc<Component<'a>>,
        defined_in: Option<ScopeId>,
        args: Option<(ScopeId, Args<'a>)>,
    ) -> Result<Exports<'a>> {
        let instance = self.graph.parents.len();
        if instance >= MAX_COMPONENT_INSTANCES {
            return Err(LowerError::too_large("instances of components", instance + 1, MAX_COMPONENT_INSTANCES));
        }
        let (parent, args) = match args {
            Some((scope, args)) => (Some(self.scopes[scope].instance), Some(args)),
            None => (None, None),
        };
        self.graph.parents.push(parent);
        let scope = self.open(defined_in, instance);
        for definition in &body.definitions {
            self.definitions.take(1)?;
            self.define(scope, definition, args.as_ref())?;
        }
        Ok(Rc::new(std::mem::take(&mut self.scopes[scope].exports)))
    }

    fn open(&mut self, parent: Option<ScopeId>, instance: usize) -> ScopeId {
        self.scopes.push(Scope { parent, instance, ..Scope::default() });
        self.scopes.len() - 1
    }

    fn define(&mut self, scope: ScopeId, definition: &Definition<'a>, args: Option<&Args<'a>>) -> Result<()> {
        match definition {
            Definition::CoreModule(module) => self.scopes[scope].core_modules.push(Rc::clone(module)),
            Definition::CoreInstance(instance) => self.core_instance(scope, instance)?,
            Definition::CoreType => {}
            Definition::Component(body) => {
                let closure = Closure { body: Rc::clone(body), scope };
                self.scopes[scope].components.push(closure);
            }
            Definition::Instance(instance) => self.instance(scope, instance)?,
            Definition::Alias(alias) => self.alias(scope, alias)?,
            Definition::Type(ty) => {
                let item = self.define_type(scope, ty)?;
                self.scopes[scope].types.push(item);
            }
            Definition::Canonical(function) => self.canonical(scope, function)?,
            Definition::Import(import) => {
                let item = match args {
                    Some(args) => args.get(import.name.name).cloned().ok_or_else(|| missing(import.name.name))?,
                    None => self.root_import(scope, import.name.name, import.ty)?,
                };
                self.scopes[scope].push(item);
            }
            Definition::Export(export) => {
                let item = self.scopes[scope].get(export.kind, export.index)?;
                self.scopes[scope].push(item.clone());
                self.scopes[scope].exports.insert(export.name.name.to_owned(), item);
            }
        }
        Ok(())
    }

    fn root_import(&mut self, scope: ScopeId, name: &str, ty: ComponentTypeRef) -> Result<Item<'a>> {
        match ty {
            ComponentTypeRef::Instance(index) => {
                let interface = wasi::interface(name)?;
                let TypeItem::Instance(declarations) = at(&self.scopes[scope].types, index)?.clone() else {
                    return Err(LowerError::inconsistent("the type of an instance"));
                };
                Ok(Item::Instance(self.host_instance(&interface, &declarations)?))
            }
            ComponentTypeRef::Type(TypeBounds::Eq(index)) => {
                Ok(Item::Type(at(&self.scopes[scope].types, index)?.clone()))
            }
            _ => Err(wasi::unknown_import(name)),
        }
    }

    fn instance(&mut self, scope: ScopeId, instance: &ComponentInstance<'a>) -> Result<()> {
        let exports = match instance {
            ComponentInstance::Instantiate { component_index, args } => {
                let closure = at(&self.scopes[scope].components, *component_index)?.clone();
                let mut given = Args::new();
                for arg in args {
                    given.insert(arg.name, self.scopes[scope].get(arg.kind, arg.index)?);
                }
                self.component(&closure.body, Some(closure.scope), Some((scope, given)))?
            }
            ComponentInstance::FromExports(exports) => {
                let mut items = BTreeMap::new();
                for export in exports {
                    items.insert(export.name.name.to_owned(), self.scopes[scope].get(export.kind, export.index)?);
                }
                Rc::new(items)
            }
        };
        self.scopes[scope].instances.push(exports);
        Ok(())
    }

    fn alias(&mut self, scope: ScopeId, alias: &ComponentAlias<'a>) -> Result<()> {
        match *alias {
            ComponentAlias::InstanceExport { instance_index, name, .. } => {
                let instance = at(&self.scopes[scope].instances, instance_index)?;
                let item = instance.get(name).cloned().ok_or_else(|| missing(name))?;
                self.scopes[scope].push(item);
            }
            ComponentAlias::CoreInstanceExport { instance_index, name, kind } => {
                let instance = at(&self.scopes[scope].core_instances, instance_index)?;
                let item = core::export(&self.graph, instance, name, kind)?;
                self.scopes[scope].push_core(item);
            }
            ComponentAlias::Outer { kind, count, index } => {
                let outer = self.outer(scope, count)?;
                let item = match kind {
                    ComponentOuterAliasKind::CoreType => return Ok(()),
                    ComponentOuterAliasKind::Type => self.scopes[outer].get(ComponentExternalKind::Type, index)?,
                    ComponentOuterAliasKind::CoreModule => {
                        self.scopes[outer].get(ComponentExternalKind::Module, index)?
                    }
                    ComponentOuterAliasKind::Component => {
                        self.scopes[outer].get(ComponentExternalKind::Component, index)?
                    }
                };
                self.scopes[scope].push(item);
            }
        }
        Ok(())
    }

    fn outer(&self, mut scope: ScopeId, count: u32) -> Result<ScopeId> {
        for _ in 0..count {
            scope = self.scopes[scope].parent.ok_or_else(|| LowerError::inconsistent("an outer component"))?;
        }
        Ok(scope)
    }

    fn canonical(&mut self, scope: ScopeId, function: &CanonicalFunction) -> Result<()> {
        let instance = self.scopes[scope].instance;
        let task = match function {
            CanonicalFunction::Lift { core_func_index, type_index, options } => {
                let core = *at(&self.scopes[scope].core_functions, *core_func_index)?;
                let TypeItem::Func(ty) = at(&self.scopes[scope].types, *type_index)?.clone() else {
                    return Err(LowerError::inconsistent("the type of a function"));
                };
                let options = self.options(scope, options)?;
                let func = Func { ty, body: FuncBody::Lifted { instance, core, options } };
                self.scopes[scope].functions.push(func);
                return Ok(());
            }
            CanonicalFunction::Lower { func_index, options } => {
                let callee = at(&self.scopes[scope].functions, *func_index)?.clone();
                Task::Call { callee, options: self.options(scope, options)? }
            }
            CanonicalFunction::ResourceNew { resource } => Task::ResourceNew(self.resource(scope, *resource)?),
            CanonicalFunction::ResourceRep { resource } => Task::ResourceRep(self.resource(scope, *resource)?),
            CanonicalFunction::ResourceDrop { resource } => Task::ResourceDrop(self.resource(scope, *resource)?),
            _ => return Err(asynchronous("built-in functions")),
        };
        let func = crate::graph::CoreFunc::Generated(self.graph.generated.len());
        self.graph.generated.push(Generated { instance, task });
        self.scopes[scope].core_functions.push(func);
        Ok(())
    }

    fn options(&self, scope: ScopeId, given: &[CanonicalOption]) -> Result<Options> {
        let scope = &self.scopes[scope];
        let mut options = Options { memory: None, realloc: None, post_return: None, encoding: Encoding::Utf8 };
        for option in given {
            match option {
                CanonicalOption::UTF8 => options.encoding = Encoding::Utf8,
                CanonicalOption::UTF16 => options.encoding = Encoding::Utf16,
                CanonicalOption::CompactUTF16 => options.encoding = Encoding::Latin1OrUtf16,
                CanonicalOption::Memory(index) => options.memory = Some(*at(&scope.core_memories, *index)?),
                CanonicalOption::Realloc(index) => options.realloc = Some(*at(&scope.core_functions, *index)?),
                CanonicalOption::PostReturn(index) => options.post_return = Some(*at(&scope.core_functions, *index)?),
                CanonicalOption::Async | CanonicalOption::Callback(_) => return Err(asynchronous("functions")),
                CanonicalOption::CoreType(_) | CanonicalOption::Gc => {
                    return Err(LowerError::unsupported(
                        "the component passes values as objects of garbage collection, which jobs do not have: build it \
                         for a linear memory",
                    ));
                }
            }
        }
        Ok(options)
    }
}

/// The refusal of what belongs to WASI 0.3.
fn asynchronous(what: &str) -> LowerError {
    LowerError::unsupported(format!(
        "the component has asynchronous {what}, as WASI 0.3 has them: build it for WASI 0.2 (wasm32-wasip2)"
    ))
}

fn missing(name: &str) -> LowerError {
    LowerError::inconsistent(&format!("the item {name:?}"))
}
