//! `canon lower`: a call of another instance or of WASI.

use wasm_encoder::ValType;

use super::code::Code;
use super::value::{Place, Translation};
use super::{Bridge, Side};
use crate::error::Result;
use crate::graph::{CoreFunc, Func, FuncBody, InstanceId, Options};
use crate::merge::Written;
use crate::types::{Direction, FuncType, Kind, Signature, Type, TypeNode};
use crate::wasi::{self, Provided};

/// The function that is called, on its side.
struct Callee {
    side: Side,
    function: u32,
    post_return: Option<u32>,
}

impl Bridge<'_, '_> {
    pub(super) fn call(&mut self, caller: InstanceId, options: &Options, callee: &Func) -> Result<Written> {
        let signature = callee.ty.signature(Direction::Lower);
        let name = name_of(callee);
        let mut code = Code::new(&signature.params);
        match self.callee(caller, callee)? {
            Some(to) => self.write_call(&mut code, caller, options, &callee.ty, &to)?,
            None => {
                code.add().unreachable();
            }
        }
        Ok(self.written(name, &signature.params, &signature.results, code))
    }

    /// What is called. `None` traps.
    fn callee(&self, caller: InstanceId, callee: &Func) -> Result<Option<Callee>> {
        match &callee.body {
            FuncBody::Host { interface, name } => Ok(match wasi::provided(self.graph, interface, name, &callee.ty)? {
                Provided::Unreachable => None,
                Provided::Support(export) => {
                    Some(Callee { side: self.support_side()?, function: self.support(&export)?, post_return: None })
                }
            }),
            FuncBody::Lifted { instance, .. } if self.graph.related(caller, *instance) => Ok(None),
            FuncBody::Lifted { instance, core, options } => {
                let function = |function: CoreFunc| self.numbers.function(function);
                Ok(Some(Callee {
                    side: self.side(*instance, options),
                    function: function(*core),
                    post_return: options.post_return.map(function),
                }))
            }
        }
    }

    fn write_call(
        &mut self,
        code: &mut Code,
        caller: InstanceId,
        options: &Options,
        ty: &FuncType,
        callee: &Callee,
    ) -> Result<()> {
        let here = self.side(caller, options);
        let leave = self.numbers.may_leave(caller);
        code.add().global_get(leave).i32_eqz();
        code.trap_if();
        if callee.side.instance.is_none() {
            code.add().call(self.support("arena#reset")?);
        }
        let scoped = ty.borrows();
        if scoped {
            code.add().call(self.support("handles#enter")?);
        }
        let arguments = self.arguments(code, ty, here, callee.side)?;
        for (local, _) in &arguments {
            code.add().local_get(*local);
        }
        code.add().call(callee.function);
        let lift = ty.signature(Direction::Lift);
        let returned: Vec<_> = lift.results.iter().rev().map(|ty| (code.keep(*ty), *ty)).collect();
        if scoped {
            code.add().call(self.support("handles#leave")?);
        }
        if let Some(result) = &ty.result {
            code.add().i32_const(0).global_set(leave);
            let lower = ty.signature(Direction::Lower);
            let from = if lift.indirect_results {
                indirect(code, callee.side.memory()?, returned[0].0, result)
            } else {
                Place::Flat(returned.clone())
            };
            let to = if lower.indirect_results {
                let address = u32::try_from(lower.params.len() - 1).unwrap_or(u32::MAX);
                indirect(code, here.memory()?, address, result)
            } else {
                Place::Flat(lower.results.iter().map(|ty| (code.fresh(*ty), *ty)).collect())
            };
            Translation { bridge: self, code, from: callee.side, to: here }.value(result, &from, &to)?;
            code.add().i32_const(1).global_set(leave);
            if let Some(post_return) = callee.post_return {
                for (local, _) in &returned {
                    code.add().local_get(*local);
                }
                code.add().call(post_return);
            }
            if let Place::Flat(locals) = to {
                for (local, _) in locals {
                    code.add().local_get(local);
                }
            }
        } else if let Some(post_return) = callee.post_return {
            code.add().call(post_return);
        }
        Ok(())
    }

    /// Copies the arguments to the callee's side.
    fn arguments(&mut self, code: &mut Code, ty: &FuncType, from: Side, to: Side) -> Result<Vec<(u32, ValType)>> {
        let Signature { params, indirect_params, .. } = ty.signature(Direction::Lower);
        let tuple = TypeNode::new(Kind::Tuple(ty.params.clone()))?;
        let source = if indirect_params {
            indirect(code, from.memory()?, 0, &tuple)
        } else {
            Place::Flat((0..).zip(params).collect())
        };
        // The callee must not call out while its memory is written to.
        let leave = to.instance.map(|instance| self.numbers.may_leave(instance));
        if let Some(leave) = leave {
            code.add().i32_const(0).global_set(leave);
        }
        let lift = ty.signature(Direction::Lift);
        let (target, arguments) = if lift.indirect_params {
            let address = code.i32();
            code.add().i32_const(0).i32_const(0).i32_const(tuple.align.cast_signed());
            code.add().i32_const(tuple.size.cast_signed()).call(to.realloc()?).local_set(address);
            (indirect(code, to.memory()?, address, &tuple), vec![(address, ValType::I32)])
        } else {
            let locals: Vec<_> = lift.params.iter().map(|ty| (code.fresh(*ty), *ty)).collect();
            (Place::Flat(locals.clone()), locals)
        };
        Translation { bridge: self, code, from, to }.value(&tuple, &source, &target)?;
        if let Some(leave) = leave {
            code.add().i32_const(1).global_set(leave);
        }
        Ok(arguments)
    }
}

/// A value at an address, which has to be in memory.
fn indirect(code: &mut Code, memory: u32, address: u32, ty: &Type) -> Place {
    code.check_place(memory, address, ty.size, ty.align);
    Place::Memory { address, offset: 0 }
}

fn name_of(callee: &Func) -> String {
    match &callee.body {
        FuncBody::Host { interface, name } => format!("{interface}#{name}"),
        FuncBody::Lifted { instance, .. } => format!("call of instance {instance}"),
    }
}
