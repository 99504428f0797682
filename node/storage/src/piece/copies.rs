//! Pieces in files of this machine, at paths given by a template.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bacalhau_cas::{
    FileBytes,
    piece::{Commitment, Layer},
};
use bacalhau_receipt::Checked;
use bacalhau_tree::{HostFailure, HostTree, ReadAt, Tree as _};

use super::super::backed::Backed;
use super::super::unsealed::proofs::{Found, Proofs, stamp};
use super::super::unsealed::{apart, place, render_names};
use super::super::{CidSource, Opened, Source, SourceError, Storage, Template, UnsealedVerify};
use super::kept::{Kept, PIECE_TREES, TRUSTED, layer_of};
use super::numbers::PieceNumbers;
use super::piece_of;
use super::range::Range;
use super::reading::{Reading, name};

/// The storage of pieces at the paths of one template.
#[derive(Debug)]
pub struct PieceCopies {
    template: Template,
    verify: UnsealedVerify,
    /// Numbers of pieces, if the template has one.
    numbers: Option<Arc<PieceNumbers>>,
    /// What is known of pieces.
    dir: PathBuf,
    proofs: Proofs,
}

impl PieceCopies {
    /// Pieces at the paths of `template`, which may have their `numbers`. What is found out about them is kept in `dir`,
    /// the data directory.
    ///
    /// # Errors
    /// When the template does not begin with a base directory, or has a number and there are no `numbers`.
    pub fn new(
        template: Template,
        verify: UnsealedVerify,
        numbers: Option<Arc<PieceNumbers>>,
        dir: &Path,
    ) -> Result<Self, SourceError> {
        Self::check(&template, numbers.is_some())?;
        let dir = dir.join(PIECE_TREES);
        let numbers = numbers.filter(|_| template.uses_number());
        Ok(Self { template, verify, numbers, proofs: Proofs::new(dir.join("checked")), dir })
    }

