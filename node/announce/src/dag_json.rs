//! DAG-JSON (<https://ipld.io/specs/codecs/dag-json/spec/>) as far as advertisements need it: links and bytes. A structure is written
//! canonically where its fields are declared in the order of their names.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use bytes::Bytes;
use serde::ser::{Serialize, SerializeMap, Serializer};

use bacalhau_cas::{Cid, Code, DataError};

/// The codec in CIDs.
pub(crate) const DAG_JSON: u64 = 0x0129;

/// A link: `{"/": "bagu…"}`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link(pub(crate) Cid);

/// Bytes: `{"/": {"bytes": "base64 without padding"}}`.
#[derive(Clone, Debug)]
pub(crate) struct Blob(pub(crate) Vec<u8>);

impl Serialize for Link {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        one(serializer, "/", &self.0.to_string())
    }
}

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Inner(String);
        impl Serialize for Inner {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                one(serializer, "bytes", &self.0)
            }
        }
        one(serializer, "/", &Inner(BASE64_STANDARD_NO_PAD.encode(&self.0)))
    }
}

fn one<S: Serializer>(serializer: S, key: &str, value: &impl Serialize) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(key, value)?;
    map.end()
}

/// A block of `value`, and its CID.
pub(crate) fn block(value: &impl Serialize) -> Result<(Cid, Bytes), DataError> {
    let bytes = serde_json::to_vec(value).map_err(|error| {
        DataError::malformed("an advertisement", format!("it cannot be written as DAG-JSON: {error}"))
    })?;
    // The hash of a raw block of these bytes, under the codec of what they are.
    let hash = *bacalhau_cas::Block::of(Code::Raw, bytes.clone()).cid().hash();
    Ok((Cid::new_v1(DAG_JSON, hash), bytes.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_bytes_are_written_as_the_specification_has_them() {
        #[derive(serde::Serialize)]
        struct Both {
            bytes: Blob,
            link: Link,
        }
        let link = Link("bafkqaaa".parse().unwrap());
        let (cid, bytes) = block(&Both { bytes: Blob(vec![0x80, 0x12]), link }).unwrap();
        assert_eq!(bytes, r#"{"bytes":{"/":{"bytes":"gBI"}},"link":{"/":"bafkqaaa"}}"#);
        assert!(cid.to_string().starts_with("baguqeera"), "{cid}");
    }
}
