//! Random bytes: the stream of the job's seed.

use super::{Answer, Guest};

pub(super) fn get(guest: &mut Guest<'_>, buf: u32, length: u32) -> Answer<()> {
    guest.world.random.fill(guest.memory.bytes_mut(buf, length)?);
    guest.moved += u64::from(length);
    Ok(())
}
