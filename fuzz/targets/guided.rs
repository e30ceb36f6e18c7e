//! A target under libFuzzer, which looks for inputs that reach new code. `WATCHPOST_FUZZ_TARGET` names it.

#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use watchpost_fuzz::{Target, target};

static TARGET: OnceLock<Target> = OnceLock::new();

fuzz_target!(|data: &[u8]| {
    let run = TARGET.get_or_init(|| {
        let name = std::env::var("WATCHPOST_FUZZ_TARGET").unwrap_or_default();
        target(&name).unwrap_or_else(|| panic!("no target `{name}`"))
    });
    run(data);
});
