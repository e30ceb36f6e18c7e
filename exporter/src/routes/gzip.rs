//! Packs pages. To set up a packer costs as much as to pack a page, so one is kept.

use flate2::{Compress, Compression, FlushCompress, Status};
use parking_lot::Mutex;

/// The largest window, and so the best packing; a page is about as long.
const WINDOW_BITS: u8 = 15;

/// A packer for pages, of which one is packed at a time.
#[derive(Debug, Default)]
pub(super) struct Gzip(Mutex<Option<Compress>>);

impl Gzip {
    /// A page packed at level 1: the others take longer than the whole page. None where it cannot
    /// be packed.
    pub(super) fn pack(&self, page: &[u8]) -> Option<Vec<u8>> {
        let mut kept = self.0.lock();
        let packer =
            kept.get_or_insert_with(|| Compress::new_gzip(Compression::fast(), WINDOW_BITS));
        packer.reset();
        let mut packed = Vec::with_capacity(page.len() / 4);
        loop {
            let from = usize::try_from(packer.total_in()).ok()?;
            let rest = page.get(from..)?;
            match packer.compress_vec(rest, &mut packed, FlushCompress::Finish) {
                Ok(Status::StreamEnd) => return Some(packed),
                Ok(_) => packed.reserve(1 + page.len() / 4),
                Err(error) => {
                    tracing::error!(%error, "cannot pack a page");
                    return None;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;

    use super::*;

    #[test]
    fn pages_come_out_as_they_went_in_one_after_the_other() {
        let gzip = Gzip::default();
        let noise: Vec<u8> = (0..100_000_u32)
            .map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0])
            .collect();
        for page in [&b""[..], b"node_load1 1\n", &noise, &b"x".repeat(1 << 20)] {
            let packed = gzip.pack(page).unwrap();
            let mut unpacked = Vec::new();
            GzDecoder::new(&*packed).read_to_end(&mut unpacked).unwrap();
            assert_eq!(unpacked, page);
        }
    }
}
