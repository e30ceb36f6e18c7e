//! Definitions: what the numbers in a file stand for. Each file stands on its own, so what a record
//! uses is defined in the file before it.
//!
//! ```text
//! 1 line      id | labels | count, name*          the names it removes from the group's
//! 2 group     id | 0 | labels                     a shared one; its rows start anew
//!             id | 1 | line                       a single column
//!             id | 2 | labels | number            a side head of a shared one
//!             id | 3 | line | number              a side head of a single column
//! 3 schema    id | base | line*                   up to the end of the record
//! 4 columns   group | schema                      which line each column of the group is
//! labels    = count, (name, value)*
//! ```
//!
//! `base` is 0, or one more than the id of a schema that the list begins with.

use std::sync::Arc;

use foldhash::{HashMap, HashSet};
use parking_lot::RwLock;

use super::bytes::put_number;
use super::record::{Kind, put, put_group, put_line};
use crate::LineId;
use crate::head::GroupState;
use crate::index::{Lines, Schema};

/// What a file defines.
#[derive(Debug, Default)]
pub(crate) struct Defined {
    /// A bit a line.
    lines: Vec<u64>,
    /// The schemas by their place in memory, which is theirs while they are held here.
    schemas: HashMap<usize, u32>,
    held: Vec<Arc<Schema>>,
    groups: HashSet<u32>,
}

impl Defined {
    /// Appends the definition of a group, whether the file has one or not: its rows start anew.
    pub(crate) fn group_anew(
        &mut self,
        group: &GroupState,
        lines: &RwLock<Lines>,
        out: &mut Vec<u8>,
    ) -> bool {
        self.define_lines(group.single.as_slice(), lines, out);
        put_group(out, group)
    }

    /// Appends the definition of a group where the file has none.
    pub(crate) fn group(
        &mut self,
        group: &GroupState,
        lines: &RwLock<Lines>,
        out: &mut Vec<u8>,
    ) -> bool {
        if !self.groups.insert(group.id.0) {
            return true;
        }
        self.group_anew(group, lines, out)
    }

    /// Appends the definition of a schema where the file has none; `before` is one that it may begin
    /// with. Gives its number.
    pub(crate) fn schema(
        &mut self,
        (schema, before): (&Arc<Schema>, Option<&Arc<Schema>>),
        lines: &RwLock<Lines>,
        out: &mut Vec<u8>,
    ) -> (u32, bool) {
        if let Some(number) = self.schemas.get(&address(schema)) {
            return (*number, true);
        }
        let base = before.and_then(|before| {
            let number = *self.schemas.get(&address(before))?;
            let begins = schema.lines().starts_with(before.lines());
            begins.then_some((number, before.len()))
        });
        let number = u32::try_from(self.held.len()).unwrap_or(u32::MAX);
        let own = schema.lines().get(base.map_or(0, |(_, length)| length)..);
        let own = own.unwrap_or_default();
        self.define_lines(own, lines, out);
        let fits = put(out, Kind::Schema, |out| {
            put_number(out, number.into());
            put_number(out, base.map_or(0, |(number, _)| u64::from(number) + 1));
            for line in own {
                put_number(out, line.0.into());
            }
        });
        self.schemas.insert(address(schema), number);
        self.held.push(Arc::clone(schema));
        (number, fits)
    }

    fn define_lines(&mut self, used: &[LineId], lines: &RwLock<Lines>, out: &mut Vec<u8>) {
        if used.is_empty() {
            return;
        }
        let lines = lines.read();
        for id in used {
            // A line that is forgotten is not defined: the reader leaves its column out.
            let Some(line) = lines.get(*id) else { continue };
            let (word, bit) = (id.0 as usize / 64, 1 << (id.0 % 64));
            if self.lines.len() <= word {
                self.lines.resize(word + 1, 0);
            }
            if self.lines[word] & bit == 0 {
                self.lines[word] |= bit;
                put_line(out, *id, line);
            }
        }
    }
}

/// What a schema is known by. It is compared, never followed.
fn address(schema: &Arc<Schema>) -> usize {
    Arc::as_ptr(schema).addr()
}
