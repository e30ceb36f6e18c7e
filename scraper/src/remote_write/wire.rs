//! The bytes of protobuf messages: fields, one after the other.
//!
//! A field is a key (number and wire type, a varint) and a value. Fields come in any order, unknown
//! ones are passed over. Source: <https://protobuf.dev/programming-guides/encoding/>.

/// The bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the body is not a valid protobuf message")]
pub(crate) struct Malformed;

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    /// Wire type 0.
    Varint(u64),
    /// Wire type 1.
    Fixed64([u8; 8]),
    /// Wire type 2: a text or a message.
    Bytes(&'a [u8]),
    /// Wire type 5, which none of our fields has.
    Fixed32,
}

/// Reads fields from the front of some bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What is not read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next field; nothing at the end.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<(u64, Value<'a>)>, Malformed> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let key = self.varint()?;
        let number = key >> 3;
        if number == 0 {
            return Err(Malformed);
        }
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(self.array()?),
            2 => Value::Bytes(self.bytes()?),
            5 => {
                self.array::<4>()?;
                Value::Fixed32
            }
            _ => return Err(Malformed),
        };
        Ok(Some((number, value)))
    }

    /// The bytes of the next field, where its key is this one byte (a number below 16, wire type 2).
    #[inline]
    pub(crate) fn next_bytes_of(&mut self, key: u8) -> Option<&'a [u8]> {
        let (first, rest) = self.rest.split_first()?;
        if *first != key {
            return None;
        }
        let mut ahead = Self { rest };
        let bytes = ahead.bytes().ok()?;
        *self = ahead;
        Some(bytes)
    }

    /// The next byte is passed over where it is this one.
    #[inline]
    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        match self.rest.split_first() {
            Some((first, rest)) if *first == byte => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0;
        let mut bytes = self.rest.iter();
        for shift in (0..70).step_by(7) {
            let byte = *bytes.next().ok_or(Malformed)?;
            // The tenth byte has room for one bit.
            if shift == 63 && byte > 1 {
                return Err(Malformed);
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                self.rest = bytes.as_slice();
                return Ok(value);
            }
        }
        Err(Malformed)
    }

    #[inline]
    fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let length = usize::try_from(self.varint()?).map_err(|_| Malformed)?;
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(Malformed)?;
        self.rest = rest;
        Ok(bytes)
    }

    #[inline]
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (array, rest) = self.rest.split_first_chunk().ok_or(Malformed)?;
        self.rest = rest;
        Ok(*array)
    }
}
