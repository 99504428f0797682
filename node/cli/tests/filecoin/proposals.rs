//! What the fake market takes for a proposal: `mk20.Deal`, field by field. A field that is not in the schema is refused.

use serde_json::{Map, Value};

use crate::market::{State, check_piece};

/// A code of the market, and its reason.
pub(crate) type Refusal = (u16, String);

/// The shortest term, in epochs.
const LEAST_EPOCHS: u64 = 518_400;
/// The smallest piece that `DataCap` is spent on.
const LEAST_VERIFIED_BYTES: u64 = 1 << 20;

/// A proposal that was read.
#[derive(Clone, Debug)]
pub(crate) struct Proposal {
    pub(crate) identifier: String,
    pub(crate) client: String,
    pub(crate) piece: String,
    pub(crate) url: Option<String>,
    pub(crate) provider: String,
    pub(crate) duration: u64,
    pub(crate) allocation: Option<u64>,
    pub(crate) indexing: bool,
    pub(crate) announces: bool,
}

fn bad(why: impl Into<String>) -> Refusal {
    (400, format!("Reason: {}", why.into()))
}

/// An object with all of `needed`, perhaps some of `allowed`, and nothing else.
fn object<'a>(value: &'a Value, needed: &[&str], allowed: &[&str]) -> Result<&'a Map<String, Value>, Refusal> {
    let object = value.as_object().ok_or_else(|| bad(format!("{value} is no object")))?;
    if let Some(missing) = needed.iter().find(|key| !object.contains_key(**key)) {
        return Err(bad(format!("{missing} is not set")));
    }
    let is_known = |key: &str| needed.contains(&key) || allowed.contains(&key);
    match object.keys().find(|key| !is_known(key)) {
        Some(unknown) => Err(bad(format!("unknown field {unknown}"))),
        None => Ok(object),
    }
}

fn text(value: &Value) -> Result<String, Refusal> {
    value.as_str().map(str::to_owned).ok_or_else(|| bad(format!("{value} is no text")))
}

fn number(value: &Value) -> Result<u64, Refusal> {
    value.as_u64().ok_or_else(|| bad(format!("{value} is no number")))
}

fn switch(value: &Value) -> Result<bool, Refusal> {
    value.as_bool().ok_or_else(|| bad(format!("{value} is neither true nor false")))
}

impl Proposal {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Refusal> {
        let value: Value = serde_json::from_slice(body).map_err(|error| bad(error.to_string()))?;
        let deal = object(&value, &["identifier", "client", "data", "products"], &[])?;
        let identifier = text(&deal["identifier"])?;
        let is_ulid = identifier.len() == 26
            && identifier.bytes().all(|byte| b"0123456789ABCDEFGHJKMNPQRSTVWXYZ".contains(&byte))
            && identifier.as_str() < "8";
        if !is_ulid {
            return Err(bad("ulid: bad data size when unmarshaling"));
        }
        let sources = ["source_http", "source_http_put", "source_offline", "source_aggregate"];
        let data = object(&deal["data"], &["piece_cid", "format"], &sources)?;
        let piece = text(&object(&data["piece_cid"], &["/"], &[])?["/"])?;
        let format = object(&data["format"], &[], &["car", "raw", "aggregate"])?;
        if format.len() != 1 || !format.contains_key("car") {
            return Err(bad("no format defined"));
        }
        object(&format["car"], &[], &[])?;
        let url = match (sources.iter().filter(|source| data.contains_key(**source)).count(), data.get("source_http")) {
            (0, _) => return Err(bad("no source defined for data source")),
            (1, Some(http)) => Some(read_url(http)?),
            (1, None) => {
                let put = data.get("source_http_put").ok_or((422, "Reason: not enabled".to_owned()))?;
                object(put, &[], &[])?;
                None
            }
            _ => return Err(bad("multiple sources defined for data source")),
        };
        let products = object(&deal["products"], &["ddo_v1", "retrieval_v1"], &["pdp_v1"])?;
        let optional = [
            "start_epoch",
            "allocation_id",
            "market_address",
            "market_deal_id",
            "notification_address",
            "notification_payload",
        ];
        let ddo = object(&products["ddo_v1"], &["provider", "duration"], &optional)?;
        let retrieval = object(&products["retrieval_v1"], &[], &["indexing", "announce_payload", "announce_piece"])?;
        let is_set = |key: &str| retrieval.get(key).map_or(Ok(false), switch);
        if is_set("announce_piece")? {
            return Err((425, "Reason: announce piece is not supported for ddo v1".into()));
        }
        let (indexing, announces) = (is_set("indexing")?, is_set("announce_payload")?);
        if announces && !indexing {
            return Err((425, "Reason: deal cannot be announced to IPNI without indexing".into()));
        }
        Ok(Self {
            identifier,
            client: text(&deal["client"])?,
            piece,
            url,
            provider: text(&ddo["provider"])?,
            duration: number(&ddo["duration"])?,
            allocation: ddo.get("allocation_id").map(number).transpose()?,
            indexing,
            announces,
        })
    }

