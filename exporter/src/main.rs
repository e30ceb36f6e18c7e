//! `watchpost-exporter`: serves the numbers of this host.

use std::io::Write as _;
use std::process::ExitCode;

use watchpost_exporter::error::{Error, chain};
use watchpost_exporter::flags::Flags;
use watchpost_exporter::{flags, logging, serve};

/// Something went wrong at run time.
const FAILED: u8 = 1;
/// The command line is wrong.
const USAGE: u8 = 2;
/// The configuration is wrong.
const BAD_CONFIG: u8 = 64;

fn main() -> ExitCode {
    let flags = match read_flags() {
        Ok(flags) => flags,
        Err(code) => return code,
    };
    let result = flags.and_then(|flags| {
        logging::start(flags.log_level, flags.log_format);
        serve(flags)
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let text = chain(&error);
            if writeln!(std::io::stderr(), "watchpost-exporter: {text}").is_err() {
                return ExitCode::from(FAILED);
            }
            ExitCode::from(match error {
                Error::Flag(_) | Error::Address(_) | Error::TelemetryPath(_) => USAGE,
                Error::ReadConfig { .. } | Error::Config(_) | Error::Web(_) => BAD_CONFIG,
                Error::Socket(_)
                | Error::NoProcfs(_)
                | Error::Listen { .. }
                | Error::Taken(_)
                | Error::Start(_) => FAILED,
            })
        }
    }
}

/// What the command line says, without what it took to read it; or how the program ends where it
/// asks for help, or for what there is not.
fn read_flags() -> Result<Result<Flags, Error>, ExitCode> {
    match flags::command().try_get_matches() {
        Ok(matches) => Ok(flags::read(&matches)),
        Err(error) => {
            let error = flags::explain(error);
            let shown = error.print();
            let usage = error.use_stderr() || shown.is_err();
            Err(ExitCode::from(if usage { USAGE } else { 0 }))
        }
    }
}
