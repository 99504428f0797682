//! Reads and hashes on all threads while one emits the blocks of the previous batch in order. The number of threads
//! affects only the speed.

use std::sync::Arc;

use rayon::prelude::*;

use super::Layout;
use super::assemble::{Assembler, Done};
use super::buffers::Buffers;
use super::leaf::{full_block_bytes, reading};
use super::steps::Step;
use crate::dag_pb::Node;
use crate::unixfs::{Meta, MetaKind};
use crate::{Block, DataError};

/// File bytes of a batch for each thread: some chunks, so that threads seldom wait for the slowest at its end, and few
/// enough that the memory is still in the cache when it is used again.
const BATCH_BYTES_PER_THREAD: usize = 2 << 20;
/// Most file bytes of a batch. Two batches are held at a time.
const MAX_BATCH_BYTES: usize = 32 << 20;
/// Most steps of a batch, where files are small.
const MAX_BATCH_STEPS: usize = 4096;

/// File bytes of a task: a thread takes several small files at once, so that it seldom waits for the others.
const TASK_BYTES: usize = 256 << 10;
/// Most steps of a task.
const MAX_TASK_STEPS: usize = 64;

/// Does all steps and hands the outcomes to `assembler` in their order.
pub(super) fn run<'t, S>(mut steps: S, layout: Layout, assembler: &mut Assembler<'_>) -> Result<(), DataError>
where
    S: Iterator<Item = Result<Step<'t>, DataError>> + Send,
{
    let buffers = Buffers::new(full_block_bytes(layout));
    let mut batch = next_batch(&mut steps, layout, &buffers);
    while !batch.is_empty() {
        let (taken, next) = rayon::join(|| assembler.take(batch), || next_batch(&mut steps, layout, &buffers));
        taken?;
        batch = next;
    }
    Ok(())
}

/// The next batch; empty at the end.
fn next_batch<'t>(
    steps: &mut (impl Iterator<Item = Result<Step<'t>, DataError>> + Send),
    layout: Layout,
    buffers: &Arc<Buffers>,
) -> Vec<Result<Done, DataError>> {
    let enough = (BATCH_BYTES_PER_THREAD * rayon::current_num_threads()).min(MAX_BATCH_BYTES);
    let mut bytes = 0;
    let mut batch = Vec::new();
    while bytes < enough && batch.len() < MAX_BATCH_STEPS {
        let Some(step) = steps.next() else { break };
        let failed = step.is_err();
        if let Ok(Step::Leaf(leaf)) = &step {
            bytes += leaf.length;
        }
        batch.push(step);
        if failed {
            break;
        }
    }
    let together = (TASK_BYTES / (bytes / batch.len().max(1)).max(1)).clamp(1, MAX_TASK_STEPS);
    batch.into_par_iter().with_max_len(together).map(|step| work(step?, layout, buffers)).collect()
}

fn work(step: Step<'_>, layout: Layout, buffers: &Arc<Buffers>) -> Result<Done, DataError> {
    Ok(match step {
        Step::Leaf(mut leaf) => {
            let block = leaf.block(layout, buffers)?;
            let chunk = leaf.chunk();
            Done::Leaf { block, chunk, last: leaf.last }
        }
        Step::Link { tree, path, name } => {
            let target = tree.read_link(&path).map_err(|error| reading(&path, error))?;
            Done::Link { block: link(target, layout), name }
        }
        Step::DirStart => Done::DirStart,
        Step::DirEnd { name } => Done::DirEnd { name },
    })
}

fn link(target: String, layout: Layout) -> Block {
    let meta = Meta { data: Some(target.into()), ..Meta::of(MetaKind::Symlink) };
    layout.node(Node { links: Vec::new(), data: Some(meta.encode().into()) }.encode())
}
