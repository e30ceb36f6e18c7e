//! HTTP/1.1 responses: their head, and where in what came over the wire the body is.
//!
//! Source: RFC 9112. Headers are read by `httparse`.

use std::ops::Range;

use httparse::Status;

/// A longer head is refused.
const MAX_HEAD: usize = 64 << 10;
/// More headers are refused.
const MAX_HEADERS: usize = 100;
/// A longer line between chunks is refused.
const MAX_CHUNK_LINE: usize = 1 << 10;

/// What is not as HTTP says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("HTTP error: {0}")]
pub(super) struct Fault(pub(super) String);

fn fault(text: &str) -> Fault {
    Fault(text.to_owned())
}

/// The head of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) status: u16,
    /// Bytes up to the body.
    pub(super) length: usize,
    pub(super) framing: Framing,
    pub(super) content_type: String,
    /// Empty where the body is as it is.
    pub(super) encoding: String,
    /// Whether the connection may be used again.
    pub(super) keeps: bool,
}

/// How the end of a body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    Length(usize),
    Chunked,
    UntilClose,
}

impl Head {
    /// The head that bytes begin with, where it is whole.
    pub(super) fn parse(wire: &[u8]) -> Result<Option<Self>, Fault> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        let length = match response.parse(wire) {
            Ok(Status::Complete(length)) => length,
            Ok(Status::Partial) if wire.len() > MAX_HEAD => {
                return Err(fault("the head is too long"));
            }
            Ok(Status::Partial) => return Ok(None),
            Err(error) => return Err(Fault(error.to_string())),
        };
        let status = response.code.unwrap_or_default();
        let mut head = Self {
            status,
            length,
            framing: Framing::UntilClose,
            content_type: String::new(),
            encoding: String::new(),
            keeps: response.version == Some(1),
        };
        let mut body_length = None;
        let mut chunked = false;
        for header in response.headers.iter() {
            let value = std::str::from_utf8(header.value).unwrap_or_default().trim();
            let is = |name: &str| header.name.eq_ignore_ascii_case(name);
            if is("content-length") {
                let length = value.parse::<usize>();
                let length = length.map_err(|_| fault("expected a number as content-length"))?;
                if body_length.is_some_and(|other| other != length) {
                    return Err(fault("two lengths of the content"));
                }
                body_length = Some(length);
            } else if is("transfer-encoding") {
                chunked = value.eq_ignore_ascii_case("chunked");
                if !chunked {
                    return Err(fault("a transfer encoding other than chunked"));
                }
            } else if is("content-type") {
                value.clone_into(&mut head.content_type);
            } else if is("content-encoding") && !value.eq_ignore_ascii_case("identity") {
                head.encoding = value.to_ascii_lowercase();
            } else if is("connection") {
                head.keeps = keeps(value, head.keeps);
            }
        }
        head.framing = match body_length {
            _ if matches!(status, 100..=199 | 204 | 304) => Framing::Length(0),
            _ if chunked => Framing::Chunked,
            Some(length) => Framing::Length(length),
            None => Framing::UntilClose,
        };
        head.keeps &= head.framing != Framing::UntilClose;
        Ok(Some(head))
    }
}

/// What a `connection` header says of using the connection again.
fn keeps(value: &str, otherwise: bool) -> bool {
    let mut options = value.split(',').map(str::trim);
    options
        .clone()
        .all(|option| !option.eq_ignore_ascii_case("close"))
        && (otherwise || options.any(|option| option.eq_ignore_ascii_case("keep-alive")))
}

/// A body while it comes in. Chunks are moved together where they lie.
#[derive(Debug)]
pub(super) struct Body {
    framing: Framing,
    start: usize,
    /// Up to where the body is whole.
    end: usize,
    /// The next byte that was not looked at.
    at: usize,
    part: Part,
}

/// What comes next of a body in chunks.
#[derive(Clone, Copy, Debug)]
enum Part {
    Size,
    Data(usize),
    EndOfData,
    Trailer,
    Done,
}

impl Body {
    /// The body after a head.
    pub(super) fn after(head: &Head) -> Self {
        Self {
            framing: head.framing,
            start: head.length,
            end: head.length,
            at: head.length,
            part: Part::Size,
        }
    }

    /// Looks at what has come in. Gives whether the body is whole, as far as that can be told
    /// without the end of the connection.
    pub(super) fn advance(&mut self, wire: &mut [u8]) -> Result<bool, Fault> {
        match self.framing {
            Framing::Length(length) => {
                self.at = wire.len().min(self.start.saturating_add(length));
                self.end = self.at;
                Ok(self.end - self.start == length)
            }
            Framing::UntilClose => {
                self.at = wire.len();
                self.end = self.at;
                Ok(false)
            }
            Framing::Chunked => self.advance_chunks(wire),
        }
    }

