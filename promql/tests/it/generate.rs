//! Random series and random, type-correct expressions over them. The tests and the example that
//! compares with a running Prometheus share them.

use watchpost_model::Labels;

/// The time of the first samples.
pub(crate) const START_MS: i64 = 1_700_000_000_000;
/// How long the series go on.
pub(crate) const LENGTH_MS: i64 = 3_600_000;

/// A series with its samples.
pub(crate) type Sampled = (Labels, Vec<(i64, f64)>);

/// Random numbers (splitmix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// A number below another.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % limit as u64).unwrap()
    }

    /// Milliseconds below so many.
    pub(crate) fn millis(&mut self, limit: i64) -> i64 {
        i64::try_from(self.below(usize::try_from(limit).unwrap())).unwrap()
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn of<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[self.below(texts.len())]
    }

    /// From 0 to below 1.
    fn share(&mut self) -> f64 {
        self.below(1 << 30) as f64 / f64::from(1 << 30)
    }
}

/// Gauges, counters with resets, classic histograms, series with gaps, and odd values.
pub(crate) fn series(seed: u64) -> Vec<Sampled> {
    let random = &mut Random(seed);
    let mut all = Vec::new();
    for job in ["a", "b"] {
        for host in ["h1", "h2", "h3"] {
            let base = [("job", job), ("host", host)];
            for dc in ["x", "y"] {
                all.push(gauge(random, &with("g", &base, &[("dc", dc)])));
                all.push(counter(random, &with("c_total", &base, &[("code", dc)])));
            }
            all.push(gauge(random, &with("g2", &base, &[])));
            all.push(gapped(random, &with("s", &base, &[])));
            all.extend(histogram(random, &base));
        }
        all.push(gauge(
            random,
            &with("j", &[("job", job)], &[("info", host_of(job))]),
        ));
    }
    for (kind, value) in [
        ("nan", f64::NAN),
        ("inf", f64::INFINITY),
        ("neg", f64::NEG_INFINITY),
        ("zero", 0.0),
        ("one", 1.0),
        ("big", 1e17),
    ] {
        let labels = Labels::from_pairs([("__name__", "z"), ("kind", kind)]);
        let times = (0..LENGTH_MS).step_by(30_000);
        all.push((labels, times.map(|time| (START_MS + time, value)).collect()));
    }
    all
}

fn host_of(job: &str) -> &str {
    if job == "a" { "h1" } else { "h2" }
}

fn with(name: &str, base: &[(&str, &str)], more: &[(&str, &str)]) -> Labels {
    let name = [("__name__", name)];
    let pairs = name.iter().chain(base).chain(more);
    Labels::from_pairs(pairs.map(|(name, value)| (*name, *value)))
}

/// Samples every 15 s, now and then one missing.
fn times(random: &mut Random) -> Vec<i64> {
    let phase = random.millis(15_000);
    (0..LENGTH_MS / 15_000)
        .filter(|_| !random.one_in(40))
        .map(|step| START_MS + step * 15_000 + phase)
        .collect()
}

fn gauge(random: &mut Random, labels: &Labels) -> Sampled {
    let mut value = random.below(100) as f64;
    let whole = random.one_in(2);
    let samples = times(random)
        .into_iter()
        .map(|time| {
            let step = (random.share() - 0.5) * 10.0;
            value += if whole { step.round() } else { step };
            (time, value)
        })
        .collect();
    (labels.clone(), samples)
}

fn counter(random: &mut Random, labels: &Labels) -> Sampled {
    let mut value = random.below(1_000) as f64;
    let samples = times(random)
        .into_iter()
        .map(|time| {
            if random.one_in(60) {
                value = 0.0;
            }
            value += random.below(20) as f64;
            (time, value)
        })
        .collect();
    (labels.clone(), samples)
}

/// Irregular samples with long gaps.
fn gapped(random: &mut Random, labels: &Labels) -> Sampled {
    let mut time = START_MS + random.millis(100_000);
    let mut samples = Vec::new();
    while time < START_MS + LENGTH_MS {
        samples.push((time, (random.share() * 1_000.0).round() / 10.0));
        time += 1 + random.millis(90_000);
        if random.one_in(12) {
            time += random.millis(900_000);
        }
    }
    (labels.clone(), samples)
}

fn histogram(random: &mut Random, base: &[(&str, &str)]) -> Vec<Sampled> {
    let bounds = ["0.1", "0.5", "1", "2.5", "10", "+Inf"];
    let times = times(random);
    let mut counts = [0.0; 6];
    let mut samples: Vec<Vec<(i64, f64)>> = vec![Vec::new(); bounds.len()];
    for time in times {
        let mut sum = 0.0;
        for (place, count) in counts.iter_mut().enumerate() {
            *count += random.below(5) as f64;
            sum += *count;
            samples[place].push((time, sum));
        }
    }
    let named = |bound: &str| with("h_bucket", base, &[("le", bound)]);
    let rows = bounds.iter().zip(samples);
    rows.map(|(bound, samples)| (named(bound), samples))
        .collect()
}

