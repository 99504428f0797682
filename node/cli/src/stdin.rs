//! Standard input of the command. The program does not see it unless `--stdin -` makes it an input of the job.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;

use bacalhau_runtime::HostFailure;
use bacalhau_storage::{MAX_INLINE_BYTES, Source};

use super::exit::Failure;
use super::mount::{self, Mount};
use super::progress_output::Ui;

/// The name of the command's standard input for `--stdin`.
pub(super) const OWN: &str = "-";
/// Where the program finds it.
pub(super) const PLACE: &str = "/stdin";

/// Reads all of it, and adds it to `mounts` as an input at [`PLACE`].
///
/// # Errors
/// When it cannot be read, is larger than inline data may be, or another input has that place.
pub(super) fn mount(mounts: &mut Vec<Mount>) -> Result<(), Failure> {
    let source = Source::Inline(read(io::stdin().lock())?.into());
    mount::check_free(PLACE, &source, mounts.iter().filter_map(|mount| mount.target.as_deref()))?;
    mounts.push(Mount { source, target: Some(PLACE.into()) });
    Ok(())
}

fn read(from: impl Read) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = from.take(MAX_INLINE_BYTES as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| HostFailure::io("read standard input", error))?;
    if bytes.len() <= MAX_INLINE_BYTES {
        return Ok(bytes);
    }
    Err(Failure::usage(format!(
        "standard input has more than {MAX_INLINE_BYTES} bytes, which becomes part of the job with --stdin -: put it into a \
         file, and give -i FILE:{PLACE} --stdin {PLACE}"
    )))
}

/// Warns when a pipe contains data that the program did not read.
pub(super) fn warn_of_unread(ui: &Ui) {
    if pipe_has_data().unwrap_or(false) {
        ui.say("warning: the program did not see standard input of the command: give it with --stdin -");
    }
}

fn pipe_has_data() -> io::Result<bool> {
    let stdin = io::stdin();
    let file = File::from(stdin.as_fd().try_clone_to_owned()?);
    Ok(file.metadata()?.file_type().is_fifo() && rustix::io::ioctl_fionread(&file)? > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_input_may_be_as_large_as_inline_data() {
        let most = MAX_INLINE_BYTES as u64;
        assert_eq!(read(io::repeat(1).take(most)).unwrap().len(), MAX_INLINE_BYTES);
        let refused = read(io::repeat(1)).unwrap_err().message;
        assert!(refused.contains("-i FILE:/stdin --stdin /stdin"), "{refused}");
    }
}
