//! Reads expressions, each a JSON string on a line of its own, and writes for each a JSON object
//! with `error`, or with `format` and `ast`: what `/api/v1/format_query` and `parse_query` answer.
//! With `--features` the whole language is read, else only its stable part.

use std::io::{BufRead as _, Write as _};

use watchpost_promql::{Features, parse_with};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let all = std::env::args().any(|arg| arg == "--features");
    let features = if all {
        Features::ALL
    } else {
        Features::default()
    };
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let text: String = serde_json::from_str(&line?)?;
        let told = match parse_with(&text, features) {
            Ok(expr) => {
                let ast: serde_json::Value = serde_json::from_str(&expr.ast_json())?;
                serde_json::json!({ "format": expr.format(), "ast": ast })
            }
            Err(error) => serde_json::json!({ "error": error.to_string() }),
        };
        writeln!(out, "{told}")?;
    }
    Ok(())
}
