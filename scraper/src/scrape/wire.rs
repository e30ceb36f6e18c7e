//! Fetches a page over plain HTTP/1.1 on a connection that is kept.
//!
//! The library that fetches all else costs more per page than reading the page does, and keeps a
//! buffer for each connection. Here an idle connection is a socket and nothing else: room is taken
//! when the answer has begun to come, and the page stays where the system put it.

use std::io::{self, ErrorKind, Read};
use std::net::SocketAddr;
use std::time::Duration;

use flate2::bufread::MultiGzDecoder;
use reqwest::Url;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::buffers::{Buffer, Buffers};
use super::cycle::{Body as Page, Place};
use super::response::{Body, Fault, Head};

/// Room for what comes next is at least this.
const ROOM: usize = 64 << 10;
/// What a target says of the length of its page is believed up to here.
const MOST_ROOM: usize = 1 << 20;

/// The connection to a target, while there is one.
#[derive(Debug, Default)]
pub(super) struct Connection(Option<TcpStream>);

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub(super) enum WireError {
    /// No connection.
    #[error("cannot connect to {address}: {source}")]
    Connect {
        /// Where to.
        address: String,
        /// What the system says.
        source: io::Error,
    },
    /// The connection ended before anything came back.
    #[error("connection closed before an answer")]
    Closed,
    /// The connection broke.
    #[error("connection error: {0}")]
    Broken(#[source] io::Error),
    /// The other side does not speak HTTP as it should.
    #[error(transparent)]
    Http(#[from] Fault),
    /// The page is packed in another way than was asked for, or badly.
    #[error("cannot unpack the page: {0}")]
    Encoding(String),
    /// The page is longer than allowed.
    #[error("the page is too long")]
    TooLarge,
    /// The answer has another status than 200.
    #[error("server returned HTTP status {0}")]
    Status(u16),
}

/// A response's head, and its body in a buffer.
struct Answer {
    head: Head,
    place: std::ops::Range<usize>,
}

impl Connection {
    /// Fetches the page of a URL. `headers` are whole lines.
    pub(super) async fn get(
        &mut self,
        url: &Url,
        headers: &str,
        (timeout, limit): (Duration, usize),
        buffers: &Buffers,
    ) -> Result<Page, WireError> {
        let request = request(url, headers);
        if let Some(stream) = self.0.take() {
            // The other side may have closed it meanwhile; then nothing came back.
            match self.ask(stream, &request, limit, buffers).await {
                Err(WireError::Closed) => {}
                answered => return answered,
            }
        }
        let stream = connect(url, timeout).await?;
        self.ask(stream, &request, limit, buffers).await
    }

    async fn ask(
        &mut self,
        mut stream: TcpStream,
        request: &str,
        limit: usize,
        buffers: &Buffers,
    ) -> Result<Page, WireError> {
        let asked = stream.write_all(request.as_bytes()).await;
        asked.map_err(|_| WireError::Closed)?;
        // Room is taken when there is something to put into it.
        stream.readable().await.map_err(WireError::Broken)?;
        let mut buffer = buffers.take();
        match read(&mut stream, limit, &mut buffer).await {
            Ok((answer, keeps)) => {
                self.0 = keeps.then_some(stream);
                unpack(answer, buffer, limit)
            }
            Err(error) => {
                buffers.give_back(buffer);
                Err(error)
            }
        }
    }
}

/// The request, whole.
fn request(url: &Url, headers: &str) -> String {
    let path = url.path();
    let (mark, query) = url.query().map_or(("", ""), |query| ("?", query));
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => {
            format!("GET {path}{mark}{query} HTTP/1.1\r\nhost: {host}:{port}\r\n{headers}\r\n")
        }
        None => format!("GET {path}{mark}{query} HTTP/1.1\r\nhost: {host}\r\n{headers}\r\n"),
    }
}

/// A connection to the host of a URL. Each of its addresses gets a share of the time.
async fn connect(url: &Url, timeout: Duration) -> Result<TcpStream, WireError> {
    let host = url.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port = url.port_or_known_default().unwrap_or(80);
    let failed = |source| WireError::Connect {
        address: format!("{host}:{port}"),
        source,
    };
    let found = tokio::net::lookup_host((host, port)).await;
    let addresses: Vec<SocketAddr> = found.map_err(failed)?.collect();
    let share = timeout / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
    let mut last = io::Error::new(ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        match tokio::time::timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Without it a request costs no more, only time.
                drop(stream.set_nodelay(true));
                return Ok(stream);
            }
            Ok(Err(error)) => last = error,
            Err(_) => last = ErrorKind::TimedOut.into(),
        }
    }
    Err(failed(last))
}

