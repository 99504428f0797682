//! The combo over storages that serve, break off or have nothing.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use bacalhau_receipt::Checked;
use bacalhau_tree::{Deadline, Kind};

use super::*;
use bacalhau_cas::CidPath;

const CID: &str = "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi";

/// A storage whose one file can be read a number of times.
#[derive(Debug)]
struct Fake {
    name: &'static str,
    local: Result<bool, &'static str>,
    opens: bool,
    reads: Arc<AtomicU32>,
    opened: AtomicUsize,
    checked: Checked,
}

impl Fake {
    fn new(name: &'static str, opens: bool, reads: u32) -> Arc<Self> {
        Self::checking(name, opens, reads, Checked::Verified)
    }

    fn checking(name: &'static str, opens: bool, reads: u32, checked: Checked) -> Arc<Self> {
        let reads = Arc::new(AtomicU32::new(reads));
        Arc::new(Self { name, local: Ok(opens), opens, reads, opened: AtomicUsize::new(0), checked })
    }
}

impl Storage for Fake {
    fn name(&self) -> &'static str {
        self.name
    }

    fn has_locally(&self, _: &Source) -> Result<bool, HostFailure> {
        self.local.map_err(HostFailure::new)
    }

    fn size(&self, _: &Source) -> Result<Option<u64>, HostFailure> {
        Ok(self.opens.then_some(26))
    }

    fn open(&self, _: &Source) -> Result<Opened, HostFailure> {
        if !self.opens {
            return Err(HostFailure::new("nothing is here"));
        }
        self.opened.fetch_add(1, Ordering::Relaxed);
        Ok(Opened::by(self.name, "here", self.checked, Arc::new(Alphabet(Arc::clone(&self.reads)))))
    }
}

#[derive(Debug)]
struct Alphabet(Arc<AtomicU32>);

impl Tree for Alphabet {
    fn stat(&self, _: &str) -> io::Result<Stat> {
        Ok(Stat::new(Kind::File, 26))
    }

    fn list(&self, _: &str) -> io::Result<Vec<Entry>> {
        Err(io::ErrorKind::NotADirectory.into())
    }

    fn open(&self, _: &str) -> io::Result<Box<dyn ReadAt>> {
        Ok(Box::new(Self(Arc::clone(&self.0))))
    }

    fn read_link(&self, _: &str) -> io::Result<String> {
        Err(io::ErrorKind::InvalidInput.into())
    }

    fn identity(&self, _: &Deadline) -> io::Result<String> {
        Ok("unused".into())
    }
}

impl ReadAt for Alphabet {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
            .map_err(|_| io::Error::other("the disk is gone"))?;
        buf[0] = b'a' + u8::try_from(offset).unwrap();
        Ok(1)
    }
}

fn source() -> Source {
    Source::Cid(CidSource::of(CidPath { cid: CID.parse().unwrap(), path: "x".into() }))
}

fn combo(fakes: &[&Arc<Fake>]) -> Combo {
    Combo::new(fakes.iter().map(|fake| Arc::clone(fake) as Arc<dyn Storage>).collect())
}

/// Reads the file letter by letter.
fn read(file: &dyn ReadAt) -> io::Result<String> {
    let mut letter = [0];
    (0..26).map(|offset| file.read_at(&mut letter, offset).map(|_| char::from(letter[0]))).collect()
}

#[test]
fn the_first_that_can_serves_and_the_choice_is_made_once() {
    let (unsealed, ipfs) = (Fake::new("unsealed", true, 1000), Fake::new("ipfs", true, 1000));
    let opened = combo(&[&unsealed, &ipfs]).open(&source()).unwrap();
    for _ in 0..3 {
        let file = opened.tree.open("").unwrap();
        assert_eq!(read(&*file).unwrap(), "abcdefghijklmnopqrstuvwxyz");
    }
    assert_eq!((unsealed.opened.load(Ordering::Relaxed), ipfs.opened.load(Ordering::Relaxed)), (1, 0));
    let services = opened.services.list();
    assert_eq!((services.len(), services[0].driver.as_str()), (1, "unsealed"));
    assert_eq!(opened.tree.identity(&Deadline::never()).unwrap(), format!("{CID}/x"));
}

#[test]
fn the_next_goes_on_in_the_middle_with_the_same_bytes() {
    let (unsealed, ipfs, url) =
        (Fake::new("unsealed", true, 10), Fake::new("ipfs", false, 0), Fake::new("url", true, 1000));
    let opened = combo(&[&unsealed, &ipfs, &url]).open(&source()).unwrap();
    let file = opened.tree.open("").unwrap();
    assert_eq!(read(&*file).unwrap(), "abcdefghijklmnopqrstuvwxyz");
    let services = opened.services.list();
    assert_eq!(services.iter().map(|service| service.driver.as_str()).collect::<Vec<_>>(), ["unsealed", "url"]);
    assert_eq!(services[0].failed.as_deref(), Some("the disk is gone"));
    assert_eq!(services[1].failed, None);
}

/// An unsealed copy that is gone in the middle, and of which it is not known whether it was changed before.
#[derive(Debug)]
struct Changed(Alphabet);

