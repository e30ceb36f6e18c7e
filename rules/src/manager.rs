//! All groups of rules: one task each, on the monotonic clock, at a phase of its own.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{Semaphore, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Duration, Instant, sleep_until};
use tracing::error;

use crate::environment::Environment;
use crate::file::RuleGroup;
use crate::group::Group;
use crate::notify::Event;
use crate::status::{AlertStatus, GroupStatus};

/// Evaluates groups of rules, each at its interval. A clone is another handle to the same manager.
#[derive(Clone, Debug)]
pub struct Manager {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    env: Environment,
    cells: Mutex<Vec<Arc<Cell>>>,
    /// One replacement at a time.
    replacing: Mutex<()>,
    /// Changes when `cells` does.
    changed: watch::Sender<u64>,
}

/// A group that its task and the API share.
#[derive(Debug)]
struct Cell {
    file: String,
    name: String,
    /// `None` once the group was taken out or replaced.
    group: Mutex<Option<Group>>,
    status: Mutex<Arc<GroupStatus>>,
    interval: Duration,
}

impl Manager {
    /// A manager of these groups; it evaluates nothing until it [runs](Self::run).
    pub fn new(groups: Vec<RuleGroup>, env: Environment) -> Self {
        let manager = Self {
            shared: Arc::new(Shared {
                env,
                cells: Mutex::new(Vec::new()),
                replacing: Mutex::new(()),
                changed: watch::Sender::new(0),
            }),
        };
        manager.replace(groups);
        manager
    }

    /// Takes other groups. A group that is the same goes on untouched; in a changed one, rules of
    /// the same name and labels keep their alerts; alerts of rules that are gone end.
    ///
    /// Waits for evaluations that are going on, so call it where waiting is allowed.
    pub fn replace(&self, groups: Vec<RuleGroup>) {
        let env = &self.shared.env;
        let now_ms = (env.clock)();
        let mut events = Vec::new();
        let replacing = self.shared.replacing.lock();
        let mut old = self.shared.cells.lock().clone();
        let mut cells = Vec::with_capacity(groups.len());
        for spec in groups {
            let same = |cell: &Arc<Cell>| cell.file == spec.file && cell.name == spec.name;
            let known = old.iter().position(same).map(|at| old.swap_remove(at));
            match Cell::next(known, spec, env, now_ms, &mut events) {
                Ok(cell) => cells.push(cell),
                Err(error) => error!(%error, "cannot keep the series of a group of rules"),
            }
        }
        for cell in old {
            if let Some(group) = cell.group.lock().take() {
                events.extend(group.end(env, now_ms));
            }
        }
        *self.shared.cells.lock() = cells;
        tell(env, events);
        drop(replacing);
        self.shared.changed.send_modify(|version| *version += 1);
    }

    /// Evaluates until `shutdown` is done.
    pub async fn run(&self, shutdown: impl Future<Output = ()>) {
        let mut shutdown = std::pin::pin!(shutdown);
        let mut changed = self.shared.changed.subscribe();
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let permits = Arc::new(Semaphore::new(workers));
        let mut tasks = JoinSet::new();
        let mut running: Vec<(Arc<Cell>, AbortHandle)> = Vec::new();
        loop {
            changed.mark_unchanged();
            let cells = self.shared.cells.lock().clone();
            running.retain(|(cell, task)| {
                let keep = cells.iter().any(|other| Arc::ptr_eq(cell, other));
                if !keep {
                    task.abort();
                }
                keep
            });
            for cell in cells {
                if !running.iter().any(|(other, _)| Arc::ptr_eq(&cell, other)) {
                    let task = drive(
                        Arc::clone(&cell),
                        self.shared.env.clone(),
                        Arc::clone(&permits),
                    );
                    running.push((cell, tasks.spawn(task)));
                }
            }
            tokio::select! {
                () = &mut shutdown => break,
                _ = changed.changed() => {}
            }
        }
        tasks.shutdown().await;
    }

    /// All groups at their last evaluation, in the order of the files.
    pub fn groups(&self) -> Vec<Arc<GroupStatus>> {
        let cells = self.shared.cells.lock();
        cells
            .iter()
            .map(|cell| Arc::clone(&cell.status.lock()))
            .collect()
    }

    /// All alerts that are pending or firing.
    pub fn alerts(&self) -> Vec<AlertStatus> {
        let groups = self.groups();
        let rules = groups.iter().flat_map(|group| &group.rules);
        let alerting = rules.filter_map(|rule| rule.alerting.as_ref());
        alerting.flat_map(|rule| rule.alerts.clone()).collect()
    }
}

impl Cell {
    /// The cell of a group: the known one where the group is the same.
    fn next(
        known: Option<Arc<Self>>,
        spec: RuleGroup,
        env: &Environment,
        now_ms: i64,
        events: &mut Vec<Event>,
    ) -> Result<Arc<Self>, watchpost_tsdb::Error> {
        let mut group = Group::new(spec, env)?;
        if let Some(known) = known {
            let mut place = known.group.lock();
            if place.as_ref().is_some_and(|old| old.spec() == group.spec()) {
                drop(place);
                return Ok(known);
            }
            if let Some(old) = place.take() {
                events.extend(group.resume(old, env, now_ms));
            }
        }
        Ok(Arc::new(Self {
            file: group.spec().file.clone(),
            name: group.spec().name.clone(),
            interval: group.interval().as_std(),
            status: Mutex::new(Arc::new(group.status())),
            group: Mutex::new(Some(group)),
        }))
    }