    /// Checks `template` as [`new`](Self::new) does. `has_numbers` says whether there are numbers of pieces.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn check(template: &Template, has_numbers: bool) -> Result<(), SourceError> {
        if template.uses_number() && !has_numbers {
            let why = "has {{.Number}}, and no file has numbers: set --piece-numbers or storage.piece_numbers";
            return Err(SourceError::Template { template: template.to_string(), why });
        }
        place::check_template(template)
    }

    /// The paths at which the piece may be; none if the template has a number and the piece has none.
    fn places(&self, source: &CidSource, piece: &Commitment) -> Result<Vec<String>, HostFailure> {
        let number = match &self.numbers {
            Some(numbers) => match numbers.of(piece)? {
                None => return Ok(Vec::new()),
                number => number,
            },
            None => None,
        };
        render_names(&self.template, source, number)
    }

    /// The file of the piece; `None` when it does not exist.
    fn find(&self, source: &CidSource, piece: &Commitment) -> Result<Option<PathBuf>, HostFailure> {
        for text in self.places(source, piece)? {
            match place::find(&self.template, &text)? {
                Some(path) if path.is_file() => return Ok(Some(path)),
                Some(path) => return Err(HostFailure::new(format!("{} is not a file", path.display()))),
                None => {}
            }
        }
        Ok(None)
    }

    /// The layer of the piece's tree, and whether all of the file was checked just now. That happens where the layer is
    /// unknown, and with the policy `full` once for each copy.
    fn layer(
        &self,
        path: &Path,
        source: &CidSource,
        piece: &Commitment,
        kept: &Kept,
    ) -> Result<(Layer, bool), HostFailure> {
        let known = match (kept.layer(piece), self.verify) {
            (known, UnsealedVerify::Full) => known,
            (Some(layer), _) => return Ok((layer, false)),
            (None, _) => None,
        };
        let mut made = None;
        let found = self.proofs.get_or(path, &source.place.cid, false, || {
            made = Some(apart(|| layer_of(path, piece, known.as_ref()))??);
            Ok(match &made {
                Some(Err(why)) => Found::Disproved(why.clone()),
                _ => Found::Proved("piece commitment".into()),
            })
        })?;
        if let Found::Disproved(why) = found {
            let error = disproved(path, source, &why);
            tracing::warn!("a piece is not used: {error}");
            return Err(error);
        }
        let layer = match (made, known) {
            (Some(Ok(layer)), _) => layer,
            (_, Some(layer)) => return Ok((layer, false)),
            // It was proved before, and what was kept of it is lost.
            _ => apart(|| layer_of(path, piece, None))??.map_err(|why| disproved(path, source, &why))?,
        };
        kept.put_layer(&layer)?;
        Ok((layer, true))
    }

    fn open_checked(&self, path: &Path, source: &CidSource, piece: Commitment) -> Result<Opened, HostFailure> {
        let before = stamp(path).map_err(|error| HostFailure::at("look at", path, error))?;
        let kept = Kept::new(self.dir.join(source.place.cid.to_string()));
        let (layer, is_fresh) = self.layer(path, source, &piece, &kept)?;
        let file: Arc<dyn ReadAt> = Arc::new(FileBytes(open(path)?));
        let reading = Reading::checked(&path.display().to_string(), source, piece, layer, file, kept, is_fresh)?;
        let contents = reading.contents(|| stamp(path).is_ok_and(|after| after == before))?;
        let tree = reading.tree(&contents, source)?;
        Ok(Opened::by(self.name(), path.display().to_string(), Checked::Verified, tree))
    }

    /// Without a check. What is found out is kept for this file and its present state only.
    fn open_trusted(&self, path: &Path, source: &CidSource, piece: Commitment) -> Result<Opened, HostFailure> {
        let looked = |error| HostFailure::at("look at", path, error);
        let file = HostTree::open(path).map_err(looked)?;
        file.stat("").map_err(looked)?;
        let stamp = stamp(path).map_err(looked)?;
        let kept = Kept::new(self.dir.join(TRUSTED).join(format!("{}-{}", source.place.cid, &stamp[..16])));
        kept.make()?;
        let bytes = Range::new(Arc::new(FileBytes(open(path)?)), 0, piece.payload_size());
        let reading = Arc::new(Reading {
            name: name(&path.display().to_string(), source),
            cid: source.place.cid.to_string(),
            piece,
            bytes: bytes.clone(),
            blocks: bytes.clone(),
            scanned: bytes,
            checked: None,
            kept,
        });
        let contents = reading.contents(|| true)?;
        let tree = Arc::new(Backed::over(reading.tree(&contents, source)?, file));
        Ok(Opened::by(self.name(), path.display().to_string(), Checked::Trusted, tree))
    }
}

impl Storage for PieceCopies {
    fn name(&self) -> &'static str {
        "piece"
    }

    fn has_locally(&self, source: &Source) -> Result<bool, HostFailure> {
        let (source, piece) = piece_of(source)?;
        let Some(path) = self.find(source, &piece)? else { return Ok(false) };
        match self.proofs.known(&path, &source.place.cid)? {
            Some(Found::Disproved(why)) => Err(disproved(&path, source, &why)),
            _ => Ok(true),
        }
    }

    fn size(&self, source: &Source) -> Result<Option<u64>, HostFailure> {
        let (source, piece) = piece_of(source)?;
        let Some(path) = self.find(source, &piece)? else { return Ok(None) };
        let file = fs::metadata(&path).map_err(|error| HostFailure::at("measure", &path, error))?;
        Ok(Some(file.len().min(piece.payload_size())))
    }

    fn open(&self, source: &Source) -> Result<Opened, HostFailure> {
        let (source, piece) = piece_of(source)?;
        let Some(path) = self.find(source, &piece)? else {
            let places = self.places(source, &piece)?;
            let why = if places.is_empty() {
                format!("the file of numbers has none for the piece {}", source.place.cid)
            } else {
                format!("there is no piece at {}", places.join(", nor at "))
            };
            return Err(HostFailure::new(why));
        };
        if self.verify == UnsealedVerify::Never && !source.verified {
            self.open_trusted(&path, source, piece)
        } else {
            self.open_checked(&path, source, piece)
        }
    }
}

fn open(path: &Path) -> Result<File, HostFailure> {
    File::open(path).map_err(|error| HostFailure::at("open", path, error))
}

fn disproved(path: &Path, source: &CidSource, why: &str) -> HostFailure {
    let cid = source.place.cid;
    HostFailure::new(format!("{} is not the piece {cid}: {why}; replace or remove it", path.display()))
}
