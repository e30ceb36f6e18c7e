//! Listing the kernel's folders.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::{CollectError, text};

/// What is in a folder, by name; none where there is no such folder, as on a host without the
/// hardware or the module.
pub(super) fn entries(folder: &Path) -> Result<Option<Vec<(String, PathBuf)>>, CollectError> {
    let listed = match std::fs::read_dir(folder) {
        Ok(listed) => listed,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(CollectError::read(folder, error)),
    };
    let mut found: Vec<_> = listed
        .flatten()
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, entry.path())
        })
        .collect();
    found.sort();
    Ok(Some(found))
}

/// What is in a folder that need not be there.
pub(super) fn entries_if_any(folder: &Path) -> Result<Vec<(String, PathBuf)>, CollectError> {
    Ok(entries(folder)?.unwrap_or_default())
}

/// The entries that are a prefix and a number, with the number.
pub(super) fn numbered(
    entries: Vec<(String, PathBuf)>,
    prefix: &str,
) -> impl Iterator<Item = (String, PathBuf)> {
    entries.into_iter().filter_map(move |(name, path)| {
        let number = name.strip_prefix(prefix)?;
        text::is_integer(number.as_bytes()).then(|| (number.to_owned(), path))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_a_prefix_and_a_number_is_numbered() {
        let entries = ["mc0", "mc12", "mc", "mcx", "power"];
        let entries = entries.map(|name| (name.to_owned(), PathBuf::from(name)));
        let found: Vec<_> = numbered(entries.to_vec(), "mc").map(|(n, _)| n).collect();
        assert_eq!(found, ["0", "12"]);
    }

    #[test]
    fn entries_come_by_name_and_a_missing_folder_is_none() {
        let folder = tempfile::tempdir().unwrap();
        assert!(entries(&folder.path().join("x")).unwrap().is_none());
        assert!(entries_if_any(&folder.path().join("x")).unwrap().is_empty());
        for name in ["b", "a", "c"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let found = entries(folder.path()).unwrap().unwrap();
        let names: Vec<_> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert_eq!(found.first().unwrap().1, folder.path().join("a"));
        let error = entries(&folder.path().join("a")).unwrap_err().to_string();
        assert!(error.starts_with("cannot read `/"), "{error}");
    }
}
