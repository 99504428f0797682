//! State of a deal at the market (`GET status/{id}`).

use serde::Deserialize;
use ureq::http::{Method, StatusCode};

use super::super::{BackendError, MarketState};
use super::{Call, json};

/// `mk20.DealProductStatusResponse`, without unused products.
#[derive(Debug, Deserialize)]
struct Products {
    ddo_v1: Option<Product>,
}

/// `mk20.DealStatusResponse`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Product {
    status: MarketState,
    #[serde(default)]
    error_msg: String,
}

impl Call<'_> {
    /// State of the deal with the market's text; `None` when the market does not know the deal, or does not
    /// authenticate us.
    pub(super) fn status(&self) -> Result<Option<(MarketState, String)>, BackendError> {
        let path = format!("status/{}", self.deal.id);
        let answer = match self.ask(&Method::GET, &path, None, || Ok(())) {
            Ok(answer) => answer,
            // The market does not distinguish an unknown deal from a client without access.
            Err(failed) if matches!(failed.status(), Some(StatusCode::NOT_FOUND | StatusCode::UNAUTHORIZED)) => {
                return Ok(None);
            }
            Err(failed) => return Err(failed.at("a status query of the deal")),
        };
        let products: Products = json(answer, "status of the deal")?;
        let product = products
            .ddo_v1
            .ok_or_else(|| BackendError::later("the market has the deal without the storage product"))?;
        Ok(Some((product.status, product.error_msg)))
    }
}
