//! The batch script of a job.

use std::path::Path;

use bacalhau_tree::HostFailure;

/// The script that runs `program` on the execution in `dir`. `SLURMD_NODENAME` names the worker in its report.
///
/// # Errors
/// When a path is not UTF-8 text on one line.
pub(super) fn of(program: &Path, dir: &Path) -> Result<String, HostFailure> {
    let (program, dir) = (quoted(program)?, quoted(dir)?);
    Ok(format!("#!/bin/sh\nexec {program} execute --worker \"${{SLURMD_NODENAME:-}}\" {dir}\n"))
}

/// A path as one word of a shell.
fn quoted(path: &Path) -> Result<String, HostFailure> {
    let text = path.to_str().filter(|text| !text.contains(char::is_control));
    let text = text.ok_or_else(|| HostFailure::new(format!("{} cannot be written into a script", path.display())))?;
    Ok(format!("'{}'", text.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn paths_are_words_of_the_script_whatever_they_hold() {
        let script = of(Path::new("/bin/echo"), Path::new("/a b/$(c)'; d/`e`")).unwrap();
        let said = Command::new("/bin/sh").arg("-c").arg(script).env_clear().env("SLURMD_NODENAME", "w 1").output();
        assert_eq!(String::from_utf8(said.unwrap().stdout).unwrap(), "execute --worker w 1 /a b/$(c)'; d/`e`\n");
        assert!(of(Path::new("/bin/echo"), Path::new("/a\nb")).is_err());
    }
}
