//! Fuel cost of every operator, and how it can stop a program. Part of the profile, so nothing may change under its
//! name.
//!
//! The lists are exhaustive, so a new operator in wasmparser does not compile until it is added here or its proposal is
//! rejected by the gate. `blocks` adds up the costs.

use wasmparser::Operator;

use bacalhau_receipt::{Atomics, Exceptions, Fuel, Profile, RelaxedSimd};

const FUEL: Fuel = Profile::V1.fuel;
const ATOMICS: Option<Atomics> = Profile::V2.atomics;
const EXCEPTIONS: Option<Exceptions> = Profile::V2.exceptions;
const RELAXED_SIMD: Option<RelaxedSimd> = Profile::V2.relaxed_simd;

/// How an operator is charged, and whether it may end the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Costs nothing and cannot trap, except `unreachable`, which only traps.
    Free,
    /// Costs 1 and cannot trap.
    Plain,
    /// Costs 1 and may trap.
    Trapping,
    /// Costs 1, and 1 for each byte or element, which is the top operand. May trap.
    Bulk,
    /// Costs [`Fuel::grow`], and [`Fuel::page`] for each page that was added.
    GrowMemory,
    /// Costs [`Fuel::grow`], and [`Fuel::element`] for each element that was added.
    GrowTable,
    /// Costs 1. The called function charges for itself.
    Call,
    /// The same, and leaves the function.
    TailCall,
    /// Costs [`Atomics::operator`]. May trap.
    Atomic,
    /// `memory.atomic.notify` and `memory.atomic.wait`: costs [`Atomics::notify`]. May trap.
    Notify,
    /// Costs [`Exceptions::throw`], and leaves for a handler, in this function or another.
    Throw,
    /// A relaxed vector operator: costs [`RelaxedSimd::madd`].
    Madd,
    /// Costs [`RelaxedSimd::nmadd`].
    Nmadd,
    /// Costs [`RelaxedSimd::dot`].
    Dot,
    /// Costs [`RelaxedSimd::dot_add`].
    DotAdd,
    /// Not in the language of jobs.
    Refused,
}

impl Class {
    /// Fuel that is known statically.
    pub(super) fn fuel(self) -> u64 {
        match self {
            Self::Free | Self::Refused => 0,
            Self::Plain | Self::Trapping | Self::Bulk | Self::Call | Self::TailCall => FUEL.operator,
            Self::GrowMemory | Self::GrowTable => FUEL.grow,
            Self::Atomic => ATOMICS.map_or(0, |atomics| atomics.operator),
            Self::Notify => ATOMICS.map_or(0, |atomics| atomics.notify),
            Self::Throw => EXCEPTIONS.map_or(0, |exceptions| exceptions.throw),
            Self::Madd => RELAXED_SIMD.map_or(0, |prices| prices.madd),
            Self::Nmadd => RELAXED_SIMD.map_or(0, |prices| prices.nmadd),
            Self::Dot => RELAXED_SIMD.map_or(0, |prices| prices.dot),
            Self::DotAdd => RELAXED_SIMD.map_or(0, |prices| prices.dot_add),
        }
    }
}

/// Names each operator with its class as a constant.
macro_rules! classes {
    ($($class:ident { $($operator:ident)* })*) => {
        #[expect(non_upper_case_globals, reason = "the names of the operators")]
        mod table {
            use super::Class;
            $($(pub(super) const $operator: Class = Class::$class;)*)*
        }
    };
}

