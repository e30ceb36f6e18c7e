//! Which files may decide what this host runs: those that only root, or we ourselves, can change.
//!
//! A file that nobody else can write is not enough: whoever can write its folder can put another
//! in its place. So every folder and every symbolic link on the way to it is judged too. Where all
//! of them are safe nobody else can change what is found there between the look and the use.

use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

/// Links in a row beyond this are a circle.
const MOST_LINKS: usize = 40;

/// Why a file is not trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
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
    /// A folder or a link on the way to it is not trusted.
    #[error("`{path}` on the way to it: {why}", path = path.display())]
    Way {
        /// The folder or link.
        path: PathBuf,
        /// What is wrong with it.
        why: Box<Untrusted>,
    },
    /// It cannot be looked at.
    #[error("cannot look at `{path}`: {error}", path = path.display())]
    Unseen {
        /// What cannot be looked at.
        path: PathBuf,
        /// What the system says.
        error: String,
    },
}

/// What a configuration file may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// Whether it may switch commands on: root owns it and nobody else can write it.
    pub commands: Result<(), Untrusted>,
    /// Whether it may hold their token: not everybody can read it either.
    pub token: Result<(), Untrusted>,
}

/// Reads a configuration file and says what it may do. The file that is judged is the very one
/// that is read.
pub fn read_config(path: &Path) -> io::Result<(String, Trust)> {
    let mut file = File::open(path)?;
    let mut trust = Facts::of(&file.metadata()?).trust();
    if let Err(untrusted) = check_way(path, &[ROOT]) {
        trust.commands = trust.commands.and(Err(untrusted));
    }
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok((text, trust))
}

/// Whether a program may be started: root's or our own, and nobody else can write it or put
/// another in its place.
pub(super) fn check_program(path: &Path, metadata: &Metadata) -> Result<(), Untrusted> {
    let owners = [ROOT, own_user()];
    Facts::of(metadata).check(&owners, 0o7755)?;
    check_way(path, &owners)
}

/// Whether a file may hold a token: root's or our own, and nobody else can read it or put another
/// in its place.
pub(super) fn check_secret(path: &Path, metadata: &Metadata) -> Result<(), Untrusted> {
    let owners = [ROOT, own_user()];
    Facts::of(metadata).check(&owners, 0o700)?;
    check_way(path, &owners)
}

/// Whether a file may be the audit log: root's or our own, and nobody else can write it.
pub(super) fn check_log(metadata: &Metadata) -> Result<(), Untrusted> {
    Facts::of(metadata).check(&[ROOT, own_user()], 0o755)
}

/// Whether every folder and link on the way to a file belongs to an owner, and lets nobody else
/// put anything in the place of what is there. In a folder with the sticky bit, such as `/tmp`,
/// others can add but not replace, and what they add has another owner.
fn check_way(path: &Path, owners: &[u32]) -> Result<(), Untrusted> {
    let start = std::path::absolute(path).map_err(|error| unseen(path, &error))?;
    let mut here = PathBuf::from("/");
    let mut rest = steps(&start);
    let mut links = 0;
    while let Some(step) = rest.pop() {
        if step == ".." {
            here.pop();
            continue;
        }
        check_folder(&here, owners)?;
        let next = here.join(step);
        let found = fs::symlink_metadata(&next).map_err(|error| unseen(&next, &error))?;
        if !found.is_symlink() {
            here = next;
            continue;
        }
        links += 1;
        if links > MOST_LINKS {
            return Err(unseen(&next, &rustix::io::Errno::LOOP.into()));
        }
        check_owner(&next, &found, owners)?;
        let target = fs::read_link(&next).map_err(|error| unseen(&next, &error))?;
        if target.is_absolute() {
            here = PathBuf::from("/");
        }
        rest.extend(steps(&target));
    }
    Ok(())
}

/// The steps of a path, the first one last.
fn steps(path: &Path) -> Vec<OsString> {
    path.components()
        .rev()
        .filter(|step| matches!(step, Component::Normal(_) | Component::ParentDir))
        .map(|step| step.as_os_str().to_owned())
        .collect()
}

fn check_folder(path: &Path, owners: &[u32]) -> Result<(), Untrusted> {
    let found = fs::symlink_metadata(path).map_err(|error| unseen(path, &error))?;
    check_owner(path, &found, owners)?;
    let (allowed, mode) = (0o755, found.mode() & 0o7777);
    if mode & STICKY == 0 && mode & 0o022 != 0 {
        let why = Untrusted::Mode {
            allowed,
            found: mode,
        };
        return Err(on_the_way(path, why));
    }
    Ok(())
}

fn check_owner(path: &Path, found: &Metadata, owners: &[u32]) -> Result<(), Untrusted> {
    if owners.contains(&found.uid()) {
        Ok(())
    } else {
        Err(on_the_way(path, Untrusted::Owner(found.uid())))
    }
}

fn on_the_way(path: &Path, why: Untrusted) -> Untrusted {
    Untrusted::Way {
        path: path.to_owned(),
        why: Box::new(why),
    }
}

fn unseen(path: &Path, error: &io::Error) -> Untrusted {
    Untrusted::Unseen {
        path: path.to_owned(),
        error: error.to_string(),
    }
}

const ROOT: u32 = 0;

/// In a folder with this bit only the owner of a file, or of the folder, may rename or remove it.
const STICKY: u32 = 0o1000;

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
            commands: self.check(&[ROOT], 0o755),
            token: self.check(&[ROOT], 0o750),
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
mod tests;
