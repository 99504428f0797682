//! What instantiating a component comes to: core instances in their order, and the functions between them.
//!
//! All of it is known before anything runs, since the component model instantiates statically.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::module::Module;
use crate::types::{FuncType, ResourceId};

/// An instance of a component, in the order of instantiation. The root is 0.
pub(crate) type InstanceId = usize;

/// An instance of a core module, in the order of instantiation.
pub(crate) type CoreInstanceId = usize;

/// A function that the lowering writes.
pub(crate) type GeneratedId = usize;

/// A function, table, memory, global or tag of a core instance: the instance and the index in its own space, where the
/// instance defines it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Defined {
    pub(crate) instance: CoreInstanceId,
    pub(crate) index: u32,
}

/// A core function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CoreFunc {
    /// Of a core module.
    Defined(Defined),
    /// Written by the lowering.
    Generated(GeneratedId),
    /// A function of preview 1, as an index into the support module's imports.
    Preview1(u32),
}

/// An item of a core instance.
#[derive(Debug, Clone, Copy)]
pub(crate) enum CoreItem {
    Func(CoreFunc),
    Table(Defined),
    Memory(Defined),
    Global(Defined),
    Tag(Defined),
}

/// An instance of a core module.
#[derive(Debug)]
pub(crate) struct CoreInstance<'a> {
    pub(crate) module: Rc<Module<'a>>,
    /// What each of the module's imports is, in their order.
    pub(crate) imports: Vec<CoreItem>,
}

/// How strings are encoded in a memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Encoding {
    Utf8,
    Utf16,
    /// Latin-1, or UTF-16 where the highest bit of the length is set.
    Latin1OrUtf16,
}

/// Options of `canon lift` and `canon lower`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    pub(crate) memory: Option<Defined>,
    pub(crate) realloc: Option<CoreFunc>,
    pub(crate) post_return: Option<CoreFunc>,
    pub(crate) encoding: Encoding,
}

/// A function of a component.
#[derive(Debug, Clone)]
pub(crate) struct Func {
    pub(crate) ty: Rc<FuncType>,
    pub(crate) body: FuncBody,
}

#[derive(Debug, Clone)]
pub(crate) enum FuncBody {
    /// A core function, lifted by an instance.
    Lifted { instance: InstanceId, core: CoreFunc, options: Options },
    /// A function of WASI: the interface without its version, and the name.
    Host { interface: String, name: String },
}

/// A resource type.
#[derive(Debug)]
pub(crate) struct Resource {
    pub(crate) owner: Owner,
}

#[derive(Debug)]
pub(crate) enum Owner {
    /// Of WASI: the interface without its version, and the name.
    Host { interface: String, name: String },
    /// Defined by an instance.
    Instance { instance: InstanceId, destructor: Option<CoreFunc> },
}

/// A function that the lowering writes, and what it does.
#[derive(Debug)]
pub(crate) struct Generated {
    /// The instance whose `canon` definition it is.
    pub(crate) instance: InstanceId,
    pub(crate) task: Task,
}

#[derive(Debug)]
pub(crate) enum Task {
    /// Calls a function of another instance or of WASI, from this side.
    Call {
        callee: Func,
        options: Options,
    },
    ResourceNew(ResourceId),
    ResourceRep(ResourceId),
    ResourceDrop(ResourceId),
}

/// The whole component, instantiated.
#[derive(Debug, Default)]
pub(crate) struct Graph<'a> {
    pub(crate) core: Vec<CoreInstance<'a>>,
    pub(crate) generated: Vec<Generated>,
    pub(crate) resources: Vec<Resource>,
    /// The instance around each instance.
    pub(crate) parents: Vec<Option<InstanceId>>,
    /// Resources of WASI by interface and name.
    pub(crate) host_resources: BTreeMap<(String, String), ResourceId>,
}

impl Graph<'_> {
    /// Whether one of two instances is the other, or around it. A call between them would enter an instance that has
    /// not been left.
    pub(crate) fn related(&self, one: InstanceId, other: InstanceId) -> bool {
        self.is_around(one, other) || self.is_around(other, one)
    }

    fn is_around(&self, outer: InstanceId, inner: InstanceId) -> bool {
        let parent = |id: &InstanceId| self.parents.get(*id).copied().flatten();
        std::iter::successors(Some(inner), parent).any(|id| id == outer)
    }
}
