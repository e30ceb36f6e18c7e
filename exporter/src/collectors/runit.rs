//! `runit`: the state of each service that runit supervises.
//!
//! `supervise/status` has 20 bytes: the time of the last change (TAI64N, the most significant byte
//! first), the process's number (the other way round), paused, wanted, terminated, state.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use watchpost_model::MetricType::Gauge;
use watchpost_model::text::Page;

use super::{CollectError, Collector, Definition, Flag, FlagKind, Settings};

const SERVICE_DIR: Flag = Flag {
    name: "runit.servicedir",
    help: "Path to runit service directory.",
    kind: FlagKind::Text {
        default: "/etc/service",
    },
};

/// The line of the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "runit",
    help: "Services that runit supervises.",
    default_on: false,
    flags: &[SERVICE_DIR],
    new: |settings| Box::new(Runit::new(settings)),
};

/// The second of TAI64 at which Unix time begins: 2 to the power of 62, and ten leap seconds.
const EPOCH: u64 = (1 << 62) + 10;

/// How long a status is.
const STATUS: u64 = 20;

#[derive(Debug)]
struct Runit {
    folder: PathBuf,
}

/// What is told of a service.
#[derive(Debug, PartialEq)]
struct Status {
    /// 0 down, 1 up, 2 finishing.
    state: u8,
    /// 0 down, 1 up.
    wanted: u8,
    normally_up: bool,
    /// Seconds since the epoch.
    changed: f64,
}

/// A family: name, help, and the number of a service.
type Family = (&'static str, &'static str, fn(&Status) -> f64);

const FAMILIES: [Family; 4] = [
    ("node_service_state", "State of runit service.", |status| {
        status.state.into()
    }),
    (
        "node_service_desired_state",
        "Desired state of runit service.",
        |status| status.wanted.into(),
    ),
    (
        "node_service_normal_state",
        "Normal state of runit service.",
        |status| f64::from(u8::from(status.normally_up)),
    ),
    (
        "node_service_state_last_change_timestamp_seconds",
        "Unix timestamp of the last runit service state change.",
        |status| status.changed,
    ),
];

impl Runit {
    fn new(settings: &Settings) -> Self {
        Self {
            folder: settings.text(&SERVICE_DIR).into(),
        }
    }
}

impl Collector for Runit {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let services =
            services(&self.folder).map_err(|error| CollectError::read(&self.folder, error))?;
        for (name, help, value) in FAMILIES {
            page.family(name, help, Gauge);
            for (service, status) in &services {
                let labels = [("service", service.as_str()), ("supervisor", "runit")];
                page.sample(&labels, value(status));
            }
        }
        Ok(())
    }
}

/// The services that runit runs, in order: links to their folders. One without a whole status is
/// left out.
fn services(folder: &Path) -> std::io::Result<Vec<(String, Status)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            continue;
        }
        let supervise = entry.path().join("supervise");
        let normally_up = !supervise.join("down").exists();
        let mut bytes = Vec::new();
        let file = File::open(supervise.join("status"));
        let complete = file.and_then(|file| file.take(STATUS).read_to_end(&mut bytes));
        if complete.is_ok()
            && let Some(status) = read(&bytes, normally_up)
        {
            found.push((entry.file_name().to_string_lossy().into_owned(), status));
        }
    }
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(found)
}

fn read(bytes: &[u8], normally_up: bool) -> Option<Status> {
    let (seconds, rest) = bytes.split_first_chunk::<8>()?;
    let [_, _, _, _, _, _, _, _, _, wanted, _, state] = rest.first_chunk::<12>()?;
    Some(Status {
        state: *state,
        wanted: u8::from(*wanted == b'u'),
        normally_up,
        changed: u64::from_be_bytes(*seconds).checked_sub(EPOCH)? as f64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1.7e9, process 77, wanted up, up.
    const UP: [u8; 20] = [
        0x40, 0, 0, 0, 0x65, 0x53, 0xf1, 0x0a, 0, 0, 0, 0, 77, 0, 0, 0, 0, b'u', 0, 1,
    ];

    #[test]
    fn each_linked_service_with_a_whole_status_is_told() {
        let root = tempfile::tempdir().unwrap();
        let services = root.path().join("service");
        std::fs::create_dir(&services).unwrap();
        let mut down = UP;
        down[17] = b'd';
        down[19] = 0;
        for (name, status) in [("up", &UP[..]), ("down", &down[..]), ("cut", &UP[..19])] {
            let supervise = root.path().join("sv").join(name).join("supervise");
            std::fs::create_dir_all(&supervise).unwrap();
            std::fs::write(supervise.join("status"), status).unwrap();
            std::os::unix::fs::symlink(supervise.parent().unwrap(), services.join(name)).unwrap();
        }
        std::fs::write(root.path().join("sv/down/supervise/down"), "").unwrap();
        std::fs::create_dir(services.join("folder")).unwrap();
        let mut settings = Settings::default();
        let folder = services.display().to_string();
        settings.set(&SERVICE_DIR, vec![folder]).unwrap();
        let mut page = Page::new();
        Runit::new(&settings).collect(&mut page).unwrap();
        let page = String::from_utf8(page.finish().to_vec()).unwrap();
        let lines: Vec<_> = page.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            lines,
            [
                "node_service_state{service=\"down\",supervisor=\"runit\"} 0",
                "node_service_state{service=\"up\",supervisor=\"runit\"} 1",
                "node_service_desired_state{service=\"down\",supervisor=\"runit\"} 0",
                "node_service_desired_state{service=\"up\",supervisor=\"runit\"} 1",
                "node_service_normal_state{service=\"down\",supervisor=\"runit\"} 0",
                "node_service_normal_state{service=\"up\",supervisor=\"runit\"} 1",
                "node_service_state_last_change_timestamp_seconds{service=\"down\",supervisor=\"runit\"} 1.7e+09",
                "node_service_state_last_change_timestamp_seconds{service=\"up\",supervisor=\"runit\"} 1.7e+09",
            ]
        );
    }

    #[test]
    fn a_status_that_is_cut_or_before_the_epoch_is_none() {
        for end in 0..20 {
            assert_eq!(read(&UP[..end], true), None);
        }
        assert_eq!(read(&[0; 20], true), None);
        assert!(read(&[0xff; 20], true).is_some());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_a_status_of_their_own_state_or_none(bytes: Vec<u8>) {
            let state = read(&bytes, true).map(|status| status.state);
            proptest::prop_assert!(state.is_none() || state == bytes.get(19).copied());
        }
    }
}
