//! `watchpost`: flags, then one of the verbs, then the exit code.

use std::process::ExitCode;

use clap::Parser;
use watchpost_exporter::logging;
use watchpost_scraper::cmd;
use watchpost_scraper::flags::{Flags, Verb};

fn main() -> ExitCode {
    let flags = Flags::parse();
    logging::start(flags.log.level, flags.log.format);
    cmd::prepare();
    let result = match flags.verb {
        None => cmd::run::run(&flags.run),
        Some(Verb::Run(run)) => cmd::run::run(&run),
        Some(Verb::Check(verb)) => cmd::check::run(&verb),
        Some(Verb::Query(verb)) => cmd::query::run(&verb),
        Some(Verb::Tsdb(verb)) => cmd::tsdb::run(&verb),
        Some(Verb::Command(verb)) => cmd::command::run(&verb),
    };
    cmd::exit_code(result)
}
