//! The text of `/proc/self/mountstats`: a line of each mount and, below those of NFS, lines of
//! numbers, each behind a word.

use super::super::text;

/// An NFS mount.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Mount<'a> {
    pub(super) export: &'a [u8],
    pub(super) point: &'a [u8],
    /// In seconds.
    pub(super) age: Option<&'a [u8]>,
    pub(super) bytes: Option<Numbers<'a>>,
    pub(super) events: Option<Numbers<'a>>,
    pub(super) transports: Vec<Transport<'a>>,
    /// By name.
    pub(super) operations: Vec<(&'a [u8], Numbers<'a>)>,
}

/// A text of whole numbers, as many as there should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Numbers<'a>(&'a [u8]);

impl<'a> Numbers<'a> {
    fn new(text: &'a [u8], at_least: usize) -> Option<Self> {
        let mut numbers = text::words(text);
        let enough = numbers.clone().count() >= at_least;
        (enough && numbers.all(text::is_integer)).then_some(Self(text))
    }

    pub(super) fn nth(self, at: usize) -> Option<&'a [u8]> {
        text::words(self.0).nth(at)
    }
}

/// A way to the server.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Transport<'a> {
    pub(super) protocol: &'a [u8],
    numbers: Numbers<'a>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Tcp,
    /// Knows no connections: the third to fifth number are not there.
    Udp,
    /// The numbers behind the tenth are others.
    Rdma,
}

impl<'a> Transport<'a> {
    fn new(line: &'a [u8]) -> Option<Self> {
        let (protocol, numbers) = key(line);
        let (kind, at_least) = match protocol {
            b"tcp" => (Kind::Tcp, 10),
            b"udp" => (Kind::Udp, 7),
            b"rdma" => (Kind::Rdma, 20),
            _ => return None,
        };
        Some(Self {
            protocol,
            numbers: Numbers::new(numbers, at_least)?,
            kind,
        })
    }

    /// A number by its place for TCP; 0 where the transport or an old kernel does not have it.
    pub(super) fn number(&self, at: usize) -> &'a [u8] {
        let at = match (self.kind, at) {
            (Kind::Udp, 2..=4) | (Kind::Rdma, 10..) => None,
            (Kind::Udp, 5..) => Some(at - 3),
            (_, at) => Some(at),
        };
        at.and_then(|at| self.numbers.nth(at)).unwrap_or(b"0")
    }
}

/// How many numbers there are of bytes, events and operations.
const BYTES: usize = 8;
const EVENTS: usize = 27;
const OPERATION: usize = 8;

/// Where a line belongs to.
#[derive(Clone, Copy)]
enum Place {
    /// To no NFS mount.
    Outside,
    /// To the last mount.
    Mount,
    /// To the last mount's operations.
    Operations,
}

/// The NFS mounts, and the first line that is not as it should be.
pub(super) fn mounts(text: &[u8]) -> (Vec<Mount<'_>>, Option<&[u8]>) {
    let mut mounts = Vec::new();
    let mut bad = None;
    let mut place = Place::Outside;
    for line in text.split_inclusive(|c| *c == b'\n') {
        // A last line without an end may be cut within a number.
        let whole = line.strip_suffix(b"\n");
        let read = whole.and_then(|line| read(line.trim_ascii(), place, &mut mounts));
        place = read.unwrap_or_else(|| {
            bad.get_or_insert(line.trim_ascii());
            match key(line.trim_ascii()).0 {
                b"device" => Place::Outside,
                _ => place,
            }
        });
    }
    (mounts, bad)
}

/// Reads a line and tells where the next one belongs to.
fn read<'a>(line: &'a [u8], place: Place, mounts: &mut Vec<Mount<'a>>) -> Option<Place> {
    let (key, rest) = key(line);
    match (key, place) {
        (b"", _) => return Some(Place::Outside),
        (b"device", _) => return mount(rest, mounts),
        (_, Place::Outside) => return Some(place),
        (b"per-op", _) => return Some(Place::Operations),
        _ => {}
    }
    let mount = mounts.last_mut()?;
    match (key, place) {
        (name, Place::Operations) => {
            let numbers = Numbers::new(rest, OPERATION)?;
            mount.operations.push((name.strip_suffix(b":")?, numbers));
        }
        (b"age:", _) => mount.age = Some(Numbers::new(rest, 1)?.nth(0)?),
        (b"bytes:", _) => mount.bytes = Some(Numbers::new(rest, BYTES)?),
        (b"events:", _) => mount.events = Some(Numbers::new(rest, EVENTS)?),
        (b"xprt:", _) => mount.transports.push(Transport::new(rest)?),
        _ => {}
    }
    Some(place)
}

/// `EXPORT mounted on POINT with fstype nfs4 statvers=1.1`
fn mount<'a>(line: &'a [u8], mounts: &mut Vec<Mount<'a>>) -> Option<Place> {
    let word = |at| text::words(line).nth(at);
    for (at, expected) in [(1, "mounted"), (2, "on"), (4, "with"), (5, "fstype")] {
        word(at).filter(|word| *word == expected.as_bytes())?;
    }
    let is_nfs = matches!(word(6)?, b"nfs" | b"nfs4");
    if !is_nfs || !word(7).is_some_and(|word| word.starts_with(b"statvers=")) {
        return Some(Place::Outside);
    }
    mounts.push(Mount {
        export: word(0)?,
        point: word(3)?,
        ..Mount::default()
    });
    Some(Place::Mount)
}

/// A line's first word, and what stands behind it.
fn key(line: &[u8]) -> (&[u8], &[u8]) {
    let end = line.iter().position(u8::is_ascii_whitespace);
    let (key, rest) = line.split_at(end.unwrap_or(line.len()));
    (key, rest.trim_ascii_start())
}

/// The addresses of the mounts' servers from `/proc/self/mountinfo`, which has the mounts in the
/// same order; empty where it has none.
pub(super) fn addresses<'a>(info: &'a [u8], mounts: &[Mount<'_>]) -> Vec<&'a [u8]> {
    let infos: Vec<_> = text::lines(info).filter_map(info_of).collect();
    let mut rest = infos.as_slice();
    let address = |mount: &Mount<'_>| {
        let at = rest.iter().position(|(point, _)| *point == mount.point)?;
        let (found, behind) = rest.get(at..)?.split_first()?;
        rest = behind;
        Some(found.1)
    };
    let addresses = mounts.iter().map(address);
    addresses.map(Option::unwrap_or_default).collect()
}

/// Mount point and server of a line of NFS: `194 21 0:42 / /mnt rw - nfs4 SERVER:/x rw,addr=A`.
fn info_of(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let point = text::words(line).nth(4)?;
    let mut words = text::words(line).skip_while(|word| *word != b"-").skip(1);
    if !matches!(words.next()?, b"nfs" | b"nfs4") {
        return None;
    }
    let mut options = words.nth(1)?.split(|c| *c == b',');
    let address = options.find_map(|option| option.strip_prefix(b"addr="));
    Some((point, address.unwrap_or_default()))
}
