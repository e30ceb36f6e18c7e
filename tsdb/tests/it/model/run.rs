//! One history: each operation on the store, and what the oracle makes of it.

use tempfile::{TempDir, tempdir};
use watchpost_model::{Duration, Labels, is_stale};
use watchpost_tsdb::{Appended, Config, Db, Error, Group, LineId, TimeRange};

use super::oracle::{Cell, Cells, Offer, Oracle, State};
use super::step::{Query, Setting, Step, Values};
use super::world::{GROUPS, LINES, SINGLES, World, group_labels, is_twin, line_labels};
use crate::histograms::{append_samples, append_single};
use crate::support::{self, open_unsynced};

const START: i64 = 10_000_000_000;
const MAX_FUTURE: i64 = 600_000;

pub(super) struct Run {
    setting: Setting,
    world: World,
    directory: TempDir,
    db: Option<Db>,
    oracle: Oracle,
    now: i64,
}

impl Run {
    pub(super) fn new(setting: &Setting) -> Self {
        let directory = tempdir().unwrap();
        let mut run = Self {
            setting: setting.clone(),
            world: World::new(),
            directory,
            db: None,
            oracle: Oracle::new(),
            now: START,
        };
        run.db = Some(open_unsynced(run.config()));
        run
    }

    fn config(&self) -> Config {
        let seconds = |seconds: i64| Duration::from_secs(u64::try_from(seconds).unwrap());
        Config {
            retention: seconds(self.setting.retention),
            window: seconds(self.setting.window),
            out_of_order_window: seconds(self.setting.out_of_order),
            log_file_size: self.setting.log_file_size,
            max_series: self.setting.max_series,
            ..support::config(self.directory.path())
        }
    }

    fn db(&self) -> &Db {
        self.db.as_ref().unwrap()
    }

    fn group(&self, group: usize) -> Group {
        self.db().group(&group_labels(group)).unwrap()
    }

    fn with_lines(&self, values: &[(usize, f64)]) -> Vec<(LineId, f64)> {
        let ids = values.iter().map(|(line, value)| {
            let (labels, removed) = line_labels(*line);
            (self.db().line(&labels, removed).unwrap(), *value)
        });
        ids.collect()
    }

    pub(super) fn step(&mut self, step: &Step) {
        match step {
            Step::Page {
                group,
                after,
                values,
            } => {
                self.now += after;
                self.page(*group, values);
            }
            Step::Pages {
                group,
                count,
                each,
                lines,
                seed,
            } => self.pages(*group, (*count, *each), lines, *seed),
            Step::Part {
                group,
                offset,
                values,
            } => {
                let newest = self.oracle.newest_of_group(*group).unwrap_or(self.now);
                self.part(*group, newest + offset, values);
            }
            Step::Single {
                line,
                offset,
                value,
            } => self.single(*line, self.now + offset, *value),
            Step::OutOfBounds {
                group,
                ahead,
                values,
            } => self.out_of_bounds(*group, *ahead, values),
            Step::End { group, after } => {
                self.now += after;
                self.end(*group);
            }
            Step::Clock(by) => self.now = START.max(self.now + by),
            Step::Maintain => self.maintain(),
            Step::Delete(query) => self.delete(query),
            Step::CleanTombstones => {
                self.db().clean_tombstones().unwrap();
                self.check_all();
            }
            Step::MoveToSnapshot => self.move_to_snapshot(),
            Step::Restart => self.restart(),
            Step::Kill => self.kill(),
            Step::Ask(query) => self.check(query),
        }
    }

    /// Whether the store has to take what is in order at this time.
    fn takes(&self, time: i64) -> bool {
        let oldest = self.now - self.setting.retention * 1_000;
        self.setting.max_series == 0 && (oldest..=self.now + MAX_FUTURE).contains(&time)
    }

    /// Follows what came of an operation.
    fn settle(&mut self, offers: &[Offer], result: &Result<Appended, Error>) {
        let Some(first) = offers.iter().map(|offer| offer.cell.0).min() else {
            return;
        };
        let last = offers.iter().map(|offer| offer.cell.0).max().unwrap();
        let range = TimeRange::new(first, last);
        let found = self.found(range);
        match result {
            Ok(appended) => {
                let refused = appended.refused
                    + appended.conflicts
                    + appended.marks
                    + appended.out_of_order
                    + appended.too_old;
                self.oracle.observe(range, &found, offers, refused);
            }
            Err(Error::Refused(refusal)) => {
                let must = offers.iter().find(|offer| offer.must);
                assert!(must.is_none(), "refused ({refusal}): {must:?}");
                self.oracle.observe(range, &found, &[], 0);
            }
            Err(error) => panic!("{error:?}"),
        }
    }

