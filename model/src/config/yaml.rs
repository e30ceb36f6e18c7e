//! YAML as Go programs read it.

use serde::de::DeserializeOwned;

use super::{Faults, Validate};

/// Reads a file's text into a section and checks it; all faults together.
pub fn load<T: DeserializeOwned + Validate>(file: &str, text: &str) -> Result<T, Faults> {
    let mut faults = Faults::new(file);
    match serde_yaml::from_str::<T>(text) {
        Ok(value) => {
            value.validate(&mut faults);
            faults.into_result(value)
        }
        Err(error) => {
            faults.add("", &error);
            Err(faults)
        }
    }
}
