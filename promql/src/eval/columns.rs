//! Columns of step values straight from the store: each series is decoded, what a selector or a
//! function over a range makes of it is computed, and its samples are let go. Labels stay apart, as
//! the line's and the group's.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use watchpost_model::{absent_nan, is_absent, is_stale};
use watchpost_tsdb::{ChunkReader, Piece, Scan, TimeRange};

use super::order::Order;
use super::selector::Floats;
use super::shared::Shared;
use super::windows::{Windows, falls};
use super::{Eval, workers};
use crate::counts::SampleCounts;
use crate::error::Error;
use crate::functions::{Counter, Over, Run, risen};
use crate::parse::ast::{Call, Kind, Node, Selector, Type};
use crate::series::{Points, StepSeries};

/// What columns are made of.
pub(super) struct Input<'n> {
    selector: &'n Selector,
    /// The function, its scalar arguments, and the range it is given.
    over: Option<(&'n Over, Vec<Vec<f64>>, &'n Node)>,
    pub(super) windows: Windows,
    /// What its scalar arguments load.
    of_params: Option<SampleCounts>,
}

/// The columns of a chunk of series.
#[derive(Debug, Default)]
pub(super) struct Columns {
    /// The group and the line of each column.
    pub(super) series: Vec<(u32, u32)>,
    /// The values of all columns, one after the other.
    values: Vec<f64>,
    steps: usize,
    /// Metric names that do not look like those of counters, though counters are expected.
    odd_names: BTreeSet<Arc<str>>,
}

impl Columns {
    /// Makes room for other columns.
    fn clear(&mut self, steps: usize) {
        self.series.clear();
        self.values.clear();
        self.odd_names.clear();
        self.steps = steps;
    }

    /// The values of a column.
    pub(super) fn column(&self, place: usize) -> &[f64] {
        let start = place * self.steps;
        self.values.get(start..start + self.steps).unwrap_or(&[])
    }

    /// The columns as series with their labels, each with its place in the order of labels.
    fn series(&self, scan: &Scan, order: Option<&Order>) -> Vec<(u128, StepSeries)> {
        let columns = self.values.chunks_exact(self.steps.max(1));
        let series = self.series.iter().zip(columns);
        let series = series.filter_map(|((group, line), values)| {
            let group_labels = scan.group(*group as usize)?;
            let labels = group_labels.overlaid(scan.line(*line as usize)?, |_| true);
            let series = StepSeries {
                labels,
                drop_name: false,
                points: Points::of_marked(values.to_vec()),
            };
            Some((order.map_or(0, |order| order.key((*group, *line))), series))
        });
        series.collect()
    }
}

impl Input<'_> {
    pub(super) fn counter(&self) -> Option<Counter> {
        self.over.as_ref().and_then(|(over, ..)| over.counter)
    }

    /// Whether it is the newest samples of a selector.
    pub(super) fn is_newest(&self) -> bool {
        self.over.is_none()
    }

    /// Whether what it gives is no longer the metric it was.
    pub(super) fn drops_name(&self) -> bool {
        self.over
            .as_ref()
            .is_some_and(|(over, ..)| !over.keeps_name)
    }
}

