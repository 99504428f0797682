//! The configurable limits of the API.

use std::time::Duration;

use bacalhau_values::budget::Rate;

/// Limits of what clients may use.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Open connections; more wait to be accepted. Default 256.
    pub connections: usize,
    /// Open connections of one address; more are closed at once. A prefix (24 bits of IPv4, 48 of IPv6) may have half
    /// of all, as may all users of this machine. Default 64.
    pub connections_per_address: usize,
    /// Requests processed at a time. Default 64.
    pub requests: usize,
    /// Long answers at a time: archives, and followed events and logs. An address may have a quarter, a prefix half.
    /// Default 256.
    pub streams: usize,
    /// Uploads at a time, with the same shares. Default 16.
    pub uploads: usize,
    /// KiB of received request bodies in memory, with the same shares. Default 65536.
    pub bodies_kib: usize,
    /// Requests of one address. An IPv6 /64 counts as one. Default 500 a second, burst 2000.
    pub per_address: Rate,
    /// Jobs of one client. Default 100 a second, burst 500.
    pub jobs_per_client: Rate,
    /// Maximum size of an upload in bytes. Default 16 GiB.
    pub data_bytes: u64,
    /// Timeout for the head of a request, which is also the idle timeout of a connection. Default 15 s.
    pub head_patience: Duration,
    /// Idle timeout of a client, and timeout for the body of a job. Default 30 s.
    pub patience: Duration,
    /// Time after which a body must arrive at 1 KiB a second at least, an upload at 16 KiB. Default 5 s.
    pub body_grace: Duration,
    /// Interval of keep-alives in streams. Default 10 s.
    pub heartbeat: Duration,
    /// Pause between polls of a log without news. Default 500 ms.
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
