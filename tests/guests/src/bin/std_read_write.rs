//! Reading and writing whole files, by pieces, with buffers, and through `Seek`.
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, IoSlice, Read, Seek, SeekFrom, Write};

fn main() -> std::io::Result<()> {
    fs::write("/f", "first line\nsecond line\n")?;
    assert_eq!(fs::read_to_string("/f")?.lines().count(), 2);
    let mut file = OpenOptions::new().read(true).write(true).open("/f")?;
    file.seek(SeekFrom::End(-5))?;
    let mut end = String::new();
    file.read_to_string(&mut end)?;
    assert_eq!(end, "line\n");
    file.rewind()?;
    file.write_all(b"FIRST")?;
    assert_eq!(file.stream_position()?, 5);
    assert_eq!(fs::read_to_string("/f")?, "FIRST line\nsecond line\n");
    file.seek_relative(1)?;
    let slices = [IoSlice::new(b"L"), IoSlice::new(b""), IoSlice::new(b"INE")];
    assert!(file.write_vectored(&slices)? > 0);

    let mut writer = BufWriter::new(File::create("/big")?);
    for n in 0..100_000_u32 {
        writeln!(writer, "{n}")?;
    }
    writer.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
    let lines = BufReader::new(File::open("/big")?).lines();
    for (n, line) in lines.enumerate() {
        assert_eq!(line?, n.to_string());
    }
    assert_eq!(fs::metadata("/big")?.len(), 588_890);
    let mut half = Vec::new();
    File::open("/big")?.take(1000).read_to_end(&mut half)?;
    assert_eq!(half.len(), 1000);
    assert_eq!(fs::copy("/big", "/copy")?, 588_890);
    assert!(fs::read("/copy")? == fs::read("/big")?);
    Ok(())
}