impl Eval<'_> {
    /// What a node is made of, where it is a selector, or a function over the range of one.
    pub(super) fn input_of<'n>(&self, node: &'n Node) -> Result<Option<Input<'n>>, Error> {
        match &node.bare().kind {
            Kind::Selector(selector) if selector.extension.is_none() => {
                Ok(Some(self.input_newest(selector)))
            }
            Kind::Call(call) => match &call.function.run {
                Run::Over(over) => self.input_over(call, over),
                _ => Ok(None),
            },
            _ => Ok(None),
        }
    }

    /// The newest samples of a selector.
    pub(super) fn input_newest<'n>(&self, selector: &'n Selector) -> Input<'n> {
        let lookback = self.query.options.lookback.as_millis();
        Input {
            selector,
            over: None,
            of_params: None,
            windows: self.windows(selector.when, lookback),
        }
    }

    /// The same of a function over a range.
    pub(super) fn input_over<'n>(
        &self,
        call: &'n Call,
        over: &'n Over,
    ) -> Result<Option<Input<'n>>, Error> {
        let mut types = call.function.args.iter();
        let place = types.position(|kind| *kind == Type::Range);
        let Some(range) = place.and_then(|place| call.args.get(place)) else {
            return Ok(None);
        };
        let Kind::Range(selector, range_ms) = &range.bare().kind else {
            return Ok(None);
        };
        if selector.extension.is_some() {
            return Ok(None);
        }
        // Counted where the input is used: it may turn out that the store cannot give it.
        let counts = Mutex::new(SampleCounts::new(self.grid.count));
        let counting = self.counting(Some(&counts));
        let mut params = Vec::new();
        for arg in call.args.iter().filter(|arg| !std::ptr::eq(*arg, range)) {
            params.push(counting.scalar(arg)?);
        }
        if let Some(check) = over.check {
            check(&self.counting(None), call, &params)?;
        }
        Ok(Some(Input {
            of_params: (!params.is_empty()).then(|| counts.into_inner()),
            selector,
            over: Some((over, params, range)),
            windows: self.windows(selector.when, *range_ms),
        }))
    }

    /// The selection of an input. Nothing where the store cannot give it piece by piece.
    pub(super) fn scan(&self, input: &Input<'_>) -> Result<Option<Scan>, Error> {
        let ends = &input.windows.ends;
        let (Some(first), Some(last)) = (ends.iter().min(), ends.iter().max()) else {
            return Ok(None);
        };
        let after = first.saturating_sub(input.windows.range_ms);
        let range = TimeRange::new(after.saturating_add(1), *last);
        Ok(self.query.db.scan(range, &input.selector.matchers)?)
    }

    /// The series of an input, sorted by labels. Nothing where the store cannot give them piece by
    /// piece.
    pub(super) fn series(&self, input: &Input<'_>) -> Result<Option<Vec<StepSeries>>, Error> {
        let Some(scan) = self.scan(input)? else {
            return Ok(None);
        };
        let order = Order::new(&scan);
        let done = |columns: &mut Columns| Ok(columns.series(&scan, order.as_ref()));
        let Some(chunks) = self.columns(input, &scan, done)? else {
            return Ok(None);
        };
        let mut series: Vec<_> = chunks.into_iter().flatten().collect();
        if order.is_some() {
            series.sort_by_key(|(key, _)| *key);
        } else {
            series.sort_by(|(_, a), (_, b)| a.labels.cmp(&b.labels));
        }
        Ok(Some(series.into_iter().map(|(_, series)| series).collect()))
    }

    /// What `done` makes of the columns of each chunk, in the order of the chunks. Nothing where the
    /// selection turns out to be one that cannot be read piece by piece.
    pub(super) fn columns<T: Send>(
        &self,
        input: &Input<'_>,
        scan: &Scan,
        done: impl Fn(&mut Columns) -> Result<T, Error> + Sync,
    ) -> Result<Option<Vec<T>>, Error> {
        let held = self.query.held();
        let plain = AtomicBool::new(true);
        let odd = odd_lines(input, scan);
        let counted = if self.counts.is_some() {
            self.grid.count
        } else {
            0
        };
        let counts = Mutex::new(SampleCounts::new(counted));
        let make = || {
            (
                scan.reader(),
                Columns::default(),
                Shared::new(input, counted),
            )
        };
        let work = |(reader, columns, shared): &mut (_, Columns, _), chunk: usize| {
            if !plain.load(Ordering::Relaxed)
                || !self.chunk(shared, reader, (chunk, &odd), columns)?
            {
                plain.store(false, Ordering::Relaxed);
                return Ok(None);
            }
            if counted > 0 {
                counts.lock().merge(&shared.take_counts());
            }
            let names = std::mem::take(&mut columns.odd_names);
            Ok(Some((done(columns)?, names)))
        };
        let threads = self.query.options.threads;
        let chunks = workers::each_with(threads, scan.chunks(), make, work)?;
        let chunks: Option<Vec<_>> = chunks.into_iter().collect();
        let Some(chunks) = chunks else {
            self.query.release_to(held);
            return Ok(None);
        };
        self.count(&counts.into_inner());
        if let Some(counts) = &input.of_params {
            self.count(counts);
        }
        let (chunks, names): (Vec<T>, Vec<BTreeSet<Arc<str>>>) = chunks.into_iter().unzip();
        if let Some((_, _, range)) = &input.over {
            let names: BTreeSet<Arc<str>> = names.into_iter().flatten().collect();
            for name in names {
                self.note_counter(&name, range);
            }
        }
        Ok(Some(chunks))
    }

    /// Computes the columns of a chunk. False where it cannot be read piece by piece.
    fn chunk(
        &self,
        shared: &mut Shared<'_>,
        reader: &mut ChunkReader<'_>,
        (chunk, odd): (usize, &[Option<Arc<str>>]),
        columns: &mut Columns,
    ) -> Result<bool, Error> {
        columns.clear(self.grid.count);
        let (mut last, mut plain) = (usize::MAX, true);
        let read = reader.read(chunk, |piece| {
            if !plain {
                return Ok(());
            }
            if piece.group != last {
                self.query.check_time()?;
                last = piece.group;
            }
            self.query.room_for(piece.values.len())?;
            shared.set(piece.times);
            let before = columns.values.len();
            match self.column(shared, piece, &mut columns.values)? {
                Made::Column => {}
                Made::Nothing => {
                    columns.values.truncate(before);
                    return Ok(());
                }
                Made::Odd => {
                    plain = false;
                    return Ok(());
                }
            }
            let made = columns.values.get(before..).unwrap_or_default();
            if made.iter().all(|value| is_absent(*value)) {
                columns.values.truncate(before);
                return Ok(());
            }
            if let Some(Some(name)) = odd.get(piece.line) {
                columns.odd_names.insert(Arc::clone(name));
            }
            self.query.hold(self.grid.count)?;
            let number = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
            columns
                .series
                .push((number(piece.group), number(piece.line)));
            Ok::<(), Error>(())
        })?;
        Ok(read && plain)
    }

    /// Appends the column of a series.
    fn column(
        &self,
        shared: &mut Shared<'_>,
        piece: &Piece<'_>,
        out: &mut Vec<f64>,
    ) -> Result<Made, Error> {
        let values = piece.values;
        // Without any NaN, as nearly always, this is one pass without a branch.
        let nans = values.iter().map(|value| u64::from(value.is_nan()));
        if nans.sum::<u64>() > 0 {
            return self.with_gaps(shared, piece, out);
        }
        shared.note_whole();
        match &shared.input.over {
            None => newest(shared, piece.times, values, out),
            Some(_) => self.over(shared, piece.times, values, out)?,
        }
        Ok(Made::Column)
    }

    /// As [`column`](Self::column), of a series with marks or other NaN.
    fn with_gaps(
        &self,
        shared: &mut Shared<'_>,
        piece: &Piece<'_>,
        out: &mut Vec<f64>,
    ) -> Result<Made, Error> {
        let values = piece.values;
        if values.iter().all(|value| is_absent(*value)) {
            return Ok(Made::Nothing);
        }
        if values.iter().any(|value| is_odd(*value)) {
            return Ok(Made::Odd);
        }
        if shared.input.over.is_none() {
            let before = out.len();
            newest_with_gaps(shared, piece, out);
            shared.count_marked(out.get(before..).unwrap_or_default());
            return Ok(Made::Column);
        }
        let rows = piece.times.iter().zip(values);
        let samples = rows.filter(|(_, value)| !is_absent(**value) && !is_stale(**value));
        let (times, values): (Vec<i64>, Vec<f64>) = samples.unzip();
        if times.is_empty() {
            return Ok(Made::Nothing);
        }
        let own = Shared::of(shared.input, &times);
        shared.count_windows(&own.bounds);
        self.over(&own, &times, &values, out)?;
        Ok(Made::Column)
    }

    /// Appends what the function makes of samples.
    fn over(
        &self,
        shared: &Shared<'_>,
        times: &[i64],
        values: &[f64],
        out: &mut Vec<f64>,
    ) -> Result<(), Error> {
        let Some((over, params, _)) = &shared.input.over else {
            return Ok(());
        };
        let falls = falls(values);
        if let (Some(counter), false) = (over.counter, falls) {
            risen(values, &shared.stretches, counter == Counter::Rate, out);
            return Ok(());
        }
        let points: Points = shared.input.windows.fold(
            self.query,
            (times, values, falls),
            (&shared.bounds, params),
            |window| over.fold.value(window),
        )?;
        out.extend_from_slice(points.marked());
        Ok(())
    }
}

