//! Persists fetched blocks on its own thread, so that neither the network nor callers wait for the disk, unless it is
//! far behind.

use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::thread;

use bytes::Bytes;

use super::inflight_table::InFlightTable;
use super::lock;
use bacalhau_cas::{Block, Cid, DataError, LocalBlockstore};

/// Maximum bytes written at once.
const BATCH_BYTES: usize = 16 << 20;
/// Maximum queued bytes; above it, providers wait, and with them the network.
const WAITING_BYTES: usize = 64 << 20;

/// A blockstore to which blocks can be added.
pub trait BlockSink: LocalBlockstore {
    /// Adds blocks, which can be found from then on.
    ///
    /// # Errors
    /// When the host's disk fails, or the blockstore is full.
    fn keep(&self, blocks: &[Block]) -> Result<(), DataError>;

    /// Makes all added blocks durable.
    ///
    /// # Errors
    /// When the disk fails.
    fn settle(&self) -> Result<(), DataError>;
}

enum Order {
    Keep(Block),
    /// Answers when everything before it was kept.
    Settle(mpsc::Sender<()>),
}

/// Bytes that were handed over and are not kept yet.
#[derive(Debug, Default)]
struct Waiting {
    bytes: Mutex<usize>,
    less: Condvar,
}

impl Waiting {
    fn add(&self, bytes: usize) {
        *lock(&self.bytes) += bytes;
    }

    fn take(&self, bytes: usize) {
        *lock(&self.bytes) -= bytes;
        self.less.notify_all();
    }

    fn wait(&self) {
        let full = |waiting: &mut usize| *waiting > WAITING_BYTES;
        drop(self.less.wait_while(lock(&self.bytes), full));
    }
}

/// The persister thread. Dropping it lets the thread finish its queue.
#[derive(Debug)]
pub(super) struct Persister {
    orders: Mutex<mpsc::Sender<Order>>,
    waiting: Arc<Waiting>,
    failed: Arc<Mutex<Option<DataError>>>,
}

impl Persister {
    /// Starts the thread.
    pub(super) fn start(store: Arc<dyn BlockSink>, table: InFlightTable) -> Self {
        let (orders, inbox) = mpsc::channel();
        let failed = Arc::new(Mutex::new(None));
        let failure = Arc::clone(&failed);
        let waiting = Arc::new(Waiting::default());
        let kept = Arc::clone(&waiting);
        thread::spawn(move || {
            while let Ok(first) = inbox.recv() {
                let mut batch = Vec::new();
                let settled = fill(&mut batch, first, &inbox);
                match store.keep(&batch) {
                    Ok(()) => batch.iter().for_each(|block| table.kept(block.cid())),
                    Err(error) => *lock(&failure) = Some(error),
                }
                kept.take(batch.iter().map(|block| block.bytes().len()).sum());
                if !settled.is_empty()
                    && let Err(error) = store.settle()
                {
                    *lock(&failure) = Some(error);
                }
                for done in settled {
                    // The caller may have stopped waiting.
                    let _ = done.send(());
                }
            }
        });
        Self { orders: Mutex::new(orders), waiting, failed }
    }

    /// Queues a verified block.
    pub(super) fn persist(&self, cid: &Cid, bytes: Bytes) {
        self.waiting.add(bytes.len());
        // The thread lives as long as the sender.
        let _ = lock(&self.orders).send(Order::Keep(Block::checked(*cid, bytes)));
    }

    /// Waits while the queue is full. Providers call it before the next block.
    pub(super) fn wait_for_room(&self) {
        self.waiting.wait();
    }

    /// Waits until everything is kept.
    pub(super) fn settle(&self) -> Result<(), DataError> {
        let (done, settled) = mpsc::channel();
        let _ = lock(&self.orders).send(Order::Settle(done));
        let _ = settled.recv();
        lock(&self.failed).take().map_or(Ok(()), Err)
    }
}

/// Fills a batch from the queue, and returns callers to notify when it is persisted.
fn fill(batch: &mut Vec<Block>, first: Order, inbox: &mpsc::Receiver<Order>) -> Vec<mpsc::Sender<()>> {
    let mut settled = Vec::new();
    let mut bytes = 0;
    for order in std::iter::once(first).chain(inbox.try_iter()) {
        match order {
            Order::Keep(block) => {
                bytes += block.bytes().len();
                batch.push(block);
            }
            Order::Settle(done) => settled.push(done),
        }
        if bytes >= BATCH_BYTES {
            break;
        }
    }
    settled
}
