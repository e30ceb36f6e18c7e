//! `--enable-feature`: what is off until it is asked for.

use clap::{Args, ValueEnum};
use watchpost_promql::Features;

/// What is off until it is asked for.
#[derive(Args, Clone, Debug)]
pub struct FeatureFlags {
    /// What is off until it is asked for.
    #[arg(
        long = "enable-feature",
        help = "What is off until it is asked for: exemplar-storage (keeps exemplars), \
                promql-experimental-functions, promql-duration-expr, promql-extended-range-selectors, \
                promql-binop-fill-modifiers, promql-delayed-name-removal, promql-per-step-stats (what \
                each step of a query took, with stats=all), search-api (names and values that look \
                like a term, at /api/v1/search); native-histograms is taken and changes nothing",
        value_name = "FEATURE",
        hide_possible_values = true,
        value_delimiter = ',',
        value_enum
    )]
    features: Vec<Feature>,
}

impl FeatureFlags {
    /// Whether it was asked for.
    pub fn has(&self, feature: Feature) -> bool {
        self.features.contains(&feature)
    }

    /// What expressions may use.
    pub fn language(&self) -> Features {
        Features {
            experimental_functions: self.has(Feature::PromqlExperimentalFunctions),
            duration_expressions: self.has(Feature::PromqlDurationExpr),
            extended_range_selectors: self.has(Feature::PromqlExtendedRangeSelectors),
            fill_modifiers: self.has(Feature::PromqlBinopFillModifiers),
        }
    }

    /// The names of those that were asked for.
    pub fn names(&self) -> String {
        let names = self.features.iter().filter_map(|feature| {
            let value = feature.to_possible_value()?;
            Some(value.get_name().to_owned())
        });
        names.collect::<Vec<_>>().join(",")
    }
}

/// What is off until it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Feature {
    /// Exemplars are kept.
    ExemplarStorage,
    /// Functions and aggregations that may still change.
    PromqlExperimentalFunctions,
    /// Durations that are computed.
    PromqlDurationExpr,
    /// `anchored` and `smoothed`.
    PromqlExtendedRangeSelectors,
    /// `fill` and its kin.
    PromqlBinopFillModifiers,
    /// Metric names go at the end of an evaluation.
    PromqlDelayedNameRemoval,
    /// What each step of a query took is told.
    PromqlPerStepStats,
    /// Names and values are searched.
    SearchApi,
    /// Nothing: native histograms are always taken. Command lines for Prometheus name it.
    NativeHistograms,
}
