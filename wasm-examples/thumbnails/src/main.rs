//! Makes a small PNG of every PNG below `/inputs`, under the same path, and `index.csv` with the sizes.
//!
//! Pictures are resampled in linear light with premultiplied alpha, so fine patterns keep their brightness and
//! transparent edges their colour. Only sRGB is assumed: colour profiles and gamma chunks are not read, animations
//! give their first frame, and a picture that is already small enough keeps its size.

mod colour;
mod picture;
mod resample;

use guest::{Job, Problem, Result, text::csv_field};
use lexopt::prelude::*;
use picture::Picture;
use std::{io::Write, process::ExitCode};

const USAGE: &str = "thumbnails [--size PIXELS]    (the longer side of a thumbnail; 96 if not given, at most 1024)";

fn main() -> ExitCode {
    guest::run(USAGE, make_thumbnails)
}

fn make_thumbnails(job: &Job, out: &mut dyn Write) -> Result<()> {
    let size = parse(job)?;
    let files = job.input_files_with("png")?;
    let mut index = String::from("file,width,height,thumbnail_width,thumbnail_height\n");
    for file in &files {
        let large = Picture::read(file)?;
        let (width, height) = fit(large.width, large.height, size);
        let small = resample::resize(&large, width, height);
        small.write(job, &file.name)?;
        let name = csv_field(&file.name);
        index.push_str(&format!("{name},{},{},{width},{height}\n", large.width, large.height));
        writeln!(out, "{}: {}x{} -> {width}x{height}", file.name, large.width, large.height)?;
    }
    job.write_output("index.csv", index.as_bytes())?;
    writeln!(out, "{} thumbnails, listed in index.csv", files.len())?;
    Ok(())
}

fn parse(job: &Job) -> Result<usize> {
    let mut size = 96;
    let mut parser = job.parser();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("size") => size = parser.value()?.parse()?,
            other => return Err(other.unexpected().into()),
        }
    }
    if (1..=1024).contains(&size) { Ok(size) } else { Err(Problem::Usage("--size must be from 1 to 1024".into())) }
}

/// The size whose longer side is at most `limit` and whose shape is the same, to the nearest pixel.
fn fit(width: usize, height: usize, limit: usize) -> (usize, usize) {
    let longer = width.max(height);
    if longer <= limit {
        return (width, height);
    }
    let scaled = |side: usize| ((side * limit * 2 + longer) / (longer * 2)).max(1);
    (scaled(width), scaled(height))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, path::Path};

    #[test]
    fn the_shape_stays_and_small_pictures_are_left_alone() {
        assert_eq!(fit(640, 480, 96), (96, 72));
        assert_eq!(fit(480, 641, 96), (72, 96));
        assert_eq!(fit(9000, 2, 96), (96, 1));
        assert_eq!(fit(50, 60, 96), (50, 60));
    }

    #[test]
    fn the_shipped_pictures_become_thumbnails() -> std::io::Result<()> {
        let root = tempfile::tempdir()?;
        let inputs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/pictures");
        let job = Job { inputs, outputs: root.path().into(), args: vec!["--size=40".into()] };
        assert_eq!(make_thumbnails(&job, &mut Vec::new()), Ok(()));
        let small = Job { inputs: root.path().into(), ..job };
        for file in small.input_files_with("png").map_err(std::io::Error::other)? {
            let picture = Picture::read(&file).map_err(std::io::Error::other)?;
            assert_eq!(picture.width.max(picture.height), 40, "{}", file.name);
        }
        Ok(())
    }

    #[test]
    fn what_is_not_a_png_is_refused_by_name() -> std::io::Result<()> {
        let root = tempfile::tempdir()?;
        fs::write(root.path().join("fake.png"), "GIF89a")?;
        let job = Job { inputs: root.path().into(), outputs: root.path().join("out"), args: Vec::new() };
        let outcome = make_thumbnails(&job, &mut Vec::new());
        assert!(matches!(outcome, Err(Problem::Input(message)) if message.contains("fake.png")));
        Ok(())
    }
}
