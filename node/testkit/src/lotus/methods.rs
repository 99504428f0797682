//! The methods of the fake, by Lotus' `OpenRPC` document: their permission, how many parameters each has and of which type,
//! and results in the same form.

use bacalhau_cas::Cid;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::chain::{BLS_WALLET, Chain, PROVIDER_ID, WALLET_ID};

/// The type of a parameter.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Address,
    TipSetKey,
    Cid,
    Number,
    Bool,
    Base64,
    Signature,
    Message,
    SendSpec,
}

/// The answer of a method: a result, or a code and a message.
type Outcome = Result<Value, (i64, String)>;
type Run = fn(&mut Chain, &[Value]) -> Outcome;

/// Name, permission, parameters, and what it does.
const METHODS: [(&str, &str, &[Kind], Run); 16] = [
    ("ChainHead", "read", &[], head),
    ("StateNetworkName", "read", &[], |chain, _| Ok(chain.network.into())),
    ("StateNetworkVersion", "read", &[Kind::TipSetKey], |chain, _| Ok(chain.network_version.into())),
    ("StateMinerInfo", "read", &[Kind::Address, Kind::TipSetKey], miner_info),
    ("StateLookupID", "read", &[Kind::Address, Kind::TipSetKey], |chain, params| {
        Ok(format!("f0{}", known(chain, &params[0])?).into())
    }),
    ("StateAccountKey", "read", &[Kind::Address, Kind::TipSetKey], |chain, params| match known(chain, &params[0])? {
        WALLET_ID => Ok(chain.wallet.as_str().into()),
        _ => failed("failed to get account actor state for it: not an account actor"),
    }),
    ("StateVerifiedClientStatus", "read", &[Kind::Address, Kind::TipSetKey], |chain, params| {
        let id = known(chain, &params[0])?;
        Ok(chain.datacap.get(&id).map(ToString::to_string).into())
    }),
    ("StateDealProviderCollateralBounds", "read", &[Kind::Number, Kind::Bool, Kind::TipSetKey], |_, _| {
        Ok(json!({"Min": "1250000000000000", "Max": "2000000000000000000000000000"}))
    }),
    ("StateMarketBalance", "read", &[Kind::Address, Kind::TipSetKey], |chain, params| {
        known(chain, &params[0])?;
        Ok(json!({"Escrow": "2000000000000000000", "Locked": "500000000000000000"}))
    }),
    ("StateGetAllocations", "read", &[Kind::Address, Kind::TipSetKey], |chain, params| {
        let client = known(chain, &params[0])?;
        let of_client = chain.allocations.iter().filter(|(_, allocation)| allocation.client == client);
        Ok(of_client
            .map(|(id, allocation)| (id.to_string(), allocation.json()))
            .collect::<serde_json::Map<_, _>>()
            .into())
    }),
    ("StateGetAllocation", "read", &[Kind::Address, Kind::Number, Kind::TipSetKey], |chain, params| {
        let (client, id) = (known(chain, &params[0])?, params[1].as_u64().unwrap());
        let allocation = chain.allocations.get(&id).filter(|allocation| allocation.client == client);
        Ok(allocation.map(super::chain::Allocation::json).into())
    }),
    ("StateGetClaim", "read", &[Kind::Address, Kind::Number, Kind::TipSetKey], get_claim),
    ("StateSearchMsg", "read", &[Kind::TipSetKey, Kind::Cid, Kind::Number, Kind::Bool], search),
    ("WalletVerify", "read", &[Kind::Address, Kind::Base64, Kind::Signature], verify),
    ("WalletSign", "sign", &[Kind::Address, Kind::Base64], sign),
    ("MpoolPushMessage", "sign", &[Kind::Message, Kind::SendSpec], push),
];