    fn found(&self, range: TimeRange) -> Cells {
        let selection = self.db().select(range, &[]).unwrap();
        let series = selection.series.iter().flat_map(|series| {
            let place = self.world.find(&series.labels);
            let samples = support::samples(series, range);
            samples
                .into_iter()
                .map(move |(time, bits)| ((time, place), bits))
        });
        series.collect()
    }

    fn page(&mut self, group: usize, values: &Values) {
        let time = self.now;
        let in_order = self
            .oracle
            .newest_of_group(group)
            .is_none_or(|newest| time > newest);
        if !in_order {
            self.oracle.take_aside(group);
        }
        let page = first_of_each(values);
        let must = in_order && self.takes(time);
        let mut offers = self.offers(group, time, &page, |_| must);
        let given: Vec<_> = page.iter().map(|(line, _)| *line).collect();
        let ending: &[State] = if must { &[State::OnPage] } else { &[] };
        if !must {
            self.oracle.unsettle(group);
        }
        let ends = self
            .oracle
            .ends(group, ending, &given, |line| self.cell(group, line, time));
        offers.extend(ends);
        let result = support::append_at(
            self.db(),
            &self.group(group),
            time,
            &self.with_lines(values),
            self.now,
        );
        self.settle(&offers, &result);
        if result.is_err() {
            return;
        }
        self.note_page(group, time, &page, must);
    }

    /// Notes how the series of a group stand after a page at a time.
    fn note_page(&mut self, group: usize, time: i64, page: &[(usize, f64)], in_order: bool) {
        for line in 0..LINES {
            let given = page.iter().find(|(have, _)| *have == line);
            let before = self.oracle.state(group, line);
            let state = match (given, before) {
                (Some(_), _) if !in_order => State::Unknown,
                (Some((_, value)), _) if is_stale(*value) => State::Ended,
                (Some(_), _) => State::OnPage,
                (None, State::OnPage) => State::Ended,
                (None, state) => state,
            };
            self.oracle.set_state(group, line, state);
            if given.is_some() || matches!(before, State::OnPage | State::Unknown) {
                self.oracle.note_time(group, line, time);
            }
        }
    }

    fn pages(&mut self, group: usize, (count, each): (u16, i64), lines: &[usize], seed: u32) {
        let values = |row: u16| -> Values {
            let value = |line: usize| match line % 4 {
                0 => f64::from(seed % 100),
                1 => f64::from(seed % 1_000 + u32::from(row) * 17),
                2 => f64::from((seed ^ (u32::from(row) * 7_919)) % 10_007) / 100.0,
                _ => f64::from(seed.wrapping_mul(u32::from(row) + 1)).sqrt(),
            };
            lines.iter().map(|line| (*line, value(*line))).collect()
        };
        self.now += each;
        let newest = self.oracle.newest_of_group(group);
        let in_order = newest.is_none_or(|newest| newest < self.now);
        self.page(group, &values(0));
        if !in_order || self.setting.max_series > 0 {
            return;
        }
        let (mut offers, mut sum) = (Vec::new(), Appended::default());
        for row in 1..count {
            self.now += each;
            let values = values(row);
            let page = first_of_each(&values);
            offers.extend(self.offers(group, self.now, &page, |_| true));
            let page = self.with_lines(&values);
            let group = self.group(group);
            let appended = support::append_at(self.db(), &group, self.now, &page, self.now);
            sum.conflicts += appended.unwrap().conflicts;
        }
        self.settle(&offers, &Ok(sum));
        for line in lines {
            self.oracle.note_time(group, *line, self.now);
        }
    }

