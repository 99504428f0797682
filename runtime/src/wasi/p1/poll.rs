//! Waiting. Files are always ready, and the clock jumps to the earliest deadline instead of letting time pass.

use super::clock::ClockId;
use super::layout;
use super::{Answer, Guest};
use crate::vfs::errno::Errno;
use crate::wasi::rights::Rights;

/// Bytes of a `subscription` and of an `event`.
const SUBSCRIPTION_BYTES: u32 = 48;
const EVENT_BYTES: u32 = 32;

/// The `eventtype` values.
const CLOCK: u8 = 0;
const FD_READ: u8 = 1;
const FD_WRITE: u8 = 2;

/// Flag `subclockflags::subscription_clock_abstime`.
const ABSOLUTE: u16 = 1;

/// Something that the guest waits for.
struct Subscription {
    userdata: u64,
    kind: u8,
    waits_for: WaitsFor,
}

enum WaitsFor {
    /// Nanoseconds from now on the guest's clock; 0 if that time has come.
    Time(u64),
    /// A descriptor: at once, with a code and the bytes that are there to be read.
    Nothing(u16, u64),
}

/// Events come in the order of their subscriptions.
pub(super) fn oneoff(guest: &mut Guest<'_>, subscriptions: u32, events: u32, count: u32, happened: u32) -> Answer<()> {
    if count == 0 {
        return Err(Errno::Inval.into());
    }
    guest.memory.bytes(subscriptions, count.checked_mul(SUBSCRIPTION_BYTES).ok_or(Errno::Fault)?)?;
    guest.memory.bytes(events, count.checked_mul(EVENT_BYTES).ok_or(Errno::Fault)?)?;
    guest.moved += u64::from(count) * u64::from(SUBSCRIPTION_BYTES);
    let kept = u64::from(count) * size_of::<Subscription>() as u64;
    guest.world.vfs.memory.take(kept)?;
    let done = wait_for(guest, subscriptions, events, count, happened);
    guest.world.vfs.memory.give_back(kept);
    done
}

fn wait_for(guest: &mut Guest<'_>, subscriptions: u32, events: u32, count: u32, happened: u32) -> Answer<()> {
    let mut subscribed = Vec::with_capacity(count as usize);
    for index in 0..count {
        subscribed.push(read(guest, subscriptions + index * SUBSCRIPTION_BYTES)?);
    }
    let wait = subscribed.iter().map(Subscription::wait).min().unwrap_or(0);
    guest.world.vfs.clock.sleep(wait);
    let mut written = 0;
    for subscription in subscribed.iter().filter(|subscription| subscription.wait() <= wait) {
        guest.memory.write(events + written * EVENT_BYTES, &subscription.event())?;
        written += 1;
    }
    Ok(guest.memory.write_u32(happened, written)?)
}

impl Subscription {
    fn wait(&self) -> u64 {
        match self.waits_for {
            WaitsFor::Time(nanos) => nanos,
            WaitsFor::Nothing(..) => 0,
        }
    }

    fn event(&self) -> [u8; 32] {
        match self.waits_for {
            WaitsFor::Time(_) => layout::event(self.userdata, Errno::Success as u16, self.kind, 0),
            WaitsFor::Nothing(errno, ready) => layout::event(self.userdata, errno, self.kind, ready),
        }
    }
}

/// Reads a subscription within the bounds of memory.
fn read(guest: &mut Guest<'_>, at: u32) -> Answer<Subscription> {
    let userdata = guest.memory.u64(at)?;
    let kind = guest.memory.u8(at + 8)?;
    let waits_for = match kind {
        CLOCK => WaitsFor::Time(clock_wait(guest, at + 16)?),
        FD_READ | FD_WRITE => descriptor_wait(guest, guest.memory.u32(at + 16)?, kind)?,
        _ => return Err(Errno::Inval.into()),
    };
    Ok(Subscription { userdata, kind, waits_for })
}

fn clock_wait(guest: &Guest<'_>, at: u32) -> Result<u64, Errno> {
    let id = ClockId::parse(guest.memory.u32(at)?)?;
    let timeout = guest.memory.u64(at + 8)?;
    match guest.memory.u16(at + 24)? {
        0 => Ok(timeout),
        ABSOLUTE => Ok(timeout.saturating_sub(id.read(&guest.world.vfs.clock))),
        _ => Err(Errno::Inval),
    }
}

fn descriptor_wait(guest: &mut Guest<'_>, fd: u32, kind: u8) -> Answer<WaitsFor> {
    let Ok(descriptor) = guest.world.descriptors.get(fd) else {
        return Ok(WaitsFor::Nothing(Errno::Badf as u16, 0));
    };
    if descriptor.require(Rights::POLL_FD_READWRITE).is_err() {
        return Ok(WaitsFor::Nothing(Errno::Notcapable as u16, 0));
    }
    let (node, position) = (descriptor.node, descriptor.position);
    let ready = if kind == FD_READ { guest.world.vfs.size(node)?.saturating_sub(position) } else { 0 };
    Ok(WaitsFor::Nothing(Errno::Success as u16, ready))
}
