//! Properties of objects.

use super::Value;
use super::message::{Answer, Call};

const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// The call that asks an object for a property, which is named by its interface and its name.
pub(crate) fn get<'a>(destination: &'a str, path: &'a str, property: &'a [&'a str; 2]) -> Call<'a> {
    Call {
        destination,
        path,
        interface: PROPERTIES,
        method: "Get",
        arguments: property,
    }
}

/// The value that was answered; nothing where there is none.
pub(crate) fn value(answer: Answer) -> Option<Value> {
    answer.ok()?.value().ok()
}

/// The text that was answered; nothing where there is none.
pub(crate) fn text(answer: Answer) -> Option<String> {
    value(answer)?.text()
}

/// The number that was answered; nothing where there is none.
pub(crate) fn number(answer: Answer) -> Option<u64> {
    value(answer)?.unsigned()
}
