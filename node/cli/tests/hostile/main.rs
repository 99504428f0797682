//! Attacks, one test each, by name: programs, jobs, clients, peers, web pages and local users that mean harm. SECURITY.md says
//! what is promised; a promise without a test here is none. What a machine has no means for, a test names and skips.
#![allow(clippy::unwrap_used, reason = "a test stops at the first thing that is not as it should be")]

mod announcements;
mod api;
mod audits;
mod capacity;
mod compile;
mod compile_child;
mod detour;
mod draw;
mod files;
mod jobs;
mod memory;
mod memory_of;
mod operators;
mod peers;
mod privacy;
mod requester;
mod stranger;
mod tls;
mod web;