const SELECTORS: [&str; 18] = [
    "g",
    "g{job=\"a\"}",
    "g{host=~\"h[12]\",dc!=\"y\"}",
    "g2",
    "g2{job!~\"b|c\"}",
    "c_total",
    "c_total{code=\"x\"}",
    "s",
    "s{host!=\"h1\"}",
    "j",
    "z",
    "z{kind=~\"zero|one\"}",
    "z{kind!=\"nan\"}",
    "h_bucket",
    "h_bucket{le=\"1\"}",
    "absent_metric",
    "{__name__=~\"g|g2\",job=\"a\"}",
    "{__name__=\"g2\"}",
];
const LABELS: [&str; 7] = ["job", "host", "dc", "code", "le", "kind", "nothing"];
const MATH: [&str; 24] = [
    "abs", "ceil", "floor", "exp", "ln", "log2", "log10", "sqrt", "sgn", "sin", "cos", "tan",
    "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "deg", "rad",
    "round",
];
const DATES: [&str; 9] = [
    "minute",
    "hour",
    "day_of_week",
    "day_of_month",
    "day_of_year",
    "days_in_month",
    "month",
    "year",
    "timestamp",
];
const OVER: [&str; 24] = [
    "rate",
    "increase",
    "delta",
    "irate",
    "idelta",
    "deriv",
    "changes",
    "resets",
    "avg_over_time",
    "min_over_time",
    "max_over_time",
    "sum_over_time",
    "count_over_time",
    "last_over_time",
    "present_over_time",
    "stddev_over_time",
    "stdvar_over_time",
    "absent_over_time",
    "mad_over_time",
    "ts_of_max_over_time",
    "ts_of_min_over_time",
    "ts_of_last_over_time",
    "quantile_over_time",
    "predict_linear",
];
const AGGREGATIONS: [&str; 8] = [
    "sum", "avg", "min", "max", "count", "group", "stddev", "stdvar",
];
const ARITHMETIC: [&str; 7] = ["+", "-", "*", "/", "%", "^", "atan2"];
const COMPARISONS: [&str; 6] = ["==", "!=", "<", "<=", ">", ">="];
const NUMBERS: [&str; 12] = [
    "0", "1", "2", "-1", "0.5", "100", "1e3", "Inf", "NaN", "5m", "0x1F", "3.7",
];

/// An expression of the type instant vector or scalar.
pub(crate) fn expression(random: &mut Random) -> String {
    let depth = 1 + random.below(4);
    if random.one_in(12) {
        return scalar(random, depth);
    }
    vector(random, depth)
}

fn scalar(random: &mut Random, depth: usize) -> String {
    if depth == 0 || random.one_in(2) {
        return random.of(&NUMBERS).to_owned();
    }
    match random.below(6) {
        0 => "time()".to_owned(),
        1 => format!("scalar({})", vector(random, depth - 1)),
        2 => {
            let op = random.of(&ARITHMETIC);
            let (left, right) = (scalar(random, depth - 1), scalar(random, depth - 1));
            format!("({left} {op} {right})")
        }
        3 => {
            let op = random.of(&COMPARISONS);
            let (left, right) = (scalar(random, depth - 1), scalar(random, depth - 1));
            format!("({left} {op} bool {right})")
        }
        4 => "pi()".to_owned(),
        _ => format!("-{}", scalar(random, depth - 1)),
    }
}

fn duration(random: &mut Random) -> &'static str {
    random.of(&["15s", "47s", "1m", "2m30s", "5m", "7m", "15m", "1h"])
}

/// Modifiers of a selector's time, mostly none.
fn when(random: &mut Random) -> String {
    match random.below(10) {
        0 => format!(" offset {}", duration(random)),
        1 => format!(" offset -{}", duration(random)),
        2 => " @ 1700001800.5".to_owned(),
        3 => format!(
            " @ {}() offset {}",
            random.of(&["start", "end"]),
            duration(random)
        ),
        _ => String::new(),
    }
}

fn range(random: &mut Random, depth: usize) -> String {
    if depth > 0 && random.one_in(3) {
        let inner = vector(random, depth - 1);
        let (range, when) = (duration(random), when(random));
        let step = random.of(&["15s", "30s", "1m", "47s", "3m"]);
        return format!("({inner})[{range}:{step}]{when}");
    }
    let selector = random.of(&SELECTORS);
    format!("{selector}[{}]{}", duration(random), when(random))
}

fn grouping(random: &mut Random) -> String {
    let count = random.below(3);
    let labels: Vec<&str> = (0..count).map(|_| random.of(&LABELS)).collect();
    match random.below(3) {
        0 => String::new(),
        1 => format!(" by ({})", labels.join(", ")),
        _ => format!(" without ({})", labels.join(", ")),
    }
}

fn vector(random: &mut Random, depth: usize) -> String {
    if depth == 0 {
        return format!("{}{}", random.of(&SELECTORS), when(random));
    }
    match random.below(16) {
        0 => format!("{}{}", random.of(&SELECTORS), when(random)),
        1..=3 => over(random, depth),
        4 => format!("{}({})", random.of(&MATH), vector(random, depth - 1)),
        5 => format!("{}({})", random.of(&DATES), vector(random, depth - 1)),
        6..=8 => aggregation(random, depth),
        9 | 10 => with_scalar(random, depth),
        11..=13 => between(random, depth),
        14 => other(random, depth),
        _ => format!("-({})", vector(random, depth - 1)),
    }
}

