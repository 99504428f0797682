//! Puts what was fetched into the store, on a thread of its own: neither the network nor who waits for a block waits for
//! the disk, unless it is far behind.

use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::thread;

use bytes::Bytes;

use super::lock;
use super::table::Table;
use bacalhau_cas::{Block, Cid, DataError, Shelf};

/// What is kept in one go, at most.
const BATCH_BYTES: usize = 16 << 20;
/// What waits to be kept, at most: then whoever brings more waits, and with them the network.
const WAITING_BYTES: usize = 64 << 20;

/// A shelf to which blocks can be added.
pub trait Keep: Shelf {
    /// Adds blocks, which can be found from then on.
    ///
    /// # Errors
    /// When the host's disk fails, or the shelf is full.
    fn keep(&self, blocks: &[Block]) -> Result<(), DataError>;

    /// After it returns, what was added is there for good, whatever happens to the process.
    ///
    /// # Errors
    /// When the host's disk fails.
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

/// The thread's owner. Dropping it lets the thread finish what it was given.
#[derive(Debug)]
pub(super) struct Keeper {
    orders: Mutex<mpsc::Sender<Order>>,
    waiting: Arc<Waiting>,
    failed: Arc<Mutex<Option<DataError>>>,
}

impl Keeper {
    /// Starts the thread.
    pub(super) fn start(store: Arc<dyn Keep>, table: Table) -> Self {
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
                    // Who does not wait any longer need not be told.
                    let _ = done.send(());
                }
            }
        });
        Self { orders: Mutex::new(orders), waiting, failed }
    }

    /// Hands a block over; it was checked by whoever fetched it.
    pub(super) fn keep(&self, cid: &Cid, bytes: Bytes) {
        self.waiting.add(bytes.len());
        // The thread lives as long as the sender.
        let _ = lock(&self.orders).send(Order::Keep(Block::checked(*cid, bytes)));
    }

    /// Waits while the disk is far behind: whoever brings blocks calls this before the next one.
    pub(super) fn make_way(&self) {
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

/// Fills a batch with all that waits, and says who wants to hear when it is kept.
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
