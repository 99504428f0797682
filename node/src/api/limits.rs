//! Every bound of the API that can be moved, with its default.

use std::time::Duration;

use crate::budget::Rate;

/// What clients may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at a time; more wait to be accepted. Default 256.
    pub connections: usize,
    /// Of these, those of one address; more are closed at once. All of a prefix (24 bits of IPv4, 48 of IPv6) may have half of all,
    /// and so may all users of this machine. Default 64.
    pub connections_per_address: usize,
    /// Requests that are worked on at a time. Default 64.
    pub requests: usize,
    /// Answers that go on for long, at a time: archives, and events and logs that are followed. An address may have a quarter of
    /// them, a prefix half. Default 256.
    pub streams: usize,
    /// Archives that are taken at a time, with the same shares. Default 16.
    pub uploads: usize,
    /// KiB of bodies that have come and are not worked on yet, with the same shares. Default 65536.
    pub bodies_kib: usize,
    /// Requests of one address. An IPv6 network of 64 bits counts as one. Default 500 a second, 2000 at once.
    pub per_address: Rate,
    /// Jobs of one client. Default 100 a second, 500 at once.
    pub jobs_per_client: Rate,
    /// Bytes of an archive that is taken. Default 16 GiB.
    pub data_bytes: u64,
    /// Longest time for the head of a request, and so for a connection that asks nothing. Default 15 s.
    pub head_patience: Duration,
    /// Longest silence of a client, and longest time for the body of a job. Default 30 s.
    pub patience: Duration,
    /// After so long a body has to have come at 1 KiB a second at least, an archive at 16 KiB. Default 5 s.
    pub body_grace: Duration,
    /// How often a stream without news shows that it lives. Default 10 s.
    pub heartbeat: Duration,
    /// How long an execution's log is left alone after it had nothing new. Default 500 ms.
    pub log_pause: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            connections_per_address: 64,
            requests: 64,
            streams: 256,
            uploads: 16,
            bodies_kib: 64 << 10,
            per_address: Rate { per_second: 500, burst: 2000 },
            jobs_per_client: Rate { per_second: 100, burst: 500 },
            data_bytes: 16 << 30,
            head_patience: Duration::from_secs(15),
            patience: Duration::from_secs(30),
            body_grace: Duration::from_secs(5),
            heartbeat: Duration::from_secs(10),
            log_pause: Duration::from_millis(500),
        }
    }
}