/// What became of a series.
enum Made {
    Column,
    /// It has no sample.
    Nothing,
    /// It is of a kind that is not computed here.
    Odd,
}

/// Whether a value is a NaN that stands for something else than a float.
fn is_odd(value: f64) -> bool {
    const QUIET: u64 = 1 << 51;
    let marked = is_absent(value) || is_stale(value);
    value.is_nan() && !marked && value.to_bits() & QUIET == 0
}

/// Appends the newest samples within the lookback.
fn newest(shared: &Shared<'_>, times: &[i64], values: &[f64], out: &mut Vec<f64>) {
    let windows = &shared.input.windows;
    let steps = shared.bounds.iter().zip(&windows.ends);
    out.extend(steps.map(|((_, to), end)| {
        let place = to.checked_sub(1);
        let row = place.and_then(|place| times.get(place).zip(values.get(place)));
        match row {
            Some((time, value)) if *time > end.saturating_sub(windows.range_ms) => *value,
            _ => absent_nan(),
        }
    }));
}

fn newest_with_gaps(shared: &Shared<'_>, piece: &Piece<'_>, out: &mut Vec<f64>) {
    let windows = &shared.input.windows;
    let floats = Floats::sparse(piece.times, piece.values);
    let steps = shared.bounds.iter().zip(&windows.ends);
    out.extend(steps.map(|((_, to), end)| {
        let found = floats.newest(*to, end.saturating_sub(windows.range_ms));
        found.map_or_else(absent_nan, |(_, value)| value)
    }));
}

/// The metric names of the lines that do not look like counters', where counters are expected.
fn odd_lines(input: &Input<'_>, scan: &Scan) -> Vec<Option<Arc<str>>> {
    if input.counter().is_none() {
        return Vec::new();
    }
    let name = |line: usize| {
        let name = scan.line(line)?.metric_name();
        (!super::call::looks_like_counter(name)).then(|| Arc::from(name))
    };
    (0..scan.line_count()).map(name).collect()
}
