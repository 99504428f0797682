//! Messages of the network of jobs: decoded messages encode to the same bytes.
#![no_main]

use bacalhau_protocol::{Announcement, Ballot, Envelope, Reply, Wire};

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
