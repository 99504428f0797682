//! The exchange between a store and providers that have, have not, say nothing or break.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use super::*;
use bacalhau_cas::{Block, Code, LocalBlockstore, memory::MemoryBlockstore};

impl BlockSink for MemoryBlockstore {
    fn keep(&self, blocks: &[Block]) -> Result<(), DataError> {
        for block in blocks {
            self.put(block.clone());
        }
        Ok(())
    }

    fn settle(&self) -> Result<(), DataError> {
        Ok(())
    }
}

/// A blockstore that takes nothing.
#[derive(Debug)]
struct Full;

impl LocalBlockstore for Full {
    fn find(&self, _: &Cid) -> Result<Option<Bytes>, DataError> {
        Ok(None)
    }

    fn size_of(&self, _: &Cid) -> Result<Option<u64>, DataError> {
        Ok(None)
    }
}

impl BlockSink for Full {
    fn keep(&self, _: &[Block]) -> Result<(), DataError> {
        Err(DataError::out_of_bounds("the store", "it is full"))
    }

    fn settle(&self) -> Result<(), DataError> {
        Ok(())
    }
}

/// A provider that has some blocks, is silent about others, and says of the rest that it has not got them.
#[derive(Debug, Default)]
struct Fake {
    name: &'static str,
    has: BTreeMap<Cid, Bytes>,
    silent: BTreeSet<Cid>,
    wanted: Mutex<Vec<Cid>>,
    cancelled: Mutex<Vec<Cid>>,
}

impl Fake {
    fn new(name: &'static str, blocks: &[&Block]) -> Self {
        let has = blocks.iter().map(|block| (*block.cid(), block.bytes().clone())).collect();
        Self { name, has, ..Self::default() }
    }

    fn wanted(&self) -> usize {
        self.wanted.lock().unwrap().len()
    }
}

impl BlockProvider for Fake {
    fn name(&self) -> String {
        self.name.into()
    }

    fn want(&self, cids: &[Cid], answers: &Answers) {
        self.wanted.lock().unwrap().extend(cids);
        for cid in cids.iter().copied().filter(|cid| !self.silent.contains(cid)) {
            let answer = self.has.get(&cid).cloned().ok_or_else(|| DataError::missing(&cid, "not here"));
            let answers = Arc::clone(answers);
            thread::spawn(move || answers(cid, answer));
        }
    }

    fn cancel(&self, cids: &[Cid]) {
        self.cancelled.lock().unwrap().extend(cids);
    }
}

fn block(text: &str) -> Block {
    Block::of(Code::Raw, text.to_owned())
}

fn exchange(store: Arc<dyn BlockSink>, providers: &[&Arc<Fake>]) -> Exchange {
    let providers = providers.iter().map(|fake| Arc::clone(fake) as Arc<dyn BlockProvider>).collect();
    Exchange::new(store, providers, Arc::new(|_| ()))
}

#[test]
fn the_store_comes_first_and_keeps_what_is_fetched() {
    let (here, there) = (block("here"), block("there"));
    let store = Arc::new(MemoryBlockstore::default());
    store.put(here.clone());
    let fake = Arc::new(Fake::new("fake", &[&here, &there]));
    let exchange = exchange(store.clone(), &[&fake]);
    assert_eq!(exchange.get(here.cid()).unwrap(), "here");
    assert_eq!(fake.wanted(), 0);
    assert_eq!(exchange.get(there.cid()).unwrap(), "there");
    exchange.settle().unwrap();
    assert_eq!(store.find(there.cid()).unwrap().unwrap(), "there");
    assert_eq!(exchange.get(there.cid()).unwrap(), "there");
    assert_eq!(fake.wanted(), 1);
}

#[test]
fn many_who_wait_fetch_once() {
    let wanted = block("wanted");
    let fake = Arc::new(Fake::new("fake", &[&wanted]));
    let fetched = Arc::new(AtomicU64::new(0));
    let heard = Arc::clone(&fetched);
    let exchange = Exchange::new(
        Arc::new(MemoryBlockstore::default()),
        vec![fake.clone()],
        Arc::new(move |bytes| heard.store(bytes, Ordering::Relaxed)),
    );
    exchange.soon(&[*wanted.cid()]);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(exchange.get(wanted.cid()).unwrap(), "wanted"));
        }
    });
    assert_eq!((fake.wanted(), fetched.load(Ordering::Relaxed)), (1, 6));
}

