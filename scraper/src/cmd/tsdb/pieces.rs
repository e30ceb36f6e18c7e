//! A large file of OpenMetrics, read in pieces of whole lines.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, bail};
use watchpost_model::text::{Entry, Format, Parser, Sample};

/// How much is read at once.
const PIECE: usize = 1 << 20;
/// The longest line that is taken.
const MAX_LINE: usize = 16 << 20;

/// Gives each sample of a file, and the number of its line, to `each`; `read` hears how many bytes
/// were read.
pub(super) fn each_sample(
    path: &Path,
    read: impl Fn(u64),
    mut each: impl FnMut(&Sample<'_>, usize) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let name = path.display();
    let file = std::fs::File::open(path).with_context(|| format!("cannot open `{name}`"))?;
    let mut pieces = Pieces {
        file,
        buffer: Vec::new(),
        end: 0,
        lines: 0,
    };
    let mut ended = false;
    while let Some((piece, before)) = pieces
        .next()
        .with_context(|| format!("cannot read `{name}`"))?
    {
        if ended {
            bail!(
                "{name}:{}: expected nothing after `# EOF`, found more",
                before + 1
            );
        }
        ended = each_of_piece(piece, before, &mut each).with_context(|| format!("{name}"))?;
        read(piece.len() as u64);
    }
    if !ended {
        bail!("{name}: expected `# EOF` at the end, found none: the file is not whole");
    }
    Ok(())
}

/// Reads a piece; true where it ends with `# EOF`.
fn each_of_piece(
    piece: &[u8],
    before: usize,
    each: &mut impl FnMut(&Sample<'_>, usize) -> anyhow::Result<()>,
) -> anyhow::Result<bool> {
    let mut parser = Parser::new(Format::OpenMetrics, piece);
    let mut last: &[u8] = &[];
    let (mut line, mut counted) = (before, 0);
    while parser.offset() < piece.len() {
        let Some(entry) = parser.next_like(last) else {
            return Ok(true);
        };
        let entry = entry.map_err(|mut error| {
            error.line += before;
            error
        })?;
        if let Entry::Sample(sample) = entry {
            last = sample.series;
            let passed = piece.get(counted..parser.offset()).unwrap_or_default();
            line += memchr::memchr_iter(b'\n', passed).count();
            counted = parser.offset();
            each(&sample, line)?;
        }
    }
    Ok(false)
}

/// The pieces of a file, each of whole lines, with the number of lines before it.
struct Pieces<R> {
    file: R,
    buffer: Vec<u8>,
    /// Where the piece that was given last ends.
    end: usize,
    /// The lines before it.
    lines: usize,
}

impl<R: Read> Pieces<R> {
    fn next(&mut self) -> std::io::Result<Option<(&[u8], usize)>> {
        let given = self.buffer.get(..self.end).unwrap_or_default();
        let before = self.lines + memchr::memchr_iter(b'\n', given).count();
        self.lines = before;
        self.buffer.drain(..self.end);
        self.end = 0;
        loop {
            let have = self.buffer.len();
            let read = (&mut self.file)
                .take(PIECE as u64)
                .read_to_end(&mut self.buffer)?;
            let fresh = self.buffer.get(have..).unwrap_or_default();
            if let Some(newline) = memchr::memrchr(b'\n', fresh) {
                self.end = have + newline + 1;
            } else if read == 0 {
                self.end = have;
            } else if self.buffer.len() > MAX_LINE {
                return Err(std::io::Error::other(format!(
                    "line {}: expected at most {MAX_LINE} bytes, found more",
                    before + 1
                )));
            } else {
                continue;
            }
            let piece = self.buffer.get(..self.end).unwrap_or_default();
            return Ok((!piece.is_empty()).then_some((piece, before)));
        }
    }
}