impl Tree for Changed {
    fn stat(&self, path: &str) -> io::Result<Stat> {
        self.0.stat(path)
    }

    fn list(&self, path: &str) -> io::Result<Vec<Entry>> {
        self.0.list(path)
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn ReadAt>> {
        self.0.open(path)
    }

    fn read_link(&self, path: &str) -> io::Result<String> {
        self.0.read_link(path)
    }

    fn identity(&self, deadline: &Deadline) -> io::Result<String> {
        self.0.identity(deadline)
    }

    fn check_unchanged(&self, _: &Deadline) -> io::Result<()> {
        Err(io::Error::other("it was changed"))
    }
}

#[test]
fn what_was_read_of_one_that_failed_has_to_be_unchanged_too() {
    let next = Fake::new("ipfs", true, 1000);
    let opened = combo(&[&next]).open(&source()).unwrap();
    opened.tree.check_unchanged(&Deadline::never()).unwrap();
    let state = State {
        index: 0,
        tree: Arc::new(Changed(Alphabet(Arc::new(AtomicU32::new(3))))),
        past: Vec::new(),
        moves: false,
    };
    let drivers: Vec<Arc<dyn Storage>> = vec![Fake::new("unsealed", false, 0), next];
    let source = CidSource::of(CidPath { cid: CID.parse().unwrap(), path: "x".into() });
    let (services, moved) = (Services::default(), Condvar::new());
    let tree =
        ComboTree(Arc::new(Shared { drivers: drivers.into(), source, services, state: Mutex::new(state), moved }));
    assert_eq!(read(&*tree.open("").unwrap()).unwrap(), "abcdefghijklmnopqrstuvwxyz");
    assert_eq!(tree.check_unchanged(&Deadline::never()).unwrap_err().to_string(), "it was changed");
}

#[test]
fn many_readers_go_on_together() {
    let (first, second) = (Fake::new("unsealed", true, 40), Fake::new("ipfs", true, 100_000));
    let opened = combo(&[&first, &second]).open(&source()).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            let file = opened.tree.open("").unwrap();
            scope.spawn(move || assert_eq!(read(&*file).unwrap(), "abcdefghijklmnopqrstuvwxyz"));
        }
    });
    assert_eq!(second.opened.load(Ordering::Relaxed), 1);
    assert_eq!(opened.services.list().len(), 2);
}

#[test]
fn errors_are_told_when_nobody_serves() {
    let nobody = combo(&[&Fake::new("unsealed", false, 0), &Fake::new("ipfs", false, 0)]);
    let error = nobody.open(&source()).unwrap_err().to_string();
    let told = format!("cannot read ipfs://{CID}/x (unsealed: nothing is here; ipfs: nothing is here)");
    assert!(error.ends_with(&told), "{error}");
    let dying = combo(&[&Fake::new("unsealed", true, 3), &Fake::new("ipfs", false, 0)]);
    let opened = dying.open(&source()).unwrap();
    let error = read(&*opened.tree.open("").unwrap()).unwrap_err().to_string();
    assert!(error.contains("unsealed: the disk is gone; ipfs: nothing is here"), "{error}");
}

#[test]
fn it_answers_for_all_of_them() {
    let here = Fake::new("ipfs", true, 0);
    let broken = Arc::new(Fake {
        name: "unsealed",
        local: Err("permission denied"),
        opens: false,
        reads: Arc::default(),
        opened: AtomicUsize::new(0),
        checked: Checked::Verified,
    });
    assert!(combo(&[&broken, &here]).has_locally(&source()).unwrap());
    assert_eq!(combo(&[&broken, &here]).size(&source()).unwrap(), Some(26));
    assert!(!combo(&[&Fake::new("ipfs", false, 0)]).has_locally(&source()).unwrap());
    let error = combo(&[&broken]).has_locally(&source()).unwrap_err().to_string();
    assert!(error.contains("unsealed: permission denied"), "{error}");
}

#[test]
fn whoever_checks_nothing_serves_no_job_that_demands_it() {
    let unsealed = |checked| Fake::checking("unsealed", true, 10, checked);
    for (checked, served) in
        [(Checked::Verified, "unsealed"), (Checked::Unverified, "ipfs"), (Checked::Trusted, "ipfs")]
    {
        let opened =
            combo(&[&unsealed(checked), &Fake::new("ipfs", true, 100)]).open(&source().verified(true)).unwrap();
        assert_eq!(opened.services.list()[0].driver, served);
        // Neither at the beginning nor in the middle.
        let both = combo(&[&Fake::new("ipfs", true, 10), &unsealed(checked), &Fake::new("url", true, 100)]);
        let opened = both.open(&source().verified(true)).unwrap();
        read(&*opened.tree.open("").unwrap()).unwrap();
        let drivers: Vec<_> = opened.services.list().into_iter().map(|service| service.driver).collect();
        assert_eq!(drivers.contains(&"unsealed".to_owned()), served == "unsealed", "{drivers:?}");
    }
    let error = combo(&[&unsealed(Checked::Trusted)]).open(&source().verified(true)).unwrap_err().to_string();
    assert!(error.contains("the job requires verified inputs"), "{error}");
}
