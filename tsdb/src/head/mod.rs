//! The head: groups, and their rows that are in no segment yet.
//!
//! A group is series that are written together and share their times: one time column, and one value
//! column a series. Its newest rows are open (row by row, as they came); older ones are in finished
//! blocks, column by column, that never change and that readers share. Blocks are in head files, or
//! in memory while these cannot be written. A group's lock is held while a row is appended and while
//! a reader copies the open rows it needs.

mod append;
mod block;
mod body;
mod cache;
mod drop;
mod files;
mod given;
mod open;
mod read;
mod replay;
mod samples;
mod scan;
mod seal;
mod slots;
mod states;
mod sweep;
mod tile;
mod undo;

use std::sync::Arc;

use parking_lot::Mutex;
use watchpost_model::{Histogram, Labels};

pub(crate) use self::append::{Accepted, Columns};
pub(crate) use self::block::HeadBlock;
pub(crate) use self::body::{At, Body, Change};
pub(crate) use self::cache::BlockCache;
pub(crate) use self::files::HeadFiles;
pub(crate) use self::given::{Given, Samples};
pub(crate) use self::open::{Changes, OpenRows, RowKey, WORD};
pub(crate) use self::read::Snapshot;
pub(crate) use self::samples::Lateness;
pub(crate) use self::scan::scan;
pub(crate) use self::seal::BlockTarget;
pub(crate) use self::slots::{NO_SLOT, Slots};
pub(crate) use self::sweep::Sweep;
use crate::Error;
use crate::index::{GroupId, Side};
use crate::store::Store;

/// The id of a line's label set, the same in all groups of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LineId(pub(crate) u32);

/// A list of lines in page order. Equal lists of a store are one allocation, so a comparison of
/// pointers tells whether a page has the shape it had before.
#[derive(Clone, Debug)]
pub struct Layout(pub(crate) Arc<LayoutLines>);

/// What a layout is made of.
#[derive(Debug)]
pub(crate) struct LayoutLines {
    pub(crate) lines: Box<[LineId]>,
    /// The places whose line stands earlier in the list.
    pub(crate) repeated: Box<[usize]>,
}

impl Layout {
    /// The lines.
    pub fn lines(&self) -> &[LineId] {
        &self.0.lines
    }

    /// Whether the line at a place stands earlier in the list.
    pub(crate) fn is_repeated(&self, place: usize) -> bool {
        self.0.repeated.binary_search(&place).is_ok()
    }

    /// Whether two layouts of one store are the same list.
    pub fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// One row: the values of a whole page at one time.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// The time, ms since the epoch.
    pub time_ms: i64,
    /// Which line each value is of. A line that stands twice counts once: the first wins.
    pub layout: &'a Layout,
    /// One value a line.
    pub values: &'a [f64],
}

/// What came of an append.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Appended {
    /// Samples accepted, those that were already there with the same value included.
    pub samples: usize,
    /// Series seen for the first time.
    pub new_series: usize,
    /// Series that ended with this row (got a stale marker).
    pub ended: usize,
    /// Lines that stood twice on the page.
    pub duplicates: usize,
    /// New series refused: by a limit, or because their line is forgotten.
    pub refused: usize,
    /// Of these, the series whose line is forgotten: nobody had asked for it, and no group or layout
    /// had it, for a while. Ask for the line anew ([`Db::line`](crate::Db::line)).
    pub forgotten: usize,
    /// Samples refused because the series has another value at this time.
    pub conflicts: usize,
    /// Samples refused because their value is the mark of a missing value.
    pub marks: usize,
    /// Samples refused because their series has a newer one.
    pub out_of_order: usize,
    /// Samples refused because their series has one that is newer by more than the out-of-order
    /// window.
    pub too_old: usize,
}

impl Appended {
    /// Adds what became of other samples of the same call.
    pub(crate) fn add(&mut self, other: &Self) {
        self.samples += other.samples;
        self.new_series += other.new_series;
        self.ended += other.ended;
        self.duplicates += other.duplicates;
        self.refused += other.refused;
        self.forgotten += other.forgotten;
        self.conflicts += other.conflicts;
        self.marks += other.marks;
        self.out_of_order += other.out_of_order;
        self.too_old += other.too_old;
    }
}

