use super::*;

#[test]
fn a_kept_file_gives_its_text_as_it_is_now() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    let mut file = KeptFile::new(&path);
    assert!(file.read().unwrap_err().is_missing());
    std::fs::write(&path, "one").unwrap();
    assert_eq!(file.read().unwrap(), b"one");
    let long = "line\n".repeat(20_000);
    std::fs::write(&path, &long).unwrap();
    assert_eq!(file.read().unwrap(), long.as_bytes());
    std::fs::write(&path, "3").unwrap();
    assert_eq!(file.read().unwrap(), b"3");
    assert_eq!(file.text(), b"3");
    std::fs::write(&path, " 34\n").unwrap();
    assert_eq!(file.number().unwrap(), 34);
    std::fs::write(&path, "-34\n").unwrap();
    let told = file.number().unwrap_err().to_string();
    assert!(told.ends_with("expected a number that is not negative, found `-34`"));
}

#[test]
fn a_small_file_takes_little_memory_and_one_of_many_no_place_among_the_open_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    std::fs::write(&path, "1699981\n").unwrap();
    let mut kept = KeptFile::new(&path);
    let mut many = KeptFile::one_of_many(&path);
    for file in [&mut kept, &mut many] {
        assert_eq!(file.read().unwrap(), b"1699981\n");
        assert!(file.memory.capacity() <= FIRST);
    }
    assert!(kept.file.is_some() && many.file.is_none());
    std::fs::remove_file(&path).unwrap();
    assert!(many.read().is_err());
    assert_eq!(many.text(), b"");
}

#[test]
fn an_inventory_is_made_anew_after_a_minute_or_when_it_is_forgotten() {
    let start = Instant::now();
    let mut inventory = Inventory::default();
    let mut at = |seconds, new| {
        let now = start + Duration::from_secs(seconds);
        *inventory.get(now, |_| Ok(new)).unwrap()
    };
    assert_eq!((at(0, 1), at(59, 2), at(60, 3), at(61, 4)), (1, 1, 3, 3));
    inventory.forget();
    assert_eq!(
        *inventory.get(start, |old| Ok(old.unwrap_or(5))).unwrap(),
        5
    );
}

#[test]
fn a_text_that_comes_at_once_is_read_whole_whatever_its_length() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    let mut file = KeptFile::at_once(&path);
    for length in [1, FIRST - 1, FIRST, FIRST + 1, 5 * FIRST, 2] {
        let text = "x".repeat(length);
        std::fs::write(&path, &text).unwrap();
        assert_eq!(file.read().unwrap(), text.as_bytes());
    }
}

#[test]
fn the_rows_of_the_kernels_tables_are_read_whole() {
    for table in ["/proc/self/limits", "/proc/vmstat", "/proc/net/protocols"] {
        let mut rows = KeptFile::rows(table);
        let mut whole = KeptFile::new(table);
        for _ in 0..2 {
            let lines = |text: &[u8]| text::lines(text).count();
            assert_eq!(lines(rows.read().unwrap()), lines(whole.read().unwrap()));
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    let mut file = KeptFile::rows(&path);
    for length in [1, FIRST, PAGE, 3 * PAGE, 7] {
        let text = "x".repeat(length);
        std::fs::write(&path, &text).unwrap();
        assert_eq!(file.read().unwrap(), text.as_bytes());
    }
}

#[test]
fn mounts_tell_when_they_change_and_other_files_never() {
    let mut mounts = KeptFile::new("/proc/self/mountinfo");
    assert!(!mounts.is_unchanged(), "not read yet");
    mounts.read().unwrap();
    assert!(mounts.is_unchanged());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    std::fs::write(&path, "x").unwrap();
    let mut file = KeptFile::new(&path);
    file.read().unwrap();
    assert!(!file.is_unchanged());
}

#[test]
fn an_error_names_the_file() {
    let error = read_small(Path::new("/nonexistent/x")).unwrap_err();
    assert_eq!(error.to_string(), "cannot read `/nonexistent/x`");
}
