//! The built-in functions for resources. The support module has the handle tables.

use wasm_encoder::{BlockType, ValType};

use super::Bridge;
use super::code::Code;
use crate::error::{LowerError, Result};
use crate::graph::{InstanceId, Owner};
use crate::merge::Written;
use crate::types::ResourceId;

impl Bridge<'_, '_> {
    /// Pushes the number of an instance's table and that of the resource type.
    pub(super) fn push_table(&mut self, code: &mut Code, instance: InstanceId, id: ResourceId) -> Result<()> {
        let table = self.table(instance)?;
        code.add().i32_const(table).i32_const(i32::try_from(id).unwrap_or(i32::MAX));
        Ok(())
    }

    pub(super) fn resource_new(&mut self, instance: InstanceId, id: ResourceId) -> Result<Written> {
        let mut code = Code::new(&[ValType::I32]);
        self.check_may_leave(&mut code, instance);
        self.push_table(&mut code, instance, id)?;
        code.add().local_get(0).call(self.support("handles#insert-own")?);
        Ok(self.written("resource.new".into(), &[ValType::I32], &[ValType::I32], code))
    }

    pub(super) fn resource_rep(&mut self, instance: InstanceId, id: ResourceId) -> Result<Written> {
        let mut code = Code::new(&[ValType::I32]);
        self.push_table(&mut code, instance, id)?;
        code.add().local_get(0).call(self.support("handles#rep")?);
        Ok(self.written("resource.rep".into(), &[ValType::I32], &[ValType::I32], code))
    }

    pub(super) fn resource_drop(&mut self, instance: InstanceId, id: ResourceId) -> Result<Written> {
        let mut code = Code::new(&[ValType::I32]);
        self.check_may_leave(&mut code, instance);
        self.push_table(&mut code, instance, id)?;
        code.add().local_get(0).call(self.support("handles#drop")?);
        let dropped = code.keep(ValType::I64);
        if let Some(destructor) = self.destructor(id)? {
            // Below zero: the handle was a borrowed one.
            code.add().local_get(dropped).i64_const(0).i64_ge_s().if_(BlockType::Empty);
            code.add().local_get(dropped).i32_wrap_i64().call(destructor).end();
        }
        Ok(self.written("resource.drop".into(), &[ValType::I32], &[], code))
    }

    fn destructor(&self, id: ResourceId) -> Result<Option<u32>> {
        let resource = self.graph.resources.get(id).ok_or_else(|| LowerError::inconsistent("a resource type"))?;
        match &resource.owner {
            Owner::Instance { destructor, .. } => Ok(destructor.map(|function| self.numbers.function(function))),
            Owner::Host { interface, name } => {
                let name = format!("{interface}#[dtor]{name}");
                // Resources that hold nothing (networks, terminals, sockets, of which there are none) have no destructor.
                if self.graph.core[0].module.exports.contains_key(name.as_str()) {
                    self.support(&name).map(Some)
                } else {
                    Ok(None)
                }
            }
        }
    }

    fn check_may_leave(&self, code: &mut Code, instance: InstanceId) {
        code.add().global_get(self.numbers.may_leave(instance)).i32_eqz();
        code.trap_if();
    }
}
