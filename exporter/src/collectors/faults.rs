//! What goes wrong while a collector goes on with the rest.

use super::{CollectError, Inventory};

/// What went wrong while the rest was read.
#[derive(Debug, Default)]
pub(super) struct Faults {
    first: Option<CollectError>,
    /// Whether something that was found is not there any more.
    gone: bool,
}

impl Faults {
    /// Notes a fault, or that a file is gone.
    pub(super) fn note(&mut self, error: CollectError) {
        if error.is_missing() {
            self.gone = true;
        } else {
            self.first.get_or_insert(error);
        }
    }

    /// What was read; none where that is a fault.
    pub(super) fn unless<T>(&mut self, read: Result<T, CollectError>) -> Option<T> {
        read.map_err(|error| self.note(error)).ok()
    }

    /// The first fault. That something is gone is none.
    pub(super) fn finish(self) -> Result<(), CollectError> {
        self.first.map_or(Ok(()), Err)
    }

    /// As [`Faults::finish`]; where something is gone, the list it was on is made anew.
    pub(super) fn settle<T>(self, list: &mut Inventory<T>) -> Result<(), CollectError> {
        if self.gone {
            list.forget();
        }
        self.finish()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Instant;

    use super::*;

    #[test]
    fn the_first_fault_is_told_and_what_is_gone_is_looked_for_again() {
        let mut list = Inventory::default();
        list.get(Instant::now(), |_| Ok(1)).unwrap();
        let mut faults = Faults::default();
        assert_eq!(faults.unless(Ok(7)), Some(7));
        let gone = CollectError::read(Path::new("/gone"), std::io::ErrorKind::NotFound.into());
        assert_eq!(faults.unless::<u64>(Err(gone)), None);
        faults.note(CollectError::parse(Path::new("/a"), "a number", b"x"));
        faults.note(CollectError::parse(Path::new("/b"), "a number", b"x"));
        let told = faults.settle(&mut list).unwrap_err().to_string();
        assert_eq!(told, "`/a`: expected a number, found `x`");
        assert_eq!(*list.get(Instant::now(), |_| Ok(2)).unwrap(), 2);
        assert!(Faults::default().settle(&mut list).is_ok());
        assert_eq!(*list.get(Instant::now(), |_| Ok(3)).unwrap(), 2);
    }
}