/// Reads one response into the buffer. Gives also whether the connection can be used again.
async fn read(
    stream: &mut TcpStream,
    limit: usize,
    buffer: &mut Buffer,
) -> Result<(Answer, bool), WireError> {
    let wire = &mut buffer.wire;
    match receive(stream, wire, ROOM).await {
        Err(WireError::Broken(error)) if error.kind() == ErrorKind::ConnectionReset => {
            return Err(WireError::Closed);
        }
        Ok(0) => return Err(WireError::Closed),
        received => received?,
    };
    let head = loop {
        match Head::parse(wire)? {
            // What comes before the answer itself.
            Some(head) if head.status < 200 => drop(wire.drain(..head.length)),
            Some(head) => break head,
            None => receive_more(stream, wire, ROOM).await?,
        }
    };
    if head.status != 200 {
        return Err(WireError::Status(head.status));
    }
    let mut body = Body::after(&head);
    loop {
        let whole = body.advance(wire)?;
        if body.place().len() > limit || body.left().is_some_and(|left| left > limit) {
            return Err(WireError::TooLarge);
        }
        if whole {
            break;
        }
        let room = body.left().map_or(ROOM, |left| left.min(MOST_ROOM));
        match receive_more(stream, wire, room).await {
            Err(WireError::Broken(error))
                if error.kind() == ErrorKind::UnexpectedEof && body.may_end() =>
            {
                break;
            }
            received => received?,
        }
    }
    let keeps = head.keeps && body.after_all() == wire.len();
    let place = body.place();
    Ok((Answer { head, place }, keeps))
}

/// Receives what there is; room is made for as many bytes.
async fn receive(
    stream: &mut TcpStream,
    wire: &mut Vec<u8>,
    room: usize,
) -> Result<usize, WireError> {
    if wire.capacity() - wire.len() < room.min(ROOM) {
        wire.reserve(room);
    }
    stream.read_buf(wire).await.map_err(WireError::Broken)
}

/// Receives something.
async fn receive_more(
    stream: &mut TcpStream,
    wire: &mut Vec<u8>,
    room: usize,
) -> Result<(), WireError> {
    match receive(stream, wire, room).await? {
        0 => Err(WireError::Broken(ErrorKind::UnexpectedEof.into())),
        _ => Ok(()),
    }
}

