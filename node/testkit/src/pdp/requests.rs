//! The requests of the fake: their order, forms and errors are those of Curio.

use std::time::{SystemTime, UNIX_EPOCH};

use bacalhau_cas::{Cid, piece::Commitment};
use serde_json::{Value, json};

use super::State;
use super::signed::{self, upload_signer};
use crate::server::Asked;

/// Smallest and largest data of a piece in bytes.
const SIZES: std::ops::RangeInclusive<usize> = 127..=1_065_353_216;

/// An answer.
pub(super) struct Answer {
    pub(super) status: &'static str,
    /// Below `/pdp/`.
    pub(super) location: Option<String>,
    pub(super) body: String,
}

type Outcome = Result<Answer, (&'static str, String)>;

fn answered(status: &'static str, body: String) -> Answer {
    Answer { status, location: None, body }
}

fn created(location: String) -> Answer {
    Answer { status: "201 Created", location: Some(location), body: String::new() }
}

fn bad(why: impl Into<String>) -> (&'static str, String) {
    ("400 Bad Request", why.into())
}

fn unknown(why: &str) -> (&'static str, String) {
    ("404 Not Found", why.into())
}

/// Answers a request for `target`, which is below `/pdp/`.
pub(super) fn answer(state: &mut State, asked: &Asked, target: &str) -> Answer {
    let outcome = allowed(state, asked).and_then(|()| {
        let parts: Vec<&str> = target.split('/').collect();
        match (asked.method.as_str(), &parts[..]) {
            ("POST", ["piece", "uploads"]) => begin(state, asked),
            ("PUT", ["piece", "uploads", session]) => upload(state, asked, session),
            ("POST", ["piece", "uploads", session]) => finish(state, asked, session),
            ("GET", ["piece", cid, "status"]) => find(state, cid),
            ("GET", ["data-sets", id]) => data_set(state, id),
            ("POST", ["data-sets", id, "pieces"]) => add(state, asked, id),
            ("GET", ["data-sets", id, "pieces", "added", hash]) => added(state, id, hash),
            _ => Err(unknown("404 page not found")),
        }
    });
    outcome.unwrap_or_else(|(status, body)| answered(status, body))
}

fn allowed(state: &State, asked: &Asked) -> Result<(), (&'static str, String)> {
    let wanted = state.token.map(|token| format!("Bearer {token}"));
    if asked.header("authorization") == wanted.as_deref() {
        return Ok(());
    }
    Err(("401 Unauthorized", "Unauthorized: invalid token".into()))
}

fn body(asked: &Asked) -> Result<Value, (&'static str, String)> {
    assert_eq!(asked.header("content-type"), Some("application/json"), "bodies of requests are JSON");
    serde_json::from_slice(&asked.body).map_err(|error| bad(format!("Invalid request body: {error}")))
}

fn is_set(state: &State, id: &str) -> Result<(), (&'static str, String)> {
    if id.parse() == Ok(state.data_set) { Ok(()) } else { Err(unknown("Data set not found")) }
}

fn begin(state: &mut State, asked: &Asked) -> Outcome {
    let Value::Number(id) = &body(asked)?["dataSetId"] else { return Err(bad("dataSetId is required")) };
    is_set(state, &id.to_string())?;
    state.sessions_begun += 1;
    let session = format!("6d1f1b2e-0000-4000-8000-{:012}", state.sessions_begun);
    state.sessions.insert(session.clone(), None);
    Ok(created(format!("piece/uploads/{session}")))
}

fn upload(state: &mut State, asked: &Asked, session: &str) -> Outcome {
    assert_eq!(asked.header("content-type"), Some("application/octet-stream"), "data is bytes");
    if !state.sessions.contains_key(session) {
        return Err(unknown("404 page not found"));
    }
    if state.checks_payers {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let header = asked.header("x-pdp-upload-auth").unwrap_or_default();
        if upload_signer(&state.contract, header, state.data_set, now) != Some(state.payer) {
            return Err(("401 Unauthorized", "Unauthorized: invalid upload auth".into()));
        }
    }
    if asked.body.len() > *SIZES.end() {
        return Err(("413 Request Entity Too Large", "piece data exceeds the maximum allowed size".into()));
    }
    if asked.body.len() < *SIZES.start() {
        return Err(bad("piece data is below the minimum allowed size (127 bytes)"));
    }
    state.sessions.insert(session.into(), Some(asked.body.clone()));
    Ok(answered("204 No Content", String::new()))
}

/// The commitment that a CID of version 2 names.
fn piece(cid: &Value) -> Result<Commitment, (&'static str, String)> {
    let cid: Option<Cid> = cid.as_str().and_then(|cid| cid.parse().ok());
    cid.and_then(|cid| Commitment::from_v2(&cid).ok()).ok_or_else(|| bad("Invalid request body: invalid pieceCid"))
}

fn finish(state: &mut State, asked: &Asked, session: &str) -> Outcome {
    let expected = piece(&body(asked)?["pieceCid"])?;
    let Some(Some(data)) = state.sessions.get(session) else { return Err(unknown("404 page not found")) };
    let found = Commitment::of("the upload", &data[..]).unwrap();
    if found.payload_size() != expected.payload_size() {
        return Err(bad("Invalid request body: pieceCid size does not match uploaded piece size"));
    }
    if found != expected {
        return Err(bad(
            "Invalid request body: pieceCid does not match the calculated pieceCid for the uploaded piece",
        ));
    }
    state.sessions.remove(session);
    state.parked.entry(expected.cid_v2().to_string()).or_default();
    Ok(answered("200 OK", String::new()))
}

fn find(state: &mut State, cid: &str) -> Outcome {
    piece(&cid.into())?;
    match state.parked.get_mut(cid) {
        Some(1..) => {
            Ok(answered("200 OK", json!({ "pieceCid": cid, "status": "pending", "indexed": false }).to_string()))
        }
        Some(asked) => {
            *asked += 1;
            Err(unknown("Piece not found or does not belong to service"))
        }
        None => Err(unknown("Piece not found or does not belong to service")),
    }
}

fn data_set(state: &mut State, id: &str) -> Outcome {
    is_set(state, id)?;
    let entry = |(id, cid): (usize, &String)| json!({ "pieceId": id, "pieceCid": cid, "subPieceCid": cid, "subPieceOffset": 0 });
    let pieces: Vec<Value> = state.chain.pieces.iter().enumerate().map(entry).collect();
    state.looks += u64::from(!pieces.is_empty());
    let epoch = if state.looks > 1 { 5_000_000 } else { 0 };
    Ok(answered("200 OK", json!({ "id": state.data_set, "pieces": pieces, "nextChallengeEpoch": epoch }).to_string()))
}

fn add(state: &mut State, asked: &Asked, id: &str) -> Outcome {
    let body = body(asked)?;
    is_set(state, id)?;
    if state.has_ended {
        return Err(("409 Conflict", "data set has been terminated due to unrecoverable proving failure".into()));
    }
    let pieces = body["pieces"].as_array().filter(|pieces| (1..=40).contains(&pieces.len()));
    let pieces = pieces.ok_or_else(|| bad("At least one piece must be provided"))?;
    let [only] = &pieces[..] else { return Err(bad("this fake takes one piece")) };
    assert!(only["subPieces"].as_array().is_some_and(|parts| parts.len() == 1), "a piece is of its own bytes: {only}");
    let expected = piece(&only["pieceCid"])?;
    let cid = expected.cid_v2().to_string();
    if only["subPieces"][0]["subPieceCid"] != cid.as_str() {
        return Err(bad("Failed to process request: provided PieceCid does not match generated PieceCid"));
    }
    if state.parked.get(&cid).is_none_or(|asked| *asked == 0) {
        return Err(bad(format!("subPiece CID {cid} not found or does not belong to service public")));
    }
    let extra = body["extraData"].as_str().and_then(|text| hex(text.strip_prefix("0x")?));
    let extra = extra.ok_or_else(|| bad("Invalid extraData format (must be hex encoded)"))?;
    let reverted = |why: String| ("500 Internal Server Error", format!("Failed to send transaction: {why}"));
    let extra = signed::decode(&extra, pieces.len()).ok_or_else(|| reverted("execution reverted: extraData".into()))?;
    let signer = extra.signer(&state.contract, state.client_data_set, &expected.cid_v2().to_bytes());
    if signer != Some(state.payer) {
        return Err(reverted("execution reverted: InvalidSignature".into()));
    }
    let hash = state.chain.send(&cid, extra.nonce).map_err(reverted)?;
    Ok(created(format!("data-sets/{id}/pieces/added/{hash}")))
}

/// The first time that anyone asks, a transaction is pending.
fn added(state: &mut State, id: &str, hash: &str) -> Outcome {
    is_set(state, id)?;
    let known = state.chain.transactions.iter().find(|transaction| transaction.hash == hash);
    let done = known.ok_or_else(|| unknown("Piece addition not found for given transaction"))?.done;
    state.chain.advance();
    let ids = done.and_then(Result::ok).map(|id| vec![id]);
    let mut answer = json!({
        "txHash": hash,
        "txStatus": if done.is_some() { "confirmed" } else { "pending" },
        "dataSetId": state.data_set,
        "pieceCount": 1,
        "addMessageOk": done.map(|done| done.is_ok()),
        "piecesAdded": ids.is_some(),
    });
    if let Some(ids) = ids {
        answer["confirmedPieceIds"] = json!(ids);
    }
    Ok(answered("200 OK", answer.to_string()))
}

/// Bytes of pairs of digits.
pub(super) fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(c.to_digit(16)?).ok()).collect();
    let (pairs, []) = digits.as_deref()?.as_chunks::<2>() else { return None };
    Some(pairs.iter().map(|[high, low]| high << 4 | low).collect())
}
