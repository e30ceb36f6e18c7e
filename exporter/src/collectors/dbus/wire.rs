//! D-Bus's encoding of values: numbers in the sender's byte order, each at a multiple of its size,
//! texts and arrays with their lengths before them.

/// Bytes are not what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} at byte {at} of a message")]
pub(crate) struct Malformed {
    pub(super) expected: &'static str,
    pub(super) at: usize,
}

/// A value in a variant, as far as they are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Bool(bool),
    Unsigned(u64),
    /// Also an object's path or a signature.
    Text(String),
    /// A signed number, a float or a file descriptor: of a known size, but nobody asks for it.
    Other,
}

impl Value {
    /// The text, if it is one.
    pub(crate) fn text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number, if it is one.
    pub(crate) fn unsigned(&self) -> Option<u64> {
        match self {
            Self::Unsigned(number) => Some(*number),
            _ => None,
        }
    }
}

/// Reads values one after the other. Places are counted from the first byte, which stands at a
/// multiple of eight.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    big_endian: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8], big_endian: bool) -> Self {
        Self {
            bytes,
            at: 0,
            big_endian,
        }
    }

    fn fault(&self, expected: &'static str) -> Malformed {
        let at = self.at;
        Malformed { expected, at }
    }

    /// Whether all is read.
    pub(crate) fn is_at_end(&self) -> bool {
        self.at >= self.bytes.len()
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(length)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    /// Passes over the zeros before a value that stands at a multiple of `to`.
    pub(crate) fn align(&mut self, to: usize) -> Result<(), Malformed> {
        let gap = self.at.next_multiple_of(to) - self.at;
        let start = *self;
        match self.take(gap) {
            Some(zeros) if zeros.iter().all(|c| *c == 0) => Ok(()),
            _ => Err(start.fault("zeros up to the next value")),
        }
    }

    fn number<const SIZE: usize>(&mut self) -> Result<u64, Malformed> {
        self.align(SIZE)?;
        let start = *self;
        let bytes = self.take(SIZE).ok_or_else(|| start.fault("a number"))?;
        let shift = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        Ok(if self.big_endian {
            bytes.iter().fold(0, shift)
        } else {
            bytes.iter().rev().fold(0, shift)
        })
    }

    pub(super) fn byte(&mut self) -> Result<u8, Malformed> {
        let start = *self;
        let taken = self.take(1).and_then(|bytes| bytes.first());
        taken.copied().ok_or_else(|| start.fault("a byte"))
    }

    /// A `u`.
    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        let number = self.number::<4>()?;
        u32::try_from(number).map_err(|_| self.fault("a number of four bytes"))
    }

    /// An `s` or `o`.
    pub(crate) fn text(&mut self) -> Result<&'a str, Malformed> {
        let length = self.u32()? as usize;
        self.characters(length)
    }

    /// A `g`.
    pub(super) fn signature(&mut self) -> Result<&'a str, Malformed> {
        let length = usize::from(self.byte()?);
        self.characters(length)
    }

    /// So many bytes of text and the zero behind them.
    fn characters(&mut self, length: usize) -> Result<&'a str, Malformed> {
        let start = *self;
        let text = self
            .take(length)
            .and_then(|text| std::str::from_utf8(text).ok());
        match (text, self.take(1)) {
            (Some(text), Some([0])) => Ok(text),
            _ => Err(start.fault("a text in UTF-8 that ends with a zero")),
        }
    }

    /// The elements of an `a`, which stand at multiples of `alignment`.
    pub(crate) fn array(&mut self, alignment: usize) -> Result<Reader<'a>, Malformed> {
        let length = self.u32()? as usize;
        self.align(alignment)?;
        let start = *self;
        self.take(length)
            .ok_or_else(|| start.fault("an array within the message"))?;
        let bytes = self.bytes.get(..self.at).unwrap_or_default();
        Ok(Reader { bytes, ..start })
    }

    /// A `v` of one value that is not made of others.
    pub(crate) fn variant(&mut self) -> Result<Value, Malformed> {
        let start = *self;
        Ok(match self.signature()? {
            "y" => Value::Unsigned(self.byte()?.into()),
            "q" => Value::Unsigned(self.number::<2>()?),
            "u" => Value::Unsigned(self.number::<4>()?),
            "t" => Value::Unsigned(self.number::<8>()?),
            "b" => match self.number::<4>()? {
                number @ 0..=1 => Value::Bool(number == 1),
                _ => return Err(start.fault("a truth value of 0 or 1")),
            },
            "s" | "o" => Value::Text(self.text()?.to_owned()),
            "g" => Value::Text(self.signature()?.to_owned()),
            "n" => self.number::<2>().map(|_| Value::Other)?,
            "i" | "h" => self.number::<4>().map(|_| Value::Other)?,
            "x" | "d" => self.number::<8>().map(|_| Value::Other)?,
            _ => return Err(start.fault("a variant of a single number or text")),
        })
    }
}

/// Writes values one after the other, with the least byte first.
#[derive(Debug, Default)]
pub(super) struct Writer(pub(super) Vec<u8>);

impl Writer {
    pub(super) fn align(&mut self, to: usize) {
        self.0.resize(self.0.len().next_multiple_of(to), 0);
    }

    pub(super) fn u32(&mut self, number: u32) {
        self.align(4);
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    pub(super) fn text(&mut self, text: &str) {
        self.u32(u32::try_from(text.len()).unwrap_or(u32::MAX));
        self.0.extend_from_slice(text.as_bytes());
        self.0.push(0);
    }

    pub(super) fn signature(&mut self, text: &str) {
        self.0.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
        self.0.extend_from_slice(text.as_bytes());
        self.0.push(0);
    }
}
