use super::*;

fn trust(is_file: bool, owner: u32, mode: u32) -> Trust {
    let facts = Facts {
        is_file,
        owner,
        mode,
    };
    facts.trust()
}

#[test]
fn only_a_file_that_nobody_else_can_change_switches_commands_on() {
    assert_eq!(trust(true, 0, 0o644).commands, Ok(()));
    assert_eq!(trust(true, 0, 0o600).commands, Ok(()));
    assert_eq!(trust(false, 0, 0o644).commands, Err(Untrusted::NotAFile));
    assert_eq!(
        trust(true, 1000, 0o644).commands,
        Err(Untrusted::Owner(1000))
    );
    for found in [0o664, 0o646, 0o666, 0o660] {
        let allowed = 0o755;
        let expected = Err(Untrusted::Mode { allowed, found });
        assert_eq!(trust(true, 0, found).commands, expected);
    }
}

#[test]
fn only_a_file_that_not_everybody_can_read_holds_a_token() {
    assert_eq!(trust(true, 0, 0o600).token, Ok(()));
    assert_eq!(trust(true, 0, 0o640).token, Ok(()));
    assert!(trust(true, 0, 0o644).token.is_err());
    assert!(trust(true, 0, 0o660).token.is_err());
    assert!(trust(true, 1000, 0o600).token.is_err());
}

/// What is wrong with the way to `FOLDER/path`, as far as the folder's owner goes.
fn way(folder: &Path, path: &str) -> Result<(), Untrusted> {
    check_way(&folder.join(path), &[ROOT, own_user()])
}

fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_folder_that_others_can_write_spoils_what_is_in_it_unless_it_is_sticky() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().canonicalize().unwrap();
    fs::create_dir_all(folder.join("open/below")).unwrap();
    File::create(folder.join("open/below/file")).unwrap();
    set_mode(&folder.join("open"), 0o755);
    assert_eq!(way(&folder, "open/below/file"), Ok(()));
    for mode in [0o775, 0o757, 0o777] {
        set_mode(&folder.join("open"), mode);
        let error = way(&folder, "open/below/file").unwrap_err();
        let open = folder.join("open");
        let told = format!(
            "`{}` on the way to it: expected at most mode 0755, found {mode:04o}",
            open.display()
        );
        assert_eq!(error.to_string(), told);
    }
    set_mode(&folder.join("open"), 0o1777);
    assert_eq!(way(&folder, "open/below/file"), Ok(()));
}

#[test]
fn a_link_is_followed_through_the_folders_it_leads_through() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().canonicalize().unwrap();
    for name in ["good", "bad"] {
        fs::create_dir(folder.join(name)).unwrap();
        set_mode(&folder.join(name), 0o755);
    }
    File::create(folder.join("good/file")).unwrap();
    symlink("../good/file", folder.join("bad/link")).unwrap();
    symlink(folder.join("bad/link"), folder.join("good/link")).unwrap();
    assert_eq!(way(&folder, "good/link"), Ok(()));
    set_mode(&folder.join("bad"), 0o777);
    assert!(
        matches!(way(&folder, "good/link"), Err(Untrusted::Way { path, .. }) if path.ends_with("bad"))
    );
    assert_eq!(way(&folder, "good/file"), Ok(()));
    symlink("circle", folder.join("circle")).unwrap();
    assert!(matches!(
        way(&folder, "circle"),
        Err(Untrusted::Unseen { .. })
    ));
    assert!(matches!(
        way(&folder, "nothing"),
        Err(Untrusted::Unseen { .. })
    ));
}

#[test]
fn what_belongs_to_a_stranger_is_not_on_a_trusted_way() {
    let folder = tempfile::tempdir().unwrap();
    let stranger = own_user() + 1;
    let error = check_way(folder.path(), &[stranger]).unwrap_err();
    assert_eq!(error, on_the_way(Path::new("/"), Untrusted::Owner(ROOT)));
}

#[test]
fn a_config_that_others_can_write_is_read_but_not_trusted() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "a: 1").unwrap();
    set_mode(file.path(), 0o666);
    let (text, trust) = read_config(file.path()).unwrap();
    assert_eq!(text, "a: 1");
    assert!(trust.commands.is_err());
}
