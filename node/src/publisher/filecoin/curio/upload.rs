//! Data to the market, where the provider cannot fetch it: in one stream, and then the word that this was all. Broken
//! off, the market forgets what it has, and it begins anew.

use std::fs::File;

use ureq::http::{Method, StatusCode};

use super::super::{Fact, MarketState, Trouble};
use super::{Call, Failed, JSON};

const BYTES: &str = "application/octet-stream";
/// What a market takes in one stream (`UploadSizeLimit`): 1 GiB.
const MAX_SERIAL_BYTES: u64 = 1 << 30;

impl Call<'_> {
    /// Uploads the data of the deal, unless the market has it.
    pub(super) fn upload(&self) -> Result<Fact, Trouble> {
        let piece = &self.deal.piece;
        if piece.car_bytes > MAX_SERIAL_BYTES {
            let why =
                format!("the market takes no more than {MAX_SERIAL_BYTES} bytes, and these are {}", piece.car_bytes);
            let todo = "set filecoin.serve_listen and filecoin.serve_url, so that the provider fetches them";
            return Err(Trouble::never(why, todo));
        }
        let body = || {
            File::open(&piece.car).map_err(|error| {
                let why = format!("the archive {} cannot be read: {error}", piece.car.display());
                Trouble::never(why, "run the job again")
            })
        };
        let path = format!("upload/{}", self.deal.id);
        let is_unknown = |failed: &Failed| failed.status() == Some(StatusCode::NOT_FOUND);
        match self.ask(&Method::PUT, &path, Some(BYTES), body) {
            // It has data of which it was not told that this is all, or it waits for none.
            Err(failed) if !is_unknown(&failed) => return Err(failed.at("the data")),
            _ => {}
        }
        match self.ask(&Method::POST, &path, Some(JSON), || Ok(())) {
            Ok(_) => Ok(Fact::Uploaded),
            Err(failed) if is_unknown(&failed) => self.was_uploaded(),
            Err(failed) => Err(failed.at("the end of the data")),
        }
    }

    /// Whether the market is further than to wait for data, which it then got before this node died.
    fn was_uploaded(&self) -> Result<Fact, Trouble> {
        match self.status()? {
            Some((MarketState::Failed, words)) => Ok(Fact::Market(MarketState::Failed, words)),
            Some((MarketState::Accepted | MarketState::Uploading, _)) | None => {
                Err(Trouble::later("the market takes no data now, and has none"))
            }
            Some(_) => Ok(Fact::Uploaded),
        }
    }
}