    fn part(&mut self, group: usize, time: i64, values: &Values) {
        let part = first_of_each(values);
        // What is older than other rows of the group may stand beside it, and is not ended with it.
        let beside = self.oracle.newest_of_group(group) >= Some(time);
        let must = |line: usize| {
            let newest = self.oracle.newest(group, line);
            let open = self.oracle.is_open(group, time);
            open && self.takes(time) && newest.is_none_or(|newest| time > newest)
        };
        let offers = self.offers(group, time, &part, must);
        let states: Vec<_> = part
            .iter()
            .map(|(line, value)| match must(*line) {
                _ if beside => State::Unknown,
                _ if self.oracle.state(group, *line) == State::Unknown => State::Unknown,
                true if is_stale(*value) => State::Ended,
                true => State::InParts,
                false => State::Unknown,
            })
            .collect();
        let part_lines = self.with_lines(values);
        let result = append_samples(&self.group(group), time, &part_lines, self.now);
        self.settle(&offers, &result);
        if result.is_ok() {
            for ((line, _), state) in part.iter().zip(states) {
                self.oracle.set_state(group, *line, state);
                self.oracle.note_time(group, *line, time);
            }
        }
    }

    fn single(&mut self, line: usize, time: i64, value: f64) {
        // Lines with equal final labels are one single column.
        let series = self.world.series_of(SINGLES, line);
        let newest = (0..LINES).filter(|line| self.world.series_of(SINGLES, *line) == series);
        let newest = newest.filter_map(|line| self.oracle.newest(SINGLES, line));
        let in_order = newest.max().is_none_or(|newest| time > newest);
        let offer = Offer {
            cell: (time, series),
            bits: value.to_bits(),
            must: in_order && self.takes(time),
            given: true,
            fills: false,
        };
        let labels = self.world.labels(series);
        let result = append_single(self.db(), labels, time, value, self.now);
        self.settle(&[offer], &result);
        if result.is_ok() {
            self.oracle.note_time(SINGLES, line, time);
        }
    }

    fn out_of_bounds(&mut self, group: usize, ahead: bool, values: &Values) {
        let time = if ahead {
            self.now + MAX_FUTURE + 1
        } else {
            self.now - self.setting.retention * 1_000 - 1
        };
        let lines = self.with_lines(values);
        let target = self.group(group);
        let page = support::append_at(self.db(), &target, time, &lines, self.now);
        assert!(matches!(page, Err(Error::Refused(_))), "{page:?}");
        let part = append_samples(&target, time, &lines, self.now);
        assert!(matches!(part, Err(Error::Refused(_))), "{part:?}");
        let offers = self.offers(group, time, &first_of_each(values), |_| false);
        self.settle(&offers, &part);
    }

    fn end(&mut self, group: usize) {
        let newest = self.oracle.newest_of_group(group);
        let in_order = newest.is_none_or(|newest| self.now > newest);
        let ending: &[State] = if in_order && self.takes(self.now) {
            &[State::OnPage, State::InParts]
        } else {
            self.oracle.take_aside(group);
            &[]
        };
        let now = self.now;
        let offers = self
            .oracle
            .ends(group, ending, &[], |line| self.cell(group, line, now));
        let result = self.group(group).end(now, now);
        self.settle(&offers, &result);
        if result.is_ok() {
            for line in 0..LINES {
                if self.oracle.state(group, line) != State::Ended {
                    self.oracle.note_time(group, line, now);
                }
                if in_order {
                    self.oracle.set_state(group, line, State::Ended);
                }
            }
        }
    }

    fn cell(&self, group: usize, line: usize, time: i64) -> Cell {
        (time, self.world.series_of(group, line))
    }

    fn offers(
        &self,
        group: usize,
        time: i64,
        values: &[(usize, f64)],
        must: impl Fn(usize) -> bool,
    ) -> Vec<Offer> {
        let offers = values.iter().map(|(line, value)| Offer {
            cell: self.cell(group, *line, time),
            bits: value.to_bits(),
            must: must(*line),
            given: true,
            fills: is_twin(group, *line) || self.oracle.newest_of_group(group) >= Some(time),
        });
        offers.collect()
    }

    fn maintain(&mut self) {
        self.db().maintain(self.now).unwrap();
        self.oracle.note_seal();
        let cutoff = self.now - self.setting.retention * 1_000;
        self.oracle.floor = self.oracle.floor.max(cutoff);
        for group in 0..GROUPS {
            let newest = self.oracle.newest_of_group(group);
            let window = self.setting.window * 1_000;
            // Once all that a group has is sealed, how its series stand is forgotten.
            if newest.is_some_and(|newest| newest.div_euclid(window) < self.now.div_euclid(window))
            {
                self.oracle.unsettle(group);
            }
            // What is forgotten now may be in the log yet, and end after a restart.
            if newest.is_some_and(|newest| newest < self.oracle.floor) {
                self.oracle.take_aside(group);
            }
        }
        self.check_all();
    }

