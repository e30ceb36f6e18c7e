//! The groups of a store.

use std::sync::Arc;

use foldhash::HashMap;
use watchpost_model::Labels;

use super::postings::Postings;
use super::schemas::{Schema, Schemas};
use crate::head::GroupState;
use crate::{Error, LineId};

/// The number of a group; numbers are not used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct GroupId(pub(crate) u32);

/// Which group's side head a group is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Side {
    pub(crate) of: GroupId,
    /// From 1.
    pub(crate) number: u32,
}

/// All groups of a store.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    all: HashMap<GroupId, Known>,
    schemas: Schemas,
    shared: HashMap<Labels, GroupId>,
    singles: HashMap<LineId, GroupId>,
    sides: HashMap<Side, GroupId>,
    postings: Postings,
    next: u32,
}

#[derive(Debug)]
struct Known {
    state: Arc<GroupState>,
    /// The number of its schema, where it has columns.
    schema: Option<u32>,
}

impl Groups {
    /// The group with these labels, where there is one.
    pub(crate) fn find(&self, labels: &Labels) -> Option<&Arc<GroupState>> {
        self.shared.get(labels).and_then(|id| self.get(*id))
    }

    /// The single column of a line, where there is one.
    pub(crate) fn find_single(&self, line: LineId) -> Option<&Arc<GroupState>> {
        self.singles.get(&line).and_then(|id| self.get(*id))
    }

    /// The group with these labels, new or known.
    pub(crate) fn intern(&mut self, labels: &Labels) -> Result<Arc<GroupState>, Error> {
        if let Some(group) = self.find(labels) {
            return Ok(Arc::clone(group));
        }
        let group = self.add(labels.clone(), None, None)?;
        self.shared.insert(labels.clone(), group.id);
        Ok(group)
    }

    /// The single column of a line, new or known.
    pub(crate) fn intern_single(&mut self, line: LineId) -> Result<Arc<GroupState>, Error> {
        if let Some(group) = self.find_single(line) {
            return Ok(Arc::clone(group));
        }
        let group = self.add(Labels::empty(), Some(line), None)?;
        self.singles.insert(line, group.id);
        Ok(group)
    }

    /// A side head of a group, where there is one.
    pub(crate) fn find_side(&self, side: Side) -> Option<&Arc<GroupState>> {
        self.sides.get(&side).and_then(|id| self.get(*id))
    }

    /// A side head of a group, new or known: another group with the same labels.
    pub(crate) fn intern_side(
        &mut self,
        group: &GroupState,
        number: u32,
    ) -> Result<Arc<GroupState>, Error> {
        let side = Side {
            of: group.id,
            number,
        };
        if let Some(known) = self.find_side(side) {
            return Ok(Arc::clone(known));
        }
        let added = self.add(group.labels.clone(), group.single, Some(side))?;
        self.sides.insert(side, added.id);
        Ok(added)
    }

    fn add(
        &mut self,
        labels: Labels,
        single: Option<LineId>,
        side: Option<Side>,
    ) -> Result<Arc<GroupState>, Error> {
        let id = GroupId(self.next);
        self.next = self.next.checked_add(1).ok_or(Error::Full("groups"))?;
        let group = Arc::new(GroupState::new(id, labels, single, side));
        for (name, value) in &group.labels {
            self.postings.add(name, value, id.0);
        }
        let known = Known {
            state: Arc::clone(&group),
            schema: None,
        };
        self.all.insert(id, known);
        Ok(group)
    }

    /// A group by its number.
    pub(crate) fn get(&self, id: GroupId) -> Option<&Arc<GroupState>> {
        self.all.get(&id).map(|known| &known.state)
    }

    /// The schemas of all groups.
    pub(crate) fn schemas(&self) -> &Schemas {
        &self.schemas
    }

    /// The schemas of all groups, to make new ones.
    pub(crate) fn schemas_mut(&mut self) -> &mut Schemas {
        &mut self.schemas
    }

    #[cfg(test)]
    /// The schema of a group, nothing where it has no columns.
    pub(crate) fn schema(&self, group: GroupId) -> Option<&Arc<Schema>> {
        self.schemas.get(self.schema_number(group)?)
    }

    /// The number of a group's schema.
    pub(crate) fn schema_number(&self, group: GroupId) -> Option<u32> {
        self.all.get(&group)?.schema
    }

    /// Has the index know the columns of a group: its series are found from now on.
    pub(crate) fn set_schema(&mut self, group: GroupId, schema: &Arc<Schema>) {
        let Some(known) = self.all.get_mut(&group) else {
            return;
        };
        if let Some(number) = known.schema
            && self.schemas.lengthen(number, schema)
        {
            return;
        }
        let new = (schema.len() > 0).then(|| self.schemas.attach(schema, group));
        let old = std::mem::replace(&mut known.schema, new);
        if let Some(old) = old
            && Some(old) != new
        {
            self.schemas.detach(old, group);
        }
    }

    /// All groups, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<GroupState>> {
        self.all.values().map(|known| &known.state)
    }

    /// The postings of the groups' labels.
    pub(crate) fn postings(&self) -> &Postings {
        &self.postings
    }

    /// Forgets the groups that are empty and that nobody outside holds.
    pub(crate) fn prune(&mut self, is_empty: impl Fn(&GroupState) -> bool) {
        let (shared, singles, postings) = (&mut self.shared, &mut self.singles, &mut self.postings);
        let (sides, schemas) = (&mut self.sides, &mut self.schemas);
        self.all.retain(|id, known| {
            let group = &known.state;
            if Arc::strong_count(group) > 1 || !is_empty(group) {
                return true;
            }
            match (group.side, group.single) {
                (Some(side), _) => drop(sides.remove(&side)),
                (None, Some(line)) => drop(singles.remove(&line)),
                (None, None) => drop(shared.remove(&group.labels)),
            }
            for (name, value) in &group.labels {
                postings.remove(name, value, id.0);
            }
            if let Some(schema) = known.schema {
                schemas.detach(schema, *id);
            }
            false
        });
    }
}
