//! A strict reader of the CBOR that the chain's actors take: numbers in their shortest form, bytes, lists of known length, and
//! CIDs. Written apart from what writes it.

use bacalhau_cas::Cid;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Number(u64),
    Bytes(Vec<u8>),
    List(Vec<Value>),
    Cid(Cid),
}

/// All of `bytes` as one value.
pub(super) fn decode(bytes: &[u8]) -> Result<Value, String> {
    let mut rest = bytes;
    let value = read(&mut rest)?;
    if rest.is_empty() { Ok(value) } else { Err(format!("{} bytes are left over", rest.len())) }
}

impl Value {
    /// The number; an error if it is another kind of value.
    pub(super) fn number(&self) -> Result<u64, String> {
        if let Self::Number(number) = self { Ok(*number) } else { Err(format!("{self:?} is no number")) }
    }

    /// The bytes; an error if it is another kind of value.
    pub(super) fn bytes(&self) -> Result<&[u8], String> {
        if let Self::Bytes(bytes) = self { Ok(bytes) } else { Err(format!("{self:?} is no bytes")) }
    }

    /// The CID; an error if it is another kind of value.
    pub(super) fn cid(&self) -> Result<Cid, String> {
        if let Self::Cid(cid) = self { Ok(*cid) } else { Err(format!("{self:?} is no CID")) }
    }

    /// A list of this length.
    pub(super) fn tuple<const N: usize>(&self) -> Result<&[Value; N], String> {
        match self {
            Self::List(list) => list.as_slice().try_into().map_err(|_| format!("a tuple of {} fields", list.len())),
            other => Err(format!("{other:?} is no tuple")),
        }
    }
}

fn read(rest: &mut &[u8]) -> Result<Value, String> {
    let (major, number) = head(rest)?;
    let count = usize::try_from(number).unwrap();
    match major {
        0 => Ok(Value::Number(number)),
        2 => take(rest, count).map(|bytes| Value::Bytes(bytes.to_vec())),
        4 => (0..count).map(|_| read(rest)).collect::<Result<_, _>>().map(Value::List),
        6 if number == 42 => match read(rest)? {
            Value::Bytes(bytes) if bytes.first() == Some(&0) => {
                Cid::try_from(&bytes[1..]).map(Value::Cid).map_err(|error| error.to_string())
            }
            other => Err(format!("{other:?} is no CID")),
        },
        other => Err(format!("major type {other}")),
    }
}

fn head(rest: &mut &[u8]) -> Result<(u8, u64), String> {
    let first = take(rest, 1)?[0];
    let (major, short) = (first >> 5, first & 31);
    let length = match short {
        0..24 => return Ok((major, short.into())),
        24 => 1,
        25 => 2,
        26 => 4,
        27 => 8,
        _ => return Err(format!("a length of kind {short}")),
    };
    let number = take(rest, length)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
    let longest_of_shorter = [24, 1 << 8, 1 << 16, 1 << 32][length.ilog2() as usize];
    if number < longest_of_shorter { Err(format!("{number} in {length} bytes")) } else { Ok((major, number)) }
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Result<&'a [u8], String> {
    let (taken, left) = rest.split_at_checked(count).ok_or("it ends too soon")?;
    *rest = left;
    Ok(taken)
}
