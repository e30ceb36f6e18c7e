//! Matching against the plain way: every series' final labels, every matcher on each.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;
use watchpost_model::{Labels, MatchOp, Matcher};

use super::*;

const NAMES: [&str; 4] = ["__name__", "a", "b", "c"];
const VALUES: [&str; 4] = ["x", "xy", "y", "zz"];

/// Labels by the places of names and values.
fn labels() -> impl Strategy<Value = Labels> {
    vec((0..NAMES.len(), 0..VALUES.len()), 0..4)
        .prop_map(|pairs| Labels::from_pairs(pairs.into_iter().map(|(n, v)| (NAMES[n], VALUES[v]))))
}

fn line() -> impl Strategy<Value = Line> {
    (labels(), vec(0..NAMES.len(), 0..2)).prop_map(|(labels, removed)| {
        let removed: Vec<_> = removed.into_iter().map(|name| NAMES[name]).collect();
        Line::new(&labels, &removed)
    })
}

fn matchers() -> impl Strategy<Value = Vec<Matcher>> {
    let value = prop::sample::select(vec![
        "", "x", "xy", "q", "x|zz", "x.*", ".*", ".+", "|y", "[xy]+",
    ]);
    let name = prop::sample::select(vec!["__name__", "a", "b", "c", "d"]);
    let op = prop::sample::select(vec![
        MatchOp::Equal,
        MatchOp::NotEqual,
        MatchOp::Regex,
        MatchOp::NotRegex,
    ]);
    let matcher =
        (op, name, value).prop_map(|(op, name, value)| Matcher::new(op, name, value).unwrap());
    vec(matcher, 0..4)
}

/// The lines and groups of a store, with the places of each group's lines.
#[derive(Debug)]
struct Tables {
    lines: Lines,
    groups: Groups,
    /// All series there are.
    series: BTreeSet<(GroupId, LineId)>,
}

impl Tables {
    fn new(lines: &[Line], groups: &[(Labels, Vec<usize>)]) -> Self {
        let mut tables = Self {
            lines: Lines::default(),
            groups: Groups::default(),
            series: BTreeSet::new(),
        };
        let ids: Vec<_> = lines
            .iter()
            .map(|line| tables.lines.intern(line.clone()).unwrap())
            .collect();
        for (labels, places) in groups {
            let group = tables.groups.intern(labels).unwrap().id;
            let of_group: Vec<_> = places.iter().map(|place| ids[place % ids.len()]).collect();
            let schema = tables.groups.schema(group).cloned().unwrap_or_default();
            let schema = tables.groups.schemas_mut().extend(&schema, &of_group);
            tables.groups.set_schema(group, &schema);
            tables
                .series
                .extend(of_group.iter().map(|line| (group, *line)));
        }
        tables
    }

    fn head(&self) -> Head<'_> {
        Head {
            lines: &self.lines,
            groups: &self.groups,
        }
    }

    fn final_labels(&self, (group, line): (GroupId, LineId)) -> Labels {
        let group = &self.groups.get(group).unwrap().labels;
        self.lines.get(line).unwrap().final_labels(group)
    }

    fn check(&self, matchers: &[Matcher]) {
        let found = matching(&self.head(), matchers);
        let mut series = BTreeSet::new();
        for found in &found {
            assert!(found.groups.is_sorted() && found.lines.is_sorted());
            for group in &found.groups {
                assert_eq!(self.groups.schema_number(*group), Some(found.schema));
                for line in &*found.lines {
                    assert!(series.insert((*group, *line)), "{found:?}");
                }
            }
        }
        let groups: usize = found.iter().map(|found| found.groups.len()).sum();
        let distinct: BTreeSet<_> = found.iter().flat_map(|found| &found.groups).collect();
        assert_eq!(groups, distinct.len(), "a group is in one match");
        let mut plain = self.series.clone();
        plain.retain(|series| {
            let labels = self.final_labels(*series);
            matchers.iter().all(|it| it.matches(labels.get(it.name())))
        });
        assert_eq!(series, plain, "{matchers:?}");
        self.check_labels(&found, &plain);
    }

    /// Names and values of the series that were found, and of all.
    fn check_labels(&self, found: &[Match], plain: &BTreeSet<(GroupId, LineId)>) {
        let told = |tell: &dyn Fn(&mut Found)| {
            let mut found = Found::new(0);
            tell(&mut found);
            let (texts, more) = found.finish();
            assert!(!more);
            texts
        };
        let sets = |series: &BTreeSet<_>| series.iter().map(|it| self.final_labels(*it)).collect();
        let (some, all): (Vec<Labels>, Vec<Labels>) = (sets(plain), sets(&self.series));
        let names = |sets: &[Labels]| -> Vec<String> {
            let names: BTreeSet<_> = sets.iter().flatten().map(|(name, _)| name).collect();
            names.into_iter().map(str::to_owned).collect()
        };
        assert_eq!(
            told(&|to| label_names(&self.head(), found, to)),
            names(&some)
        );
        assert_eq!(told(&|to| all_names(&self.head(), to)), names(&all));
        for name in ["__name__", "a", "b", "c", "d"] {
            let values = |sets: &[Labels]| -> Vec<String> {
                let values: BTreeSet<_> = sets.iter().map(|set| set.get(name)).collect();
                let values = values.into_iter().filter(|value| !value.is_empty());
                values.map(str::to_owned).collect()
            };
            assert_eq!(
                told(&|to| label_values(&self.head(), name, found, to)),
                values(&some)
            );
            assert_eq!(told(&|to| all_values(&self.head(), name, to)), values(&all));
        }
        self.check_cardinality(&all);
    }

    fn check_cardinality(&self, all: &[Labels]) {
        let counted = cardinality(&self.head(), 1_000);
        let mut pairs: BTreeMap<String, u64> = BTreeMap::new();
        let mut bytes: BTreeMap<String, u64> = BTreeMap::new();
        for (name, value) in all.iter().flatten() {
            *pairs.entry(format!("{name}={value}")).or_default() += 1;
            *bytes.entry(name.to_owned()).or_default() += value.len() as u64;
        }
        assert_eq!(counted.series, all.len() as u64);
        assert_eq!(counted.label_pairs, pairs.len() as u64);
        let metrics = pairs.iter().filter_map(|(pair, series)| {
            Some((pair.strip_prefix("__name__=")?.to_owned(), *series))
        });
        assert_eq!(
            counted
                .series_by_metric
                .into_iter()
                .collect::<BTreeMap<_, _>>(),
            metrics.collect()
        );
        let values = bytes.keys().map(|name| {
            let of = pairs
                .keys()
                .filter(|pair| pair.split('=').next() == Some(name));
            (name.clone(), of.count() as u64)
        });
        assert_eq!(
            counted
                .values_by_label
                .into_iter()
                .collect::<BTreeMap<_, _>>(),
            values.collect()
        );
        assert_eq!(
            counted
                .bytes_by_label
                .into_iter()
                .collect::<BTreeMap<_, _>>(),
            bytes
        );
        assert!(
            counted
                .series_by_pair
                .is_sorted_by(|a, b| a.1 > b.1 || (a.1 == b.1 && a.0 < b.0))
        );
        let first = cardinality(&self.head(), 2).series_by_pair;
        assert_eq!(
            first,
            counted.series_by_pair[..counted.series_by_pair.len().min(2)]
        );
        assert_eq!(
            counted
                .series_by_pair
                .into_iter()
                .collect::<BTreeMap<_, _>>(),
            pairs
        );
    }
}

