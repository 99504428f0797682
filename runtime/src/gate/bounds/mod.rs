//! Rejects a module whose compilation would cost far more than its size suggests.
//!
//! One linear pass over the bytes, with memory for the types, one number for each function, and the locals and open
//! constructs of one function at a time. It stops at the first exceeded bound. Unreadable code is left to the
//! validator, which stops there too.

mod body;
mod signatures;
mod table;
mod weights;

use wasmparser::{
    ElementItems, ElementSectionReader, Error, ExportSectionReader, ExternalKind, FunctionBody, ImportSectionReader,
    Parser, Payload, TypeRef,
};

use body::Figures;
use signatures::{Arity, Signatures};
pub use table::{Bound, Excess};

/// A measured value and its bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measured {
    /// The bound.
    pub bound: Bound,
    /// How much there is of it, where it is nearest to its limit.
    pub measured: u64,
    /// Its limit here.
    pub limit: u64,
}

/// The first bound that a module is over.
///
/// # Errors
/// That bound, by how much, and where.
pub(super) fn check(wasm: &[u8]) -> Result<(), Excess> {
    let mut scan = Scan::default();
    // The validator rejects unreadable code with a better message.
    let _ = scan.module(wasm);
    match scan.seen {
        Seen::First(Some(excess)) => Err(excess),
        _ => Ok(()),
    }
}

/// The measured value of each bound, exceeded or not. Of unreadable code, up to the error.
pub fn measure(wasm: &[u8]) -> Vec<Measured> {
    let mut scan = Scan { seen: Seen::All(Vec::new()), ..Scan::default() };
    let _ = scan.module(wasm);
    match scan.seen {
        Seen::All(all) => all,
        Seen::First(_) => Vec::new(),
    }
}

/// Purpose of a scan.
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
    /// How many bodies there have been.
    bodies: u32,
    code: u64,
}

/// Why a scan ends before the module does.
enum Stop {
    /// A bound is exceeded, and the scan stops at that.
    Over,
    /// The rest cannot be read. The validator refuses it, with better words.
    Unreadable,
}

impl From<Error> for Stop {
    fn from(_: Error) -> Self {
        Self::Unreadable
    }
}

impl Scan {
    fn module(&mut self, wasm: &[u8]) -> Result<(), Stop> {
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::TypeSection(section) => {
                    for ty in section.into_iter_err_on_gc_types() {
                        let arity = self.signatures.add_type(&ty?);
                        self.ty(arity)?;
                    }
                }
                Payload::ImportSection(section) => self.imports(section)?,
                Payload::FunctionSection(section) => {
                    self.see(Bound::Functions, None, section.count().into(), wasm.len() as u64)?;
                    let mut arities = 0;
                    for ty in section {
                        let arity = self.signatures.add_function(ty?);
                        arities += arity.sum();
                        self.defined.push(arity);
                    }
                    self.see(Bound::FunctionArity, None, arities, self.defined.len() as u64)?;
                }
                Payload::ExportSection(section) => self.exports(section)?,
                Payload::ElementSection(section) => self.elements(section)?,
                Payload::CodeSectionEntry(body) => self.body(&body)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn ty(&mut self, arity: Arity) -> Result<(), Stop> {
        let index = Some(self.types);
        self.types += 1;
        self.type_arity += arity.sum();
        self.see(Bound::Parameters, index, arity.takes.into(), 0)?;
        self.see(Bound::Results, index, arity.gives.into(), 0)?;
        self.see(Bound::Types, None, self.types.into(), 0)?;
        self.see(Bound::TypeArity, None, self.type_arity, 0)
    }

    fn imports(&mut self, section: ImportSectionReader<'_>) -> Result<(), Stop> {
        let mut count = 0;
        for import in section.into_imports() {
            if let TypeRef::Func(ty) = import?.ty {
                self.signatures.add_function(ty);
                self.imported += 1;
            }
            count += 1;
            self.see(Bound::Imports, None, count, 0)?;
        }
        Ok(())
    }

    fn exports(&mut self, section: ExportSectionReader<'_>) -> Result<(), Stop> {
        let count = u64::from(section.count());
        self.see(Bound::Exports, None, count, 0)?;
        let mut arities = 0;
        for export in section {
            let export = export?;
            if export.kind == ExternalKind::Func {
                arities += self.signatures.of_function(export.index).sum();
            }
        }
        self.see(Bound::ExportArity, None, arities, count)
    }

    fn elements(&mut self, section: ElementSectionReader<'_>) -> Result<(), Stop> {
        let mut elements = 0;
        for segment in section {
            elements += u64::from(match segment?.items {
                ElementItems::Functions(items) => items.count(),
                ElementItems::Expressions(_, items) => items.count(),
            });
            self.see(Bound::Elements, None, elements, 0)?;
        }
        Ok(())
    }

    fn body(&mut self, body: &FunctionBody<'_>) -> Result<(), Stop> {
        let arity = self.defined.get(self.bodies as usize).copied().unwrap_or_default();
        let index = Some(self.imported + self.bodies);
        self.bodies += 1;
        let figures = body::figures(body, arity, &self.signatures)?;
        let Figures { bytes, locals, nesting, loop_nesting, loops, targets, .. } = figures;
        let Figures { carried, assigned, loop_locals, moved, heights, code, .. } = figures;
        for (bound, measured) in [
            (Bound::Locals, locals),
            (Bound::Nesting, nesting),
            (Bound::LoopNesting, loop_nesting),
            (Bound::Loops, loops),
            (Bound::BranchTargets, targets),
            (Bound::CarriedValues, carried),
            (Bound::AssignedLocals, assigned),
            (Bound::LoopLocals, loop_locals),
            (Bound::MovedOperands, moved),
            (Bound::OperandHeights, heights),
        ] {
            self.see(bound, index, measured, bytes)?;
        }
        self.code += code;
        self.see(Bound::MachineCode, None, self.code, 0)
    }

    /// Compares a number with its bound. `size` is that of the counted unit.
    fn see(&mut self, bound: Bound, index: Option<u32>, measured: u64, size: u64) -> Result<(), Stop> {
        let limit = bound.limit(size);
        match &mut self.seen {
            Seen::First(excess) => {
                if measured > limit {
                    *excess = Some(Excess { bound, index, measured, limit });
                    return Err(Stop::Over);
                }
            }
            Seen::All(all) => match all.iter_mut().find(|seen| seen.bound == bound) {
                Some(worst) => {
                    // `measured / limit` is larger, without dividing.
                    let nearer = u128::from(measured) * u128::from(worst.limit);
                    if nearer > u128::from(worst.measured) * u128::from(limit) {
                        *worst = Measured { bound, measured, limit };
                    }
                }
                None => all.push(Measured { bound, measured, limit }),
            },
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