classes! {
    Free {
        Unreachable Nop Block Loop Else End Return Drop TryTable
    }
    Plain {
        If Br BrIf BrTable BrOnNull BrOnNonNull Select LocalGet LocalSet LocalTee GlobalGet GlobalSet MemorySize I32Const I64Const
        F32Const F64Const I32Eqz I32Eq I32Ne I32LtS I32LtU I32GtS I32GtU I32LeS I32LeU I32GeS I32GeU I64Eqz
        I64Eq I64Ne I64LtS I64LtU I64GtS I64GtU I64LeS I64LeU I64GeS I64GeU F32Eq F32Ne F32Lt F32Gt F32Le
        F32Ge F64Eq F64Ne F64Lt F64Gt F64Le F64Ge I32Clz I32Ctz I32Popcnt I32Add I32Sub I32Mul I32And I32Or
        I32Xor I32Shl I32ShrS I32ShrU I32Rotl I32Rotr I64Clz I64Ctz I64Popcnt I64Add I64Sub I64Mul I64And
        I64Or I64Xor I64Shl I64ShrS I64ShrU I64Rotl I64Rotr F32Abs F32Neg F32Ceil F32Floor F32Trunc F32Nearest
        F32Sqrt F32Add F32Sub F32Mul F32Div F32Min F32Max F32Copysign F64Abs F64Neg F64Ceil F64Floor F64Trunc
        F64Nearest F64Sqrt F64Add F64Sub F64Mul F64Div F64Min F64Max F64Copysign I32WrapI64 I64ExtendI32S
        I64ExtendI32U F32ConvertI32S F32ConvertI32U F32ConvertI64S F32ConvertI64U F32DemoteF64 F64ConvertI32S
        F64ConvertI32U F64ConvertI64S F64ConvertI64U F64PromoteF32 I32ReinterpretF32 I64ReinterpretF64
        F32ReinterpretI32 F64ReinterpretI64 I32Extend8S I32Extend16S I64Extend8S I64Extend16S I64Extend32S
        I32TruncSatF32S I32TruncSatF32U I32TruncSatF64S I32TruncSatF64U I64TruncSatF32S I64TruncSatF32U
        I64TruncSatF64S I64TruncSatF64U DataDrop ElemDrop TypedSelect TypedSelectMulti RefNull RefIsNull
        RefFunc TableSize V128Const I8x16Shuffle I8x16ExtractLaneS I8x16ExtractLaneU I8x16ReplaceLane
        I16x8ExtractLaneS I16x8ExtractLaneU I16x8ReplaceLane I32x4ExtractLane I32x4ReplaceLane
        I64x2ExtractLane I64x2ReplaceLane F32x4ExtractLane F32x4ReplaceLane F64x2ExtractLane F64x2ReplaceLane
        I8x16Swizzle I8x16Splat I16x8Splat I32x4Splat I64x2Splat F32x4Splat F64x2Splat I8x16Eq I8x16Ne
        I8x16LtS I8x16LtU I8x16GtS I8x16GtU I8x16LeS I8x16LeU I8x16GeS I8x16GeU I16x8Eq I16x8Ne I16x8LtS
        I16x8LtU I16x8GtS I16x8GtU I16x8LeS I16x8LeU I16x8GeS I16x8GeU I32x4Eq I32x4Ne I32x4LtS I32x4LtU
        I32x4GtS I32x4GtU I32x4LeS I32x4LeU I32x4GeS I32x4GeU I64x2Eq I64x2Ne I64x2LtS I64x2GtS I64x2LeS
        I64x2GeS F32x4Eq F32x4Ne F32x4Lt F32x4Gt F32x4Le F32x4Ge F64x2Eq F64x2Ne F64x2Lt F64x2Gt F64x2Le
        F64x2Ge V128Not V128And V128AndNot V128Or V128Xor V128Bitselect V128AnyTrue I8x16Abs I8x16Neg
        I8x16Popcnt I8x16AllTrue I8x16Bitmask I8x16NarrowI16x8S I8x16NarrowI16x8U I8x16Shl I8x16ShrS I8x16ShrU
        I8x16Add I8x16AddSatS I8x16AddSatU I8x16Sub I8x16SubSatS I8x16SubSatU I8x16MinS I8x16MinU I8x16MaxS
        I8x16MaxU I8x16AvgrU I16x8ExtAddPairwiseI8x16S I16x8ExtAddPairwiseI8x16U I16x8Abs I16x8Neg
        I16x8Q15MulrSatS I16x8AllTrue I16x8Bitmask I16x8NarrowI32x4S I16x8NarrowI32x4U I16x8ExtendLowI8x16S
        I16x8ExtendHighI8x16S I16x8ExtendLowI8x16U I16x8ExtendHighI8x16U I16x8Shl I16x8ShrS I16x8ShrU I16x8Add
        I16x8AddSatS I16x8AddSatU I16x8Sub I16x8SubSatS I16x8SubSatU I16x8Mul I16x8MinS I16x8MinU I16x8MaxS
        I16x8MaxU I16x8AvgrU I16x8ExtMulLowI8x16S I16x8ExtMulHighI8x16S I16x8ExtMulLowI8x16U
        I16x8ExtMulHighI8x16U I32x4ExtAddPairwiseI16x8S I32x4ExtAddPairwiseI16x8U I32x4Abs I32x4Neg
        I32x4AllTrue I32x4Bitmask I32x4ExtendLowI16x8S I32x4ExtendHighI16x8S I32x4ExtendLowI16x8U
        I32x4ExtendHighI16x8U I32x4Shl I32x4ShrS I32x4ShrU I32x4Add I32x4Sub I32x4Mul I32x4MinS I32x4MinU
        I32x4MaxS I32x4MaxU I32x4DotI16x8S I32x4ExtMulLowI16x8S I32x4ExtMulHighI16x8S I32x4ExtMulLowI16x8U
        I32x4ExtMulHighI16x8U I64x2Abs I64x2Neg I64x2AllTrue I64x2Bitmask I64x2ExtendLowI32x4S
        I64x2ExtendHighI32x4S I64x2ExtendLowI32x4U I64x2ExtendHighI32x4U I64x2Shl I64x2ShrS I64x2ShrU I64x2Add
        I64x2Sub I64x2Mul I64x2ExtMulLowI32x4S I64x2ExtMulHighI32x4S I64x2ExtMulLowI32x4U
        I64x2ExtMulHighI32x4U F32x4Ceil F32x4Floor F32x4Trunc F32x4Nearest F32x4Abs F32x4Neg F32x4Sqrt
        F32x4Add F32x4Sub F32x4Mul F32x4Div F32x4Min F32x4Max F32x4PMin F32x4PMax F64x2Ceil F64x2Floor
        F64x2Trunc F64x2Nearest F64x2Abs F64x2Neg F64x2Sqrt F64x2Add F64x2Sub F64x2Mul F64x2Div F64x2Min
        F64x2Max F64x2PMin F64x2PMax I32x4TruncSatF32x4S I32x4TruncSatF32x4U F32x4ConvertI32x4S
        F32x4ConvertI32x4U I32x4TruncSatF64x2SZero I32x4TruncSatF64x2UZero F64x2ConvertLowI32x4S
        F64x2ConvertLowI32x4U F32x4DemoteF64x2Zero F64x2PromoteLowF32x4 I8x16RelaxedSwizzle
        I32x4RelaxedTruncF32x4S I32x4RelaxedTruncF32x4U I32x4RelaxedTruncF64x2SZero I32x4RelaxedTruncF64x2UZero
        I8x16RelaxedLaneselect I16x8RelaxedLaneselect I32x4RelaxedLaneselect I64x2RelaxedLaneselect
        F32x4RelaxedMin F32x4RelaxedMax F64x2RelaxedMin F64x2RelaxedMax I16x8RelaxedQ15mulrS I64Add128 I64Sub128
        I64MulWideS I64MulWideU
    }
    Madd {
        F32x4RelaxedMadd F64x2RelaxedMadd
    }
    Nmadd {
        F32x4RelaxedNmadd F64x2RelaxedNmadd
    }
    Dot {
        I16x8RelaxedDotI8x16I7x16S
    }
    DotAdd {
        I32x4RelaxedDotI8x16I7x16AddS
    }
    Trapping {
        RefAsNonNull
        I32Load I64Load F32Load F64Load I32Load8S I32Load8U I32Load16S I32Load16U I64Load8S I64Load8U
        I64Load16S I64Load16U I64Load32S I64Load32U I32Store I64Store F32Store F64Store I32Store8 I32Store16
        I64Store8 I64Store16 I64Store32 I32DivS I32DivU I32RemS I32RemU I64DivS I64DivU I64RemS I64RemU
        I32TruncF32S I32TruncF32U I32TruncF64S I32TruncF64U I64TruncF32S I64TruncF32U I64TruncF64S
        I64TruncF64U TableGet TableSet V128Load V128Load8x8S V128Load8x8U V128Load16x4S V128Load16x4U
        V128Load32x2S V128Load32x2U V128Load8Splat V128Load16Splat V128Load32Splat V128Load64Splat
        V128Load32Zero V128Load64Zero V128Store V128Load8Lane V128Load16Lane V128Load32Lane V128Load64Lane
        V128Store8Lane V128Store16Lane V128Store32Lane V128Store64Lane
    }
    Bulk {
        MemoryInit MemoryCopy MemoryFill TableInit TableCopy TableFill
    }
    GrowMemory {
        MemoryGrow
    }
    GrowTable {
        TableGrow
    }
    Call {
        Call CallIndirect CallRef
    }
    TailCall {
        ReturnCall ReturnCallIndirect ReturnCallRef
    }
    Atomic {
        AtomicFence
        I32AtomicLoad I32AtomicLoad8U I32AtomicLoad16U I64AtomicLoad I64AtomicLoad8U I64AtomicLoad16U
        I64AtomicLoad32U I32AtomicStore I32AtomicStore8 I32AtomicStore16 I64AtomicStore I64AtomicStore8
        I64AtomicStore16 I64AtomicStore32 I32AtomicRmwAdd I32AtomicRmwSub I32AtomicRmwAnd I32AtomicRmwOr
        I32AtomicRmwXor I32AtomicRmwXchg I32AtomicRmwCmpxchg I32AtomicRmw8AddU I32AtomicRmw8SubU
        I32AtomicRmw8AndU I32AtomicRmw8OrU I32AtomicRmw8XorU I32AtomicRmw8XchgU I32AtomicRmw8CmpxchgU
        I32AtomicRmw16AddU I32AtomicRmw16SubU I32AtomicRmw16AndU I32AtomicRmw16OrU I32AtomicRmw16XorU
        I32AtomicRmw16XchgU I32AtomicRmw16CmpxchgU I64AtomicRmwAdd I64AtomicRmwSub I64AtomicRmwAnd
        I64AtomicRmwOr I64AtomicRmwXor I64AtomicRmwXchg I64AtomicRmwCmpxchg I64AtomicRmw8AddU
        I64AtomicRmw8SubU I64AtomicRmw8AndU I64AtomicRmw8OrU I64AtomicRmw8XorU I64AtomicRmw8XchgU
        I64AtomicRmw8CmpxchgU I64AtomicRmw16AddU I64AtomicRmw16SubU I64AtomicRmw16AndU I64AtomicRmw16OrU
        I64AtomicRmw16XorU I64AtomicRmw16XchgU I64AtomicRmw16CmpxchgU I64AtomicRmw32AddU I64AtomicRmw32SubU
        I64AtomicRmw32AndU I64AtomicRmw32OrU I64AtomicRmw32XorU I64AtomicRmw32XchgU I64AtomicRmw32CmpxchgU
    }
    Notify {
        MemoryAtomicNotify MemoryAtomicWait32 MemoryAtomicWait64
    }
    Throw {
        Throw ThrowRef
    }
}

