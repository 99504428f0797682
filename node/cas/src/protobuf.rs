//! The subset of protobuf that IPFS needs: fields by number, read without copying and written in order of insertion.
//! `dag_pb`, `unixfs` and `bitswap` define their fields.

use bytes::{Buf, BufMut, Bytes};
use unsigned_varint::{decode, encode};

/// Value of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Wire type 0.
    Number(u64),
    /// Wire type 2: bytes, text or an embedded message, as a slice of the input.
    Bytes(Bytes),
    /// Wire types 1 and 5: unused by our messages, and skipped.
    Fixed,
}

/// Reads a message field by field. Ends after the first error.
#[derive(Debug)]
pub struct Fields {
    rest: Bytes,
}

impl Fields {
    /// The fields of `message`.
    pub fn of(message: Bytes) -> Self {
        Self { rest: message }
    }

    fn number(&mut self) -> Result<u64, &'static str> {
        let (number, rest) = decode::u64(&self.rest).map_err(|error| match error {
            decode::Error::Insufficient => "it ends within a number",
            _ => "a number is too long",
        })?;
        let length = self.rest.len() - rest.len();
        self.rest.advance(length);
        Ok(number)
    }

    fn take(&mut self, length: u64) -> Result<Bytes, &'static str> {
        let length = usize::try_from(length).ok().filter(|length| *length <= self.rest.len());
        Ok(self.rest.split_to(length.ok_or("a field is longer than the message")?))
    }

    fn field(&mut self) -> Result<(u64, Value), &'static str> {
        let key = self.number()?;
        let value = match key & 7 {
            0 => Value::Number(self.number()?),
            1 => self.take(8).map(|_| Value::Fixed)?,
            2 => {
                let length = self.number()?;
                Value::Bytes(self.take(length)?)
            }
            5 => self.take(4).map(|_| Value::Fixed)?,
            _ => return Err("a field has an unknown wire type"),
        };
        if key >> 3 == 0 { Err("a field has the number 0") } else { Ok((key >> 3, value)) }
    }
}

impl Iterator for Fields {
    type Item = Result<(u64, Value), &'static str>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.rest.clear();
        }
        Some(field)
    }
}

/// Appends an unsigned varint.
pub fn put_varint(out: &mut Vec<u8>, number: u64) {
    out.put_slice(encode::u64(number, &mut encode::u64_buffer()));
}

/// Appends a number, also when it is 0.
pub fn put_number(out: &mut Vec<u8>, field: u64, number: u64) {
    put_varint(out, field << 3);
    put_varint(out, number);
}

/// Appends bytes, also empty ones.
pub fn put_bytes(out: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    put_varint(out, field << 3 | 2);
    put_varint(out, bytes.len() as u64);
    out.put_slice(bytes);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(message: &[u8]) -> Result<Vec<(u64, Value)>, &'static str> {
        Fields::of(Bytes::copy_from_slice(message)).collect()
    }

    #[test]
    fn what_is_not_a_message_is_said() {
        let table: [(&[u8], &str); 6] = [
            (b"\x08", "within a number"),
            (b"\x0a\x05abc", "longer than the message"),
            (b"\x0b", "wire type"),
            (b"\x00\x01", "number 0"),
            (b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "too long"),
            (b"\x0d\x01", "longer than the message"),
        ];
        for (bytes, why) in table {
            assert!(read(bytes).unwrap_err().contains(why), "{bytes:?}");
        }
        assert_eq!(read(b"\x0d\x01\x02\x03\x04\x08\x07").unwrap(), [(1, Value::Fixed), (1, Value::Number(7))]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = read(&bytes);
        }

        #[test]
        fn what_is_written_is_read(field in 1_u64..1000, number: u64, bytes: Vec<u8>) {
            let mut out = Vec::new();
            put_number(&mut out, field, number);
            put_bytes(&mut out, field + 1, &bytes);
            let expected = vec![(field, Value::Number(number)), (field + 1, Value::Bytes(bytes.into()))];
            prop_assert_eq!(read(&out).unwrap(), expected);
        }
    }
}
