//! The clocks: real time, monotonic time, and the two of processor time, which run with it.

use super::{Answer, Guest};
use crate::clock::{Clock, LOOK_NANOS};
use crate::vfs::errno::Errno;

/// `clockid` of preview 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClockId {
    /// Nanoseconds since 1970.
    Realtime,
    /// Nanoseconds since the start of the run, for the monotonic and processor clocks.
    SinceStart,
}

impl ClockId {
    pub(super) fn parse(id: u32) -> Result<Self, Errno> {
        match id {
            0 => Ok(Self::Realtime),
            1..=3 => Ok(Self::SinceStart),
            _ => Err(Errno::Inval),
        }
    }

    /// Time of this clock in nanoseconds.
    pub(super) fn read(self, clock: &Clock) -> u64 {
        match self {
            Self::Realtime => clock.now(),
            Self::SinceStart => clock.elapsed(),
        }
    }
}

pub(super) fn res_get(guest: &mut Guest<'_>, id: u32, resolution: u32) -> Answer<()> {
    ClockId::parse(id)?;
    Ok(guest.memory.write_u64(resolution, LOOK_NANOS)?)
}

/// The requested precision is ignored.
pub(super) fn time_get(guest: &mut Guest<'_>, id: u32, _precision: u64, time: u32) -> Answer<()> {
    let clock = &mut guest.world.vfs.clock;
    let now = ClockId::parse(id)?.read(clock);
    guest.memory.write_u64(time, now)?;
    clock.looked();
    Ok(())
}

/// There are no other threads: returns at once.
#[expect(clippy::unnecessary_wraps, reason = "all functions of preview 1 have one shape")]
pub(super) fn sched_yield(_guest: &mut Guest<'_>) -> Answer<()> {
    Ok(())
}
