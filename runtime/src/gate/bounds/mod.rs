//! Refuses a module that would cost far more to compile than its size lets expect, before anything is compiled.
//!
//! One pass over the bytes, linear in them, with memory for the types, one number for each function, and the locals and
//! open constructs of one function at a time. It stops at the first bound that is exceeded. What it cannot read it leaves
//! to the validator, which stops there as well.

mod body;
mod signatures;
mod table;
mod weights;

use wasmparser::{Error, FunctionBody, Parser, Payload, TypeRef};

use body::Figures;
use signatures::{Arity, Signatures};
pub use table::{Bound, Excess};

/// How near a module comes to a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measured {
    /// What was counted.
    pub bound: Bound,
    /// How much there is of it, where it is nearest to its limit.
    pub measured: u64,
    /// The limit there.
    pub limit: u64,
}

/// The first bound that a module is over.
///
/// # Errors
/// That bound, by how much, and where.
pub(super) fn check(wasm: &[u8]) -> Result<(), Excess> {
    let mut scan = Scan::default();
    // What cannot be read is refused by the validator, with better words.
    let _ = scan.module(wasm);
    match scan.seen {
        Seen::First(Some(excess)) => Err(excess),
        _ => Ok(()),
    }
}

/// How near a module comes to each bound, exceeded or not. Of what cannot be read, up to there.
pub fn measure(wasm: &[u8]) -> Vec<Measured> {
    let mut scan = Scan { seen: Seen::All(Vec::new()), ..Scan::default() };
    let _ = scan.module(wasm);
    match scan.seen {
        Seen::All(all) => all,
        Seen::First(_) => Vec::new(),
    }
}

/// What a scan is for.
enum Seen {
    /// The first excess, which ends it.
    First(Option<Excess>),
    /// For each bound the worst.
    All(Vec<Measured>),
}

impl Default for Seen {
    fn default() -> Self {
        Self::First(None)
    }
}

#[derive(Default)]
struct Scan {
    seen: Seen,
    signatures: Signatures,
    types: u32,
    type_arity: u64,
    imported: u32,
    /// Arity of each function that has a body.
    defined: Vec<Arity>,
    function_arity: u64,
    /// How many bodies there have been.
    bodies: u32,
    code: u64,
}

impl Scan {
    fn module(&mut self, wasm: &[u8]) -> Result<(), Error> {
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::TypeSection(section) => {
                    for ty in section.into_iter_err_on_gc_types() {
                        let arity = self.signatures.add_type(&ty?);
                        self.ty(arity);
                        if self.is_over() {
                            return Ok(());
                        }
                    }
                }
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        if let TypeRef::Func(ty) = import?.ty {
                            self.signatures.add_function(ty);
                            self.imported += 1;
                        }
                    }
                }
                Payload::FunctionSection(section) => {
                    self.see(Bound::Functions, None, section.count().into(), 0);
                    for ty in section {
                        let arity = self.signatures.add_function(ty?);
                        self.function_arity += arity.sum();
                        self.defined.push(arity);
                        if self.is_over() {
                            return Ok(());
                        }
                    }
                    self.see(Bound::FunctionArity, None, self.function_arity, self.defined.len() as u64);
                }
                Payload::CodeSectionEntry(body) => self.body(&body)?,
                _ => {}
            }
            if self.is_over() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn ty(&mut self, arity: Arity) {
        let index = Some(self.types);
        self.types += 1;
        self.type_arity += arity.sum();
        self.see(Bound::Parameters, index, arity.takes.into(), 0);
        self.see(Bound::Results, index, arity.gives.into(), 0);
        self.see(Bound::Types, None, self.types.into(), 0);
        self.see(Bound::TypeArity, None, self.type_arity, 0);
    }

    fn body(&mut self, body: &FunctionBody<'_>) -> Result<(), Error> {
        let arity = self.defined.get(self.bodies as usize).copied().unwrap_or_default();
        let index = Some(self.imported + self.bodies);
        self.bodies += 1;
        let Figures { bytes, locals, nesting, loops, targets, carried, moved, heights, code } =
            body::figures(body, arity, &self.signatures)?;
        for (bound, measured) in [
            (Bound::Locals, locals),
            (Bound::Nesting, nesting),
            (Bound::LoopNesting, loops),
            (Bound::BranchTargets, targets),
            (Bound::CarriedValues, carried),
            (Bound::MovedOperands, moved),
            (Bound::OperandHeights, heights),
        ] {
            self.see(bound, index, measured, bytes);
        }
        self.code += code;
        self.see(Bound::MachineCode, None, self.code, 0);
        Ok(())
    }

    /// Compares a number with its bound. `size` is that of what it was counted in.
    fn see(&mut self, bound: Bound, index: Option<u32>, measured: u64, size: u64) {
        let limit = bound.limit(size);
        match &mut self.seen {
            Seen::First(None) if measured > limit => {
                self.seen = Seen::First(Some(Excess { bound, index, measured, limit }));
            }
            Seen::First(_) => {}
            Seen::All(all) => match all.iter_mut().find(|seen| seen.bound == bound) {
                // `measured / limit` is larger, without dividing.
                Some(worst)
                    if u128::from(measured) * u128::from(worst.limit)
                        > u128::from(worst.measured) * u128::from(limit) =>
                {
                    *worst = Measured { bound, measured, limit };
                }
                Some(_) => {}
                None => all.push(Measured { bound, measured, limit }),
            },
        }
    }

    fn is_over(&self) -> bool {
        matches!(self.seen, Seen::First(Some(_)))
    }
}

#[cfg(test)]
mod tests;
