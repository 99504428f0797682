//! Arguments and environment variables of the job; nothing of the host.

use super::{Answer, Guest};
use crate::vfs::errno::Errno;

pub(super) fn args_get(guest: &mut Guest<'_>, argv: u32, buf: u32) -> Answer<()> {
    let strings = &guest.world.args;
    guest.moved += total(strings);
    put_strings(&mut guest.memory, strings, argv, buf)
}

pub(super) fn args_sizes_get(guest: &mut Guest<'_>, count: u32, size: u32) -> Answer<()> {
    put_sizes(&mut guest.memory, &guest.world.args, count, size)
}

pub(super) fn environ_get(guest: &mut Guest<'_>, environ: u32, buf: u32) -> Answer<()> {
    let strings = &guest.world.env;
    guest.moved += total(strings);
    put_strings(&mut guest.memory, strings, environ, buf)
}

pub(super) fn environ_sizes_get(guest: &mut Guest<'_>, count: u32, size: u32) -> Answer<()> {
    put_sizes(&mut guest.memory, &guest.world.env, count, size)
}

fn total(strings: &[Vec<u8>]) -> u64 {
    strings.iter().map(|string| string.len() as u64).sum()
}

fn put_sizes(memory: &mut super::Memory<'_>, strings: &[Vec<u8>], count: u32, size: u32) -> Answer<()> {
    let overflow = |_| Errno::Overflow;
    memory.write_u32(count, u32::try_from(strings.len()).map_err(overflow)?)?;
    memory.write_u32(size, u32::try_from(total(strings)).map_err(overflow)?)?;
    Ok(())
}

fn put_strings(memory: &mut super::Memory<'_>, strings: &[Vec<u8>], mut pointers: u32, mut buf: u32) -> Answer<()> {
    for string in strings {
        memory.write_u32(pointers, buf)?;
        memory.write(buf, string)?;
        pointers = pointers.checked_add(4).ok_or(Errno::Fault)?;
        buf = u32::try_from(string.len()).ok().and_then(|length| buf.checked_add(length)).ok_or(Errno::Fault)?;
    }
    Ok(())
}
