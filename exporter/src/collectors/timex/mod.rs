//! How well the kernel's clock is synchronized, `adjtimex(2)`.

mod call;

use std::ffi::c_int;
use std::io;

use watchpost_model::MetricType::{self, Counter, Gauge};
use watchpost_model::text::Page;

use super::{CollectError, Collector, Definition};
use call::Timex;

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "timex",
    help: "How well the clock is synchronized.",
    default_on: true,
    flags: &[],
    new: |_| Box::new(Clock),
};

/// `TIME_ERROR`, the state of a clock that is not synchronized.
const UNSYNCHRONIZED: c_int = 5;

/// `STA_NANO`: offset and jitter are nanoseconds and not microseconds.
const NANOSECONDS: c_int = 0x2000;

const MICRO: f64 = 1e6;
const NANO: f64 = 1e9;

/// Frequencies are parts per million with 16 binary places.
const FREQUENCY: f64 = MICRO * 65_536.0;

/// What the kernel says, and the clock's state.
struct Reading {
    timex: Timex,
    state: c_int,
}

impl Reading {
    /// How many of the unit of offset and jitter are a second.
    fn per_second(&self) -> f64 {
        if self.timex.status & NANOSECONDS == 0 {
            MICRO
        } else {
            NANO
        }
    }
}

/// Name, help and type of a family, and its value.
type Family = (&'static str, &'static str, MetricType, fn(&Reading) -> f64);

const FAMILIES: [Family; 17] = [
    (
        "node_timex_estimated_error_seconds",
        "Estimated error in seconds.",
        Gauge,
        |now| now.timex.esterror as f64 / MICRO,
    ),
    (
        "node_timex_frequency_adjustment_ratio",
        "Local clock frequency adjustment.",
        Gauge,
        |now| 1.0 + now.timex.freq as f64 / FREQUENCY,
    ),
    (
        "node_timex_loop_time_constant",
        "Phase-locked loop time constant.",
        Gauge,
        |now| now.timex.constant as f64,
    ),
    (
        "node_timex_maxerror_seconds",
        "Maximum error in seconds.",
        Gauge,
        |now| now.timex.maxerror as f64 / MICRO,
    ),
    (
        "node_timex_offset_seconds",
        "Time offset in between local system and reference clock.",
        Gauge,
        |now| now.timex.offset as f64 / now.per_second(),
    ),
    (
        "node_timex_pps_calibration_total",
        "Pulse per second count of calibration intervals.",
        Counter,
        |now| now.timex.calcnt as f64,
    ),
    (
        "node_timex_pps_error_total",
        "Pulse per second count of calibration errors.",
        Counter,
        |now| now.timex.errcnt as f64,
    ),
    (
        "node_timex_pps_frequency_hertz",
        "Pulse per second frequency.",
        Gauge,
        |now| now.timex.ppsfreq as f64 / FREQUENCY,
    ),
    (
        "node_timex_pps_jitter_seconds",
        "Pulse per second jitter.",
        Gauge,
        |now| now.timex.jitter as f64 / now.per_second(),
    ),
    (
        "node_timex_pps_jitter_total",
        "Pulse per second count of jitter limit exceeded events.",
        Counter,
        |now| now.timex.jitcnt as f64,
    ),
    (
        "node_timex_pps_shift_seconds",
        "Pulse per second interval duration.",
        Gauge,
        |now| f64::from(now.timex.shift),
    ),
    (
        "node_timex_pps_stability_exceeded_total",
        "Pulse per second count of stability limit exceeded events.",
        Counter,
        |now| now.timex.stbcnt as f64,
    ),
    (
        "node_timex_pps_stability_hertz",
        "Pulse per second stability, average of recent frequency changes.",
        Gauge,
        |now| now.timex.stabil as f64 / FREQUENCY,
    ),
    (
        "node_timex_status",
        "Value of the status array bits.",
        Gauge,
        |now| f64::from(now.timex.status),
    ),
    (
        "node_timex_sync_status",
        "Is clock synchronized to a reliable server (1 = yes, 0 = no).",
        Gauge,
        |now| f64::from(u8::from(now.state != UNSYNCHRONIZED)),
    ),
    (
        "node_timex_tai_offset_seconds",
        "International Atomic Time (TAI) offset.",
        Gauge,
        |now| f64::from(now.timex.tai),
    ),
    (
        "node_timex_tick_seconds",
        "Seconds between clock ticks.",
        Gauge,
        |now| now.timex.tick as f64 / MICRO,
    ),
];