    /// What depends on the market and the chain.
    pub(crate) fn check(&self, state: &State) -> Result<(), Refusal> {
        let commitment = self.piece.parse().map_err(|_| bad("invalid piece cid")).and_then(|cid| {
            bacalhau_cas::piece::Commitment::from_v2(&cid).map_err(|error| bad(format!("invalid piece cid: {error}")))
        })?;
        if self.allocation.is_none() && self.duration < LEAST_EPOCHS {
            return Err((441, format!("Reason: duration must be at least {LEAST_EPOCHS}")));
        }
        let source = if self.url.is_some() { "http" } else { "put" };
        if !state.sources.contains(source) {
            return Err((422, format!("Reason: data source {source} is not enabled")));
        }
        if !state.providers.contains(&self.provider) {
            return Err(bad("Provider not available in Curio cluster"));
        }
        let size = commitment.padded_size();
        if size > state.sector_bytes {
            return Err(bad("Deal size is larger than the miner's sector size"));
        }
        if let Some(id) = self.allocation {
            if size < LEAST_VERIFIED_BYTES {
                return Err(bad("Verified piece size must be at least 1MB"));
            }
            let known =
                state.allocations.get(&id).ok_or_else(|| bad("Verified piece must have a valid allocation ID"))?;
            let this = (self.provider.clone(), commitment.cid_v1().to_string(), size, self.duration);
            if *known != this {
                return Err(bad(format!("Allocation is of {known:?}, and the deal of {this:?}")));
            }
        }
        Ok(())
    }

    /// Whether `bytes` are what was proposed.
    pub(crate) fn check_data(&self, bytes: &[u8]) -> Result<(), String> {
        check_piece(&self.piece, bytes)
    }
}

fn read_url(http: &Value) -> Result<String, Refusal> {
    let urls = object(http, &["urls"], &[])?["urls"].as_array().ok_or_else(|| bad("urls is no list"))?;
    let [only] = &urls[..] else { return Err((430, "Reason: no urls defined".into())) };
    let url = object(only, &["url"], &["headers", "priority", "fallback"])?;
    for header in url.get("headers").and_then(Value::as_object).into_iter().flatten() {
        header.1.as_array().ok_or_else(|| bad("a header is a list"))?;
    }
    url.get("priority").map(number).transpose()?;
    url.get("fallback").map(switch).transpose()?;
    let text = text(&url["url"])?;
    let parsed: url::Url = text.parse().map_err(|_| (400, "Reason: invalid url".to_owned()))?;
    let is_fit = matches!(parsed.scheme(), "http" | "https") && parsed.username().is_empty();
    if is_fit { Ok(text) } else { Err((400, "Reason: invalid url".into())) }
}