    fn evaluate(&self, env: &Environment, now_ms: i64, missed: u64) {
        let mut place = self.group.lock();
        let Some(group) = place.as_mut() else {
            return;
        };
        group.miss(missed);
        let events = group.evaluate(env, now_ms);
        *self.status.lock() = Arc::new(group.status());
        drop(place);
        tell(env, events);
    }
}

fn tell(env: &Environment, events: Vec<Event>) {
    if let Some(notifier) = &env.notifier {
        notifier.notify(events);
    }
}

/// Evaluates a group at its interval until the task is aborted.
async fn drive(cell: Arc<Cell>, env: Environment, permits: Arc<Semaphore>) {
    let now_ms = (env.clock)();
    let mut schedule = Schedule::new(
        &cell.file,
        &cell.name,
        cell.interval,
        now_ms,
        Instant::now(),
    );
    let mut missed = 0;
    loop {
        sleep_until(schedule.at).await;
        let Ok(permit) = permits.acquire().await else {
            return;
        };
        let time_ms = schedule.time_ms((env.clock)());
        let (work, env_of_work) = (Arc::clone(&cell), env.clone());
        let evaluation =
            tokio::task::spawn_blocking(move || work.evaluate(&env_of_work, time_ms, missed));
        if let Err(error) = evaluation.await {
            error!(%error, group = cell.name, "the evaluation of a group of rules broke off");
        }
        drop(permit);
        missed = schedule.advance(Instant::now());
    }
}

/// When a group is evaluated: every interval on the monotonic clock. The times that its series get
/// keep the same distance, unless the system's clock is set.
#[derive(Debug)]
struct Schedule {
    at: Instant,
    slot_ms: i64,
    interval: Duration,
    interval_ms: i64,
}

impl Schedule {
    /// The first slot: groups are spread over the interval by their names, the same at every start.
    fn new(file: &str, name: &str, interval: Duration, now_ms: i64, now: Instant) -> Self {
        let interval = interval.max(Duration::from_millis(1));
        let interval_ms = i64::try_from(interval.as_millis()).unwrap_or(i64::MAX);
        let phase = i64::try_from(hash(file, name) >> 1).unwrap_or_default() % interval_ms;
        let wait_ms = (phase - now_ms).rem_euclid(interval_ms);
        Self {
            at: now + Duration::from_millis(wait_ms.unsigned_abs()),
            slot_ms: now_ms + wait_ms,
            interval,
            interval_ms,
        }
    }

    /// The time of this evaluation: the slot's, or the clock's own where that is elsewhere.
    fn time_ms(&mut self, clock_ms: i64) -> i64 {
        let tolerance = (self.interval_ms / 2).min(1_000);
        if (clock_ms - self.slot_ms).abs() > tolerance {
            self.slot_ms = clock_ms;
        }
        self.slot_ms
    }

    /// Goes on to the next slot that is not past; tells how many were left out.
    fn advance(&mut self, now: Instant) -> u64 {
        let mut missed = 0;
        self.at += self.interval;
        self.slot_ms += self.interval_ms;
        while self.at <= now {
            self.at += self.interval;
            self.slot_ms += self.interval_ms;
            missed += 1;
        }
        missed
    }
}

/// FNV-1a, the same in every version.
fn hash(file: &str, name: &str) -> u64 {
    let bytes = file.bytes().chain([0]).chain(name.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(now_ms: i64) -> Schedule {
        Schedule::new(
            "a.yaml",
            "g",
            Duration::from_secs(10),
            now_ms,
            Instant::now(),
        )
    }

    #[tokio::test(start_paused = true)]
    async fn a_group_keeps_its_phase_over_restarts() {
        let first = schedule(1_000_000).slot_ms;
        let second = schedule(1_234_567).slot_ms;
        assert_eq!((second - first) % 10_000, 0);
        assert!((1_000_000..1_010_000).contains(&first));
    }

    #[tokio::test(start_paused = true)]
    async fn times_keep_their_distance_until_the_clock_is_set() {
        let mut schedule = schedule(0);
        let slot = schedule.slot_ms;
        assert_eq!(schedule.time_ms(slot + 7), slot);
        assert_eq!(schedule.advance(Instant::now()), 0);
        assert_eq!(schedule.time_ms(slot + 10_013), slot + 10_000);
        assert_eq!(schedule.time_ms(slot + 3_600_000), slot + 3_600_000);
        schedule.advance(Instant::now());
        assert_eq!(schedule.time_ms(slot + 3_610_002), slot + 3_610_000);
    }

    #[tokio::test(start_paused = true)]
    async fn evaluations_that_could_not_be_made_are_counted() {
        let mut schedule = schedule(0);
        let at = schedule.at;
        assert_eq!(schedule.advance(at + Duration::from_secs(35)), 3);
        assert_eq!(schedule.at, at + Duration::from_secs(40));
    }
}
