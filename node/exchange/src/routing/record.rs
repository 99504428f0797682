//! Records of providers as Routing V1 writes them (<https://specs.ipfs.tech/routing/http-routing-v1/#known-schemas>). Routers pass on what
//! strangers wrote, so a record is read leniently: a field of another type is as if it were absent, and unknown fields are skipped.

use serde_json::Value;

/// Addresses that are read of one record, and protocols.
const MAX_TEXTS: usize = 32;
/// Longest address, protocol, peer ID or name of a schema in bytes. Longer ones are skipped.
const MAX_TEXT_BYTES: usize = 512;

/// A provider, as a router describes it. Nothing of it is checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    /// Peer ID, as the router writes it. Empty where there is none.
    pub(super) id: String,
    /// Multiaddrs and URLs.
    pub(super) addrs: Vec<String>,
    /// Names of transfer protocols, such as `transport-bitswap`. Empty where the router does not know them.
    pub(super) protocols: Vec<String>,
}

impl Record {
    /// The record that `value` is; `None` where it is not one of a known schema.
    pub(super) fn of(value: &Value) -> Option<Self> {
        let schema = value.get("Schema")?.as_str()?;
        let protocols = match schema {
            "peer" | "generic" => texts(value.get("Protocols")),
            // Legacy schemas have one protocol, which their name implies.
            "bitswap" => vec![super::BITSWAP.into()],
            "graphsync-filecoinv1" => vec![super::GRAPHSYNC.into()],
            _ => return None,
        };
        let id = text(value.get("ID")).unwrap_or_default();
        let addrs = texts(value.get("Addrs"));
        if id.is_empty() && addrs.is_empty() {
            return None;
        }
        Some(Self { id, addrs, protocols })
    }
}

fn text(value: Option<&Value>) -> Option<String> {
    let text = value?.as_str()?;
    (text.len() <= MAX_TEXT_BYTES && !text.chars().any(char::is_control)).then(|| text.to_owned())
}

fn texts(value: Option<&Value>) -> Vec<String> {
    let values = value.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    values.iter().take(MAX_TEXTS).filter_map(|value| text(Some(value))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(id: &str, addrs: &[&str], protocols: &[&str]) -> Record {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Record { id: id.into(), addrs: owned(addrs), protocols: owned(protocols) }
    }

    #[test]
    fn known_schemas_are_read_and_others_are_skipped() {
        let (id, addr) = ("12D3KooWM8sovaEGU1bmiWGWAzvs47DEcXKZZTuJnpQyVTkRs2Vn", "/ip4/8.8.8.8/tcp/4001");
        let table = [
            (
                json!({"Schema": "peer", "ID": id, "Addrs": [addr], "Protocols": ["transport-bitswap", "x"], "x": {"y": 1}}),
                Some(record(id, &[addr], &["transport-bitswap", "x"])),
            ),
            (json!({"Schema": "peer", "ID": id}), Some(record(id, &[], &[]))),
            (json!({"Schema": "peer", "ID": id, "Addrs": null, "Protocols": 7}), Some(record(id, &[], &[]))),
            (json!({"Schema": "peer", "ID": 1, "Addrs": [addr, 7, null, "a\nb"]}), Some(record("", &[addr], &[]))),
            (
                json!({"Schema": "generic", "ID": "anything", "Addrs": ["https://host"], "Protocols": ["p"]}),
                Some(record("anything", &["https://host"], &["p"])),
            ),
            (
                json!({"Protocol": "transport-bitswap", "Schema": "bitswap", "ID": id, "Addrs": [addr]}),
                Some(record(id, &[addr], &["transport-bitswap"])),
            ),
            (
                json!({"Protocol": "transport-graphsync-filecoinv1", "Schema": "graphsync-filecoinv1", "ID": id,
                       "Addrs": [addr], "PieceCID": "baga", "VerifiedDeal": true, "FastRetrieval": true}),
                Some(record(id, &[addr], &["transport-graphsync-filecoinv1"])),
            ),
            (json!({"Schema": "unknown", "ID": id}), None),
            (json!({"ID": id}), None),
            (json!({"Schema": "peer"}), None),
            (json!([1, 2]), None),
            (json!(null), None),
        ];
        for (value, wanted) in table {
            assert_eq!(Record::of(&value), wanted, "{value}");
        }
    }

    #[test]
    fn a_record_has_few_and_short_texts() {
        let long = format!("/dns4/{}", "x".repeat(MAX_TEXT_BYTES));
        let value =
            json!({"Schema": "peer", "ID": long, "Addrs": vec!["/ip4/8.8.8.8/tcp/1"; 1000], "Protocols": [long]});
        let record = Record::of(&value).unwrap();
        assert_eq!((record.id.as_str(), record.addrs.len(), record.protocols.len()), ("", MAX_TEXTS, 0));
    }
}
