//! A rolling digest of a run's calls of the host, with their count: what two runs of one job are compared by when their
//! results differ, to find where they parted. It is evidence for people and never voted on: it is not in the claim, the
//! digest is quick and keeps no secrets, and of the data that a call moves it knows only how much it was.

mod packed;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::gate::wasi::WASI;

/// Digests that are kept at most: 36 KiB when encoded.
const MOST_KEPT: usize = 4096;
/// What stands for the errno of a call that ended the run: no errno has that many bits.
const ENDED: u64 = 1 << 32;
/// The function of a run that has ended before.
const NO_CALL: &str = "no call";

/// Digests of the calls of one run. As many are kept as fit into some KiB: of every call at first, of every second,
/// fourth … when there are more.
///
/// A call is its function and scalar arguments, the errno that it was answered, the fuel that was left then and the
/// bytes that it moved: all of it a function of the job. In JSON `kept` is text in base 64, elsewhere bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "packed::Packed", into = "packed::Packed")]
pub struct CallTrail {
    /// Calls in all.
    pub count: u64,
    /// A digest is kept of every so many calls: a power of two.
    pub stride: u64,
    /// The digest of all calls up to the `stride`-th, the 2 `stride`-th …, and the function called there: its place in
    /// the alphabetical list of the functions of WASI preview 1.
    pub kept: Vec<(u64, u8)>,
    /// The digest of all calls.
    pub last: u64,
}

/// Where two runs parted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parted {
    /// Calls, counted from 1, up to which both did the same.
    pub same: u64,
    /// The call by which they differed at the latest.
    pub by: u64,
    /// The function called there by either, where both are known; `no call` of a run that has ended before.
    pub functions: Option<(&'static str, &'static str)>,
}

impl Default for CallTrail {
    fn default() -> Self {
        Self { count: 0, stride: 1, kept: Vec::new(), last: 0 }
    }
}

impl CallTrail {
    /// Adds a call: its function, its arguments, what it was answered unless it ended the run, the fuel left after it and
    /// the bytes that it moved.
    pub(crate) fn add(&mut self, function: u8, args: &[u64], errno: Option<u16>, fuel: i64, moved: u64) {
        let answer = errno.map_or(ENDED, u64::from);
        let mut digest = mix(self.last, u64::from(function) << 40 | answer);
        for arg in args {
            digest = mix(digest, *arg);
        }
        self.last = mix(mix(digest, fuel.cast_unsigned()), moved);
        self.count += 1;
        if !self.count.is_multiple_of(self.stride) {
            return;
        }
        if self.kept.len() == MOST_KEPT {
            // Those at every second stride stay; this call is at none of them.
            let mut place = 0_usize;
            self.kept.retain(|_| {
                place += 1;
                place.is_multiple_of(2)
            });
            self.stride *= 2;
        } else {
            self.kept.push((self.last, function));
        }
    }

    /// The first call at which `other` is another run than this one, as closely as the trails say. `None`: the same calls.
    pub fn parted(&self, other: &Self) -> Option<Parted> {
        let stride = self.stride.max(other.stride).max(1);
        let common = self.count.min(other.count);
        let mut same = 0;
        while common - same >= stride {
            let by = same + stride;
            if self.digest(by) != other.digest(by) {
                return Some(self.parting(other, same, by));
            }
            same = by;
        }
        if self.count != other.count {
            return Some(self.parting(other, same, common + 1));
        }
        (self.last != other.last).then(|| self.parting(other, same, common))
    }

    fn parting(&self, other: &Self, same: u64, by: u64) -> Parted {
        Parted { same, by, functions: self.function(by).zip(other.function(by)) }
    }

    /// The digest of all calls up to the one at `at`, where it is kept.
    fn digest(&self, at: u64) -> Option<u64> {
        if at == self.count { Some(self.last) } else { self.kept_at(at).map(|(digest, _)| digest) }
    }

    fn function(&self, at: u64) -> Option<&'static str> {
        if at > self.count {
            return Some(NO_CALL);
        }
        let (_, function) = self.kept_at(at)?;
        WASI.get(usize::from(function)).map(|known| known.0)
    }

    fn kept_at(&self, at: u64) -> Option<(u64, u8)> {
        let place = at.is_multiple_of(self.stride.max(1)).then(|| at / self.stride.max(1))?;
        self.kept.get(usize::try_from(place).ok()?.checked_sub(1)?).copied()
    }
}

impl fmt::Display for Parted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.same + 1;
        if first < self.by {
            return write!(f, "between host call {first} and {}", self.by);
        }
        match self.functions {
            Some((here, there)) if here == there => write!(f, "host call {first} ({here} in both)"),
            Some((here, there)) => write!(f, "host call {first} ({here} here, {there} there)"),
            None => write!(f, "host call {first}"),
        }
    }
}

/// A step of the digest. For each `word` it maps digests one to one, so runs that have parted stay apart as long as they
/// do the same.
fn mix(digest: u64, word: u64) -> u64 {
    let product = (digest ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    product ^ product >> 32
}

/// The number of a function in trails.
///
/// # Panics
/// When there is no such function: it is meant for constants, which do not build then.
pub(crate) const fn number(name: &str) -> u8 {
    let mut at: u8 = 0;
    while (at as usize) < WASI.len() {
        if same(WASI[at as usize].0.as_bytes(), name.as_bytes()) {
            return at;
        }
        at += 1;
    }
    panic!("no function of WASI preview 1 has this name")
}

/// `==`, which constants do not have yet.
const fn same(a: &[u8], b: &[u8]) -> bool {
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
}

#[cfg(test)]
mod tests;