proptest! {
    #[test]
    fn a_limit_keeps_the_first_texts(texts in vec("[a-c]{1,2}", 0..20), limit in 0..6_usize) {
        let mut found = Found::new(limit);
        for text in &texts {
            found.add(text);
        }
        let all: BTreeSet<_> = texts.into_iter().collect();
        let kept = if limit == 0 { all.len() } else { limit };
        let first: Vec<_> = all.iter().take(kept).cloned().collect();
        prop_assert_eq!(found.finish(), (first, all.len() > kept));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]
    #[test]
    fn matching_finds_what_the_final_labels_say(
        lines in vec(line(), 1..12),
        groups in vec((labels(), vec(0..12_usize, 0..10)), 0..8),
        removed in vec((0..8_usize, 0..12_usize), 0..6),
        matchers in matchers(),
    ) {
        let mut tables = Tables::new(&lines, &groups);
        for (group, place) in removed {
            if let Some((labels, _)) = groups.get(group) {
                let group = tables.groups.find(labels).unwrap().id;
                let line = tables.lines.find(&lines[place % lines.len()]).unwrap();
                let schema = tables.groups.schema(group).cloned().unwrap_or_default();
                let kept = schema.lines().iter().copied().filter(|have| *have != line);
                let schema = tables.groups.schemas_mut().intern(kept.collect());
                tables.groups.set_schema(group, &schema);
                tables.series.remove(&(group, line));
            }
        }
        tables.check(&matchers);
    }
}

#[test]
fn a_selector_over_many_hosts_with_their_own_labels_is_one_product() {
    let line = |name: &str, mode: &str| {
        Line::new(
            &Labels::from_pairs([("__name__", name), ("mode", mode)]),
            &[],
        )
    };
    let lines: Vec<_> = (0..50)
        .flat_map(|name| ["idle", "user"].map(|mode| line(&format!("metric_{name}"), mode)))
        .collect();
    let groups: Vec<_> = (0..100)
        .map(|host| {
            let host = format!("host-{host}:9100");
            let labels = Labels::from_pairs([("job", "node"), ("instance", host.as_str())]);
            (labels, (0..100).collect())
        })
        .collect();
    let tables = Tables::new(&lines, &groups);
    let all = [
        Matcher::equal("__name__", "metric_7"),
        Matcher::equal("job", "node"),
    ];
    let found = matching(&tables.head(), &all);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].groups.len(), found[0].lines.len()), (100, 2));
    for matchers in [
        vec![
            Matcher::equal("__name__", "metric_7"),
            Matcher::equal("instance", "host-3:9100"),
        ],
        vec![Matcher::equal("instance", "host-3:9100")],
        vec![Matcher::new(MatchOp::NotRegex, "instance", "host-.").unwrap()],
        vec![Matcher::new(MatchOp::Regex, "instance", "host-1.*").unwrap()],
        vec![Matcher::new(MatchOp::Regex, "__name__", "metric_(1|2)").unwrap()],
        vec![
            Matcher::equal("nothing", ""),
            Matcher::equal("mode", "idle"),
        ],
        vec![Matcher::equal("instance", "")],
    ] {
        tables.check(&matchers);
    }
}