/// A handle to a group. Appends of one group are serialized by the handle's lock; different groups
/// do not wait for each other.
#[derive(Clone, Debug)]
pub struct Group {
    pub(crate) store: Arc<Store>,
    pub(crate) state: Arc<GroupState>,
}

impl Group {
    /// The group's labels.
    pub fn labels(&self) -> &Labels {
        &self.state.labels
    }

    /// Appends a page. Series of the group that came by a page before and are not in this row's
    /// layout get a stale marker at this time; series that came by [`append_samples`] are left alone.
    ///
    /// Pages come in order of time: one that is older than the group's newest page is refused, and
    /// so is another one at the same time, unless it says the same. While the group has pages later
    /// than `now_ms` (the clock was ahead and went back), those that come go to a side head.
    ///
    /// [`append_samples`]: Self::append_samples
    pub fn append(&self, row: Row<'_>, now_ms: i64) -> Result<Appended, Error> {
        self.append_with(row, &[], now_ms)
    }

    /// As [`append`](Self::append); a value that is the mark of a place
    /// ([`histogram_mark`](watchpost_model::histogram::histogram_mark)) stands for the native
    /// histogram there. One that makes no sense, or is too large, fails all of the row.
    pub fn append_with(
        &self,
        row: Row<'_>,
        histograms: &[Histogram],
        now_ms: i64,
    ) -> Result<Appended, Error> {
        let given = Given::new(histograms)?;
        self.store.append_row(&self.state, (row, &given), now_ms)
    }

    /// Ends all series of the group at a time: each gets a stale marker.
    pub fn end(&self, time_ms: i64, now_ms: i64) -> Result<Appended, Error> {
        self.store.end_group(&self.state, time_ms, now_ms)
    }

    /// Appends samples of some of the group's series, all of one time: they fill what a row that is
    /// already there lacks, or make a new one; no series ends by it, but a stale marker among the
    /// values ends its series. A whole row in one call is the cheapest.
    ///
    /// What is there stays: the same value again is accepted, another one is refused and counted
    /// as a conflict. Order is judged series by series: a sample that is newer than its series' newest
    /// is taken whatever the group has; an older one has to lie in the out-of-order window.
    pub fn append_samples(
        &self,
        time_ms: i64,
        samples: &[(LineId, f64)],
        now_ms: i64,
    ) -> Result<Appended, Error> {
        self.append_samples_with(time_ms, (samples, &[]), now_ms)
    }

    /// As [`append_samples`](Self::append_samples), with native histograms as in
    /// [`append_with`](Self::append_with).
    pub fn append_samples_with(
        &self,
        time_ms: i64,
        (samples, histograms): (&[(LineId, f64)], &[Histogram]),
        now_ms: i64,
    ) -> Result<Appended, Error> {
        let given = Given::new(histograms)?;
        self.store
            .append_samples(&self.state, (time_ms, now_ms), (samples, &given))
    }

    /// Appends past samples, as an import has them: those that are older than their series' newest are
    /// taken, too, whatever the out-of-order window says.
    pub fn append_past(
        &self,
        time_ms: i64,
        samples: &[(LineId, f64)],
        now_ms: i64,
    ) -> Result<Appended, Error> {
        self.append_past_with(time_ms, (samples, &[]), now_ms)
    }

    /// As [`append_past`](Self::append_past), with native histograms as in
    /// [`append_with`](Self::append_with).
    pub fn append_past_with(
        &self,
        time_ms: i64,
        (samples, histograms): (&[(LineId, f64)], &[Histogram]),
        now_ms: i64,
    ) -> Result<Appended, Error> {
        let given = Given::new(histograms)?;
        self.store
            .append_past(&self.state, (time_ms, now_ms), (samples, &given))
    }
}

/// A group as the store has it.
#[derive(Debug)]
pub(crate) struct GroupState {
    pub(crate) id: GroupId,
    pub(crate) labels: Labels,
    /// The line, where the group is a single column.
    pub(crate) single: Option<LineId>,
    /// Of which group it is a side head, where it is one.
    pub(crate) side: Option<Side>,
    pub(crate) body: Mutex<Body>,
}

impl GroupState {
    /// A group without rows.
    pub(crate) fn new(
        id: GroupId,
        labels: Labels,
        single: Option<LineId>,
        side: Option<Side>,
    ) -> Self {
        Self {
            id,
            labels,
            single,
            side,
            body: Mutex::default(),
        }
    }
}
