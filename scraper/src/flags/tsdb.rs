//! The flags of `watchpost tsdb`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// What to do with a store.
#[derive(Clone, Debug, Subcommand)]
pub enum TsdbVerb {
    /// Tell what makes a store large: metrics and labels by their series, sizes of files.
    Analyze(AnalyzeFlags),
    /// Write samples as text: OpenMetrics, as promtool tsdb dump-openmetrics does, or CSV.
    #[command(
        about = "Write samples as text: OpenMetrics, as promtool tsdb dump-openmetrics does, or CSV"
    )]
    Dump(DumpFlags),
    /// Store samples of OpenMetrics files with times; all of a file, or nothing where it is faulty.
    #[command(
        about = "Store the samples of OpenMetrics files with times; nothing is stored where a file is faulty"
    )]
    Import(ImportFlags),
    /// Read all files and check them; the exit status is 1 where one is damaged.
    Verify(DirectoryFlags),
    /// Write all samples into a directory of their own.
    Snapshot(SnapshotFlags),
    /// Delete series, or a span of them.
    Delete(DeleteFlags),
    /// Take deleted samples out of the files.
    Clean(ServerFlags),
}

/// The flags of `tsdb analyze`.
#[derive(Args, Clone, Debug)]
pub struct AnalyzeFlags {
    /// The store's directory.
    #[arg(value_name = "DIR", default_value = "data")]
    pub directory: PathBuf,
    /// How many entries each list has.
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: usize,
}

/// Which store.
#[derive(Args, Clone, Debug)]
pub struct DirectoryFlags {
    /// The store's directory.
    #[arg(value_name = "DIR", default_value = "data")]
    pub directory: PathBuf,
}

/// The flags of `tsdb dump`.
#[derive(Args, Clone, Debug)]
pub struct DumpFlags {
    /// The store's directory.
    #[arg(value_name = "DIR", default_value = "data")]
    pub directory: PathBuf,
    /// Which series; all where it is not given, the union where it is given several times.
    #[arg(long = "match", value_name = "SELECTOR")]
    pub selectors: Vec<String>,
    /// The first time, RFC 3339 or milliseconds since 1970.
    #[arg(long, value_name = "TIME", value_parser = time, allow_hyphen_values = true)]
    pub min_time: Option<i64>,
    /// The last time.
    #[arg(long, value_name = "TIME", value_parser = time, allow_hyphen_values = true)]
    pub max_time: Option<i64>,
    /// How the samples are written.
    #[arg(
        long,
        help = "How the samples are written: openmetrics, csv",
        hide_possible_values = true,
        value_enum,
        default_value_t = DumpFormat::Openmetrics
    )]
    pub format: DumpFormat,
    /// The file to write; standard output where it is not given.
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// How samples are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DumpFormat {
    /// A line a sample, with its time.
    Openmetrics,
    /// A row a sample: metric, labels, time, value.
    Csv,
}

/// The flags of `tsdb import`.
#[derive(Args, Clone, Debug)]
pub struct ImportFlags {
    /// The files.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// The store's directory; made where there is none.
    #[arg(long = "storage.tsdb.path", value_name = "DIR", default_value = "data")]
    pub directory: PathBuf,
    /// A label to give to all series; goes before that of the file.
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = label)]
    pub labels: Vec<(String, String)>,
}

/// Which server to ask.
#[derive(Args, Clone, Debug)]
pub struct ServerFlags {
    /// The server, started with --web.enable-admin-api; http where no scheme is given.
    #[arg(long, default_value = "http://127.0.0.1:9090")]
    pub server: String,
    /// The directory of a store that no server has open, instead of a server.
    #[arg(
        long = "storage.tsdb.path",
        value_name = "DIR",
        conflicts_with = "server"
    )]
    pub directory: Option<PathBuf>,
}

/// The flags of `tsdb snapshot`.
#[derive(Args, Clone, Debug)]
pub struct SnapshotFlags {
    /// Which server to ask.
    #[command(flatten)]
    pub server: ServerFlags,
    /// Leave out what is not in a file of its own yet.
    #[arg(long)]
    pub skip_head: bool,
}

/// The flags of `tsdb delete`.
#[derive(Args, Clone, Debug)]
pub struct DeleteFlags {
    /// Which server to ask.
    #[command(flatten)]
    pub server: ServerFlags,
    /// Which series; the union where it is given several times.
    #[arg(long = "match", value_name = "SELECTOR", required = true)]
    pub selectors: Vec<String>,
    /// The first time, RFC 3339 or milliseconds since 1970; the beginning where it is not given.
    #[arg(long, value_name = "TIME", value_parser = time, allow_hyphen_values = true)]
    pub min_time: Option<i64>,
    /// The last time; the end where it is not given.
    #[arg(long, value_name = "TIME", value_parser = time, allow_hyphen_values = true)]
    pub max_time: Option<i64>,
}

/// RFC 3339, or milliseconds as promtool takes them.
fn time(text: &str) -> Result<i64, String> {
    if let Ok(ms) = text.parse() {
        return Ok(ms);
    }
    text.parse::<jiff::Timestamp>()
        .map(jiff::Timestamp::as_millisecond)
        .map_err(|_| format!("expected RFC 3339 or milliseconds since 1970, found {text}"))
}

/// `name=value`.
fn label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(format!("expected NAME=VALUE, found {text}")),
    }
}