#[test]
fn the_next_is_asked_when_one_has_not_or_says_nothing() {
    let (second, slow) = (block("second"), block("slow"));
    let mut first = Fake::new("first", &[]);
    first.silent.insert(*slow.cid());
    let (first, other) = (Arc::new(first), Arc::new(Fake::new("other", &[&second, &slow])));
    let exchange = exchange(Arc::new(MemoryBlockstore::default()), &[&first, &other]);
    assert_eq!(exchange.get(second.cid()).unwrap(), "second");
    assert_eq!(exchange.get(slow.cid()).unwrap(), "slow");
    assert_eq!(*first.cancelled.lock().unwrap(), [*slow.cid()]);
}

#[test]
fn everybody_is_named_when_nobody_has_it() {
    let nobody = block("nobody");
    let (first, other) = (Arc::new(Fake::new("first", &[])), Arc::new(Fake::new("other", &[])));
    let exchange = exchange(Arc::new(MemoryBlockstore::default()), &[&first, &other]);
    let error = exchange.get(nobody.cid()).unwrap_err().to_string();
    assert!(error.contains("first: ") && error.contains("; other: "), "{error}");
    assert_eq!((first.wanted(), other.wanted()), (1, 1));
    let alone = Exchange::new(Arc::new(MemoryBlockstore::default()), Vec::new(), Arc::new(|_| ()));
    assert!(alone.get(nobody.cid()).unwrap_err().to_string().contains("--ipfs-connect"));
}

#[test]
fn a_full_store_stops_nobody_from_reading() {
    let wanted = block("wanted");
    let fake = Arc::new(Fake::new("fake", &[&wanted]));
    let exchange = exchange(Arc::new(Full), &[&fake]);
    assert_eq!(exchange.get(wanted.cid()).unwrap(), "wanted");
    assert!(exchange.settle().unwrap_err().to_string().contains("it is full"));
    assert_eq!(exchange.get(wanted.cid()).unwrap(), "wanted");
    assert_eq!(fake.wanted(), 1, "it is still in memory");
}

#[test]
fn a_provider_that_forgets_to_answer_is_not_waited_for_for_ever() {
    let forgotten = block("forgotten");
    let mut fake = Fake::new("fake", &[]);
    fake.silent.insert(*forgotten.cid());
    let fake = Arc::new(fake);
    let exchange = Exchange::with_silence(
        Arc::new(MemoryBlockstore::default()),
        vec![fake.clone()],
        Arc::new(|_| ()),
        Duration::from_millis(50),
    );
    for _ in 0..2 {
        let error = exchange.get(forgotten.cid()).unwrap_err().to_string();
        assert!(error.contains("no provider answered"), "{error}");
    }
    assert_eq!((fake.wanted(), fake.cancelled.lock().unwrap().len()), (2, 2), "each time anew");
}

/// A blockstore that takes one batch when it is told to.
#[derive(Debug)]
struct Slow {
    go: Mutex<std::sync::mpsc::Receiver<()>>,
}

impl LocalBlockstore for Slow {
    fn find(&self, _: &Cid) -> Result<Option<Bytes>, DataError> {
        Ok(None)
    }

    fn size_of(&self, _: &Cid) -> Result<Option<u64>, DataError> {
        Ok(None)
    }
}

impl BlockSink for Slow {
    fn keep(&self, _: &[Block]) -> Result<(), DataError> {
        // Nobody tells it any more when the test is over.
        self.go.lock().unwrap().recv().unwrap_or_default();
        Ok(())
    }

    fn settle(&self) -> Result<(), DataError> {
        Ok(())
    }
}

#[test]
fn a_slow_disk_holds_up_the_network_and_not_the_memory() {
    let (go, open) = std::sync::mpsc::channel();
    let persister = Persister::start(Arc::new(Slow { go: Mutex::new(open) }), InFlightTable::default());
    let large = Block::of(Code::Raw, vec![0; 2 << 20]);
    let (done, taken) = std::sync::mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..100 {
                persister.persist(large.cid(), large.bytes().clone());
                persister.wait_for_room();
                done.send(number).unwrap();
            }
        });
        // It takes what there is room for, and then no more.
        let mut last = 0;
        while let Ok(number) = taken.recv_timeout(Duration::from_millis(200)) {
            last = number;
        }
        assert!((10..50).contains(&last), "{last}");
        drop(go);
        assert_eq!(taken.iter().take_while(|number| *number < 99).count(), 98 - last);
    });
}
