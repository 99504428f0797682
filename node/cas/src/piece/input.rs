//! A piece in a file of this machine as an input: the DAG of the archive that it holds, or a file with its payload. All bytes
//! that are read are checked: blocks against their CIDs, other bytes against the tree of the piece.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;

use bacalhau_files::{private, temporary};
use bacalhau_tree::{Deadline, Entry, Kind, ReadAt, Stat, Tree};

use super::{CheckedPiece, Commitment, Layer, segments};
use crate::car::{CarPart, roots_of};
use crate::unixfs::DagTree;
use crate::{Cid, DataError, FileBytes};

/// A piece. Its identity is its CID, as where a node reads it.
#[derive(Debug)]
pub struct PieceTree {
    cid: Cid,
    contents: Contents,
}

#[derive(Debug)]
enum Contents {
    Archive(Box<DagTree>),
    File(Arc<CheckedPiece>, u64),
}

impl PieceTree {
    /// Opens the piece with the CID `cid` of version 2 in the file at `path`, and compares the whole file with it. The
    /// tree of the piece and the index of its archive are kept in the directory `kept`, which is made if it is missing: the
    /// next time, only what is read is compared.
    ///
    /// # Errors
    /// When the file is another piece or cannot be read, or the piece holds an archive of several roots or is an aggregate.
    pub fn open(path: &Path, cid: &Cid, kept: &Path) -> Result<Self, DataError> {
        let piece = Commitment::from_v2(cid)?;
        let name = path.display().to_string();
        private::create_dir_all(kept).map_err(|error| DataError::io(format!("make {}", kept.display()), error))?;
        let open = || File::open(path).map_err(|error| DataError::io(format!("open {name}"), error));
        let layer = layer(&name, open()?, cid, &piece, &kept.join(format!("{cid}.tree")))?;
        let file: Arc<dyn ReadAt> = Arc::new(FileBytes(open()?));
        let checked = Arc::new(CheckedPiece::new(name.clone(), piece, layer, Arc::clone(&file))?);
        let contents = contents(name, cid, &piece, &checked, file, kept)?;
        Ok(Self { cid: *cid, contents })
    }
}

/// The layer of the piece: the kept one, or that of the file.
fn layer(name: &str, file: File, cid: &Cid, piece: &Commitment, kept: &Path) -> Result<Layer, DataError> {
    let is_small = fs::metadata(kept).is_ok_and(|found| found.len() <= Layer::MAX_BYTES);
    let known = is_small.then(|| fs::read(kept).ok()).flatten();
    if let Some(layer) = known.and_then(|bytes| Layer::decode(&bytes, piece)) {
        return Ok(layer);
    }
    let layer = Layer::read(name, file, piece)?;
    if !layer.is_of(piece) {
        return Err(DataError::malformed(name, format!("it is not the piece {cid}: replace the file")));
    }
    let put = || -> io::Result<()> {
        let mut spool = temporary::file_in(kept.parent().unwrap_or(Path::new(".")))?;
        spool.write_all(&layer.encode())?;
        spool.persist(kept)
    };
    put().map_err(|error| DataError::io(format!("write {}", kept.display()), error))?;
    Ok(layer)
}

fn contents(
    name: String,
    cid: &Cid,
    piece: &Commitment,
    checked: &Arc<CheckedPiece>,
    file: Arc<dyn ReadAt>,
    kept: &Path,
) -> Result<Contents, DataError> {
    let size = piece.payload_size();
    if !segments(&name, piece, &**checked)?.is_empty() {
        let why = "give the file of a segment, or run the job on a node, which reads aggregates";
        return Err(DataError::unsupported(format!("{name} as an aggregate of pieces"), why));
    }
    let Some(roots) = roots_of(&name, &**checked, size)? else { return Ok(Contents::File(Arc::clone(checked), size)) };
    let [root] = &roots[..] else {
        let why = format!("its archive has {} roots, and one is needed", roots.len());
        return Err(DataError::unusable(&name, why));
    };
    let index = kept.join(format!("{cid}.idx"));
    let car = CarPart::open(name, file, Arc::clone(checked) as _, size, &index, &cid.to_string())?;
    Ok(Contents::Archive(Box::new(DagTree::open(Arc::new(car), root, "")?)))
}