struct Clock;

impl Collector for Clock {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let (timex, state) = call::read().map_err(|error| fault(&error))?;
        write(&Reading { timex, state }, page);
        Ok(())
    }
}

/// Some sandboxes forbid the call.
fn fault(error: &io::Error) -> CollectError {
    match error.kind() {
        io::ErrorKind::PermissionDenied => CollectError::NoData("adjtimex(2) is not allowed here"),
        _ => CollectError::Call(format!("adjtimex(2): {error}")),
    }
}

fn write(reading: &Reading, page: &mut Page) {
    for (name, help, metric_type, value) in FAMILIES {
        page.family(name, help, metric_type);
        page.series("").value(value(reading));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(timex: Timex, state: c_int) -> Vec<String> {
        let mut page = Page::new();
        write(&Reading { timex, state }, &mut page);
        let text = String::from_utf8(page.finish().to_vec()).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines.map(str::to_owned).collect()
    }

    fn offset(status: c_int) -> String {
        let timex = Timex {
            offset: -1_500,
            jitter: 7,
            status,
            ..call::nothing()
        };
        values(timex, 0)[4].clone()
    }

    #[test]
    fn offset_and_jitter_are_in_the_unit_that_the_status_says() {
        assert_eq!(offset(1), "node_timex_offset_seconds -0.0015");
        assert_eq!(
            offset(NANOSECONDS | 1),
            "node_timex_offset_seconds -1.5e-06"
        );
    }

    #[test]
    fn figures_are_in_base_units() {
        let timex = Timex {
            freq: -65_536_000,
            maxerror: 16_000_000,
            esterror: 250,
            status: 64,
            constant: 7,
            tick: 10_000,
            tai: 37,
            jitcnt: 3,
            ..call::nothing()
        };
        let values = values(timex, UNSYNCHRONIZED);
        assert_eq!(values.len(), FAMILIES.len());
        for line in [
            "node_timex_estimated_error_seconds 0.00025",
            "node_timex_frequency_adjustment_ratio 0.999",
            "node_timex_loop_time_constant 7",
            "node_timex_maxerror_seconds 16",
            "node_timex_pps_jitter_total 3",
            "node_timex_status 64",
            "node_timex_sync_status 0",
            "node_timex_tai_offset_seconds 37",
            "node_timex_tick_seconds 0.01",
        ] {
            assert!(values.iter().any(|value| value == line), "{line}");
        }
    }

    #[test]
    fn the_kernels_own_figures_are_plausible() {
        let (timex, state) = match call::read() {
            Ok(reading) => reading,
            // A sandbox.
            Err(error) => return assert!(matches!(fault(&error), CollectError::NoData(_))),
        };
        assert!((0..=UNSYNCHRONIZED).contains(&state));
        // A tick is a hundredth of a second, within a tenth of that.
        assert!((9_000..=11_000).contains(&timex.tick), "{timex:?}");
        assert!((0..100).contains(&timex.tai), "{timex:?}");
    }

    #[test]
    fn a_call_that_is_forbidden_is_no_failure() {
        let forbidden = io::Error::from_raw_os_error(1);
        assert!(matches!(fault(&forbidden), CollectError::NoData(_)));
        let other = fault(&io::Error::from_raw_os_error(14));
        assert!(other.to_string().starts_with("adjtimex(2): "));
    }
}