    fn advance_chunks(&mut self, wire: &mut [u8]) -> Result<bool, Fault> {
        loop {
            let rest = wire.get(self.at..).unwrap_or_default();
            match self.part {
                Part::Size => match httparse::parse_chunk_size(rest) {
                    Ok(Status::Complete((line, size))) => {
                        self.at += line;
                        let size =
                            usize::try_from(size).map_err(|_| fault("a chunk is too long"))?;
                        self.part = if size == 0 {
                            Part::Trailer
                        } else {
                            Part::Data(size)
                        };
                    }
                    Ok(Status::Partial) if rest.len() < MAX_CHUNK_LINE => return Ok(false),
                    _ => return Err(fault("expected the size of a chunk")),
                },
                Part::Data(left) => {
                    let here = left.min(rest.len());
                    wire.copy_within(self.at..self.at + here, self.end);
                    self.at += here;
                    self.end += here;
                    if here < left {
                        self.part = Part::Data(left - here);
                        return Ok(false);
                    }
                    self.part = Part::EndOfData;
                }
                Part::EndOfData => {
                    if rest.len() < 2 {
                        return Ok(false);
                    }
                    if !rest.starts_with(b"\r\n") {
                        return Err(fault("expected the end of a chunk"));
                    }
                    self.at += 2;
                    self.part = Part::Size;
                }
                Part::Trailer => {
                    let Some(line) = rest.iter().position(|c| *c == b'\n') else {
                        return if rest.len() < MAX_HEAD {
                            Ok(false)
                        } else {
                            Err(fault("the trailer is too long"))
                        };
                    };
                    self.at += line + 1;
                    if matches!(rest.get(..line), Some(b"" | b"\r")) {
                        self.part = Part::Done;
                    }
                }
                Part::Done => return Ok(true),
            }
        }
    }

    /// Whether the body is whole when the connection ends here.
    pub(super) fn may_end(&self) -> bool {
        self.framing == Framing::UntilClose
    }

    /// Where the body is, as far as it came in.
    pub(super) fn place(&self) -> Range<usize> {
        self.start..self.end
    }

    /// The first byte after the response.
    pub(super) fn after_all(&self) -> usize {
        self.at
    }

    /// How many bytes are still to come, where that is known.
    pub(super) fn left(&self) -> Option<usize> {
        match self.framing {
            Framing::Length(length) => Some(length - (self.end - self.start)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a response that comes in two pieces; gives its head and body.
    fn read(text: &[u8], first: usize) -> Result<Option<(Head, Vec<u8>)>, Fault> {
        let mut wire = text[..first].to_vec();
        let mut body: Option<(Head, Body)> = None;
        for rest in [&b""[..], &text[first..]] {
            wire.extend_from_slice(rest);
            if body.is_none() {
                body = Head::parse(&wire)?.map(|head| {
                    let body = Body::after(&head);
                    (head, body)
                });
            }
            if let Some((head, body)) = &mut body
                && body.advance(&mut wire)?
            {
                return Ok(Some((head.clone(), wire[body.place()].to_vec())));
            }
        }
        Ok(None)
    }

    #[test]
    fn a_body_is_read_however_it_is_cut() {
        let texts: [&[u8]; 3] = [
            b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 7\r\n\r\na 1\nb 2",
            b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n2\r\na \r\n3;x=y\r\n1\nb\r\n2\r\n 2\r\n0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nTransfer-Encoding: Chunked\r\n\r\n007\r\na 1\nb 2\r\n0\r\nx: y\r\n\r\n",
        ];
        for text in texts {
            for first in 0..text.len() {
                let (head, body) = read(text, first).unwrap().unwrap();
                assert_eq!(body, b"a 1\nb 2");
                assert!(head.keeps && head.content_type == "text/plain" && head.status == 200);
            }
            for end in 0..text.len() {
                assert_eq!(read(&text[..end], 0), Ok(None));
            }
        }
    }

    #[test]
    fn a_connection_is_used_again_only_where_both_sides_know_the_end() {
        for (head, expected) in [
            ("HTTP/1.1 200 OK\r\ncontent-length: 0", true),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close",
                false,
            ),
            ("HTTP/1.0 200 OK\r\ncontent-length: 0", false),
            (
                "HTTP/1.0 200 OK\r\ncontent-length: 0\r\nconnection: Keep-Alive",
                true,
            ),
            ("HTTP/1.1 200 OK", false),
            ("HTTP/1.1 304 Not Modified", true),
        ] {
            let head = Head::parse(format!("{head}\r\n\r\n").as_bytes());
            assert_eq!(head.unwrap().unwrap().keeps, expected);
        }
    }

    #[test]
    fn what_is_no_response_is_told() {
        for text in [
            "\0\u{1}garbage\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nx\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nabc",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
        ] {
            assert!(read(text.as_bytes(), 0).is_err(), "{text}");
        }
        let endless = format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(MAX_HEAD));
        assert!(Head::parse(endless.as_bytes()).is_err());
    }
}