impl Tree for PieceTree {
    fn stat(&self, path: &str) -> io::Result<Stat> {
        match &self.contents {
            Contents::Archive(tree) => tree.stat(path),
            Contents::File(_, size) => Ok(Stat::new(Kind::File, *size)),
        }
    }

    fn list(&self, path: &str) -> io::Result<Vec<Entry>> {
        match &self.contents {
            Contents::Archive(tree) => tree.list(path),
            Contents::File(..) => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn ReadAt>> {
        match &self.contents {
            Contents::Archive(tree) => tree.open(path),
            Contents::File(checked, _) => Ok(Box::new(Shared(Arc::clone(checked)))),
        }
    }

    fn read_link(&self, path: &str) -> io::Result<String> {
        match &self.contents {
            Contents::Archive(tree) => tree.read_link(path),
            Contents::File(..) => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    fn identity(&self, _: &Deadline) -> io::Result<String> {
        Ok(self.cid.to_string())
    }
}

/// The payload, which several readers share.
struct Shared(Arc<CheckedPiece>);

impl ReadAt for Shared {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buf, offset)
    }
}

#[cfg(test)]
mod tests {
    use bacalhau_tree::BytesTree;

    use super::*;
    use crate::unixfs::import::{Archive, Profile};

    fn piece_of(bytes: &[u8]) -> Commitment {
        Commitment::of("a test", bytes).unwrap()
    }

    fn read(tree: &PieceTree, path: &str) -> io::Result<Vec<u8>> {
        let size = tree.stat(path)?.size;
        let mut bytes = vec![0; usize::try_from(size).unwrap()];
        tree.open(path)?.read_at(&mut bytes, 0)?;
        Ok(bytes)
    }

    #[test]
    fn a_piece_is_a_file_until_its_bytes_change() {
        let dir = tempfile::tempdir().unwrap();
        let (path, kept) = (dir.path().join("piece"), dir.path().join("kept"));
        let mut bytes = vec![7; 3 << 20];
        fs::write(&path, &bytes).unwrap();
        let cid = piece_of(&bytes).cid_v2();
        let tree = PieceTree::open(&path, &cid, &kept).unwrap();
        assert_eq!(tree.identity(&Deadline::never()).unwrap(), cid.to_string());
        assert_eq!(read(&tree, "").unwrap(), bytes);

        bytes[2_500_000] = 8;
        fs::write(&path, &bytes).unwrap();
        // The kept tree suffices to open it; the bytes are compared when they are read.
        let tree = PieceTree::open(&path, &cid, &kept).unwrap();
        let mut first = [0; 100];
        tree.open("").unwrap().read_at(&mut first, 0).unwrap();
        assert_eq!(first, [7; 100]);
        let error = read(&tree, "").unwrap_err().to_string();
        assert!(error.contains("have the hash"), "{error}");
        let error = PieceTree::open(&path, &cid, &dir.path().join("other")).unwrap_err().to_string();
        assert!(error.contains(&format!("it is not the piece {cid}")), "{error}");
    }

    #[test]
    fn a_piece_with_an_archive_is_its_dag() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("piece");
        let content = vec![5; 2000];
        let archive = Archive::of(Arc::new(BytesTree::new(content.clone())), Profile::default(), |_| ()).unwrap();
        let bytes = archive.write(Vec::new(), |_| ()).unwrap();
        fs::write(&path, &bytes).unwrap();
        let cid = piece_of(&bytes).cid_v2();
        for _ in 0..2 {
            let tree = PieceTree::open(&path, &cid, &dir.path().join("kept")).unwrap();
            assert_eq!(read(&tree, "").unwrap(), content);
            assert_eq!(tree.identity(&Deadline::never()).unwrap(), cid.to_string());
        }
    }
}
