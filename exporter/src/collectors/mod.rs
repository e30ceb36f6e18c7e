//! Where the numbers come from: one source a file, one line a source in [`ALL`].

use std::path::PathBuf;

use watchpost_model::text::Page;

/// Where the host's files are, so that a container or a test can look elsewhere.
#[derive(Clone, Debug)]
pub struct Paths {
    /// `/proc`
    pub procfs: PathBuf,
    /// `/sys`
    pub sysfs: PathBuf,
    /// `/`, the prefix of mount points
    pub rootfs: PathBuf,
}

/// Why a collector has no numbers.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// The host does not have the source (no battery, no GPU): nothing is wrong.
    #[error("no data: {0}")]
    NoData(&'static str),
    /// A file could not be read.
    #[error("cannot read `{path}`", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file's text is not what it should be.
    #[error("`{path}`: expected {expected}, found `{found}`", path = path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// What should be there.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// A library or system call failed.
    #[error("{0}")]
    Call(String),
}

/// A source of numbers.
pub trait Collector: Send {
    /// Writes the source's families as they are now. On an error what was written so far stands.
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError>;
}

/// A line of the table.
pub struct Definition {
    /// The name, as in `--collector.NAME`.
    pub name: &'static str,
    /// One sentence for `--help`.
    pub help: &'static str,
    /// Whether it runs unless told otherwise, as in node_exporter.
    pub default_on: bool,
    /// Makes one.
    pub new: fn(&Settings) -> Box<dyn Collector>,
}

/// What the user said about the collectors.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the host's files are.
    pub paths: Paths,
}

/// All collectors, by name.
pub const ALL: &[Definition] = &[];
