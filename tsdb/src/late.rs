//! Samples that may be late, and side heads: where what a group's rows can no longer take goes.

use std::sync::Arc;

use tracing::warn;

use crate::head::{Body, Given, GroupState, Lateness, Samples};
use crate::index::Side;
use crate::store::Store;
use crate::{Appended, Error, LineId, Refusal};

/// How many side heads a group has at most: so often the clock may go back behind what it made the
/// time before, until it has caught up.
const MAX_SIDES: u32 = 8;

impl Store {
    /// Appends samples of one time to a group.
    pub(crate) fn append_samples(
        &self,
        group: &GroupState,
        (time_ms, now_ms): (i64, i64),
        samples: Samples<'_>,
    ) -> Result<Appended, Error> {
        let window = self.config.out_of_order_window.as_millis();
        let late = Lateness {
            now_ms,
            window_ms: window,
            past: false,
        };
        self.append_late(group, time_ms, samples, late)
    }

    /// Appends a sample of a single column; a refusal of it is an error.
    pub(crate) fn append_single(
        &self,
        (sample, given): ((LineId, f64), &Given),
        time_ms: i64,
        now_ms: i64,
    ) -> Result<Appended, Error> {
        let group = self.single(sample.0)?;
        let appended = self.append_samples(&group, (time_ms, now_ms), (&[sample], given))?;
        if appended.conflicts > 0 {
            return Err(Error::Refused(Refusal::Duplicate));
        }
        if appended.marks > 0 {
            return Err(Error::Refused(Refusal::AbsentMark));
        }
        if appended.refused > 0 {
            return Err(Error::Refused(Refusal::SeriesLimit));
        }
        if appended.out_of_order > 0 {
            return Err(Error::Refused(Refusal::OutOfOrder));
        }
        if appended.too_old > 0 {
            return Err(Error::Refused(Refusal::TooOld));
        }
        Ok(appended)
    }

    /// Appends past samples of one time to a group.
    pub(crate) fn append_past(
        &self,
        group: &GroupState,
        (time_ms, now_ms): (i64, i64),
        samples: Samples<'_>,
    ) -> Result<Appended, Error> {
        let late = Lateness {
            now_ms,
            window_ms: 0,
            past: true,
        };
        self.append_late(group, time_ms, samples, late)
    }

    /// Appends samples of one time to a group, and what its rows can no longer take to its sides.
    pub(crate) fn append_late(
        &self,
        group: &GroupState,
        time_ms: i64,
        (samples, given): Samples<'_>,
        late: Lateness,
    ) -> Result<Appended, Error> {
        self.check_time(time_ms, late.now_ms, samples.len())?;
        let mut aside = Vec::new();
        let mut appended = self.write(group, (time_ms, samples.len()), |body, at, new| {
            Ok(body.append_samples(at, ((samples, given), late), new, &mut aside))
        })?;
        if aside.is_empty() {
            return Ok(appended);
        }
        let Some(side) = self.side_for(group, time_ms)? else {
            self.counters.refuse(Refusal::OutOfOrder, aside.len());
            appended.out_of_order += aside.len();
            return Ok(appended);
        };
        self.count_side_row();
        let aside = aside.iter().filter_map(|place| samples.get(*place));
        let aside: Vec<_> = aside.copied().collect();
        let late = Lateness { past: true, ..late };
        let mut left = Vec::new();
        let of_side = self.write(&side, (time_ms, aside.len()), |body, at, new| {
            Ok(body.append_samples(at, ((&aside, given), late), new, &mut left))
        })?;
        self.counters.refuse(Refusal::OutOfOrder, left.len());
        appended.out_of_order += left.len();
        appended.add(&of_side);
        Ok(appended)
    }

    /// The first side of a group whose rows of a time are open.
    fn side_for(&self, group: &GroupState, time_ms: i64) -> Result<Option<Arc<GroupState>>, Error> {
        let of = group.side.map_or(group.id, |side| side.of);
        for number in 1..=MAX_SIDES {
            let known = self.groups.read().find_side(Side { of, number }).cloned();
            let side = match known {
                Some(side) => side,
                None => self.groups.write().intern_side(group, number)?,
            };
            let closed = side.body.lock().closed_until();
            if closed.is_none_or(|closed| closed < time_ms) {
                return Ok(Some(side));
            }
        }
        Ok(None)
    }

    /// Ends all series of a group.
    pub(crate) fn end_group(
        &self,
        group: &GroupState,
        time_ms: i64,
        now_ms: i64,
    ) -> Result<Appended, Error> {
        self.check_time(time_ms, now_ms, 1)?;
        let side = self.side(group, (time_ms, now_ms), Body::newest_row)?;
        let group = side.as_deref().unwrap_or(group);
        self.write(group, (time_ms, 1), |body, at, _| body.end(at))
    }

    /// The side head that takes what is of a time where the group has rows later than now, and so
    /// would refuse it: nothing where the group can have it itself. `newest` tells up to when a
    /// group takes nothing. Readers find the rows of both as one series.
    pub(crate) fn side(
        &self,
        group: &GroupState,
        (time_ms, now_ms): (i64, i64),
        newest: fn(&Body) -> Option<i64>,
    ) -> Result<Option<Arc<GroupState>>, Error> {
        let ahead = |group: &GroupState| {
            let newest = newest(&group.body.lock());
            newest.is_some_and(|newest| newest > now_ms && newest > time_ms)
        };
        if !ahead(group) {
            return Ok(None);
        }
        let mut found = None;
        for number in 1..=MAX_SIDES {
            let side = Side {
                of: group.id,
                number,
            };
            let known = self.groups.read().find_side(side).map(Arc::clone);
            let side = match known {
                Some(side) => side,
                None => self.groups.write().intern_side(group, number)?,
            };
            let fits = !ahead(&side);
            found = Some(side);
            if fits {
                break;
            }
        }
        self.count_side_row();
        Ok(found)
    }

    fn count_side_row(&self) {
        if self.counters.count_side_row() == 0 {
            warn!("rows come that are older than others of their group: they are kept beside them");
        }
    }
}
