//! File names with `*` and `?`.

use std::io;
use std::path::{Path, PathBuf};

/// The files that a pattern names, sorted. `*` and `?` stand in the last part of the path only; a
/// pattern without them names one file, which has to be there; one with them may name none.
pub fn matching_files(pattern: &str) -> io::Result<Vec<PathBuf>> {
    let path = Path::new(pattern);
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let folder = path.parent().unwrap_or(Path::new(""));
    if folder
        .to_str()
        .is_some_and(|folder| folder.contains(['*', '?']))
    {
        return Err(io::Error::other(
            "`*` and `?` are only supported in the file name",
        ));
    }
    if !name.contains(['*', '?']) {
        return Ok(vec![path.to_owned()]);
    }
    let shown = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let mut files = Vec::new();
    let entries = match std::fs::read_dir(shown) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(files),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?.file_name();
        if entry
            .to_str()
            .is_some_and(|entry| is_match(name.as_bytes(), entry.as_bytes()))
        {
            files.push(folder.join(entry));
        }
    }
    files.sort();
    Ok(files)
}

fn is_match(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => {
            is_match(rest, name)
                || name
                    .split_first()
                    .is_some_and(|(_, tail)| is_match(pattern, tail))
        }
        (Some((b'?', rest)), Some((_, tail))) => is_match(rest, tail),
        (Some((have, rest)), Some((want, tail))) => have == want && is_match(rest, tail),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_name_files_in_order() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.yaml", "a.yaml", "c.yml", "d.txt"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let names = |pattern: &str| -> Vec<String> {
            let pattern = folder.path().join(pattern).display().to_string();
            let files = matching_files(&pattern).unwrap();
            let names = files.iter().map(|file| file.file_name().unwrap());
            names
                .map(|name| name.to_str().unwrap().to_owned())
                .collect()
        };
        assert_eq!(names("*.yaml"), ["a.yaml", "b.yaml"]);
        assert_eq!(names("?.y*ml"), ["a.yaml", "b.yaml", "c.yml"]);
        assert_eq!(names("missing.yaml"), ["missing.yaml"]);
        assert!(names("*.json").is_empty());
        assert!(names("missing/*.yaml").is_empty());
    }
}
