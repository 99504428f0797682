//! Random value types, and their layout by the canonical ABI: written a second time, to compare with.

use std::fmt::Write as _;

use super::random::Random;

/// A value type.
#[derive(Clone, Debug)]
pub(crate) enum Ty {
    /// A scalar, by the name that it has in text.
    Scalar(&'static str),
    String,
    List(Box<Ty>),
    Record(Vec<Ty>),
    Tuple(Vec<Ty>),
    Variant(Vec<Option<Ty>>),
    Enum(usize),
    Option(Box<Ty>),
    Result(Option<Box<Ty>>, Option<Box<Ty>>),
    Flags(usize),
}

const SCALARS: [&str; 12] = ["bool", "s8", "u8", "s16", "u16", "s32", "u32", "s64", "u64", "f32", "f64", "char"];

impl Ty {
    /// A type of at most this many types inside of one another.
    pub(crate) fn random(random: &mut Random, depth: usize) -> Self {
        let some = |random: &mut Random| {
            let count = random.below(4) + 1;
            (0..count).map(|_| Self::random(random, depth - 1)).collect()
        };
        let maybe = |random: &mut Random| (random.below(3) > 0).then(|| Self::random(random, depth - 1));
        match random.below(if depth == 0 { 6 } else { 16 }) {
            0..=3 => Self::Scalar(SCALARS[random.below(SCALARS.len())]),
            4..=5 => Self::String,
            6..=8 => Self::List(Box::new(Self::random(random, depth - 1))),
            9 => Self::Record(some(random)),
            10 => Self::Tuple(some(random)),
            11 => {
                let count = random.below(4) + 1;
                Self::Variant((0..count).map(|_| maybe(random)).collect())
            }
            12 => Self::Enum(if random.below(8) == 0 { 300 } else { random.below(5) + 1 }),
            13 => Self::Option(Box::new(Self::random(random, depth - 1))),
            14 => Self::Result(maybe(random).map(Box::new), maybe(random).map(Box::new)),
            _ => Self::Flags(random.below(32) + 1),
        }
    }

    /// The payloads of the cases of a union.
    pub(crate) fn cases(&self) -> Option<Vec<Option<Self>>> {
        match self {
            Self::Variant(cases) => Some(cases.clone()),
            Self::Enum(count) => Some(vec![None; *count]),
            Self::Option(some) => Some(vec![None, Some((**some).clone())]),
            Self::Result(ok, err) => Some(vec![ok.as_deref().cloned(), err.as_deref().cloned()]),
            _ => None,
        }
    }

    /// Size and alignment.
    pub(crate) fn layout(&self) -> (u32, u32) {
        if let Some(cases) = self.cases() {
            let tag = tag_bytes(cases.len());
            let payloads: Vec<(u32, u32)> = cases.iter().flatten().map(Self::layout).collect();
            let align = payloads.iter().map(|(_, align)| *align).max().unwrap_or(1);
            let size = payloads.iter().map(|(size, _)| *size).max().unwrap_or(0);
            let all = align.max(tag);
            return ((tag.next_multiple_of(align) + size).next_multiple_of(all), all);
        }
        match self {
            Self::Scalar("bool" | "s8" | "u8") | Self::Flags(1..=8) => (1, 1),
            Self::Scalar("s16" | "u16") | Self::Flags(9..=16) => (2, 2),
            Self::Scalar("s64" | "u64" | "f64") => (8, 8),
            Self::String | Self::List(_) => (8, 4),
            Self::Record(parts) | Self::Tuple(parts) => parts_layout(parts),
            _ => (4, 4),
        }
    }

    /// Core types, without a bound.
    pub(crate) fn flat(&self) -> Vec<&'static str> {
        if let Some(cases) = self.cases() {
            let mut flat: Vec<&'static str> = Vec::new();
            for case in cases.iter().flatten() {
                for (index, ty) in case.flat().into_iter().enumerate() {
                    match flat.get(index).copied() {
                        None => flat.push(ty),
                        Some(has) if has == ty => {}
                        Some("i32" | "f32") if ty == "i32" || ty == "f32" => flat[index] = "i32",
                        Some(_) => flat[index] = "i64",
                    }
                }
            }
            flat.insert(0, "i32");
            return flat;
        }
        match self {
            Self::Scalar("s64" | "u64") => vec!["i64"],
            Self::Scalar("f32") => vec!["f32"],
            Self::Scalar("f64") => vec!["f64"],
            Self::String | Self::List(_) => vec!["i32", "i32"],
            Self::Record(parts) | Self::Tuple(parts) => parts.iter().flat_map(Self::flat).collect(),
            _ => vec!["i32"],
        }
    }

    /// The type in text. Types that need a name are added to `named`, and named by their number.
    pub(crate) fn text(&self, named: &mut Vec<String>) -> String {
        let parts =
            |parts: &[Self], named: &mut Vec<String>| parts.iter().map(|part| part.text(named)).collect::<Vec<_>>();
        let definition = match self {
            Self::Scalar(name) => return (*name).to_owned(),
            Self::String => return "string".to_owned(),
            Self::List(element) => return format!("(list {})", element.text(named)),
            Self::Tuple(types) => return format!("(tuple {})", parts(types, named).join(" ")),
            Self::Option(some) => return format!("(option {})", some.text(named)),
            Self::Result(ok, err) => {
                let ok = ok.as_ref().map(|ok| ok.text(named)).unwrap_or_default();
                let err = err.as_ref().map(|err| format!("(error {})", err.text(named))).unwrap_or_default();
                return format!("(result {ok} {err})");
            }
            Self::Record(fields) => {
                let mut text = String::from("(record");
                for (index, field) in parts(fields, named).into_iter().enumerate() {
                    write!(text, " (field \"f{index}\" {field})").unwrap();
                }
                text + ")"
            }
            Self::Variant(cases) => {
                let mut text = String::from("(variant");
                for (index, case) in cases.iter().enumerate() {
                    let payload = case.as_ref().map(|case| case.text(named)).unwrap_or_default();
                    write!(text, " (case \"c{index}\" {payload})").unwrap();
                }
                text + ")"
            }
            Self::Enum(count) => format!("(enum {})", names(*count)),
            Self::Flags(count) => format!("(flags {})", names(*count)),
        };
        named.push(definition);
        format!("$t{}", named.len() - 1)
    }
}

fn names(count: usize) -> String {
    (0..count).map(|index| format!("\"n{index}\"")).collect::<Vec<_>>().join(" ")
}

pub(crate) fn tag_bytes(cases: usize) -> u32 {
    if cases <= 256 { 1 } else { 2 }
}

/// Size and alignment of a record.
pub(crate) fn parts_layout(parts: &[Ty]) -> (u32, u32) {
    let align = parts.iter().map(|part| part.layout().1).max().unwrap_or(1);
    let size = offsets(parts).last().zip(parts.last()).map_or(0, |(offset, last)| offset + last.layout().0);
    (size.next_multiple_of(align), align)
}

/// Offsets of the fields of a record.
pub(crate) fn offsets(parts: &[Ty]) -> Vec<u32> {
    let mut end = 0_u32;
    let mut offsets = Vec::new();
    for part in parts {
        let (size, align) = part.layout();
        offsets.push(end.next_multiple_of(align));
        end = end.next_multiple_of(align) + size;
    }
    offsets
}
