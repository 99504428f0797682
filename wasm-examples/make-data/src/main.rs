//! Writes the generated part of `data/`: orders, access logs and pictures. Run it as `cargo run -p make-data`.
//!
//! Everything is a function of this source: fixed seeds, and no function of the platform's mathematics library. The
//! texts are not generated; they stand in `data/texts` as they are. It never runs in the sandbox.

mod logs;
mod orders;
mod pictures;
mod random;

use std::{fs, io, path::Path};

/// A file below `data/` and its content.
type Generated = (String, Vec<u8>);

fn main() -> io::Result<()> {
    for (name, content) in all()? {
        let path = data().join(name);
        fs::create_dir_all(path.parent().unwrap_or(&path))?;
        fs::write(path, content)?;
    }
    Ok(())
}

fn all() -> io::Result<Vec<Generated>> {
    let mut files = orders::files();
    files.extend(logs::files());
    files.extend(pictures::files().map_err(io::Error::other)?);
    Ok(files)
}

fn data() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../data"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_data_is_what_this_program_makes() -> io::Result<()> {
        for (name, content) in all()? {
            assert!(fs::read(data().join(&name))? == content, "{name} differs; run `cargo run -p make-data`");
        }
        Ok(())
    }
}
