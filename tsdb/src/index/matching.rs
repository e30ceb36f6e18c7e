//! Matchers to series: the product of lines and groups.
//!
//! A matcher is first tested on the distinct values of its label, among the lines and among the
//! groups; with an exact value or a list of them it is a look-up. That makes sets of lines and of
//! groups that pass or fail. Only where some lines carry a label and some groups too a line decides
//! for itself, and the lines that leave the same matchers to their group form a *class*. What passes
//! is then told per schema, as a product: these lines in these groups.
//!
//! The search starts where it is narrow: from the lines that can pass, or from the schemas of the
//! groups that can.

use std::collections::BTreeMap;
use std::sync::Arc;

use foldhash::HashMap;
use roaring::RoaringBitmap;
use watchpost_model::Matcher;

use super::filter::{Filter, gather};
use super::{GroupId, Index, Table};
use crate::LineId;

/// Series that pass: each of the lines in each of the groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Match {
    /// The schema of the groups. A group is in one match only.
    pub(crate) schema: u32,
    /// Ascending.
    pub(crate) groups: Vec<GroupId>,
    /// Ascending.
    pub(crate) lines: Arc<[LineId]>,
}

/// The series that pass all matchers.
pub(crate) fn matching(index: &impl Index, matchers: &[Matcher]) -> Vec<Match> {
    let Some(search) = Search::new(index, matchers) else {
        return Vec::new();
    };
    let mut classes = Classes::new(&search);
    let mut matches = Vec::new();
    for (schema, lines) in search.candidates(&mut classes) {
        classes.product(index, schema, &lines, &mut matches);
    }
    matches.sort_unstable_by_key(|found| found.groups.first().copied());
    matches
}

/// A matcher whose label some lines carry and some groups, too.
struct Mixed {
    /// The lines that carry the label, and pass.
    pass: RoaringBitmap,
    /// The lines that carry the label, and fail.
    fail: RoaringBitmap,
    groups: Filter,
}

impl Mixed {
    fn new(index: &impl Index, matcher: &Matcher) -> Self {
        let (mut pass, mut fail) = (RoaringBitmap::new(), RoaringBitmap::new());
        gather(index.lines(), matcher, true, &mut pass);
        gather(index.lines(), matcher, false, &mut fail);
        Self {
            pass,
            fail,
            groups: Filter::of(index.groups(), matcher),
        }
    }
}

struct Search<'a, I> {
    index: &'a I,
    lines: Filter,
    groups: Filter,
    mixed: Vec<Mixed>,
}

/// The lines that can pass, with their classes, by schema.
type Candidates = HashMap<u32, Vec<(LineId, u32)>>;

impl<'a, I: Index> Search<'a, I> {
    /// Nothing where no series can pass.
    fn new(index: &'a I, matchers: &[Matcher]) -> Option<Self> {
        let mut search = Self {
            index,
            lines: Filter::default(),
            groups: Filter::default(),
            mixed: Vec::new(),
        };
        for matcher in matchers {
            let by_lines = index.lines().has_name(matcher.name());
            let by_groups = index.groups().has_name(matcher.name());
            match (by_lines, by_groups) {
                (false, false) if matcher.matches_empty() => {}
                (false, false) => return None,
                (true, false) => search.lines.and(Filter::of(index.lines(), matcher)),
                (false, true) => search.groups.and(Filter::of(index.groups(), matcher)),
                (true, true) => search.mixed.push(Mixed::new(index, matcher)),
            }
        }
        let none = |filter: &Filter| filter.only.as_ref().is_some_and(RoaringBitmap::is_empty);
        (!none(&search.lines) && !none(&search.groups)).then_some(search)
    }

    fn candidates(&self, classes: &mut Classes<'_>) -> Candidates {
        let mut found = Candidates::default();
        let schemas = self.narrow_schemas();
        let work = |schemas: &RoaringBitmap| -> u64 {
            let lines = schemas.iter().map(|schema| self.index.schema_lines(schema));
            lines.map(|lines| lines.len() as u64).sum()
        };
        match (&self.lines.only, schemas) {
            (Some(lines), schemas) if schemas.as_ref().is_none_or(|it| lines.len() <= work(it)) => {
                self.by_lines(lines, classes, &mut found);
            }
            (_, Some(schemas)) => self.by_schemas(schemas.iter(), classes, &mut found),
            (_, None) => self.by_schemas(self.index.schemas(), classes, &mut found),
        }
        found
    }

    /// The schemas of the groups that can pass, where that is a choice of them.
    fn narrow_schemas(&self) -> Option<RoaringBitmap> {
        let groups = self.groups.only.as_ref()?;
        if groups.len() > 64 && self.lines.only.is_some() {
            return None;
        }
        let schemas = groups
            .iter()
            .filter_map(|group| self.index.schema_of(GroupId(group)));
        Some(schemas.collect())
    }