/// Calls `method` with the permissions `perms`.
pub(super) fn call(chain: &mut Chain, method: &str, params: &[Value], perms: &[&str]) -> Outcome {
    let name = method.strip_prefix("Filecoin.").unwrap_or_default();
    let Some((_, perm, kinds, run)) = METHODS.iter().find(|(known, ..)| *known == name) else {
        return Err((-32601, format!("method '{method}' not found")));
    };
    if params.len() != kinds.len() {
        let counts = format!("{} != {}", params.len(), kinds.len());
        return Err((-32602, format!("wrong param count (method '{method}'): {counts}")));
    }
    if let Some((param, kind)) = params.iter().zip(*kinds).find(|(param, kind)| !fits(param, **kind)) {
        return Err((-32700, format!("unmarshaling params for '{method}' (param: {kind:?}): {param}")));
    }
    if !perms.contains(perm) {
        return Err((1, format!("missing permission to invoke '{name}' (need '{perm}')")));
    }
    run(chain, params)
}

fn fits(param: &Value, kind: Kind) -> bool {
    let decimal = |value: &Value| value.as_str().is_some_and(|text| text.parse::<u128>().is_ok());
    match kind {
        Kind::Address => param.as_str().is_some_and(|text| text.len() > 2 && text.starts_with(['f', 't'])),
        Kind::TipSetKey => param.as_array().is_some_and(|cids| cids.iter().all(|cid| cid_of(cid).is_some())),
        Kind::Cid => cid_of(param).is_some(),
        Kind::Number => param.is_i64() || param.is_u64(),
        Kind::Bool => param.is_boolean(),
        Kind::Base64 => param.as_str().is_some_and(|text| BASE64_STANDARD.decode(text).is_ok()),
        Kind::Signature => {
            has_keys(param, "Data Type") && fits(&param["Type"], Kind::Number) && fits(&param["Data"], Kind::Base64)
        }
        Kind::Message => {
            let keys = "From GasFeeCap GasLimit GasPremium Method Nonce Params To Value Version";
            has_keys(param, keys)
                && ["Version", "Nonce", "GasLimit", "Method"].iter().all(|key| fits(&param[key], Kind::Number))
                && ["From", "To"].iter().all(|key| fits(&param[key], Kind::Address))
                && ["Value", "GasFeeCap", "GasPremium"].iter().all(|key| decimal(&param[key]))
                && fits(&param["Params"], Kind::Base64)
        }
        Kind::SendSpec => {
            has_keys(param, "MaxFee MaximizeFeeCap MsgUuid")
                && decimal(&param["MaxFee"])
                && param["MaximizeFeeCap"].is_boolean()
                && param["MsgUuid"].as_str().is_some_and(|uuid| uuid.split('-').map(str::len).eq([8, 4, 4, 4, 12]))
        }
    }
}

/// Whether these keys, in the order of the alphabet, are all.
fn has_keys(value: &Value, keys: &str) -> bool {
    value.as_object().is_some_and(|object| object.keys().map(String::as_str).eq(keys.split(' ')))
}

fn cid_of(value: &Value) -> Option<Cid> {
    has_keys(value, "/").then(|| value["/"].as_str()?.parse().ok())?
}

fn failed(said: impl Into<String>) -> Outcome {
    Err((1, said.into()))
}

fn known(chain: &Chain, address: &Value) -> Result<u64, (i64, String)> {
    let address = address.as_str().unwrap();
    chain.id_of(address).ok_or_else(|| (3, format!("resolution lookup failed ({address}): actor not found")))
}

#[expect(clippy::unnecessary_wraps, reason = "as all methods")]
fn head(chain: &mut Chain, _: &[Value]) -> Outcome {
    Ok(json!({"Cids": [], "Blocks": [{"Height": chain.epoch, "Timestamp": chain.time()}], "Height": chain.epoch}))
}

fn miner_info(chain: &mut Chain, params: &[Value]) -> Outcome {
    if known(chain, &params[0])? != PROVIDER_ID {
        return failed("failed to load miner actor: unknown actor code bafk2bzacea");
    }
    Ok(json!({
        "Owner": "f0100", "Worker": format!("f0{WALLET_ID}"), "PeerId": chain.peer,
        "Multiaddrs": null, "WindowPoStProofType": 8, "SectorSize": chain.sector_size,
    }))
}

