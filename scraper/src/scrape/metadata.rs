//! What a page says of its metrics beside their samples: type, help and unit.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};

use watchpost_model::Metadata;
use watchpost_model::text::{Entry, Format, Parser};
use watchpost_tsdb::{Db, Group};

use super::cycle::Fetched;
use super::ingest::format;

/// Feeds what an entry of a page says of a metric to a hash.
pub(super) fn hash(entry: &Entry<'_>, hasher: &mut impl Hasher) {
    match entry {
        Entry::Help { name, help } => (1, name, help).hash(hasher),
        Entry::Type { name, metric_type } => (2, name, metric_type).hash(hasher),
        Entry::Unit { name, unit } => (3, name, unit).hash(hasher),
        Entry::Comment(_) | Entry::Sample(_) => {}
    }
}

/// Stores the metadata of a page. They change seldom: they are read apart when their hash is new.
pub(super) fn store(db: &Db, group: &Group, fetched: &Fetched) {
    let Ok(format) = fetched
        .page
        .as_ref()
        .map_or(Ok(Format::Text), |kind| format(kind))
    else {
        return;
    };
    let mut metrics: HashMap<String, Metadata> = HashMap::new();
    for entry in Parser::new(format, &fetched.body).flatten() {
        match entry {
            Entry::Help { name, help } => {
                metrics.entry(name.into_owned()).or_default().help = help.into_owned();
            }
            Entry::Type { name, metric_type } => {
                metrics.entry(name.into_owned()).or_default().metric_type = metric_type;
            }
            Entry::Unit { name, unit } => {
                let metadata = metrics.entry(name.into_owned()).or_default();
                unit.clone_into(&mut metadata.unit);
            }
            Entry::Comment(_) | Entry::Sample(_) => {}
        }
    }
    for (metric, metadata) in &metrics {
        db.set_metadata(group, metric, metadata);
    }
}