    fn by_lines(&self, lines: &RoaringBitmap, classes: &mut Classes<'_>, found: &mut Candidates) {
        for line in lines {
            if let Some(class) = self.class(line, classes) {
                let schemas = self.index.schemas_of(LineId(line));
                schemas.each(|schema| found.entry(schema).or_default().push((LineId(line), class)));
            }
        }
    }

    fn by_schemas(
        &self,
        schemas: impl Iterator<Item = u32>,
        classes: &mut Classes<'_>,
        found: &mut Candidates,
    ) {
        for schema in schemas {
            let mut lines = Vec::new();
            for line in self.index.schema_lines(schema) {
                if self
                    .lines
                    .only
                    .as_ref()
                    .is_none_or(|only| only.contains(line.0))
                    && let Some(class) = self.class(line.0, classes)
                {
                    lines.push((*line, class));
                }
            }
            lines.sort_unstable();
            found.insert(schema, lines);
        }
    }

    /// The class of a line, nothing where it fails by its own labels.
    fn class(&self, line: u32, classes: &mut Classes<'_>) -> Option<u32> {
        if self.lines.except.contains(line) {
            return None;
        }
        if self.mixed.is_empty() {
            return Some(0);
        }
        classes.left.clear();
        for (place, mixed) in self.mixed.iter().enumerate() {
            if mixed.fail.contains(line) {
                return None;
            }
            if !mixed.pass.contains(line) {
                classes.left.push(place);
            }
        }
        Some(classes.number())
    }
}

/// Classes of lines, by the matchers that they leave to their group.
struct Classes<'a> {
    mixed: &'a [Mixed],
    /// By places in `mixed`. Class 0 leaves none of them.
    known: HashMap<Vec<usize>, u32>,
    /// The groups that pass, of class 0.
    first: &'a Filter,
    /// The groups that pass, of each of the other classes.
    filters: Vec<Filter>,
    /// The class that is looked for.
    left: Vec<usize>,
}

impl<'a> Classes<'a> {
    fn new<I>(search: &'a Search<'_, I>) -> Self {
        Self {
            mixed: &search.mixed,
            known: HashMap::from_iter([(Vec::new(), 0)]),
            first: &search.groups,
            filters: Vec::new(),
            left: Vec::new(),
        }
    }

    /// The number of the class that leaves `left`.
    fn number(&mut self) -> u32 {
        if let Some(known) = self.known.get(self.left.as_slice()) {
            return *known;
        }
        let mut filter = self.first.clone();
        for place in &self.left {
            filter.and(self.mixed[*place].groups.clone());
        }
        self.filters.push(filter);
        let number = u32::try_from(self.filters.len()).unwrap_or(u32::MAX);
        self.known.insert(self.left.clone(), number);
        number
    }

    fn filter(&self, class: u32) -> &Filter {
        let place = (class as usize).checked_sub(1);
        place.map_or(self.first, |place| &self.filters[place])
    }

    /// Adds the series of a schema that pass.
    fn product(
        &self,
        index: &impl Index,
        schema: u32,
        lines: &[(LineId, u32)],
        matches: &mut Vec<Match>,
    ) {
        let Some((_, first)) = lines.first() else {
            return;
        };
        if lines.iter().all(|(_, class)| class == first) {
            let mut groups = Vec::new();
            self.filter(*first)
                .passing(&index.schema_groups(schema), &mut groups);
            if !groups.is_empty() {
                let lines = lines.iter().map(|(line, _)| *line).collect();
                matches.push(Match {
                    schema,
                    groups,
                    lines,
                });
            }
            return;
        }
        // The classes that each group passes; groups that pass the same ones are one match.
        let mut passed: BTreeMap<Vec<u32>, Vec<GroupId>> = BTreeMap::new();
        let mut present: Vec<u32> = lines.iter().map(|(_, class)| *class).collect();
        present.sort_unstable();
        present.dedup();
        index.schema_groups(schema).each(|group| {
            let passes = |class: &&u32| self.filter(**class).passes(group);
            let classes: Vec<u32> = present.iter().filter(passes).copied().collect();
            if !classes.is_empty() {
                passed.entry(classes).or_default().push(GroupId(group));
            }
        });
        for (classes, groups) in passed {
            let of = lines.iter().filter(|(_, class)| classes.contains(class));
            let lines = of.map(|(line, _)| *line).collect();
            matches.push(Match {
                schema,
                groups,
                lines,
            });
        }
    }
}
