//! Which family a sensor's element belongs to, and its unit. Names and help as in `node_exporter`.

use std::borrow::Cow;

use watchpost_model::MetricType;

use super::chip::{Sensors, clean};

/// A family of the page.
#[derive(Clone, Debug)]
pub(super) struct Family {
    /// Its help.
    pub(super) help: Cow<'static, str>,
    /// Its kind.
    pub(super) metric_type: MetricType,
}

/// A family's name and the family.
pub(super) type Named = (Cow<'static, str>, Family);

/// What drivers call the chips.
pub(super) const CHIP_NAMES: Named = gauge(
    "node_hwmon_chip_names",
    "Annotation metric for human-readable chip names",
);

/// What drivers call the sensors.
pub(super) const SENSOR_LABEL: Named =
    gauge("node_hwmon_sensor_label", "Label for given chip and sensor");

const fn gauge(name: &'static str, help: &'static str) -> Named {
    let help = Cow::Borrowed(help);
    let metric_type = MetricType::Gauge;
    (Cow::Borrowed(name), Family { help, metric_type })
}

/// The family of an element and its value in the family's unit; none for what is no number.
pub(super) fn of(kind: &str, element: &str, text: &str, all: &Sensors) -> Option<(Named, f64)> {
    match kind {
        "beep_enable" => {
            let value = if text == "1" { 1.0 } else { 0.0 };
            let family = gauge("node_hwmon_beep_enabled", "Hardware beep enabled");
            return (element.is_empty()).then_some((family, value));
        }
        "vrm" => {
            let family = gauge(
                "node_hwmon_voltage_regulator_version",
                "Hardware voltage regulator",
            );
            return element.is_empty().then_some((family, number(text)?));
        }
        "update_interval" => {
            let family = gauge(
                "node_hwmon_update_interval_seconds",
                "Hardware monitor update interval",
            );
            return element
                .is_empty()
                .then_some((family, number(text)? * MILLI));
        }
        _ => {}
    }
    if element == "label" {
        return None;
    }
    let value = number(text)?;
    let base = match element {
        "" => format!("node_hwmon_{kind}"),
        // The input is the value itself, unless the sensor has a plain value as well.
        "input" if !all.contains_key("") => format!("node_hwmon_{kind}"),
        element => format!("node_hwmon_{kind}_{}", clean(element)),
    };
    // A frequency is named by its label; without one it has no series.
    if (kind, element) == ("freq", "input") && !all.contains_key("label") {
        return None;
    }
    let (suffix, scale, help) = unit(kind, element);
    let metric_type = match suffix {
        "_joule_total" => MetricType::Counter,
        _ => MetricType::Gauge,
    };
    let help = help.into();
    let family = Family { help, metric_type };
    Some((
        (format!("{base}{suffix}").into(), family),
        scale.apply(value),
    ))
}

const MILLI: f64 = 0.001;
const MILLION: f64 = 1_000_000.0;

/// From the kernel's unit to the family's, in the very operations of `node_exporter`, so that the
/// last digits agree.
#[derive(Clone, Copy, Debug)]
enum Scale {
    One,
    Milli,
    Micro,
}

impl Scale {
    fn apply(self, value: f64) -> f64 {
        match self {
            Self::One => value,
            Self::Milli => value * MILLI,
            Self::Micro => value / MILLION,
        }
    }
}

/// The unit of an element of a numbered sensor: suffix, scale and help of its family.
fn unit(kind: &str, element: &str) -> (&'static str, Scale, String) {
    use Scale::{Micro, Milli, One};
    let (suffix, scale, help) = match (kind, element) {
        (_, "fault" | "alarm") => {
            let help = format!("Hardware sensor {element} status ({kind})");
            return ("", One, help);
        }
        (_, "beep") => {
            let help = "Hardware monitor sensor has beeping enabled";
            return ("_enabled", One, help.to_owned());
        }
        ("power", "accuracy") => {
            let help = "Hardware monitor power meter accuracy, as a ratio";
            return ("", Micro, help.to_owned());
        }
        ("freq", "input") => {
            let help = "Hardware monitor for GPU frequency in MHz";
            return ("_freq_mhz", Micro, help.to_owned());
        }
        ("in" | "cpu", _) => ("_volts", Milli, "for voltage"),
        ("temp", "") => return unit("temp", "input"),
        ("temp", element) if element != "type" => ("_celsius", Milli, "for temperature"),
        ("curr", _) => ("_amps", Milli, "for current"),
        ("energy", _) => ("_joule_total", Micro, "for joules used so far"),
        ("power", "average_interval" | "average_interval_min" | "average_interval_max") => {
            ("_seconds", Milli, "power usage update interval")
        }
        ("power", _) => ("_watt", Micro, "for power usage in watts"),
        ("humidity", _) => (
            "",
            Micro,
            "for humidity, as a ratio (multiply with 100.0 to get the humidity as a percentage)",
        ),
        ("fan", "input" | "min" | "max" | "target") => {
            ("_rpm", One, "for fan revolutions per minute")
        }
        _ => {
            let help = format!("Hardware monitor {kind} element {element}");
            return ("", One, help);
        }
    };
    (
        suffix,
        scale,
        format!("Hardware monitor {help} ({element})"),
    )
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok()
}
