//! A deal as the market's `mk20.Deal`: a storage product, `ddo_v1`, and a retrieval product, without which the first is
//! rejected. Optional fields follow the schema.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::StorageDeal;

/// A deal proposal.
#[derive(Debug, Serialize)]
pub(super) struct Proposal {
    identifier: String,
    client: String,
    data: Data,
    products: Products,
}

#[derive(Debug, Serialize)]
struct Data {
    piece_cid: BTreeMap<&'static str, String>,
    format: Format,
    #[serde(flatten)]
    source: Source,
}

#[derive(Debug, Serialize)]
struct Format {
    car: Empty,
}

#[derive(Debug, Serialize)]
struct Empty {}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Source {
    SourceHttp { urls: Vec<HttpUrl> },
    SourceHttpPut {},
}

#[derive(Debug, Serialize)]
struct HttpUrl {
    url: String,
    headers: Empty,
    priority: u32,
    fallback: bool,
}

#[derive(Debug, Serialize)]
struct Products {
    ddo_v1: Ddo,
    retrieval_v1: Retrieval,
}

#[derive(Debug, Serialize)]
struct Ddo {
    provider: String,
    duration: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    allocation_id: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Retrieval {
    indexing: bool,
    announce_payload: bool,
    /// Rejected for `ddo_v1`.
    announce_piece: bool,
}

impl Proposal {
    /// The proposal of `deal`, always the same.
    pub(super) fn of(deal: &StorageDeal) -> Self {
        let (piece, terms) = (&deal.piece, &deal.terms);
        let source = match &deal.url {
            Some(url) => {
                let url = HttpUrl { url: url.clone(), headers: Empty {}, priority: 0, fallback: false };
                Source::SourceHttp { urls: vec![url] }
            }
            None => Source::SourceHttpPut {},
        };
        Self {
            identifier: deal.id.to_string(),
            client: terms.wallet.to_string(),
            data: Data { piece_cid: [("/", piece.v2.to_string())].into(), format: Format { car: Empty {} }, source },
            products: Products {
                ddo_v1: Ddo {
                    provider: terms.provider.to_string(),
                    duration: terms.longest_epochs(),
                    allocation_id: deal.allocation.as_ref().and_then(|allocation| allocation.id),
                },
                retrieval_v1: Retrieval {
                    indexing: terms.indexing,
                    announce_payload: terms.announce,
                    announce_piece: false,
                },
            },
        }
    }
}
