//! A rolling digest of a run's host calls with their count. If two runs of one job have different results, it locates
//! where they diverged. It is evidence for people, not part of the claim and not voted on: the digest is fast, not
//! cryptographic, and of moved data it includes only the amount.

mod packed;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::calls::FUNCTIONS;

/// Maximum stored digests: 36 KiB when encoded.
const MOST_KEPT: usize = 4096;
/// Replaces the errno of a call that ended the run; larger than every errno.
const ENDED: u64 = 1 << 32;
/// Name for a run that has ended before.
const NO_CALL: &str = "no call";

/// Digests of the calls of a run. A bounded number is stored: of every call at first, then of every second, fourth …
/// call.
///
/// A call is its function and scalar arguments, the returned errno, the remaining fuel and the number of moved bytes:
/// all of it a function of the job. In JSON `kept` is base64 text, otherwise bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "packed::Packed", into = "packed::Packed")]
pub struct CallTrail {
    /// Number of calls.
    pub count: u64,
    /// Interval of stored digests in calls: a power of two.
    pub stride: u64,
    /// The digest after each `stride` calls, and the function called there, as its index in
    /// [`FUNCTIONS`].
    pub kept: Vec<(u64, u8)>,
    /// The digest of all calls.
    pub last: u64,
}

/// Where two runs diverged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parted {
    /// Number of calls, from 1, up to which both are equal.
    pub same: u64,
    /// The latest possible first different call.
    pub by: u64,
    /// The functions called there by both runs, if known; `no call` of a run that has ended before.
    pub functions: Option<(&'static str, &'static str)>,
}

impl Default for CallTrail {
    fn default() -> Self {
        Self { count: 0, stride: 1, kept: Vec::new(), last: 0 }
    }
}

impl CallTrail {
    /// Adds a call: function, arguments, errno unless it ended the run, remaining fuel, and moved bytes.
    pub fn add(&mut self, function: u8, args: &[u64], errno: Option<u16>, fuel: i64, moved: u64) {
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
            // Digests at every second stride stay; this call is at none of them.
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

    /// The first different call of `other`, as precisely as the trails allow. `None`: equal calls.
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

    /// The digest after call `at`, if stored.
    fn digest(&self, at: u64) -> Option<u64> {
        if at == self.count { Some(self.last) } else { self.kept_at(at).map(|(digest, _)| digest) }
    }

    fn function(&self, at: u64) -> Option<&'static str> {
        if at > self.count {
            return Some(NO_CALL);
        }
        let (_, function) = self.kept_at(at)?;
        FUNCTIONS.get(usize::from(function)).copied()
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

/// A step of the digest. Bijective for each `word`, so diverged runs stay different while they do the same.
fn mix(digest: u64, word: u64) -> u64 {
    let product = (digest ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    product ^ product >> 32
}

#[cfg(test)]
mod tests;
