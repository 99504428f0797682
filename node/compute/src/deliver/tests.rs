//! From a provider's directory to a requester's, as a DAG and as a directory.

use std::fs;

use bacalhau_tree::dirhash;

use super::super::{CollectError, Collector};
use super::*;
use crate::policy::tests::job;
use bacalhau_cas::store::Options;
use bacalhau_job::PublisherKind;
use bacalhau_publisher::PublishPlaces;

struct Place {
    dir: tempfile::TempDir,
    store: Arc<Store>,
    h1: String,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let results = dir.path().join("results");
        fs::create_dir_all(results.join("outputs/empty")).unwrap();
        fs::write(results.join("stdout"), "hello\n").unwrap();
        fs::write(results.join("outputs/a"), "1").unwrap();
        let h1 = dirhash::hash_dir(&results, "results").unwrap().h1;
        let store = Store::open(&dir.path().join("store"), Options::default()).unwrap();
        Self { dir, store, h1 }
    }

    fn publish(&self, here: bool, publishers: &[PublisherKind]) -> Result<(Delivery, Vec<Publication>), DeliverError> {
        let mut job = job(Link::of_raw(b""), "data:,x", &[]);
        job.request.request.spec.publishers = publishers.to_vec();
        self.deliverer(here).publish(execution(), &job, &self.dir.path().join("results"), &self.h1)
    }

    fn deliverer(&self, here: bool) -> Deliverer {
        let places = PublishPlaces { dir: self.dir.path().join("published"), ..PublishPlaces::default() };
        let publishers = places.publishers(Some((Arc::clone(&self.store), Vec::new())));
        Deliverer::new(Some(Arc::clone(&self.store)), places.profile, publishers, None, Arc::new(move |_| here))
    }

    fn collect(&self, delivery: &Delivery, h1: &str, directories: bool, max_bytes: u64) -> Result<(), CollectError> {
        let blocks: Arc<dyn bacalhau_cas::BlockSource> = Arc::clone(&self.store) as _;
        let dir = self.dir.path();
        let collector = Collector::new(dir.into(), Some(blocks), max_bytes, directories);
        collector.collect(delivery, h1, &dir.join("got/results"))
    }

    fn got(&self) -> Option<String> {
        fs::read_to_string(self.dir.path().join("got/results/outputs/a")).ok()
    }
}

fn execution() -> ExecutionId {
    format!("{}:0:1", "a".repeat(32)).parse().unwrap()
}

#[test]
fn results_come_as_a_dag_and_stay_until_they_are_discarded() {
    let place = Place::new();
    let (delivery, publications) = place.publish(false, &[]).unwrap();
    assert_eq!(publications, []);
    assert_eq!(place.publish(false, &[]).unwrap().0, delivery, "a second time is no harm");
    assert_eq!(place.store.pins().unwrap()[0].name, format!("job:{}", execution()));
    place.collect(&delivery, &place.h1, false, 1 << 20).unwrap();
    assert_eq!(place.got().unwrap(), "1");
    assert!(place.dir.path().join("got/results/outputs/empty").is_dir());
    place.collect(&delivery, &place.h1, false, 1 << 20).unwrap();
    fs::write(place.dir.path().join("got/results/outputs/a"), "torn").unwrap();
    place.collect(&delivery, &place.h1, false, 1 << 20).unwrap();
    assert_eq!(place.got().unwrap(), "1");
    place.deliverer(false).discard(execution()).unwrap();
    assert_eq!(place.store.pins().unwrap(), []);
}

#[test]
fn a_directory_is_for_nodes_of_one_process_only() {
    let place = Place::new();
    let (delivery, _) = place.publish(true, &[]).unwrap();
    assert!(matches!(delivery, Delivery::Directory(_)));
    let error = place.collect(&delivery, &place.h1, false, 1 << 20).unwrap_err().to_string();
    assert!(error.contains("within one process only"), "{error}");
    assert_eq!(place.got(), None);
    place.collect(&delivery, &place.h1, true, 1 << 20).unwrap();
    assert_eq!(place.got().unwrap(), "1");
    assert!(place.dir.path().join("results/stdout").exists(), "the provider still has them");
}

#[test]
fn what_is_not_what_was_voted_for_does_not_count() {
    let place = Place::new();
    let (delivery, _) = place.publish(false, &[]).unwrap();
    let error = place.collect(&delivery, "h1:other", false, 1 << 20).unwrap_err().to_string();
    assert!(error.contains("h1:other was voted for"), "{error}");
    let error = place.collect(&delivery, &place.h1, false, 3).unwrap_err().to_string();
    assert!(error.contains("cannot fetch"), "{error}");
    let absent = Delivery::Dag(Link::of_raw(b"nobody has it"));
    assert!(place.collect(&absent, &place.h1, false, 1 << 20).is_err());
    assert_eq!(place.got(), None);
    assert_eq!(fs::read_dir(place.dir.path().join("got")).unwrap().count(), 0, "nothing is left behind");
    fs::write(place.dir.path().join("results/stdout"), "changed").unwrap();
    assert!(place.publish(false, &[]).unwrap_err().to_string().contains("nothing was published"));
}

#[test]
fn what_is_published_for_everybody_stays() {
    let place = Place::new();
    let (delivery, publications) = place.publish(false, &[PublisherKind::Local, PublisherKind::Ipfs]).unwrap();
    assert_eq!(delivery, Delivery::Dag(publications[1].cid.unwrap()), "in the order of the job");
    assert!(fs::exists(&publications[0].places[0]).unwrap());
    place.deliverer(false).discard(execution()).unwrap();
    assert_eq!(place.store.pins().unwrap().len(), 1);
    let error = place.publish(false, &[PublisherKind::Filecoin]).unwrap_err().to_string();
    assert!(error.contains("not set up for the publisher `filecoin`"), "{error}");
}

#[test]
fn equal_results_stay_until_no_execution_needs_them() {
    let place = Place::new();
    let (deliverer, results) = (place.deliverer(false), place.dir.path().join("results"));
    let job = job(Link::of_raw(b""), "data:,x", &[]);
    let both = [execution(), ExecutionId { number: 2, ..execution() }];
    for execution in both {
        deliverer.publish(execution, &job, &results, &place.h1).unwrap();
    }
    deliverer.discard(both[0]).unwrap();
    assert_eq!(place.store.pins().unwrap().len(), 1);
    deliverer.discard(both[1]).unwrap();
    assert_eq!(place.store.pins().unwrap(), []);
}