fn over(random: &mut Random, depth: usize) -> String {
    let name = random.of(&OVER);
    let range = range(random, depth - 1);
    match name {
        "quantile_over_time" => {
            let rank = random.of(&["0", "0.3", "0.5", "0.99", "1", "-1", "2"]);
            format!("{name}({rank}, {range})")
        }
        "predict_linear" => format!("{name}({range}, {})", random.of(&["0", "60", "3600"])),
        _ => format!("{name}({range})"),
    }
}

fn aggregation(random: &mut Random, depth: usize) -> String {
    let inner = vector(random, depth - 1);
    let grouping = grouping(random);
    match random.below(12) {
        0 => format!(
            "{}{grouping} ({}, {inner})",
            random.of(&["topk", "bottomk", "limitk"]),
            random.of(&["1", "2", "5", "0"])
        ),
        1 => format!(
            "quantile{grouping} ({}, {inner})",
            random.of(&["0.5", "0.9", "0", "1", "1.5"])
        ),
        2 => format!("count_values{grouping} (\"value\", {inner})"),
        3 => format!(
            "limit_ratio{grouping} ({}, {inner})",
            random.of(&["0.3", "-0.5", "0.9"])
        ),
        _ => format!("{}{grouping} ({inner})", random.of(&AGGREGATIONS)),
    }
}

fn with_scalar(random: &mut Random, depth: usize) -> String {
    let (vector, scalar) = (vector(random, depth - 1), scalar(random, depth - 1));
    let op = if random.one_in(3) {
        let modifier = if random.one_in(3) { " bool" } else { "" };
        format!("{}{modifier}", random.of(&COMPARISONS))
    } else {
        random.of(&ARITHMETIC).to_owned()
    };
    if random.one_in(3) {
        format!("({scalar} {op} {vector})")
    } else {
        format!("({vector} {op} {scalar})")
    }
}

fn between(random: &mut Random, depth: usize) -> String {
    let (left, right) = (vector(random, depth - 1), vector(random, depth - 1));
    let count = random.below(3);
    let labels: Vec<&str> = (0..count).map(|_| random.of(&LABELS)).collect();
    let matching = match random.below(3) {
        0 => String::new(),
        1 => format!(" on ({})", labels.join(", ")),
        _ => format!(" ignoring ({})", labels.join(", ")),
    };
    if random.one_in(3) {
        let op = random.of(&["and", "or", "unless"]);
        return format!("({left} {op}{matching} {right})");
    }
    let op = if random.one_in(4) {
        let modifier = if random.one_in(2) { " bool" } else { "" };
        format!("{}{modifier}", random.of(&COMPARISONS))
    } else {
        random.of(&ARITHMETIC).to_owned()
    };
    let group = if matching.is_empty() || random.one_in(2) {
        String::new()
    } else {
        let side = random.of(&["group_left", "group_right"]);
        let label = random.of(&["", "info", "dc"]);
        format!(" {side} ({label})")
    };
    // A part of one side that is the other side finds partners more often.
    if random.one_in(2) {
        let by = random.of(&["job", "job, host", "host"]);
        let group = random.of(&["", " group_left ()"]);
        return format!("({left} {op} on ({by}){group} max by ({by}) ({right}))");
    }
    format!("({left} {op}{matching}{group} {right})")
}

fn other(random: &mut Random, depth: usize) -> String {
    let inner = vector(random, depth - 1);
    match random.below(12) {
        10 => format!(
            "histogram_fraction(0.2, {}, rate(h_bucket[5m]))",
            random.of(&["1", "3", "Inf"])
        ),
        0 => format!("absent({inner})"),
        1 => format!("vector({})", scalar(random, depth - 1)),
        2 => format!("clamp({inner}, {}, 50)", random.of(&["-5", "0", "60"])),
        3 => format!("clamp_min({inner}, {})", scalar(random, depth - 1)),
        4 => format!("clamp_max({inner}, {})", scalar(random, depth - 1)),
        5 => format!("round({inner}, {})", random.of(&["0.1", "5", "0.25"])),
        6 => format!("label_replace({inner}, \"dst\", \"$1-x\", \"host\", \"h(.*)\")"),
        7 => format!("label_join({inner}, \"dst\", \"-\", \"job\", \"host\")"),
        8 => format!("{}({inner})", random.of(&["sort", "sort_desc"])),
        9 => {
            let by = random.of(&["le", "le, job", "le, host, job"]);
            let rank = random.of(&["0.5", "0.9", "0", "1", "0.123"]);
            format!(
                "histogram_quantile({rank}, sum by ({by}) (rate(h_bucket[{}])))",
                duration(random)
            )
        }
        _ => format!(
            "double_exponential_smoothing({}, 0.3, 0.6)",
            range(random, depth - 1)
        ),
    }
}
