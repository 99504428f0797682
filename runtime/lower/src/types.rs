//! Value types of the component model, and how the canonical ABI lays them out for memories of 32 bits.

use std::rc::Rc;

use wasm_encoder::ValType;

use crate::bounds::{MAX_TYPE_DEPTH, MAX_TYPE_NODES};
use crate::error::{LowerError, Result};

/// A resource type, as an index into the graph's list.
pub(crate) type ResourceId = usize;

/// A shared value type.
pub(crate) type Type = Rc<TypeNode>;

/// Parameters that are passed as core parameters; more are passed in memory.
pub(crate) const MAX_FLAT_PARAMS: usize = 16;

/// Results that are returned as core results; more are returned in memory.
pub(crate) const MAX_FLAT_RESULTS: usize = 1;

/// The structure of a value type.
#[derive(Debug)]
pub(crate) enum Kind {
    Bool,
    S8,
    U8,
    S16,
    U16,
    S32,
    U32,
    S64,
    U64,
    F32,
    F64,
    Char,
    String,
    List(Type),
    Record(Vec<(String, Type)>),
    Tuple(Vec<Type>),
    Flags(Vec<String>),
    Enum(Vec<String>),
    Variant(Vec<(String, Option<Type>)>),
    Option(Type),
    Result(Option<Type>, Option<Type>),
    Own(ResourceId),
    Borrow(ResourceId),
}

/// A value type and its layout.
#[derive(Debug)]
pub(crate) struct TypeNode {
    pub(crate) kind: Kind,
    /// Bytes in memory.
    pub(crate) size: u32,
    /// Alignment in memory.
    pub(crate) align: u32,
    /// Core types of the flat form; `None` if there are more than [`MAX_FLAT_PARAMS`].
    pub(crate) flat: Option<Vec<ValType>>,
    /// Whether a borrowed handle is in it.
    pub(crate) borrows: bool,
    depth: u32,
    nodes: u32,
}

/// Layout of a discriminated union.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Union {
    /// Bytes of the discriminant: 1, 2 or 4.
    pub(crate) discriminant: u32,
    /// Offset of the payload.
    pub(crate) payload: u32,
}

/// The type of a function.
#[derive(Debug)]
pub(crate) struct FuncType {
    pub(crate) params: Vec<Type>,
    pub(crate) result: Option<Type>,
}

/// The core type of a function of the canonical ABI, and where values are passed in memory.
#[derive(Debug)]
pub(crate) struct Signature {
    pub(crate) params: Vec<ValType>,
    pub(crate) results: Vec<ValType>,
    /// The one parameter is the address of a tuple of all of them.
    pub(crate) indirect_params: bool,
    /// The result is in memory: at an address that the caller passes last, or that the callee returns.
    pub(crate) indirect_results: bool,
}

/// Which side of a call a signature is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// `canon lower`: the caller's import.
    Lower,
    /// `canon lift`: the callee's export.
    Lift,
}

impl TypeNode {
    /// The type of this structure, laid out.
    pub(crate) fn new(kind: Kind) -> Result<Type> {
        let (mut depth, mut nodes, mut borrows) = (0, 1_u32, matches!(kind, Kind::Borrow(_)));
        for part in kind.parts() {
            depth = depth.max(part.depth + 1);
            nodes = nodes.saturating_add(part.nodes);
            borrows |= part.borrows;
        }
        if depth > MAX_TYPE_DEPTH {
            return Err(LowerError::too_large("value types inside of one another", depth, MAX_TYPE_DEPTH));
        }
        let names = match &kind {
            Kind::Flags(names) | Kind::Enum(names) => names.len(),
            Kind::Variant(cases) => cases.len(),
            _ => 0,
        };
        nodes = nodes.saturating_add(u32::try_from(names).unwrap_or(u32::MAX));
        if nodes > MAX_TYPE_NODES {
            return Err(LowerError::too_large("parts in one value type", nodes, MAX_TYPE_NODES));
        }
        let (size, align) = kind.layout()?;
        let flat = kind.flatten();
        Ok(Rc::new(Self { kind, size, align, flat, borrows, depth, nodes }))
    }
}

impl Kind {
    fn parts(&self) -> Vec<&TypeNode> {
        match self {
            Self::List(element) | Self::Option(element) => vec![element],
            Self::Record(fields) => fields.iter().map(|(_, ty)| &**ty).collect(),
            Self::Tuple(parts) => parts.iter().map(|ty| &**ty).collect(),
            Self::Variant(cases) => cases.iter().filter_map(|(_, ty)| ty.as_deref()).collect(),
            Self::Result(ok, err) => [ok, err].into_iter().filter_map(|ty| ty.as_deref()).collect(),
            _ => Vec::new(),
        }
    }

    /// The payloads of the cases, if this is a union.
    pub(crate) fn cases(&self) -> Option<Vec<Option<Type>>> {
        match self {
            Self::Variant(cases) => Some(cases.iter().map(|(_, ty)| ty.clone()).collect()),
            Self::Option(some) => Some(vec![None, Some(some.clone())]),
            Self::Result(ok, err) => Some(vec![ok.clone(), err.clone()]),
            Self::Enum(names) => Some(vec![None; names.len()]),
            _ => None,
        }
    }

    /// The fields in their order, if this is a record or tuple.
    pub(crate) fn fields(&self) -> Option<Vec<Type>> {
        match self {
            Self::Record(fields) => Some(fields.iter().map(|(_, ty)| ty.clone()).collect()),
            Self::Tuple(parts) => Some(parts.clone()),
            _ => None,
        }
    }

