//! Writes the functions between instances, as the canonical ABI says: `canon lower` of a function of WASI or of another
//! instance, and the built-in functions for resources.
//!
//! A call copies its arguments from the caller's memory to the callee's, and its result back, without a form in between.
//! What the canonical ABI checks traps with `unreachable`.

mod call;
mod code;
mod handles;
mod list;
mod string;
mod transcode;
mod union;
mod value;

use std::collections::BTreeMap;

use wasm_encoder::ValType;
use wasmparser::ExternalKind;

use crate::bounds::{Budget, MAX_GENERATED_BYTES, MAX_HANDLE_TABLES};
use crate::error::{LowerError, Result};
use crate::graph::{CoreFunc, CoreItem, Defined, Encoding, Func, FuncBody, Graph, InstanceId, Options, Task};
use crate::instantiate::item;
use crate::merge::{Numbers, Signatures, Written};
use code::Code;
use transcode::Helper;

/// The memory of the support module.
const SUPPORT_MEMORY: Defined = Defined { instance: 0, index: 0 };

/// Writes all generated functions of the graph, the helpers that they call, and last the function that calls `run`.
pub(crate) fn write(
    graph: &Graph<'_>,
    numbers: &Numbers,
    signatures: &mut Signatures,
    run: &Func,
) -> Result<Vec<Written>> {
    let mut bridge = Bridge {
        graph,
        numbers,
        signatures,
        helpers: BTreeMap::new(),
        written_helpers: Vec::new(),
        tables: BTreeMap::new(),
        budget: Budget::new("bytes of code for calls between instances", MAX_GENERATED_BYTES),
    };
    let mut written = Vec::with_capacity(graph.generated.len() + 1);
    for generated in &graph.generated {
        let function = match &generated.task {
            Task::Call { callee, options } => bridge.call(generated.instance, options, callee)?,
            Task::ResourceNew(id) => bridge.resource_new(generated.instance, *id)?,
            Task::ResourceRep(id) => bridge.resource_rep(generated.instance, *id)?,
            Task::ResourceDrop(id) => bridge.resource_drop(generated.instance, *id)?,
        };
        bridge.budget.take(function.code.byte_len() as u64)?;
        written.push(function);
    }
    let run = bridge.run(run)?;
    written.append(&mut bridge.written_helpers);
    written.push(run);
    Ok(written)
}

struct Bridge<'g, 'a> {
    graph: &'g Graph<'a>,
    numbers: &'g Numbers,
    signatures: &'g mut Signatures,
    /// Indices of helpers.
    helpers: BTreeMap<Helper, u32>,
    written_helpers: Vec<Written>,
    /// Numbers of the handle tables of instances, in the support module.
    tables: BTreeMap<InstanceId, u32>,
    budget: Budget,
}

/// One side of a call.
#[derive(Debug, Clone, Copy)]
struct Side {
    /// `None` is the support module: its handles are the representations themselves.
    instance: Option<InstanceId>,
    memory: Option<u32>,
    realloc: Option<u32>,
    encoding: Encoding,
}

impl Side {
    fn memory(&self) -> Result<u32> {
        self.memory.ok_or_else(|| LowerError::inconsistent("the memory of a call"))
    }

    fn realloc(&self) -> Result<u32> {
        self.realloc.ok_or_else(|| LowerError::inconsistent("the allocator of a call"))
    }
}

impl Bridge<'_, '_> {
    fn side(&self, instance: InstanceId, options: &Options) -> Side {
        Side {
            instance: Some(instance),
            memory: options.memory.map(|memory| self.numbers.memory(memory)),
            realloc: options.realloc.map(|function| self.numbers.function(function)),
            encoding: options.encoding,
        }
    }

    fn support_side(&self) -> Result<Side> {
        Ok(Side {
            instance: None,
            memory: Some(self.numbers.memory(SUPPORT_MEMORY)),
            realloc: Some(self.support("arena#realloc")?),
            encoding: Encoding::Utf8,
        })
    }

    /// The index of a function of the support module.
    fn support(&self, name: &str) -> Result<u32> {
        let missing = || LowerError::inconsistent(&format!("the function {name:?} of the support module"));
        let module = &self.graph.core[0].module;
        let (_, index) = *module.exports.get(name).ok_or_else(missing)?;
        match item(self.graph, 0, ExternalKind::Func, index)? {
            CoreItem::Func(function @ CoreFunc::Defined(_)) => Ok(self.numbers.function(function)),
            _ => Err(missing()),
        }
    }

    /// The handle table of an instance.
    fn table(&mut self, instance: InstanceId) -> Result<i32> {
        let next = self.tables.len();
        if next >= MAX_HANDLE_TABLES && !self.tables.contains_key(&instance) {
            return Err(LowerError::too_large("instances with handles", next + 1, MAX_HANDLE_TABLES));
        }
        let next = u32::try_from(next).unwrap_or(u32::MAX);
        Ok(self.tables.entry(instance).or_insert(next).cast_signed())
    }

    fn written(&mut self, name: String, params: &[ValType], results: &[ValType], code: Code) -> Written {
        Written { name, ty: self.signatures.intern(params, results), code: code.finish() }
    }

    /// The function that calls `run` and makes an error of it exit code 1.
    fn run(&mut self, run: &Func) -> Result<Written> {
        let FuncBody::Lifted { core, options, .. } = &run.body else {
            return Err(LowerError::inconsistent("the function run"));
        };
        let mut code = Code::new(&[]);
        code.add().call(self.numbers.function(*core));
        let failed = code.keep(ValType::I32);
        code.add().local_get(failed).i32_const(1).i32_gt_u();
        code.trap_if();
        if let Some(post_return) = options.post_return {
            code.add().local_get(failed).call(self.numbers.function(post_return));
        }
        code.add().local_get(failed).if_(wasm_encoder::BlockType::Empty);
        code.add().local_get(failed).call(self.support("wasi:cli/exit#exit")?).end();
        Ok(self.written("wasi:cli/run#run".into(), &[], &[], code))
    }
}
