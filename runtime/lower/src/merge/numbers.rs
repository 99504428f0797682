//! Where the items of each instance come in the index spaces of the merged module.

use wasmparser::ExternalKind;

use crate::error::{LowerError, Result};
use crate::graph::{CoreFunc, CoreInstanceId, CoreItem, Defined, GeneratedId, Graph, InstanceId};
use crate::instantiate::item;

/// Numbers of items by kind.
#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    functions: u32,
    tables: u32,
    memories: u32,
    globals: u32,
    tags: u32,
}

/// The numbers of items before those of each instance, in the order of the index spaces: imports of preview 1, then the
/// items of the instances, then what the lowering writes.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    before: Vec<Counts>,
    elements: Vec<u32>,
    data: Vec<u32>,
    generated: u32,
    may_leave: u32,
}

impl Numbers {
    pub(crate) fn of(graph: &Graph<'_>) -> Result<Self> {
        let mut numbers = Self::default();
        let imports = graph.core.first().map_or(0, |support| support.module.imported.functions());
        let mut next = Counts { functions: imports, ..Counts::default() };
        let (mut elements, mut data) = (0, 0);
        for instance in &graph.core {
            numbers.before.push(next);
            numbers.elements.push(elements);
            numbers.data.push(data);
            let module = &instance.module;
            add(&mut next.functions, module.functions.len())?;
            add(&mut next.tables, module.tables.len())?;
            add(&mut next.memories, module.memories.len())?;
            add(&mut next.globals, module.globals.len())?;
            add(&mut next.tags, module.tags.len())?;
            add(&mut elements, module.elements.len())?;
            add(&mut data, module.data.len())?;
        }
        numbers.generated = next.functions;
        numbers.may_leave = next.globals;
        Ok(numbers)
    }

    /// The index of a function that the lowering writes. Those of the graph come first.
    pub(crate) fn generated(&self, id: GeneratedId) -> u32 {
        self.generated + u32::try_from(id).unwrap_or(u32::MAX - self.generated)
    }

    /// The global that is zero while an instance of a component must not call out.
    pub(crate) fn may_leave(&self, instance: InstanceId) -> u32 {
        self.may_leave + u32::try_from(instance).unwrap_or(u32::MAX - self.may_leave)
    }

    pub(crate) fn function(&self, function: CoreFunc) -> u32 {
        match function {
            CoreFunc::Defined(at) => self.before[at.instance].functions + at.index,
            CoreFunc::Generated(id) => self.generated(id),
            CoreFunc::Preview1(index) => index,
        }
    }

    pub(crate) fn memory(&self, at: Defined) -> u32 {
        self.before[at.instance].memories + at.index
    }

    fn item(&self, item: CoreItem) -> u32 {
        match item {
            CoreItem::Func(function) => self.function(function),
            CoreItem::Memory(at) => self.memory(at),
            CoreItem::Table(at) => self.before[at.instance].tables + at.index,
            CoreItem::Global(at) => self.before[at.instance].globals + at.index,
            CoreItem::Tag(at) => self.before[at.instance].tags + at.index,
        }
    }

    /// The index of a function that an instance knows by an index of its own.
    pub(crate) fn function_in(&self, graph: &Graph<'_>, instance: CoreInstanceId, index: u32) -> Result<u32> {
        Ok(self.item(item(graph, instance, ExternalKind::Func, index)?))
    }

    /// The indices of the items that an instance imports, by kind and in the order of its index spaces, and then where
    /// those begin that it defines.
    pub(super) fn spaces(&self, graph: &Graph<'_>, id: CoreInstanceId) -> Spaces {
        let mut spaces = Spaces::default();
        for import in &graph.core[id].imports {
            match import {
                CoreItem::Func(_) => &mut spaces.functions,
                CoreItem::Table(_) => &mut spaces.tables,
                CoreItem::Memory(_) => &mut spaces.memories,
                CoreItem::Global(_) => &mut spaces.globals,
                CoreItem::Tag(_) => &mut spaces.tags,
            }
            .imported
            .push(self.item(*import));
        }
        let before = self.before[id];
        spaces.functions.defined = before.functions;
        spaces.tables.defined = before.tables;
        spaces.memories.defined = before.memories;
        spaces.globals.defined = before.globals;
        spaces.tags.defined = before.tags;
        spaces.elements = self.elements[id];
        spaces.data = self.data[id];
        spaces
    }
}

/// The index spaces of one instance.
#[derive(Debug, Default)]
pub(super) struct Spaces {
    pub(super) functions: Space,
    pub(super) tables: Space,
    pub(super) memories: Space,
    pub(super) globals: Space,
    pub(super) tags: Space,
    pub(super) elements: u32,
    pub(super) data: u32,
}

#[derive(Debug, Default)]
pub(super) struct Space {
    imported: Vec<u32>,
    defined: u32,
}

impl Space {
    pub(super) fn at(&self, index: u32) -> u32 {
        let imported = u32::try_from(self.imported.len()).unwrap_or(u32::MAX);
        match self.imported.get(index as usize) {
            Some(item) => *item,
            None => self.defined + (index - imported),
        }
    }
}

fn add(count: &mut u32, more: usize) -> Result<()> {
    let sum = u32::try_from(more).ok().and_then(|more| count.checked_add(more)).filter(|sum| *sum < 1 << 30);
    *count = sum.ok_or_else(|| LowerError::too_large("items in one index space", "more than 2^30", "2^30"))?;
    Ok(())
}
