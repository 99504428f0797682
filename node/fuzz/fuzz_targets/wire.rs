//! What travels between nodes of the network of jobs: what is read is written in the same bytes.
#![no_main]

use bacalhau::protocol::{Announcement, Ballot, Envelope, Reply, Wire};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    same::<Announcement>(data);
    same::<Envelope>(data);
    same::<Reply>(data);
    same::<Ballot>(data);
    let _ = Envelope::open(data);
});

fn same<T: Wire>(data: &[u8]) {
    if let Ok(read) = T::decode(data) {
        assert!(read.encode().is_ok_and(|written| written == data));
    }
}
