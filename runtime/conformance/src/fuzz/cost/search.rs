//! The search, and the worst that it found: for each tier the most CPU time and the most memory by bytes of the module.

use std::io;
use std::time::Duration;

use bacalhau_runtime::{Backend, inspect};
use serde::{Deserialize, Serialize};

use super::child::{self, Cost, TIERS};
use super::shape::Shape;
use super::{change, emit};
use crate::fuzz::dice::Dice;

/// Smaller modules count as this size: the base cost of a process is not a finding.
const LEAST_BYTES: u64 = 4_096;
/// How many are kept of each kind.
const KEPT: usize = 10;
/// How often a shape that is refused is made smaller.
const TRIES: usize = 12;

/// A shape and its cost.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Found {
    /// The tier.
    pub tier: Backend,
    /// The exceeded cost: `cpu` or `memory`.
    pub of: String,
    /// Bytes of the module.
    pub bytes: u64,
    /// CPU seconds for each MiB of the module.
    pub cpu_seconds_a_mib: f64,
    /// Bytes of memory for each byte of the module.
    pub memory_a_byte: f64,
    /// The module.
    pub shape: Shape,
}

impl Found {
    fn score(&self) -> f64 {
        if self.of == "cpu" { self.cpu_seconds_a_mib } else { self.memory_a_byte }
    }
}

/// The state of a search.
#[derive(Debug)]
pub struct Search {
    seed: u64,
    /// Cost of an empty module on each tier.
    empty: Vec<Cost>,
    /// The worst, worst first for each tier and kind.
    found: Vec<Found>,
    /// Shapes that were tried.
    pub tried: u64,
    /// Of these, how many were compiled or met the limits of their process.
    pub measured: u64,
}

impl Search {
    /// A search that begins with a corpus and with shapes of known high cost.
    ///
    /// # Errors
    /// When no process can be started.
    pub fn new(seed: u64, corpus: Vec<Shape>) -> io::Result<Self> {
        let empty = TIERS.iter().map(|tier| child::cost(b"\0asm\x01\0\0\0", *tier)).collect::<io::Result<_>>()?;
        let mut search = Self { seed, empty, found: Vec::new(), tried: 0, measured: 0 };
        for shape in corpus.into_iter().chain(change::known()) {
            search.accepted(&mut Dice::new(seed, u64::MAX), shape)?;
        }
        Ok(search)
    }

    /// Tries one mutation. True if it is among the most expensive.
    ///
    /// # Errors
    /// When no process can be started.
    pub fn step(&mut self) -> io::Result<bool> {
        let mut dice = Dice::new(self.seed, self.tried);
        self.tried += 1;
        let fresh = self.found.is_empty() || dice.chance(15);
        let shape = if fresh {
            change::random(&mut dice)
        } else {
            let parent = dice.pick(&self.found).shape;
            change::changed(&mut dice, &parent)
        };
        self.accepted(&mut dice, shape)
    }

    /// Measures the shape, or a smaller one that no bound refuses.
    fn accepted(&mut self, dice: &mut Dice, mut shape: Shape) -> io::Result<bool> {
        for _ in 0..TRIES {
            if inspect(&emit::module(&shape), u64::MAX).is_ok() {
                return self.measure(&shape);
            }
            shape = change::smaller(dice, &shape);
        }
        Ok(false)
    }

    /// The worst of each tier and kind.
    pub fn worst(&self) -> &[Found] {
        &self.found
    }

    fn measure(&mut self, shape: &Shape) -> io::Result<bool> {
        let wasm = emit::module(shape);
        self.measured += 1;
        let mut kept = false;
        for (tier, empty) in TIERS.into_iter().zip(self.empty.clone()) {
            let cost = child::cost(&wasm, tier)?;
            for of in ["cpu", "memory"] {
                kept |= self.keep(found(shape, wasm.len() as u64, tier, of, cost, empty));
            }
        }
        Ok(kept)
    }

    fn keep(&mut self, new: Found) -> bool {
        let same = |found: &Found| found.tier == new.tier && found.of == new.of;
        let rivals: Vec<f64> = self.found.iter().filter(|found| same(found)).map(Found::score).collect();
        if rivals.len() >= KEPT && rivals.iter().all(|score| *score >= new.score()) {
            return false;
        }
        let (tier, of) = (new.tier, new.of.clone());
        self.found.push(new);
        self.found.sort_by(|a, b| b.score().total_cmp(&a.score()));
        let mut rank = 0;
        self.found.retain(|found| {
            let same = found.tier == tier && found.of == of;
            rank += usize::from(same);
            !same || rank <= KEPT
        });
        true
    }
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn found(shape: &Shape, bytes: u64, tier: Backend, of: &str, cost: Cost, empty: Cost) -> Found {
    let size = bytes.max(LEAST_BYTES) as f64;
    let cpu = cost.cpu.saturating_sub(empty.cpu).max(Duration::ZERO).as_secs_f64();
    let memory = cost.memory_bytes.saturating_sub(empty.memory_bytes) as f64;
    let cpu_seconds_a_mib = cpu * f64::from(1 << 20) / size;
    Found { tier, of: of.to_owned(), bytes, cpu_seconds_a_mib, memory_a_byte: memory / size, shape: shape.clone() }
}
