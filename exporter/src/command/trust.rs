//! Which files may decide what this host runs: those that only root, or we ourselves, can change.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Why a file is not trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Untrusted {
    /// A folder, a pipe, a device.
    #[error("expected a regular file")]
    NotAFile,
    /// Its owner could change it.
    #[error("expected a file of root's, found one of user {0}'s")]
    Owner(u32),
    /// Others could change or read it.
    #[error("expected at most mode {allowed:04o}, found {found:04o}")]
    Mode {
        /// The widest mode that is trusted.
        allowed: u32,
        /// The file's mode.
        found: u32,
    },
}

/// What a configuration file may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trust {
    /// Whether it may switch commands on: root owns it and nobody else can write it.
    pub commands: Result<(), Untrusted>,
    /// Whether it may hold their token: not everybody can read it either.
    pub token: Result<(), Untrusted>,
}

impl Trust {
    /// Judges a file.
    pub fn of(metadata: &Metadata) -> Self {
        Facts::of(metadata).trust()
    }
}

/// Reads a configuration file and says what it may do. The file that is judged is the very one
/// that is read.
pub fn read_config(path: &Path) -> io::Result<(String, Trust)> {
    let mut file = File::open(path)?;
    let trust = Trust::of(&file.metadata()?);
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok((text, trust))
}

/// Whether a program may be started: root's or our own, and nobody else can write it.
pub(super) fn check_program(metadata: &Metadata) -> Result<(), Untrusted> {
    Facts::of(metadata).check(&[0, own_user()], 0o7755)
}

/// Whether a file may hold a token: root's or our own, and nobody else can read it.
pub(super) fn check_secret(metadata: &Metadata) -> Result<(), Untrusted> {
    Facts::of(metadata).check(&[0, own_user()], 0o700)
}

fn own_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// What is judged of a file.
#[derive(Clone, Copy, Debug)]
struct Facts {
    is_file: bool,
    owner: u32,
    mode: u32,
}

impl Facts {
    fn of(metadata: &Metadata) -> Self {
        Self {
            is_file: metadata.is_file(),
            owner: metadata.uid(),
            mode: metadata.mode() & 0o7777,
        }
    }

    fn trust(self) -> Trust {
        Trust {
            commands: self.check(&[0], 0o755),
            token: self.check(&[0], 0o750),
        }
    }

    fn check(self, owners: &[u32], allowed: u32) -> Result<(), Untrusted> {
        if !self.is_file {
            return Err(Untrusted::NotAFile);
        }
        if !owners.contains(&self.owner) {
            return Err(Untrusted::Owner(self.owner));
        }
        if self.mode & !allowed != 0 {
            let found = self.mode;
            return Err(Untrusted::Mode { allowed, found });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn a_config_that_others_can_write_is_read_but_not_trusted() {
        use std::os::unix::fs::PermissionsExt;
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "a: 1").unwrap();
        let mode = std::fs::Permissions::from_mode(0o666);
        std::fs::set_permissions(file.path(), mode).unwrap();
        let (text, trust) = read_config(file.path()).unwrap();
        assert_eq!(text, "a: 1");
        assert!(trust.commands.is_err());
    }
}
