//! Attacks, one test each, by name: programs, jobs, clients, peers, web pages and local users that mean harm. SECURITY.md says
//! what is promised; a promise without a test here is none. What a machine has no means for, a test names and skips.
#![allow(clippy::unwrap_used, reason = "a test stops at the first thing that is not as it should be")]
#![allow(dead_code, reason = "the support of the network's tests is shared, and not all of it is used here")]

mod announcements;
mod api;
mod audits;
mod capacity;
#[path = "../network/cluster.rs"]
mod cluster;
mod compile;
mod compile_child;
mod detour;
mod draw;
mod files;
#[path = "../network/guests.rs"]
mod guests;
mod jobs;
mod memory;
mod memory_of;
mod operators;
mod peers;
mod privacy;
mod requester;
mod stranger;
#[path = "../network/support.rs"]
mod support;
mod tls;
mod web;