/// Operators of an admitted proposal are in the table; rejected proposals are listed by name.
macro_rules! by_proposal {
    (@mvp $operator:ident) => {
        table::$operator
    };
    (@sign_extension $operator:ident) => {
        table::$operator
    };
    (@saturating_float_to_int $operator:ident) => {
        table::$operator
    };
    (@bulk_memory $operator:ident) => {
        table::$operator
    };
    (@reference_types $operator:ident) => {
        table::$operator
    };
    (@tail_call $operator:ident) => {
        table::$operator
    };
    (@simd $operator:ident) => {
        table::$operator
    };
    (@gc $operator:ident) => {
        Class::Refused
    };
    (@custom_descriptors $operator:ident) => {
        Class::Refused
    };
    (@memory_control $operator:ident) => {
        Class::Refused
    };
    (@threads $operator:ident) => {
        table::$operator
    };
    (@relaxed_simd $operator:ident) => {
        table::$operator
    };
    (@exceptions $operator:ident) => {
        table::$operator
    };
    (@legacy_exceptions $operator:ident) => {
        Class::Refused
    };
    (@shared_everything_threads $operator:ident) => {
        Class::Refused
    };
    (@function_references $operator:ident) => {
        table::$operator
    };
    (@stack_switching $operator:ident) => {
        Class::Refused
    };
    (@wide_arithmetic $operator:ident) => {
        table::$operator
    };
}

macro_rules! class_of_each {
    ($(@$proposal:ident $operator:ident $({ $($field:ident: $type:ty),* })? => $visit:ident ($($arity:tt)*))*) => {
        /// The class of an operator.
        pub(super) fn class(operator: &Operator<'_>) -> Class {
            match operator {
                $(Operator::$operator { .. } => by_proposal!(@$proposal $operator),)*
                // The enum is open by attribute only: the arms above are all that it has.
                _ => Class::Refused,
            }
        }
    };
}

wasmparser::for_each_operator!(class_of_each);
