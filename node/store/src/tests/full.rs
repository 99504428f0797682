//! A disk without room.

use super::processes::Helper;
use super::*;

#[test]
fn a_full_disk_is_said_costs_nothing_and_is_over_when_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path());
    // Files may not grow beyond 3 MiB; the signal that comes with it is not minded, as on a disk that is full.
    let mut helper = Helper::new(dir.path(), "until-full 1", "trap '' XFSZ; ulimit -S -f 6144;");
    let said = helper.said("error ").unwrap();
    assert!(said.contains("cannot use ") && said.contains("jobs.redb"), "{said}");
    let last: u64 = helper.said("on ").unwrap().parse().unwrap();
    drop(helper);
    let store = open(dir.path());
    assert_eq!(store.unfinished().unwrap().len() as u64, last);
    assert_eq!(store.last_ms().unwrap(), last);
}
