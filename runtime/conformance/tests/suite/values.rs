//! Values of the suite: arguments, and patterns that results have to match.

use wasmtime::{ExternRef, HeapType, Store, Val};
use wast::WastArg;
use wast::WastRet;
use wast::core::{AbstractHeapType, NanPattern, V128Const, V128Pattern, WastArgCore, WastRetCore};
use wast::token::{F32, F64};

/// An argument, or none where it is of a type that the profile does not have. A value of the host is a number in an
/// `externref`, which only the suite gives to a module.
pub(crate) fn argument(store: &mut Store<()>, arg: &WastArg<'_>) -> Option<Val> {
    let WastArg::Core(arg) = arg else { return None };
    Some(match arg {
        WastArgCore::I32(value) => Val::I32(*value),
        WastArgCore::I64(value) => Val::I64(*value),
        WastArgCore::F32(value) => Val::F32(value.bits),
        WastArgCore::F64(value) => Val::F64(value.bits),
        WastArgCore::V128(value) => Val::V128(u128::from_le_bytes(value.to_le_bytes()).into()),
        WastArgCore::RefNull(wast::core::HeapType::Abstract { ty: AbstractHeapType::Extern, .. }) => {
            Val::null_ref(&HeapType::Extern)
        }
        WastArgCore::RefNull(_) => Val::FuncRef(None),
        WastArgCore::RefExtern(number) => Val::ExternRef(Some(ExternRef::new(store, *number).ok()?)),
        WastArgCore::RefHost(_) => return None,
    })
}

/// Whether a result is what the suite says.
pub(crate) fn matches(store: &Store<()>, actual: &Val, expected: &WastRet<'_>) -> bool {
    match (actual, expected) {
        (Val::ExternRef(Some(actual)), WastRet::Core(WastRetCore::RefExtern(Some(number)))) => {
            actual.data(store).ok().flatten().and_then(|data| data.downcast_ref::<u32>()) == Some(number)
        }
        (_, WastRet::Core(expected)) => is(actual, expected),
        _ => false,
    }
}

fn is(actual: &Val, expected: &WastRetCore<'_>) -> bool {
    match (actual, expected) {
        (Val::I32(a), WastRetCore::I32(b)) => a == b,
        (Val::I64(a), WastRetCore::I64(b)) => a == b,
        (Val::F32(a), WastRetCore::F32(b)) => is_f32(*a, *b),
        (Val::F64(a), WastRetCore::F64(b)) => is_f64(*a, b),
        (Val::V128(a), WastRetCore::V128(b)) => is_v128(a.as_u128(), b),
        (Val::FuncRef(None) | Val::ExternRef(None), WastRetCore::RefNull(_))
        | (Val::FuncRef(Some(_)), WastRetCore::RefFunc(_)) => true,
        (_, WastRetCore::Either(any)) => any.iter().any(|one| is(actual, one)),
        _ => false,
    }
}

fn is_f32(bits: u32, expected: NanPattern<F32>) -> bool {
    match expected {
        NanPattern::Value(value) => bits == value.bits,
        NanPattern::CanonicalNan => bits & 0x7fff_ffff == 0x7fc0_0000,
        NanPattern::ArithmeticNan => bits & 0x7fc0_0000 == 0x7fc0_0000,
    }
}

fn is_f64(bits: u64, expected: &NanPattern<F64>) -> bool {
    match expected {
        NanPattern::Value(value) => bits == value.bits,
        NanPattern::CanonicalNan => bits & 0x7fff_ffff_ffff_ffff == 0x7ff8_0000_0000_0000,
        NanPattern::ArithmeticNan => bits & 0x7ff8_0000_0000_0000 == 0x7ff8_0000_0000_0000,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "lanes")]
fn is_v128(bits: u128, expected: &V128Pattern) -> bool {
    let exactly = |value: V128Const| bits.to_le_bytes() == value.to_le_bytes();
    match expected {
        V128Pattern::I8x16(lanes) => exactly(V128Const::I8x16(*lanes)),
        V128Pattern::I16x8(lanes) => exactly(V128Const::I16x8(*lanes)),
        V128Pattern::I32x4(lanes) => exactly(V128Const::I32x4(*lanes)),
        V128Pattern::I64x2(lanes) => exactly(V128Const::I64x2(*lanes)),
        V128Pattern::F32x4(lanes) => (0..).zip(lanes).all(|(n, lane)| is_f32((bits >> (32 * n)) as u32, *lane)),
        V128Pattern::F64x2(lanes) => (0..).zip(lanes).all(|(n, lane)| is_f64((bits >> (64 * n)) as u64, lane)),
    }
}