    pub(super) fn restart(&mut self) {
        self.db = None;
        self.db = Some(open_unsynced(self.config()));
        self.oracle.unsettle_all();
        self.oracle.note_seal();
        self.check_all();
    }

    /// What a kill leaves is the directory as it stands.
    fn kill(&mut self) {
        let copy = tempdir().unwrap();
        support::copy_directory(self.directory.path(), copy.path());
        self.db = None;
        self.directory = copy;
        self.restart();
    }

    fn delete(&mut self, query: &Query) {
        let range = self.range(query);
        self.db().delete(range, &query.matchers).unwrap();
        let passing = (0..self.world.len()).filter(|series| self.passes(query, *series));
        let passing = passing.collect();
        self.oracle.delete(range, passing);
        self.check_all();
    }

    /// What a snapshot has is all that there is.
    fn move_to_snapshot(&mut self) {
        let copy = tempdir().unwrap();
        let path = copy.path().join("snapshot");
        self.db().snapshot(&path, true).unwrap();
        self.check_all();
        self.db = None;
        let directory = tempdir().unwrap();
        support::copy_directory(&path, directory.path());
        self.directory = directory;
        self.restart();
    }

    pub(super) fn check_all(&mut self) {
        let found = self.found(TimeRange::ALL);
        self.oracle.observe(TimeRange::ALL, &found, &[], 0);
        assert_eq!(self.db().stats().damaged_records, 0);
        assert_eq!(self.db().stats().quarantined_files, 0);
    }

    fn range(&self, query: &Query) -> TimeRange {
        let from = (self.now - query.back).max(self.oracle.floor);
        TimeRange::new(from, from + query.length)
    }

    fn passes(&self, query: &Query, series: usize) -> bool {
        let labels = self.world.labels(series);
        let mut matchers = query.matchers.iter();
        matchers.all(|matcher| matcher.matches(labels.get(matcher.name())))
    }

    /// Asks in every way, where the store has all that it took.
    pub(super) fn check(&self, query: &Query) {
        let range = self.range(query);
        let mut expected = vec![Vec::new(); self.world.len()];
        for ((time, series), bits) in self.oracle.within(range) {
            if self.passes(query, series) {
                expected[series].push((time, bits));
            }
        }
        let labels: Vec<&Labels> = (0..self.world.len())
            .filter(|series| !expected[*series].is_empty())
            .map(|series| self.world.labels(series))
            .collect();
        let expected: support::Dump = (0..self.world.len())
            .filter(|series| !expected[*series].is_empty())
            .map(|series| {
                (
                    self.world.labels(series).to_string(),
                    expected[series].clone(),
                )
            })
            .collect();
        let db = self.db();
        if let Some(scanned) = support::scan(db, range, &query.matchers) {
            assert_eq!(scanned, expected);
        }
        assert_eq!(support::select(db, range, &query.matchers), expected);
        let series = db.series(range, &query.matchers).unwrap();
        assert_eq!(series.iter().collect::<Vec<_>>(), labels);
        let mut names: Vec<_> = labels.iter().flat_map(|labels| labels.iter()).collect();
        names.sort_unstable();
        names.dedup();
        for name in ["__name__", "instance", "job", "zone", "none"] {
            let values = names.iter().filter(|(have, _)| *have == name);
            let values: Vec<_> = values.map(|(_, value)| *value).collect();
            let found = db.label_values(name, range, &query.matchers).unwrap();
            assert_eq!(found, values);
        }
        let mut names: Vec<_> = names.into_iter().map(|(name, _)| name).collect();
        names.dedup();
        assert_eq!(db.label_names(range, &query.matchers).unwrap(), names);
    }
}

fn first_of_each(values: &[(usize, f64)]) -> Vec<(usize, f64)> {
    let places = values.iter().enumerate();
    places
        .filter(|(place, (line, _))| values[..*place].iter().all(|(have, _)| have != line))
        .map(|(_, pair)| *pair)
        .collect()
}
