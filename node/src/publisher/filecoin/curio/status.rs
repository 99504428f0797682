//! What the market says of a deal (`GET status/{id}`).

use serde::Deserialize;
use ureq::http::{Method, StatusCode};

use super::super::{MarketState, Trouble};
use super::{Call, json};

/// `mk20.DealProductStatusResponse`. Products that we do not ask for are left out.
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
    /// The state of the deal, and what the market says about it; nothing, where it does not know the deal, or us.
    pub(super) fn status(&self) -> Result<Option<(MarketState, String)>, Trouble> {
        let path = format!("status/{}", self.deal.id);
        let answer = match self.ask(&Method::GET, &path, None, || Ok(())) {
            Ok(answer) => answer,
            // It does not even say that it does not know: who asks for what is not theirs is not let in.
            Err(failed) if matches!(failed.status(), Some(StatusCode::NOT_FOUND | StatusCode::UNAUTHORIZED)) => {
                return Ok(None);
            }
            Err(failed) => return Err(failed.at("a question about the deal")),
        };
        let products: Products = json(answer, "status of the deal")?;
        let product = products.ddo_v1.ok_or_else(|| Trouble::later("the market has the deal without its product"))?;
        Ok(Some((product.status, product.error_msg)))
    }
}
