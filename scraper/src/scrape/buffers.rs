//! Room for pages while they are fetched and stored.
//!
//! A target that waits for its next round holds none: with targets spread over the interval, few
//! buffers serve all of them.

use parking_lot::Mutex;

/// A buffer keeps what its last page needs: one endless page must not cost memory for ever.
const SPARE: usize = 64 << 10;
/// So many buffers are kept at most when nobody needs them.
const KEPT: usize = 8;

/// Room for one page.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    /// What came over the wire.
    pub(super) wire: Vec<u8>,
    /// The page, where it is not a part of what came over the wire.
    pub(super) page: Vec<u8>,
    /// The values of its row.
    pub(super) row: Vec<f64>,
}

/// Buffers that nobody needs right now.
#[derive(Debug, Default)]
pub(super) struct Buffers(Mutex<Vec<Buffer>>);

impl Buffers {
    /// An empty buffer.
    pub(super) fn take(&self) -> Buffer {
        self.0.lock().pop().unwrap_or_default()
    }

    /// Takes a buffer back.
    pub(super) fn give_back(&self, mut buffer: Buffer) {
        spare(&mut buffer.wire);
        spare(&mut buffer.page);
        spare(&mut buffer.row);
        let mut kept = self.0.lock();
        if kept.len() < KEPT {
            kept.push(buffer);
        }
    }
}

/// Empties a buffer, and takes away most of what its last page did not need.
fn spare<T>(room: &mut Vec<T>) {
    let needed = room.len();
    room.clear();
    if room.capacity() > 4 * needed + SPARE {
        room.shrink_to(2 * needed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_keeps_about_what_its_last_page_needs() {
        let mut room = Vec::with_capacity(64 << 20);
        room.resize(100_000, 0);
        spare(&mut room);
        let same = room.capacity();
        assert!(room.is_empty() && (100_000..1 << 20).contains(&same));
        room.resize(100_000, 0);
        spare(&mut room);
        assert_eq!(room.capacity(), same);
    }

    #[test]
    fn buffers_are_used_again_and_few_are_kept() {
        let buffers = Buffers::default();
        let mut buffer = buffers.take();
        buffer.page.extend_from_slice(b"page");
        let place = buffer.page.as_ptr();
        buffers.give_back(buffer);
        let buffer = buffers.take();
        assert!(buffer.page.is_empty() && buffer.page.as_ptr() == place);
        for _ in 0..100 {
            buffers.give_back(Buffer::default());
        }
        assert_eq!(buffers.0.lock().len(), KEPT);
    }
}
