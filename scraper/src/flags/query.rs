//! The flags of `watchpost query`.

use clap::{Args, Subcommand, ValueEnum};

/// What to ask.
#[derive(Clone, Debug, Subcommand)]
pub enum QueryVerb {
    /// The value of an expression at one time.
    Instant(InstantFlags),
    /// The values of an expression over a span of time.
    Range(RangeFlags),
    /// The label sets of series.
    Series(SeriesFlags),
    /// The names of labels, or the values of one of them.
    Labels(LabelsFlags),
    /// Write an expression in its usual form, without asking a server.
    Format(FormatFlags),
}

/// Which server to ask, and how the answer is written.
#[derive(Args, Clone, Debug)]
pub struct AskFlags {
    /// The server to ask; http where no scheme is given.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9090")]
    pub server: String,
    /// How the answer is written.
    #[arg(
        long,
        help = "How the answer is written: table (for people), csv, json (as it is)",
        value_name = "FORMAT",
        hide_possible_values = true,
        value_enum,
        default_value_t = OutputFormat::Table
    )]
    pub format: OutputFormat,
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// For people.
    Table,
    /// For spreadsheets and scripts.
    Csv,
    /// The server's answer as it is.
    Json,
}

/// The flags of `query instant`.
#[derive(Args, Clone, Debug)]
pub struct InstantFlags {
    /// The expression.
    #[arg(help = "The expression, in PromQL")]
    pub expr: String,
    /// The time, RFC 3339 or Unix seconds; now where it is not given.
    #[arg(long)]
    pub time: Option<String>,
    /// Which server to ask, and how the answer is written.
    #[command(flatten)]
    pub ask: AskFlags,
}

/// The flags of `query range`.
#[derive(Args, Clone, Debug)]
pub struct RangeFlags {
    /// The expression.
    #[arg(help = "The expression, in PromQL")]
    pub expr: String,
    /// The first time, RFC 3339 or Unix seconds; an hour before the last where it is not given.
    #[arg(long, value_name = "TIME")]
    pub start: Option<String>,
    /// The last time, RFC 3339 or Unix seconds; now where it is not given.
    #[arg(long, value_name = "TIME")]
    pub end: Option<String>,
    /// The distance between two steps, such as 15s; 250 steps where it is not given.
    #[arg(long, value_name = "DURATION")]
    pub step: Option<String>,
    /// Which server to ask, and how the answer is written.
    #[command(flatten)]
    pub ask: AskFlags,
}

/// The flags of `query series`.
#[derive(Args, Clone, Debug)]
pub struct SeriesFlags {
    /// Which series; the union where several are given.
    #[arg(value_name = "SELECTOR", required = true)]
    pub selectors: Vec<String>,
    /// Which span, and how many.
    #[command(flatten)]
    pub span: SpanFlags,
    /// Which server to ask, and how the answer is written.
    #[command(flatten)]
    pub ask: AskFlags,
}

/// The flags of `query labels`.
#[derive(Args, Clone, Debug)]
pub struct LabelsFlags {
    /// The label whose values are asked for; the names of all labels where it is not given.
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Of which series; the union where it is given several times.
    #[arg(long = "match", value_name = "SELECTOR")]
    pub selectors: Vec<String>,
    /// Which span, and how many.
    #[command(flatten)]
    pub span: SpanFlags,
    /// Which server to ask, and how the answer is written.
    #[command(flatten)]
    pub ask: AskFlags,
}

/// Which span of time, and how many results.
#[derive(Args, Clone, Debug)]
pub struct SpanFlags {
    /// The first time, RFC 3339 or Unix seconds; the beginning where it is not given.
    #[arg(long, value_name = "TIME")]
    pub start: Option<String>,
    /// The last time; the end where it is not given.
    #[arg(long, value_name = "TIME")]
    pub end: Option<String>,
    /// The most results.
    #[arg(long, value_name = "N")]
    pub limit: Option<u32>,
}

/// The flags of `query format`.
#[derive(Args, Clone, Debug)]
pub struct FormatFlags {
    /// The expression.
    #[arg(help = "The expression, in PromQL")]
    pub expr: String,
}
