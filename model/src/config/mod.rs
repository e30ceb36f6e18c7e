//! Configuration files: YAML as Go programs read it, with every fault found in one go.
//!
//! A part of the program describes its section as a plain serde struct (`Default`,
//! `deny_unknown_fields`) and checks what types cannot say in [`Validate::validate`]. [`load`]
//! reads a file into it and reports all faults together, each with file, line and key.

mod fault;
mod secret;
mod size;
mod yaml;

pub use fault::{Fault, Faults};
pub use secret::Secret;
pub use size::ByteSize;
pub use yaml::{load, load_checked};

/// What the types of a section cannot say.
pub trait Validate {
    /// Adds a fault for each value that is not allowed.
    fn validate(&self, faults: &mut Faults);
}
