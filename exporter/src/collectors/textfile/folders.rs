//! The folders that `--collector.textfile.directory` names, with the patterns of Go's
//! `filepath.Glob`: `*`, `?`, `[a-z]`, `[^a-z]` and `\` before a character that stands for itself.
//! None of them matches a `/`.

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};
use std::str::Chars;

/// A pattern gives so many folders and no more.
const LIMIT: usize = 1_000;

/// The folders of a pattern, in order; the pattern itself, as a folder's name, where there is none
/// or the pattern is faulty.
pub(super) fn folders(pattern: &str) -> Vec<PathBuf> {
    let is_pattern = |part: &str| part.contains(['*', '?', '[', '\\']);
    if !is_pattern(pattern) {
        return vec![tidy(Path::new(pattern))];
    }
    let mut found = vec![PathBuf::new()];
    for part in Path::new(pattern).components() {
        match part {
            Component::Normal(name) if is_pattern(&name.to_string_lossy()) => {
                let name = name.to_string_lossy();
                found = found
                    .iter()
                    .flat_map(|folder| matching(folder, &name))
                    .take(LIMIT)
                    .collect();
            }
            Component::CurDir => {}
            part => found.iter_mut().for_each(|folder| folder.push(part)),
        }
    }
    found.retain(|folder| folder.symlink_metadata().is_ok());
    if found.is_empty() {
        found.push(tidy(Path::new(pattern)));
    }
    found
}

/// A path without `.`, `..` behind a name, and doubled `/`, as Go's `filepath.Join` leaves it:
/// names of files are told in labels.
pub(super) fn tidy(path: &Path) -> PathBuf {
    let mut tidy = PathBuf::new();
    for part in path.components() {
        let behind_name = matches!(tidy.components().next_back(), Some(Component::Normal(_)));
        match part {
            Component::CurDir => {}
            Component::ParentDir if behind_name => {
                tidy.pop();
            }
            part => tidy.push(part),
        }
    }
    tidy
}

/// What is in a folder under names of the pattern, in order.
fn matching(folder: &Path, pattern: &str) -> Vec<PathBuf> {
    let listed = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let entries = std::fs::read_dir(listed).into_iter().flatten().flatten();
    let mut names: Vec<OsString> = entries
        .map(|entry| entry.file_name())
        .filter(|name| matches(pattern, &name.to_string_lossy()))
        .collect();
    names.sort();
    names.into_iter().map(|name| folder.join(name)).collect()
}

/// Whether a name is one of a pattern's.
fn matches(pattern: &str, name: &str) -> bool {
    let (mut pattern, mut name) = (pattern.chars(), name.chars());
    // What follows the last `*`, and the part of the name that it was not tried with yet.
    let mut retry: Option<(Chars<'_>, Chars<'_>)> = None;
    loop {
        let (mut items, mut characters) = (pattern.clone(), name.clone());
        match (items.next(), characters.next()) {
            (None, None) => return true,
            (Some('*'), _) => {
                pattern = items;
                retry = Some((pattern.clone(), name.clone()));
            }
            (Some(item), Some(c)) if stands_for(item, &mut items, c) => {
                (pattern, name) = (items, characters);
            }
            _ => {
                let Some((after, from)) = &mut retry else {
                    return false;
                };
                if from.next().is_none() {
                    return false;
                }
                (pattern, name) = (after.clone(), from.clone());
            }
        }
    }
}

/// Whether an item of a pattern, which may go on in `rest`, stands for a character.
fn stands_for(item: char, rest: &mut Chars<'_>, c: char) -> bool {
    match item {
        '?' => true,
        '\\' => rest.next() == Some(c),
        '[' => is_in_class(rest, c).unwrap_or(false),
        item => item == c,
    }
}

/// Whether `a-z]` or `^a-z]` holds a character; nothing where the class does not end.
fn is_in_class(rest: &mut Chars<'_>, c: char) -> Option<bool> {
    let inverted = rest.as_str().starts_with('^');
    if inverted {
        rest.next();
    }
    let mut found = false;
    loop {
        let low = match rest.next()? {
            ']' => return Some(found != inverted),
            '\\' => rest.next()?,
            low => low,
        };
        let mut high = low;
        if rest.as_str().starts_with('-') {
            rest.next();
            high = match rest.next()? {
                '\\' => rest.next()?,
                high => high,
            };
        }
        found |= (low..=high).contains(&c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_those_of_go_do() {
        for (pattern, name, expected) in [
            ("abc", "abc", true),
            ("*", "", true),
            ("*c", "abc", true),
            ("a*", "ab", true),
            ("a*b?c*x", "abxbbxdbxebxczzx", true),
            ("a*b?c*x", "abxbbxdbxebxczzy", false),
            ("ab[b-d]", "abc", true),
            ("ab[e-g]", "abc", false),
            ("ab[^b-d]", "abc", false),
            ("ab[^e-g]", "abc", true),
            ("a\\*b", "a*b", true),
            ("a\\*b", "ab", false),
            ("a?b", "a\u{263a}b", true),
            ("[\\]a]", "]", true),
            ("[", "a", false),
            ("[a", "a", false),
            ("a[", "a", false),
            ("*", ".hidden", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn a_pattern_gives_its_folders_in_order_and_otherwise_itself() {
        let root = tempfile::tempdir().unwrap();
        for folder in ["b/in", "a/in", "c/out"] {
            std::fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        let named = |pattern: &str| -> Vec<String> {
            let found = folders(&root.path().join(pattern).display().to_string());
            let names = found
                .iter()
                .map(|path| path.strip_prefix(root.path()).unwrap());
            names.map(|path| path.display().to_string()).collect()
        };
        assert_eq!(named("*/in"), ["a/in", "b/in"]);
        assert_eq!(named("[bc]/*"), ["b/in", "c/out"]);
        assert_eq!(named("./a//in/"), ["a/in"]);
        assert_eq!(named("none*"), ["none*"]);
        assert_eq!(named("a[/in"), ["a[/in"]);
    }

    #[test]
    fn paths_are_told_as_go_tells_them() {
        for (path, told) in [
            ("./a//b/./c/", "a/b/c"),
            ("a/../b", "b"),
            ("/../a", "/../a"),
            ("../a", "../a"),
        ] {
            assert_eq!(tidy(Path::new(path)), Path::new(told));
        }
    }
}
