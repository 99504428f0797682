//! Sharding: lists all inputs of a job, and splits the entries that match a pattern into batches.
//!
//! A match becomes an input of its own, with its place in the source and its path in the guest's tree. Directories
//! match like files and include their content, so entries in a directory of the same shard are not repeated; `/**/*`
//! with batch size 1 gives a shard to each directory and each file in it, as in the original Bacalhau. Links are data
//! of their directory and do not match. A URL and inline data are one file, which matches or does not.

mod error;
mod pattern;
mod place;
mod walk;

use std::collections::BTreeMap;

use bacalhau_job::{InputSpec, MAX_REQUEST_BYTES, MAX_SHARDS, Sharding};
use bacalhau_protocol::MAX_SPEC_BYTES;
use bacalhau_storage::Storage;

pub use error::ShardingError;
use pattern::Pattern;
use place::Place;

/// Maximum size of all sources and targets together in bytes: what an announcement has beside the request.
const MAX_PLAN_BYTES: usize = MAX_SPEC_BYTES - MAX_REQUEST_BYTES;
/// Maximum size of an input in an announcement beside its two texts.
const INPUT_BYTES: usize = 32;
/// Maximum listed paths in an error.
const SHOWN: usize = 5;

/// A match, and its input.
struct Atom {
    input: usize,
    spec: InputSpec,
}

/// The inputs of each shard, in order: the matches of all inputs, each in byte order of names with directories before
/// their content, `batch_size` to a shard. Without a pattern one shard has all inputs.
///
/// # Errors
/// When an input cannot be listed, no entry matches, or there are too many matches for a job.
pub fn plan(
    storage: &dyn Storage,
    inputs: &[InputSpec],
    sharding: Option<&Sharding>,
) -> Result<Vec<Vec<InputSpec>>, ShardingError> {
    let Some(sharding) = sharding.filter(|sharding| !sharding.glob_pattern.is_empty()) else {
        return Ok(vec![inputs.to_vec()]);
    };
    let atoms = matches(storage, inputs, sharding)?;
    let batch = usize::try_from(sharding.batch_size.max(1)).unwrap_or(usize::MAX);
    let shards = atoms.len().div_ceil(batch);
    if shards > MAX_SHARDS {
        return Err(ShardingError::TooManyShards { matches: atoms.len(), batch, shards });
    }
    atoms.chunks(batch).map(without_overlap).collect()
}

/// Everything in `inputs` that matches.
fn matches(storage: &dyn Storage, inputs: &[InputSpec], sharding: &Sharding) -> Result<Vec<Atom>, ShardingError> {
    let pattern = Pattern::new(&sharding.glob_pattern, &sharding.base_path)?;
    let (mut atoms, mut bytes) = (Vec::new(), 0);
    let (mut listed, mut first) = (0, Vec::new());
    for (index, input) in inputs.iter().enumerate() {
        let place = Place::of(input)?;
        let mut inside = false;
        walk::walk(storage, &place, &mut listed, &mut |path| {
            let target = place.target(path);
            if first.len() < SHOWN {
                first.push(target.clone());
            }
            let Some(remainder) = pattern.remainder(&target) else { return Ok(()) };
            inside = true;
            if !pattern.matches(remainder) {
                return Ok(());
            }
            let spec = InputSpec { source: place.source(path)?, target };
            bytes += spec.source.len() + spec.target.len() + INPUT_BYTES;
            if bytes > MAX_PLAN_BYTES {
                return Err(ShardingError::TooLarge { matches: atoms.len() });
            }
            atoms.push(Atom { input: index, spec });
            Ok(())
        })?;
        if !inside {
            return Err(ShardingError::Outside { target: input.target.clone(), base: pattern.base().into() });
        }
    }
    if atoms.is_empty() {
        let pattern = sharding.glob_pattern.clone();
        return Err(ShardingError::NoMatch { pattern, base: sharding.base_path.clone(), listed, first });
    }
    Ok(atoms)
}

/// A shard of these matches: the runtime rejects nested inputs. Content of a directory of the same input is included in
/// it; two different inputs would hide each other.
fn without_overlap(atoms: &[Atom]) -> Result<Vec<InputSpec>, ShardingError> {
    let overlap = |a: &Atom, b: &Atom| ShardingError::Overlap { a: a.spec.clone(), b: b.spec.clone() };
    let mut places = BTreeMap::new();
    for atom in atoms {
        if let Some(other) = places.insert(atom.spec.target.as_str(), atom) {
            return Err(overlap(other, atom));
        }
    }
    let mut shard = Vec::new();
    for atom in atoms {
        let target = &atom.spec.target;
        let mut above = target.match_indices('/').filter_map(|(end, _)| places.get(&target[..end]));
        match above.next() {
            None => shard.push(atom.spec.clone()),
            Some(dir) if dir.input == atom.input => {}
            Some(dir) => return Err(overlap(dir, atom)),
        }
    }
    Ok(shard)
}

#[cfg(test)]
mod tests;
