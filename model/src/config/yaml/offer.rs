//! Which keys are offered in place of an unknown one: those that a section takes.
//!
//! serde names all keys that a section knows, also those that are always refused (`this key is not
//! supported yet`). Each is tried once, in the unknown key's place.

use serde::de::DeserializeOwned;

use super::failure::{Failure, What};
use super::node::Node;
use super::path::Step;
use super::read::Reader;

/// How the fault of a key that is never taken begins.
const REFUSED: &str = "this key";

/// What was found for the sections so far, so that each is tried once.
#[derive(Debug, Default)]
pub(super) struct Offers(Vec<(&'static [&'static str], Vec<&'static str>)>);

impl Offers {
    /// Leaves what is taken of the keys that the fault of an unknown key offers.
    pub(super) fn narrow<T: DeserializeOwned>(&mut self, failure: &mut Failure, root: &Node) {
        let (Some(path), What::UnknownKey { known, offered, .. }) =
            (&failure.path, &mut failure.what)
        else {
            return;
        };
        let found = self.0.iter().find(|(have, _)| std::ptr::eq(*have, *known));
        if let Some((_, taken)) = found {
            offered.clone_from(taken);
        } else {
            offered.retain(|key| is_taken::<T>(root, path, key));
            self.0.push((known, offered.clone()));
        }
    }
}

fn is_taken<T: DeserializeOwned>(root: &Node, path: &[Step], key: &str) -> bool {
    let Some(trial) = root.with_text_at(path, key) else {
        return true;
    };
    match T::deserialize(Reader::new(&trial)) {
        Err(failure) => !failure.to_string().starts_with(REFUSED),
        Ok(_) => true,
    }
}