    fn layout(&self) -> Result<(u32, u32)> {
        if let Some(fields) = self.fields() {
            return layout_of(&fields);
        }
        if let Some(cases) = self.cases() {
            let payloads = || cases.iter().flatten();
            let union = union_of(&cases);
            let align = payloads().map(|ty| ty.align).max().unwrap_or(1).max(union.discriminant);
            let largest = payloads().map(|ty| ty.size).max().unwrap_or(0);
            return Ok((align_up(add(union.payload, largest)?, align)?, align));
        }
        Ok(match self {
            Self::S16 | Self::U16 => (2, 2),
            Self::S64 | Self::U64 | Self::F64 => (8, 8),
            Self::String | Self::List(_) => (8, 4),
            Self::Flags(names) => flags_layout(names.len()),
            Self::Bool | Self::S8 | Self::U8 => (1, 1),
            _ => (4, 4),
        })
    }

    fn flatten(&self) -> Option<Vec<ValType>> {
        if let Some(fields) = self.fields() {
            return flatten_all(&fields);
        }
        if let Some(cases) = self.cases() {
            let mut flat = vec![ValType::I32];
            for payload in cases.iter().flatten() {
                for (index, ty) in payload.flat.as_ref()?.iter().enumerate() {
                    match flat.get_mut(index + 1) {
                        Some(joined) => *joined = join(*joined, *ty),
                        None => flat.push(*ty),
                    }
                }
            }
            return (flat.len() <= MAX_FLAT_PARAMS).then_some(flat);
        }
        Some(match self {
            Self::S64 | Self::U64 => vec![ValType::I64],
            Self::F32 => vec![ValType::F32],
            Self::F64 => vec![ValType::F64],
            Self::String | Self::List(_) => vec![ValType::I32; 2],
            Self::Flags(names) => {
                let words = names.len().div_ceil(32);
                return (words <= MAX_FLAT_PARAMS).then(|| vec![ValType::I32; words]);
            }
            _ => vec![ValType::I32],
        })
    }
}

/// The layout of a union of these cases.
pub(crate) fn union_of(cases: &[Option<Type>]) -> Union {
    let discriminant = match cases.len() {
        0..=0x100 => 1,
        0x101..=0x1_0000 => 2,
        _ => 4,
    };
    let align = cases.iter().flatten().map(|ty| ty.align).max().unwrap_or(1);
    Union { discriminant, payload: discriminant.next_multiple_of(align) }
}

/// Size and alignment of values one after the other.
pub(crate) fn layout_of(parts: &[Type]) -> Result<(u32, u32)> {
    let (mut size, mut align) = (0, 1);
    for part in parts {
        size = add(align_up(size, part.align)?, part.size)?;
        align = align.max(part.align);
    }
    Ok((align_up(size, align)?, align))
}

/// Offsets of values one after the other.
pub(crate) fn offsets_of(parts: &[Type]) -> Vec<u32> {
    let mut end = 0_u32;
    parts
        .iter()
        .map(|part| {
            let offset = end.next_multiple_of(part.align);
            end = offset + part.size;
            offset
        })
        .collect()
}

/// Flat types of values one after the other; `None` if there are more than [`MAX_FLAT_PARAMS`].
fn flatten_all(parts: &[Type]) -> Option<Vec<ValType>> {
    let mut flat = Vec::new();
    for part in parts {
        flat.extend(part.flat.as_ref()?);
        if flat.len() > MAX_FLAT_PARAMS {
            return None;
        }
    }
    Some(flat)
}

/// Size and alignment of this number of flags.
pub(crate) fn flags_layout(flags: usize) -> (u32, u32) {
    match flags {
        0..=8 => (1, 1),
        9..=16 => (2, 2),
        // There are at most 32 flags in a valid component; `MAX_TYPE_NODES` bounds them in any.
        _ => (4 * u32::try_from(flags.div_ceil(32)).unwrap_or(u32::MAX / 4), 4),
    }
}

fn join(one: ValType, other: ValType) -> ValType {
    match (one, other) {
        _ if one == other => one,
        (ValType::I32, ValType::F32) | (ValType::F32, ValType::I32) => ValType::I32,
        _ => ValType::I64,
    }
}

fn add(one: u32, other: u32) -> Result<u32> {
    one.checked_add(other).filter(|sum| *sum <= u32::MAX / 2).ok_or_else(overflow)
}

fn align_up(size: u32, align: u32) -> Result<u32> {
    size.checked_next_multiple_of(align).ok_or_else(overflow)
}

fn overflow() -> LowerError {
    LowerError::TooLarge("the component has a value type of more than 2 GiB".into())
}

impl FuncType {
    /// Whether a borrowed handle is passed.
    pub(crate) fn borrows(&self) -> bool {
        self.params.iter().any(|ty| ty.borrows)
    }

    /// The core type on one side of a call.
    pub(crate) fn signature(&self, direction: Direction) -> Signature {
        let flat = flatten_all(&self.params);
        let indirect_params = flat.is_none();
        let mut params = flat.unwrap_or_else(|| vec![ValType::I32]);
        let result = match &self.result {
            None => Some(Vec::new()),
            Some(ty) => ty.flat.clone().filter(|flat| flat.len() <= MAX_FLAT_RESULTS),
        };
        let indirect_results = result.is_none();
        let results = match (result, direction) {
            (Some(flat), _) => flat,
            (None, Direction::Lift) => vec![ValType::I32],
            (None, Direction::Lower) => {
                params.push(ValType::I32);
                Vec::new()
            }
        };
        Signature { params, results, indirect_params, indirect_results }
    }
}
