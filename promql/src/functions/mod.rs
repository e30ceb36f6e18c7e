//! The functions of the language. To add one: write it in its family's file and add a line here.

mod absent;
mod classic;
mod convert;
mod date;
mod histogram;
mod info;
mod kind;
mod label;
mod math;
mod mixed;
mod over_time;
mod predict;
pub(crate) mod quantile;
mod rate;
mod sort;

use watchpost_model::FloatHistogram;

use crate::parse::ast::Type::{Range, Scalar, Text, Vector};
pub(crate) use kind::{Counter, Fold, Function, Over, Run};
use kind::{
    all, checked, counter, date, histogram, named, over, plain, scalar, some, value, values, whole,
};
pub(crate) use mixed::Mixed;
pub(crate) use rate::{Stretch, risen};

/// The function with this name.
pub(crate) fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

/// The names of all functions, each with whether it needs the feature of experimental functions.
pub fn function_names() -> impl Iterator<Item = (&'static str, bool)> {
    FUNCTIONS
        .iter()
        .map(|function| (function.name, function.experimental))
}

/// All functions, by name.
static FUNCTIONS: &[Function] = &[
    value("abs", f64::abs),
    whole("absent", &[Vector], Vector, absent::absent),
    whole(
        "absent_over_time",
        &[Range],
        Vector,
        absent::absent_over_time,
    ),
    value("acos", f64::acos),
    value("acosh", f64::acosh),
    value("asin", f64::asin),
    value("asinh", f64::asinh),
    value("atan", f64::atan),
    value("atanh", f64::atanh),
    all("avg_over_time", over_time::avg).on_mixed(mixed::avg),
    value("ceil", f64::ceil),
    all("changes", over_time::changes).on_mixed(mixed::changes),
    values("clamp", &[Vector, Scalar, Scalar], math::clamp),
    values("clamp_max", &[Vector, Scalar], math::clamp_max),
    values("clamp_min", &[Vector, Scalar], math::clamp_min),
    value("cos", f64::cos),
    value("cosh", f64::cosh),
    all("count_over_time", over_time::count).on_mixed(mixed::count),
    date("day_of_month", date::day_of_month),
    date("day_of_week", date::day_of_week),
    date("day_of_year", date::day_of_year),
    date("days_in_month", date::days_in_month),
    value("deg", math::deg),
    some("delta", rate::delta).on_mixed(mixed::delta),
    some("deriv", predict::deriv),
    over(
        "double_exponential_smoothing",
        &[Range, Scalar, Scalar],
        checked(predict::smoothing, predict::check_smoothing),
    )
    .experimental(),
    scalar("end", convert::end).experimental(),
    value("exp", f64::exp),
    over("first_over_time", &[Range], named(over_time::first))
        .on_mixed(mixed::first)
        .experimental(),
    value("floor", f64::floor),
    histogram("histogram_avg", FloatHistogram::mean),
    histogram("histogram_count", |histogram| histogram.count),
    whole(
        "histogram_fraction",
        &[Scalar, Scalar, Vector],
        Vector,
        histogram::fraction,
    ),
    whole(
        "histogram_quantile",
        &[Scalar, Vector],
        Vector,
        histogram::quantile,
    ),
    whole(
        "histogram_quantiles",
        &[Vector, Text, Scalar, Scalar],
        Vector,
        histogram::quantiles,
    )
    .repeated()
    .experimental(),
    histogram("histogram_stddev", |histogram| histogram.variance().sqrt()),
    histogram("histogram_stdvar", FloatHistogram::variance),
    histogram("histogram_sum", |histogram| histogram.sum),
    date("hour", date::hour),
    some("idelta", rate::idelta).on_mixed(mixed::idelta),
    over(
        "increase",
        &[Range],
        counter(Counter::Increase, rate::increase),
    )
    .on_mixed(mixed::increase),
    whole("info", &[Vector, Vector], Vector, info::info)
        .optional()
        .experimental(),
    some("irate", rate::irate).on_mixed(mixed::irate),
    whole(
        "label_join",
        &[Vector, Text, Text, Text],
        Vector,
        label::join,
    )
    .repeated(),
    whole(
        "label_replace",
        &[Vector, Text, Text, Text, Text],
        Vector,
        label::replace,
    ),
    over("last_over_time", &[Range], named(over_time::last)).on_mixed(mixed::last),
    value("ln", f64::ln),
    value("log10", f64::log10),
    value("log2", f64::log2),
    all("mad_over_time", over_time::mad).experimental(),
    whole("max_of", &[Scalar, Scalar], Scalar, convert::max_of).experimental(),
    some("max_over_time", over_time::max),
    whole("min_of", &[Scalar, Scalar], Scalar, convert::min_of).experimental(),
    some("min_over_time", over_time::min),
    date("minute", date::minute),
    date("month", date::month),
    scalar("pi", convert::pi),
    over(
        "predict_linear",
        &[Range, Scalar],
        plain(Fold::Sometimes(predict::predict_linear)),
    ),
    all("present_over_time", over_time::present).on_mixed(mixed::present),
    over(
        "quantile_over_time",
        &[Scalar, Range],
        checked(over_time::quantile, over_time::check_quantile),
    ),
    value("rad", math::rad),
    scalar("range", convert::range).experimental(),
    over("rate", &[Range], counter(Counter::Rate, rate::rate)).on_mixed(mixed::rate),
    all("resets", over_time::resets).on_mixed(mixed::resets),
    values("round", &[Vector, Scalar], math::round).optional(),
    whole("scalar", &[Vector], Scalar, convert::scalar),
    value("sgn", math::sgn),
    value("sin", f64::sin),
    value("sinh", f64::sinh),
    whole("sort", &[Vector], Vector, sort::sort),
    whole("sort_by_label", &[Vector, Text], Vector, sort::by_label)
        .repeated()
        .experimental(),
    whole(
        "sort_by_label_desc",
        &[Vector, Text],
        Vector,
        sort::by_label_desc,
    )
    .repeated()
    .experimental(),
    whole("sort_desc", &[Vector], Vector, sort::sort_desc),
    value("sqrt", f64::sqrt),
    scalar("start", convert::start).experimental(),
    all("stddev_over_time", over_time::stddev),
    all("stdvar_over_time", over_time::stdvar),
    whole(
        "start_timestamp",
        &[Vector],
        Vector,
        convert::start_timestamp,
    ),
    scalar("step", convert::step).experimental(),
    all("sum_over_time", over_time::sum).on_mixed(mixed::sum),
    value("tan", f64::tan),
    value("tanh", f64::tanh),
    scalar("time", convert::time),
    whole("timestamp", &[Vector], Vector, convert::timestamp),
    some("ts_of_first_over_time", over_time::time_of_first)
        .on_mixed(mixed::time_of_first)
        .experimental(),
    some("ts_of_last_over_time", over_time::time_of_last)
        .on_mixed(mixed::time_of_last)
        .experimental(),
    some("ts_of_max_over_time", over_time::time_of_max).experimental(),
    some("ts_of_min_over_time", over_time::time_of_min).experimental(),
    whole("vector", &[Scalar], Vector, convert::vector),
    date("year", date::year),
];
