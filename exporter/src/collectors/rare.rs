//! A file that most hosts do not have: one that is missing is looked for once a minute, and costs
//! nothing in between.

use std::path::PathBuf;
use std::time::Instant;

use super::{CollectError, Inventory, KeptFile};

/// A file that most hosts do not have.
#[derive(Debug)]
pub(super) struct RareFile {
    file: KeptFile,
    is_there: Inventory<bool>,
    /// What a host without it lacks.
    lack: &'static str,
}

impl RareFile {
    /// Names a file, and what a host without it lacks.
    pub(super) fn new(path: PathBuf, lack: &'static str) -> Self {
        let file = KeptFile::new(path);
        let is_there = Inventory::default();
        Self {
            file,
            is_there,
            lack,
        }
    }

    /// Reads the file; no data where there is none.
    pub(super) fn read(&mut self) -> Result<&[u8], CollectError> {
        let path = self.file.path();
        // A file that cannot be looked at is one whose fault is worth telling.
        let look = |_| Ok(!matches!(path.try_exists(), Ok(false)));
        if !*self.is_there.get(Instant::now(), look)? {
            return Err(CollectError::NoData(self.lack));
        }
        match self.file.read() {
            Ok(_) => Ok(self.file.text()),
            Err(error) => {
                self.is_there.forget();
                Err(error.or_no_data(self.lack))
            }
        }
    }

    /// What the last [`RareFile::read`] gave.
    pub(super) fn text(&self) -> &[u8] {
        self.file.text()
    }

    /// Says that the text is not what it should be.
    pub(super) fn fault(&self, expected: &'static str, found: &[u8]) -> CollectError {
        self.file.fault(expected, found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_is_no_data_and_is_not_looked_for_at_each_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let mut file = RareFile::new(path.clone(), "nothing here");
        let none = |result: Result<&[u8], _>| matches!(result, Err(CollectError::NoData(_)));
        assert!(none(file.read()));
        std::fs::write(&path, "one").unwrap();
        assert!(none(file.read()), "not looked for within the minute");
        file.is_there.forget();
        assert_eq!(file.read().unwrap(), b"one");
        assert_eq!(file.text(), b"one");
    }

    #[test]
    fn a_file_that_cannot_be_read_is_a_fault() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = RareFile::new(folder.path().to_owned(), "nothing here");
        assert!(matches!(file.read(), Err(CollectError::Read { .. })));
    }
}
