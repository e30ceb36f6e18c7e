use super::space::Space;
use super::*;

const MOUNTINFO: &[u8] = include_bytes!("../../../tests/fixtures/proc/1/mountinfo");

fn lines(page: &mut Page) -> Vec<String> {
    let text = String::from_utf8(page.finish().to_vec()).unwrap();
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

fn filesystem(settings: &Settings) -> FileSystem {
    FileSystem {
        files: ["a", "b"].map(KeptFile::new),
        is_own: false,
        mounts: Inventory::default(),
        rootfs: settings.paths.rootfs.clone(),
        points: settings.filter(&POINTS_INCLUDE, &POINTS_EXCLUDE),
        types: settings.filter(&TYPES_INCLUDE, &TYPES_EXCLUDE),
        answers: Answers::new(MOST_PATIENCE),
    }
}

#[test]
fn a_line_is_a_mount() {
    let mounts = parse(
        "36 35 98:0 /a /with\\040space\\011 ro,noatime master:1 shared:2 - ext3 /dev/x\\134y rw\n",
    );
    assert_eq!(
        mounts,
        [Mount {
            device: "/dev/x\\y".to_owned(),
            point: "/with space\t".to_owned(),
            path: "/with space\t".into(),
            fstype: "ext3".to_owned(),
            major: "98".to_owned(),
            minor: "0".to_owned(),
            read_only: true,
        }]
    );
}

#[test]
fn a_mount_is_read_only_by_its_own_options_or_its_file_systems() {
    for (own, of_file_system, read_only) in [
        ("rw", "rw,errors=remount-ro", false),
        ("ro,noatime", "rw", true),
        ("rw", "ro", true),
        ("rw", "rw,errors=remount-ro,emergency_ro", true),
        ("rw,xro", "rw,romance", false),
    ] {
        let line = format!("36 35 98:0 / / {own} - ext4 /dev/x {of_file_system}\n");
        assert_eq!(parse(&line)[0].read_only, read_only, "{line}");
    }
}

#[test]
fn white_space_in_a_name_is_part_of_it() {
    let mounts = parse("36 35 98:0 / /a\rb\u{c}c rw - fuse.x src\r-\rext4 rw\n");
    assert_eq!(mounts[0].point, "/a\rb\u{c}c");
    assert_eq!(mounts[0].fstype, "fuse.x");
    assert_eq!(mounts[0].device, "src\r-\rext4");
}

#[test]
fn a_mount_point_that_is_not_utf8_is_asked_under_its_own_name() {
    use std::os::unix::ffi::OsStrExt;
    let mounts = mounts::parse(b"36 35 98:0 / /caf\xe9 rw - ext4 /dev/x rw\n").unwrap();
    let mounts = filesystem(&Settings::default()).select(mounts);
    assert_eq!(mounts[0].point, "/caf\u{fffd}");
    let path = host_path(Path::new("/host"), &mounts[0].path);
    assert_eq!(path.as_os_str().as_bytes(), b"/host/caf\xe9");
}

fn parse(text: &str) -> Vec<Mount> {
    mounts::parse(text.as_bytes()).unwrap()
}

#[test]
fn the_defaults_leave_what_holds_files() {
    let mounts = mounts::parse(MOUNTINFO).unwrap();
    assert_eq!(mounts.len(), 20);
    let selected = filesystem(&Settings::default()).select(mounts);
    let points: Vec<_> = selected.iter().map(|mount| mount.point.as_str()).collect();
    assert_eq!(points, ["/", "/mnt/some/python"]);
    for (point, wanted) in [
        ("/mnt/data", true),
        ("/media/stick", true),
        ("/run/user/1000", true),
        ("/run/credentials/x.service", false),
        ("/dev/shm", false),
        ("/var/lib/docker/overlay2/x", false),
    ] {
        let mounts = parse(&format!("1 0 8:1 / {point} rw - ext4 /dev/x rw\n"));
        let selected = filesystem(&Settings::default()).select(mounts);
        assert_eq!(!selected.is_empty(), wanted, "{point}");
    }
}

#[test]
fn a_mount_below_the_hosts_root_is_named_as_the_host_names_it() {
    for (rootfs, point, named) in [
        ("/host", "/host/data", "/data"),
        ("/host", "/host", "/"),
        ("/host", "/hosted", "/hosted"),
        ("/", "/data", "/data"),
    ] {
        assert_eq!(strip(Path::new(rootfs), point.into()), Path::new(named));
    }
    assert_eq!(
        host_path(Path::new("/host"), Path::new("/data")),
        Path::new("/host/data")
    );
    assert_eq!(host_path(Path::new("/"), Path::new("/")), Path::new("/"));
}

#[test]
fn a_mount_with_an_error_has_no_figures() {
    let mount = |point: &str| parse(&format!("1 0 8:1 / {point} rw - ext4 /dev/sda1 rw\n"));
    let space = Space {
        size: 4_096,
        free: 2_048,
        available: 1_024,
        files: 10,
        files_free: 3,
        read_only: false,
    };
    let found = [
        (mount("/a").remove(0), Ok(space)),
        (mount("/b").remove(0), Err("permission denied".to_owned())),
    ];
    let mut page = Page::new();
    let found: Vec<_> = found
        .iter()
        .map(|(mount, answer)| (mount, answer.clone()))
        .collect();
    write(&found, &mut page);
    let good = "device=\"/dev/sda1\",device_error=\"\",fstype=\"ext4\",mountpoint=\"/a\"";
    let bad =
        "device=\"/dev/sda1\",device_error=\"permission denied\",fstype=\"ext4\",mountpoint=\"/b\"";
    assert_eq!(
        lines(&mut page),
        [
            format!("node_filesystem_device_error{{{good}}} 0"),
            format!("node_filesystem_device_error{{{bad}}} 1"),
            format!("node_filesystem_readonly{{{good}}} 0"),
            format!("node_filesystem_readonly{{{bad}}} 0"),
            format!("node_filesystem_size_bytes{{{good}}} 4096"),
            format!("node_filesystem_free_bytes{{{good}}} 2048"),
            format!("node_filesystem_avail_bytes{{{good}}} 1024"),
            format!("node_filesystem_files{{{good}}} 10"),
            format!("node_filesystem_files_free{{{good}}} 3"),
            format!("node_filesystem_purgeable_bytes{{{good}}} 0"),
            "node_filesystem_mount_info{device=\"/dev/sda1\",major=\"8\",minor=\"1\",mountpoint=\"/a\"} 1"
                .to_owned(),
        ]
    );
}

#[test]
fn a_file_system_that_an_error_made_read_only_is_told_whatever_its_mount_says() {
    let mount = parse("1 0 8:1 / /a rw - ext4 /dev/sda1 rw\n").remove(0);
    let read_only = |read_only| {
        let space = Space {
            read_only,
            ..Space::default()
        };
        let mut page = Page::new();
        write(&[(&mount, Ok(space))], &mut page);
        lines(&mut page).remove(1)
    };
    assert!(read_only(false).starts_with("node_filesystem_readonly"));
    assert!(read_only(false).ends_with(" 0"));
    assert!(read_only(true).ends_with(" 1"));
}

proptest::proptest! {
    #[test]
    fn a_cut_text_gives_whole_mounts_or_an_error(end in 0..MOUNTINFO.len()) {
        let whole = mounts::parse(MOUNTINFO).unwrap();
        if let Ok(mounts) = mounts::parse(&MOUNTINFO[..end]) {
            assert_eq!(mounts, whole[..mounts.len()]);
        }
    }

    #[test]
    fn a_cut_or_garbled_text_does_not_panic(
        end in 0..MOUNTINFO.len(), at in 0..MOUNTINFO.len(), byte: u8,
    ) {
        let mut text = MOUNTINFO.to_vec();
        text[at] = byte;
        text.truncate(end);
        drop(mounts::parse(&text));
    }
}

#[test]
fn files_of_a_program_below_proc_are_foreign() {
    let mounts = |point: &str, fstype: &str| format!("36 35 0:9 / {point} rw - {fstype} x rw\n");
    let has = |text: &str| has_foreign_mounts(text.as_bytes(), Path::new("/proc"));
    assert!(has(&mounts("/proc/meminfo", "fuse.lxcfs")));
    assert!(!has(&mounts("/proc/sys/fs/binfmt_misc", "binfmt_misc")));
    assert!(!has(&mounts("/proc/x", "fusectl")));
    assert!(!has(&mounts("/var/lib/lxcfs", "fuse.lxcfs")));
    assert!(has("garbage\n"));
}
