//! Pieces in warm storage, against a fake of Curio's PDP API: no Curio and no chain run here. What a fake cannot show is
//! that a real node is like it. Digests, signatures and encodings are compared with those of other programs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first thing that is not as it should be"
)]

mod failing;
mod scene;
mod steps;
mod vectors;
