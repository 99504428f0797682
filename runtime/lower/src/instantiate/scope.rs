//! Index spaces of a component, or of a type of an instance, while it is instantiated.

use std::collections::BTreeMap;
use std::rc::Rc;

use wasmparser::{ComponentExternalKind, ComponentType};

use crate::error::{LowerError, Result};
use crate::graph::{CoreFunc, CoreInstanceId, CoreItem, Defined, Func, InstanceId};
use crate::module::Module;
use crate::read::Component;
use crate::types::{FuncType, ResourceId, Type};

/// An index into the evaluator's scopes.
pub(super) type ScopeId = usize;

/// Exports of an instance of a component.
pub(crate) type Exports<'a> = Rc<BTreeMap<String, Item<'a>>>;

/// An item of a component that can be exported.
#[derive(Debug, Clone)]
pub(crate) enum Item<'a> {
    Func(Func),
    Type(TypeItem<'a>),
    Instance(Exports<'a>),
    Component(Closure<'a>),
    Module(Rc<Module<'a>>),
}

/// A type of a component.
#[derive(Debug, Clone)]
pub(crate) enum TypeItem<'a> {
    Value(Type),
    Func(Rc<FuncType>),
    Resource(ResourceId),
    /// The type of an instance. Only an import of the root asks what is in it.
    Instance(Declarations<'a>),
    /// The type of a component: validation has used it.
    Component,
}

/// The type of an instance, and the scope that it stands in.
#[derive(Debug, Clone)]
pub(crate) struct Declarations<'a> {
    pub(super) ty: Rc<ComponentType<'a>>,
    pub(super) scope: ScopeId,
}

/// A component, and the scope that it stands in.
#[derive(Debug, Clone)]
pub(crate) struct Closure<'a> {
    pub(super) body: Rc<Component<'a>>,
    pub(super) scope: ScopeId,
}

/// An instance of a core module, or one that was put together from items.
#[derive(Debug)]
pub(super) enum CoreExports<'a> {
    Instance(CoreInstanceId),
    Items(BTreeMap<&'a str, CoreItem>),
}

#[derive(Debug, Default)]
pub(super) struct Scope<'a> {
    /// The scope around it.
    pub(super) parent: Option<ScopeId>,
    /// The instance that is being made.
    pub(super) instance: InstanceId,
    pub(super) functions: Vec<Func>,
    pub(super) types: Vec<TypeItem<'a>>,
    pub(super) instances: Vec<Exports<'a>>,
    pub(super) components: Vec<Closure<'a>>,
    pub(super) core_modules: Vec<Rc<Module<'a>>>,
    pub(super) core_instances: Vec<CoreExports<'a>>,
    pub(super) core_functions: Vec<CoreFunc>,
    pub(super) core_tables: Vec<Defined>,
    pub(super) core_memories: Vec<Defined>,
    pub(super) core_globals: Vec<Defined>,
    pub(super) core_tags: Vec<Defined>,
    pub(super) exports: BTreeMap<String, Item<'a>>,
}

impl<'a> Scope<'a> {
    pub(super) fn push(&mut self, item: Item<'a>) {
        match item {
            Item::Func(func) => self.functions.push(func),
            Item::Type(ty) => self.types.push(ty),
            Item::Instance(exports) => self.instances.push(exports),
            Item::Component(closure) => self.components.push(closure),
            Item::Module(module) => self.core_modules.push(module),
        }
    }

    pub(super) fn push_core(&mut self, item: CoreItem) {
        match item {
            CoreItem::Func(func) => self.core_functions.push(func),
            CoreItem::Table(table) => self.core_tables.push(table),
            CoreItem::Memory(memory) => self.core_memories.push(memory),
            CoreItem::Global(global) => self.core_globals.push(global),
            CoreItem::Tag(tag) => self.core_tags.push(tag),
        }
    }

    pub(super) fn get(&self, kind: ComponentExternalKind, index: u32) -> Result<Item<'a>> {
        Ok(match kind {
            ComponentExternalKind::Func => Item::Func(at(&self.functions, index)?.clone()),
            ComponentExternalKind::Type => Item::Type(at(&self.types, index)?.clone()),
            ComponentExternalKind::Instance => Item::Instance(Rc::clone(at(&self.instances, index)?)),
            ComponentExternalKind::Component => Item::Component(at(&self.components, index)?.clone()),
            ComponentExternalKind::Module => Item::Module(Rc::clone(at(&self.core_modules, index)?)),
            ComponentExternalKind::Value => {
                return Err(LowerError::unsupported(
                    "the component imports or exports a value, which jobs do not have: build it without values",
                ));
            }
        })
    }
}

/// The item of an index space at an index.
pub(super) fn at<T>(space: &[T], index: u32) -> Result<&T> {
    space.get(index as usize).ok_or_else(|| LowerError::inconsistent("an item of an index space"))
}