fn get_claim(chain: &mut Chain, params: &[Value]) -> Outcome {
    known(chain, &params[0])?;
    let claim = chain.claims.get(&params[1].as_u64().unwrap());
    Ok(claim
        .map(|(allocation, start, sector)| {
            let mut claim = allocation.json();
            let fields = claim.as_object_mut().unwrap();
            fields.remove("Expiration");
            fields.insert("TermStart".into(), (*start).into());
            fields.insert("Sector".into(), (*sector).into());
            claim
        })
        .into())
}

#[expect(clippy::unnecessary_wraps, reason = "as all methods")]
fn search(chain: &mut Chain, params: &[Value]) -> Outcome {
    let cid = cid_of(&params[1]).unwrap();
    let oldest = chain.epoch - params[2].as_i64().unwrap();
    let done = chain.messages.iter().find(|message| message.cid == cid).and_then(|message| message.done);
    let Some((height, code)) = done.filter(|(height, _)| *height >= oldest) else { return Ok(Value::Null) };
    let receipt = json!({"ExitCode": code, "Return": null, "GasUsed": 4_000_000, "EventsRoot": null});
    let message = json!({"/": cid.to_string()});
    Ok(json!({"Message": message, "Receipt": receipt, "ReturnDec": null, "TipSet": [], "Height": height}))
}

fn sign(chain: &mut Chain, params: &[Value]) -> Outcome {
    let message = BASE64_STANDARD.decode(params[1].as_str().unwrap()).unwrap();
    let (kind, length) = match params[0].as_str().unwrap() {
        wallet if wallet == chain.wallet => (1, 65),
        BLS_WALLET => (2, 96),
        other => return failed(format!("failed to sign message: signing using key '{other}': key info not found")),
    };
    if let (Some(key), 1) = (&chain.key, kind) {
        return Ok(json!({"Type": kind, "Data": BASE64_STANDARD.encode(key(&message))}));
    }
    let signature: Vec<u8> = Sha256::digest(message).into_iter().cycle().take(length).collect();
    Ok(json!({"Type": kind, "Data": BASE64_STANDARD.encode(signature)}))
}

/// Whether it is what `sign` makes.
fn verify(chain: &mut Chain, params: &[Value]) -> Outcome {
    sign(chain, &params[..2]).map(|signature| (signature == params[2]).into())
}

fn push(chain: &mut Chain, params: &[Value]) -> Outcome {
    let [message, spec] = params else { unreachable!() };
    if message["Nonce"] != 0 {
        return failed(format!("MpoolPushMessage expects message nonce to be 0, was {}", message["Nonce"]));
    }
    // The number of `Transfer` by FRC-42, as go-state-types has it.
    let expected = json!({"To": "f07", "Method": 80_475_954, "Value": "0", "Version": 0, "GasLimit": 0});
    for (key, value) in expected.as_object().unwrap() {
        if message[key] != *value {
            return failed(format!("GasEstimateMessageGas error: no such message: {key} is {}", message[key]));
        }
    }
    let from = message["From"].as_str().unwrap();
    let bytes = BASE64_STANDARD.decode(message["Params"].as_str().unwrap()).unwrap();
    let max_fee = spec["MaxFee"].as_str().unwrap().parse().unwrap();
    let cid = chain.push(from, &bytes, spec["MsgUuid"].as_str().unwrap(), max_fee).map_err(|said| (1, said))?;
    let signature = json!({"Type": 1, "Data": BASE64_STANDARD.encode([7; 65])});
    let mut sent = message.clone();
    // The fields that Lotus sets. A message has a CID of its own, which is not that of the signed one.
    sent.as_object_mut().unwrap().extend([
        ("Nonce".to_owned(), json!(chain.messages.len())),
        ("CID".to_owned(), json!({"/": Cid::new_v1(0x71, *cid.hash()).to_string()})),
    ]);
    Ok(json!({"Message": sent, "Signature": signature, "CID": {"/": cid.to_string()}}))
}
