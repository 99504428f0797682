//! Uploads data to the market if the provider cannot fetch it: one stream, then a finalizing request. After an
//! interruption the market discards the data, and the upload restarts.

use std::fs::File;

use ureq::http::{Method, StatusCode};

use super::super::{BackendError, MarketState, Observation};
use super::{Call, Failed, JSON};

const BYTES: &str = "application/octet-stream";
/// Maximum upload in one stream (`UploadSizeLimit`): 1 GiB.
const MAX_SERIAL_BYTES: u64 = 1 << 30;

impl Call<'_> {
    /// Uploads the data of the deal, unless the market has it.
    pub(super) fn upload(&self) -> Result<Observation, BackendError> {
        let piece = &self.deal.piece;
        if piece.car_bytes > MAX_SERIAL_BYTES {
            let why =
                format!("the market accepts at most {MAX_SERIAL_BYTES} bytes, and the archive has {}", piece.car_bytes);
            let todo = "set filecoin.serve_listen and filecoin.serve_url, so that the provider fetches it";
            return Err(BackendError::never(why, todo));
        }
        let body = || {
            File::open(&piece.car).map_err(|error| {
                let why = format!("the archive {} cannot be read: {error}", piece.car.display());
                BackendError::never(why, "run the job again")
            })
        };
        let path = format!("upload/{}", self.deal.id);
        let is_unknown = |failed: &Failed| failed.status() == Some(StatusCode::NOT_FOUND);
        match self.ask(&Method::PUT, &path, Some(BYTES), body) {
            // It has data that was not finalized, or expects none.
            Err(failed) if !is_unknown(&failed) => return Err(failed.at("the data")),
            _ => {}
        }
        match self.ask(&Method::POST, &path, Some(JSON), || Ok(())) {
            Ok(_) => Ok(Observation::Uploaded),
            Err(failed) if is_unknown(&failed) => self.was_uploaded(),
            Err(failed) => Err(failed.at("the end of the upload")),
        }
    }

    /// Whether the market has moved on, because it received the data before a crash.
    fn was_uploaded(&self) -> Result<Observation, BackendError> {
        match self.status()? {
            Some((MarketState::Failed, words)) => Ok(Observation::Market(MarketState::Failed, words)),
            Some((MarketState::Accepted | MarketState::Uploading, _)) | None => {
                Err(BackendError::later("the market expects no data, and has none"))
            }
            Some(_) => Ok(Observation::Uploaded),
        }
    }
}
