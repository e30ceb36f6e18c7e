//! Sources that several collectors need: read once for all of them in a pass.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};

use super::CollectError;

/// Collectors of one pass come within this time, those of two passes hardly ever; and no figure
/// gets older by it than the time a page takes.
const SAME_PASS: Duration = Duration::from_millis(5);

/// A source and when it was last read. Clones are the same source.
#[derive(Debug, Default)]
pub(super) struct Shared<T>(Arc<Mutex<(Option<Instant>, T)>>);

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Shared<T> {
    /// A source that has not been read.
    pub(super) fn new(source: T) -> Self {
        Self(Arc::new(Mutex::new((None, source))))
    }

    /// The source as it is now, by `read` unless another collector has just read it.
    ///
    /// # Errors
    ///
    /// Those of `read`; or that another collector still waits for the source.
    pub(super) fn get(
        &self,
        read: impl FnOnce(&mut T) -> Result<(), CollectError>,
    ) -> Result<impl std::ops::Deref<Target = T>, CollectError> {
        let waits =
            || CollectError::Call("another collector still waits for its source".to_owned());
        let mut guard = self.0.try_lock().ok_or_else(waits)?;
        let (last, source) = &mut *guard;
        let now = Instant::now();
        let is_old = |at: Instant| now.saturating_duration_since(at) > SAME_PASS;
        if last.is_none_or(is_old) {
            *last = None;
            read(source)?;
            *last = Some(now);
        }
        Ok(MutexGuard::map(guard, |(_, source)| source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_read_once_in_a_pass_and_again_after_a_fault() {
        let shared = Shared::new(0);
        let fault = |_: &mut i32| Err(CollectError::NoData("none"));
        assert!(shared.get(fault).is_err());
        let read = |source: &mut i32| {
            *source += 1;
            Ok(())
        };
        assert_eq!(*shared.get(read).unwrap(), 1);
        let clone = shared.clone();
        let held = clone.get(read).unwrap();
        assert!(shared.get(read).is_err(), "held by another");
        drop(held);
        shared.0.lock().0 = Instant::now().checked_sub(2 * SAME_PASS);
        assert_eq!(*shared.get(read).unwrap(), 2);
    }
}
