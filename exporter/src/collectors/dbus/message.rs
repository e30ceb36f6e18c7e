//! Messages: a method call as bytes, and what comes back.
//!
//! A message is a head of 16 bytes (byte order, kind, flags, version, length of the body, serial
//! number, length of the fields), fields up to a multiple of eight, and the body.

use super::Refusal;
use super::wire::{Malformed, Reader, Value, Writer};

/// No message may be longer.
pub(super) const SIZE_LIMIT: usize = 16 << 20;

/// How long a message's head is.
pub(super) const HEAD: usize = 16;

const METHOD_CALL: u8 = 1;
const METHOD_RETURN: u8 = 2;
const ERROR: u8 = 3;

/// The fields that are written or read.
const PATH: u8 = 1;
const INTERFACE: u8 = 2;
const MEMBER: u8 = 3;
const ERROR_NAME: u8 = 4;
const REPLY_SERIAL: u8 = 5;
const DESTINATION: u8 = 6;
const SIGNATURE: u8 = 8;

/// A method to call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    /// The service's name on the bus.
    pub(crate) destination: &'a str,
    /// The object.
    pub(crate) path: &'a str,
    pub(crate) interface: &'a str,
    pub(crate) method: &'a str,
    /// All are texts.
    pub(crate) arguments: &'a [&'a str],
}

impl Call<'_> {
    /// The method by its whole name.
    pub(super) fn name(&self) -> String {
        format!("{}.{} of `{}`", self.interface, self.method, self.path)
    }

    /// The call as a message.
    pub(super) fn write(&self, serial: u32) -> Vec<u8> {
        let mut body = Writer::default();
        self.arguments.iter().for_each(|text| body.text(text));
        let signature = "s".repeat(self.arguments.len());
        let mut fields = Writer::default();
        for (code, kind, text) in [
            (PATH, "o", self.path),
            (INTERFACE, "s", self.interface),
            (MEMBER, "s", self.method),
            (DESTINATION, "s", self.destination),
            (SIGNATURE, "g", signature.as_str()),
        ] {
            if text.is_empty() {
                continue;
            }
            fields.align(8);
            fields.0.push(code);
            fields.signature(kind);
            if kind == "g" {
                fields.signature(text);
            } else {
                fields.text(text);
            }
        }
        let length = |bytes: &Writer| u32::try_from(bytes.0.len()).unwrap_or(u32::MAX);
        let mut message = Writer(vec![b'l', METHOD_CALL, 0, 1]);
        message.u32(length(&body));
        message.u32(serial);
        message.u32(length(&fields));
        message.0.extend_from_slice(&fields.0);
        message.align(8);
        message.0.extend_from_slice(&body.0);
        message.0
    }
}

/// What a message's head says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    big_endian: bool,
    kind: u8,
    body: usize,
    fields: usize,
}

impl Head {
    pub(super) fn read(bytes: &[u8; HEAD]) -> Result<Self, Malformed> {
        let fault = |expected, at| Malformed { expected, at };
        let [order, kind, _, version, ..] = *bytes;
        let big_endian = match order {
            b'l' => false,
            b'B' => true,
            _ => return Err(fault("a byte order, `l` or `B`,", 0)),
        };
        if version != 1 {
            return Err(fault("version 1", 3));
        }
        let mut reader = Reader::new(bytes, big_endian);
        reader.u32()?;
        let body = reader.u32()? as usize;
        reader.u32()?;
        let fields = reader.u32()? as usize;
        if body > SIZE_LIMIT || fields > SIZE_LIMIT {
            return Err(fault("a message of at most 16 MiB", 4));
        }
        Ok(Self {
            big_endian,
            kind,
            body,
            fields,
        })
    }

    /// How many bytes follow.
    pub(super) fn rest(&self) -> usize {
        self.fields.next_multiple_of(8) + self.body
    }

    /// The answer that the head and the rest of the message are, with the number of the call;
    /// nothing where the message is no answer.
    pub(super) fn answer(&self, rest: &[u8]) -> Result<Option<(u32, Answer)>, Malformed> {
        if self.kind != METHOD_RETURN && self.kind != ERROR {
            return Ok(None);
        }
        let fault = |expected, at| Malformed { expected, at };
        let (fields, body) = rest
            .split_at_checked(self.fields.next_multiple_of(8))
            .ok_or(fault("the whole message", HEAD))?;
        let fields = fields.get(..self.fields).unwrap_or_default();
        let fields = Fields::read(Reader::new(fields, self.big_endian))?;
        let call = fields.call.ok_or(fault("the number of the call", HEAD))?;
        let reply = Reply {
            signature: fields.signature,
            body: body.to_vec(),
            big_endian: self.big_endian,
        };
        if self.kind == METHOD_RETURN {
            return Ok(Some((call, Ok(reply))));
        }
        let message = if reply.signature.starts_with('s') {
            reply.values().text()?.to_owned()
        } else {
            String::new()
        };
        let name = fields.error.ok_or(fault("the error's name", HEAD))?;
        Ok(Some((call, Err(Refusal { name, message }))))
    }
}

/// The fields of an answer.
#[derive(Debug, Default)]
struct Fields {
    call: Option<u32>,
    error: Option<String>,
    signature: String,
}

impl Fields {
    fn read(mut reader: Reader<'_>) -> Result<Self, Malformed> {
        let mut fields = Self::default();
        while !reader.is_at_end() {
            reader.align(8)?;
            match (reader.byte()?, reader.variant()?) {
                (REPLY_SERIAL, Value::Unsigned(number)) => fields.call = u32::try_from(number).ok(),
                (ERROR_NAME, Value::Text(name)) => fields.error = Some(name),
                (SIGNATURE, Value::Text(signature)) => fields.signature = signature,
                _ => {}
            }
        }
        Ok(fields)
    }
}

/// What comes back of a call.
pub(crate) type Answer = Result<Reply, Refusal>;

/// The values that a method returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    signature: String,
    body: Vec<u8>,
    big_endian: bool,
}

impl Reply {
    fn values(&self) -> Reader<'_> {
        Reader::new(&self.body, self.big_endian)
    }

    /// The values, if they are of these types.
    pub(crate) fn read(&self, signature: &str) -> Result<Reader<'_>, Malformed> {
        if self.signature == signature {
            Ok(self.values())
        } else {
            let expected = "values of the method's types";
            Err(Malformed { expected, at: 0 })
        }
    }

    /// A property's value.
    pub(crate) fn value(&self) -> Result<Value, Malformed> {
        self.read("v")?.variant()
    }
}
