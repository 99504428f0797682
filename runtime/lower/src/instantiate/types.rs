//! Types of a component, with the resource types of its instance in them.

use std::collections::BTreeMap;
use std::rc::Rc;

use wasmparser::{
    ComponentAlias, ComponentDefinedType, ComponentFuncType, ComponentType, ComponentTypeRef, ComponentValType,
    InstanceTypeDeclaration, PrimitiveValType, TypeBounds,
};

use super::scope::{Declarations, Exports, Item, ScopeId, TypeItem, at};
use super::{Evaluator, asynchronous};
use crate::error::{LowerError, Result};
use crate::graph::{Func, FuncBody, Owner, Resource};
use crate::types::{FuncType, Kind, ResourceId, Type, TypeNode};
use crate::wasi;

impl<'a> Evaluator<'a> {
    pub(super) fn define_type(&mut self, scope: ScopeId, ty: &Rc<ComponentType<'a>>) -> Result<TypeItem<'a>> {
        Ok(match &**ty {
            ComponentType::Defined(ty) => TypeItem::Value(self.value_type(scope, ty)?),
            ComponentType::Func(ty) => TypeItem::Func(self.func_type(scope, ty)?),
            ComponentType::Instance(_) => TypeItem::Instance(Declarations { ty: Rc::clone(ty), scope }),
            ComponentType::Component(_) => TypeItem::Component,
            ComponentType::Resource { dtor, .. } => {
                let here = &self.scopes[scope];
                let destructor = dtor.map(|index| at(&here.core_functions, index).copied()).transpose()?;
                let owner = Owner::Instance { instance: here.instance, destructor };
                self.graph.resources.push(Resource { owner });
                TypeItem::Resource(self.graph.resources.len() - 1)
            }
        })
    }

    pub(super) fn resource(&self, scope: ScopeId, index: u32) -> Result<ResourceId> {
        match at(&self.scopes[scope].types, index)? {
            TypeItem::Resource(id) => Ok(*id),
            _ => Err(LowerError::inconsistent("a resource type")),
        }
    }

    fn func_type(&self, scope: ScopeId, ty: &ComponentFuncType<'a>) -> Result<Rc<FuncType>> {
        if ty.async_ {
            return Err(asynchronous("functions"));
        }
        let params = ty.params.iter().map(|(_, ty)| self.reference(scope, *ty)).collect::<Result<_>>()?;
        let result = ty.result.map(|ty| self.reference(scope, ty)).transpose()?;
        Ok(Rc::new(FuncType { params, result }))
    }

    fn reference(&self, scope: ScopeId, ty: ComponentValType) -> Result<Type> {
        match ty {
            ComponentValType::Primitive(ty) => primitive(ty),
            ComponentValType::Type(index) => match at(&self.scopes[scope].types, index)? {
                TypeItem::Value(ty) => Ok(Rc::clone(ty)),
                _ => Err(LowerError::inconsistent("a value type")),
            },
        }
    }

    fn optional(&self, scope: ScopeId, ty: Option<ComponentValType>) -> Result<Option<Type>> {
        ty.map(|ty| self.reference(scope, ty)).transpose()
    }

    fn value_type(&self, scope: ScopeId, ty: &ComponentDefinedType<'a>) -> Result<Type> {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        TypeNode::new(match ty {
            ComponentDefinedType::Primitive(ty) => return primitive(*ty),
            ComponentDefinedType::Record(fields) => Kind::Record(
                fields
                    .iter()
                    .map(|(name, ty)| Ok(((*name).to_owned(), self.reference(scope, *ty)?)))
                    .collect::<Result<_>>()?,
            ),
            ComponentDefinedType::Variant(cases) => Kind::Variant(
                cases
                    .iter()
                    .map(|case| Ok((case.name.to_owned(), self.optional(scope, case.ty)?)))
                    .collect::<Result<_>>()?,
            ),
            ComponentDefinedType::List(element) => Kind::List(self.reference(scope, *element)?),
            ComponentDefinedType::Tuple(parts) => {
                Kind::Tuple(parts.iter().map(|ty| self.reference(scope, *ty)).collect::<Result<_>>()?)
            }
            ComponentDefinedType::Flags(flags) => Kind::Flags(names(flags)),
            ComponentDefinedType::Enum(cases) => Kind::Enum(names(cases)),
            ComponentDefinedType::Option(some) => Kind::Option(self.reference(scope, *some)?),
            ComponentDefinedType::Result { ok, err } => {
                Kind::Result(self.optional(scope, *ok)?, self.optional(scope, *err)?)
            }
            ComponentDefinedType::Own(resource) => Kind::Own(self.resource(scope, *resource)?),
            ComponentDefinedType::Borrow(resource) => Kind::Borrow(self.resource(scope, *resource)?),
            ComponentDefinedType::Future(_) | ComponentDefinedType::Stream(_) => {
                return Err(asynchronous("streams or futures"));
            }
            ComponentDefinedType::Map(..) | ComponentDefinedType::FixedLengthList(..) => {
                return Err(LowerError::unsupported(
                    "the component has maps or lists of fixed length, which WASI 0.2 does not have: use lists",
                ));
            }
        })
    }

    /// The instance of WASI that an import of this type gets: functions and resources of the interface by their names.
    pub(super) fn host_instance(&mut self, interface: &str, declarations: &Declarations<'a>) -> Result<Exports<'a>> {
        let ComponentType::Instance(list) = &*declarations.ty else {
            return Err(LowerError::inconsistent("the type of an instance"));
        };
        let scope = self.open(Some(declarations.scope), self.scopes[declarations.scope].instance);
        let mut exports = BTreeMap::new();
        for declaration in list {
            self.definitions.take(1)?;
            match declaration {
                InstanceTypeDeclaration::CoreType(_) => {}
                InstanceTypeDeclaration::Type(ty) => {
                    let item = self.define_type(scope, &Rc::new(ty.clone()))?;
                    self.scopes[scope].types.push(item);
                }
                InstanceTypeDeclaration::Alias(alias @ ComponentAlias::Outer { .. }) => self.alias(scope, alias)?,
                InstanceTypeDeclaration::Alias(_) => return Err(wasi::unknown_import(interface)),
                InstanceTypeDeclaration::Export { name, ty } => {
                    let item = self.host_item(scope, interface, name.name, *ty)?;
                    if let Item::Type(_) = item {
                        self.scopes[scope].push(item.clone());
                    }
                    exports.insert(name.name.to_owned(), item);
                }
            }
        }
        Ok(Rc::new(exports))
    }

    fn host_item(&mut self, scope: ScopeId, interface: &str, name: &str, ty: ComponentTypeRef) -> Result<Item<'a>> {
        match ty {
            ComponentTypeRef::Func(index) => {
                let TypeItem::Func(ty) = at(&self.scopes[scope].types, index)?.clone() else {
                    return Err(LowerError::inconsistent("the type of a function"));
                };
                let body = FuncBody::Host { interface: interface.to_owned(), name: name.to_owned() };
                Ok(Item::Func(Func { ty, body }))
            }
            ComponentTypeRef::Type(TypeBounds::Eq(index)) => {
                Ok(Item::Type(at(&self.scopes[scope].types, index)?.clone()))
            }
            ComponentTypeRef::Type(TypeBounds::SubResource) => {
                Ok(Item::Type(TypeItem::Resource(self.host_resource(interface, name)?)))
            }
            _ => Err(LowerError::unsupported(format!(
                "the component imports {name:?} of {interface}, which WASI 0.2 does not have: build it for the world \
                 wasi:cli/command"
            ))),
        }
    }

    /// The resource of WASI, which is one however often and in whatever patch version its interface is imported.
    fn host_resource(&mut self, interface: &str, name: &str) -> Result<ResourceId> {
        wasi::check_resource(interface, name)?;
        let key = (interface.to_owned(), name.to_owned());
        if let Some(id) = self.graph.host_resources.get(&key) {
            return Ok(*id);
        }
        let id = self.graph.resources.len();
        let owner = Owner::Host { interface: key.0.clone(), name: key.1.clone() };
        self.graph.resources.push(Resource { owner });
        self.graph.host_resources.insert(key, id);
        Ok(id)
    }
}

fn primitive(ty: PrimitiveValType) -> Result<Type> {
    TypeNode::new(match ty {
        PrimitiveValType::Bool => Kind::Bool,
        PrimitiveValType::S8 => Kind::S8,
        PrimitiveValType::U8 => Kind::U8,
        PrimitiveValType::S16 => Kind::S16,
        PrimitiveValType::U16 => Kind::U16,
        PrimitiveValType::S32 => Kind::S32,
        PrimitiveValType::U32 => Kind::U32,
        PrimitiveValType::S64 => Kind::S64,
        PrimitiveValType::U64 => Kind::U64,
        PrimitiveValType::F32 => Kind::F32,
        PrimitiveValType::F64 => Kind::F64,
        PrimitiveValType::Char => Kind::Char,
        PrimitiveValType::String => Kind::String,
        PrimitiveValType::ErrorContext => return Err(asynchronous("error contexts")),
    })
}