/// The page of an answer.
fn unpack(answer: Answer, mut buffer: Buffer, limit: usize) -> Result<Page, WireError> {
    let place = match answer.head.encoding.as_str() {
        "" => Place::Wire(answer.place),
        "gzip" | "x-gzip" => {
            let packed = buffer.wire.get(answer.place).unwrap_or_default();
            let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
            let mut text = MultiGzDecoder::new(packed).take(most);
            let read = text.read_to_end(&mut buffer.page);
            let read = read.map_err(|error| WireError::Encoding(error.to_string()))?;
            if read > limit {
                return Err(WireError::TooLarge);
            }
            Place::Page
        }
        other => {
            return Err(WireError::Encoding(format!(
                "expected gzip, found `{other}`"
            )));
        }
    };
    Ok(Page {
        content_type: answer.head.content_type,
        place,
        buffer,
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use tokio::net::TcpListener;

    use super::*;

    const OK: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n";
    const SECOND: Duration = Duration::from_secs(1);

    /// Answers connection after connection, each with these answers, one a request; gives the
    /// requests.
    async fn serve(listener: TcpListener, connections: Vec<Vec<Vec<u8>>>) -> Vec<String> {
        let mut requests = Vec::new();
        for answers in connections {
            let (mut stream, _) = listener.accept().await.unwrap();
            for answer in answers {
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    assert!(stream.read_buf(&mut request).await.unwrap() > 0);
                }
                requests.push(String::from_utf8(request).unwrap());
                stream.write_all(&answer).await.unwrap();
            }
        }
        requests
    }

    /// Fetches from such a server so many times; gives the pages or what went wrong, and the
    /// requests.
    async fn fetched(connections: Vec<Vec<Vec<u8>>>, times: usize) -> (Vec<String>, Vec<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/m?a=b", listener.local_addr().unwrap());
        let url = Url::parse(&url).unwrap();
        let server = tokio::spawn(serve(listener, connections));
        let (mut connection, buffers) = (Connection::default(), Buffers::default());
        let mut pages = Vec::new();
        for _ in 0..times {
            let page = connection
                .get(&url, "x: y\r\n", (SECOND, 100), &buffers)
                .await;
            pages.push(match page {
                Ok(page) => {
                    let text = String::from_utf8(page.text().to_vec()).unwrap();
                    buffers.give_back(page.buffer);
                    text
                }
                Err(error) => error.to_string(),
            });
        }
        drop(connection);
        (pages, server.await.unwrap())
    }

    fn whole(text: &str) -> Vec<u8> {
        format!("{OK}content-length: {}\r\n\r\n{text}", text.len()).into_bytes()
    }

    #[tokio::test]
    async fn a_connection_is_kept_and_opened_anew_where_it_was_closed() {
        let chunked =
            format!("{OK}transfer-encoding: chunked\r\n\r\n2\r\nb \r\n2\r\n2\n\r\n0\r\n\r\n");
        let connections = vec![
            vec![whole("a 1\n"), chunked.into_bytes()],
            vec![whole("c 3\n")],
        ];
        let (pages, requests) = fetched(connections, 3).await;
        assert_eq!(pages, ["a 1\n", "b 2\n", "c 3\n"]);
        let [first, ..] = requests.as_slice() else {
            panic!("no request");
        };
        assert!(
            first.starts_with("GET /m?a=b HTTP/1.1\r\nhost: 127.0.0.1:"),
            "{first}"
        );
        assert!(first.ends_with("\r\nx: y\r\n\r\n"), "{first}");
    }

    #[tokio::test]
    async fn pages_come_packed_late_and_without_a_length() {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all("a 1\n".repeat(20).as_bytes()).unwrap();
        let packed = packed.finish().unwrap();
        let head = format!(
            "{OK}content-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
            packed.len()
        );
        let continued = [b"HTTP/1.1 100 Continue\r\n\r\n".to_vec(), whole("b 2\n")].concat();
        let endless = format!("{OK}\r\nc 3\n").into_bytes();
        let connections = vec![vec![
            [head.into_bytes(), packed].concat(),
            continued,
            endless,
        ]];
        let (pages, _) = fetched(connections, 3).await;
        assert_eq!(pages, ["a 1\n".repeat(20).as_str(), "b 2\n", "c 3\n"]);
    }

    #[tokio::test]
    async fn what_is_too_long_or_broken_is_told() {
        let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        bomb.write_all(&[b'a'; 10_000]).unwrap();
        let bomb = bomb.finish().unwrap();
        let head = format!(
            "{OK}content-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
            bomb.len()
        );
        let cut = format!("{OK}content-length: 50\r\n\r\na 1\n").into_bytes();
        let packed = format!("{OK}content-encoding: br\r\ncontent-length: 0\r\n\r\n").into_bytes();
        let connections = vec![
            vec![whole(&"a".repeat(101))],
            vec![[head.into_bytes(), bomb].concat()],
            vec![cut],
            vec![
                packed,
                b"HTTP/1.1 503 x\r\ncontent-length: 0\r\n\r\n".to_vec(),
            ],
            vec![Vec::new()],
        ];
        let (pages, _) = fetched(connections, 6).await;
        assert_eq!(
            pages,
            [
                "the page is too long",
                "the page is too long",
                "connection error: unexpected end of file",
                "cannot unpack the page: expected gzip, found `br`",
                "server returned HTTP status 503",
                "connection closed before an answer",
            ]
        );
    }
}
