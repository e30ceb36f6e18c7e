use watchpost_model::{Labels, MatchOp, Matcher, absent_nan, is_absent, is_stale, stale_nan};

use crate::{Config, Db, Error, Group, LineId, Refusal, Row, Series, TimeRange};

mod histograms;
mod scan;

fn db() -> Db {
    Db::in_memory(Config::default())
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::from_pairs(pairs.iter().copied())
}

fn line(db: &Db, name: &str) -> LineId {
    db.line(&labels(&[("__name__", name)]), &[]).unwrap()
}

fn group(db: &Db, instance: &str) -> Group {
    db.group(&labels(&[("instance", instance), ("job", "node")]))
        .unwrap()
}

fn append(db: &Db, group: &Group, time_ms: i64, samples: &[(LineId, f64)]) -> crate::Appended {
    try_append(db, group, time_ms, samples).unwrap()
}

fn try_append(
    db: &Db,
    group: &Group,
    time_ms: i64,
    samples: &[(LineId, f64)],
) -> Result<crate::Appended, Error> {
    let lines: Vec<_> = samples.iter().map(|(line, _)| *line).collect();
    let values: Vec<_> = samples.iter().map(|(_, value)| *value).collect();
    let layout = db.layout(&lines);
    group.append(
        Row {
            time_ms,
            layout: &layout,
            values: &values,
        },
        time_ms,
    )
}

fn part(group: &Group, time_ms: i64, samples: &[(LineId, f64)]) -> crate::Appended {
    group.append_samples(time_ms, samples, time_ms).unwrap()
}

/// Time and value of the samples, `stale` for the marker.
fn samples(series: &Series) -> Vec<(i64, String)> {
    let values = &series.values;
    assert_eq!(values.len(), series.times.len());
    let text = |value: f64| match value {
        value if is_stale(value) => "stale".to_owned(),
        value => value.to_string(),
    };
    series
        .times
        .iter()
        .zip(values.iter())
        .filter(|(_, value)| !is_absent(**value))
        .map(|(time, value)| (*time, text(*value)))
        .collect()
}

fn all(db: &Db, matchers: &[Matcher]) -> Vec<(String, Vec<(i64, String)>)> {
    let selection = db.select(TimeRange::ALL, matchers).unwrap();
    selection
        .series
        .iter()
        .map(|series| (series.labels.to_string(), samples(series)))
        .collect()
}

fn text(samples: &[(i64, &str)]) -> Vec<(i64, String)> {
    samples
        .iter()
        .map(|(time, value)| (*time, (*value).to_owned()))
        .collect()
}

#[test]
fn a_page_is_read_back_with_the_labels_of_group_and_line() {
    let db = db();
    let (a, b) = (line(&db, "a"), line(&db, "b"));
    let group = group(&db, "h1");
    let first = append(&db, &group, 1_000, &[(a, 1.0), (b, 2.0)]);
    assert_eq!((first.samples, first.new_series), (2, 2));
    append(&db, &group, 2_000, &[(a, 3.0), (b, 2.0)]);
    assert_eq!(
        all(&db, &[Matcher::equal("__name__", "a")]),
        [(
            "a{instance=\"h1\", job=\"node\"}".to_owned(),
            text(&[(1_000, "1"), (2_000, "3")])
        )]
    );
    let selection = db.select(TimeRange::ALL, &[]).unwrap();
    assert!(std::sync::Arc::ptr_eq(
        &selection.series[0].times,
        &selection.series[1].times
    ));
    assert!(selection.series.iter().all(|series| series.dense));
}

#[test]
fn a_series_that_leaves_the_page_ends_with_a_stale_marker_and_can_come_back() {
    let db = db();
    let (a, b) = (line(&db, "a"), line(&db, "b"));
    let group = group(&db, "h1");
    append(&db, &group, 1, &[(a, 1.0), (b, 1.0)]);
    assert_eq!(append(&db, &group, 2, &[(a, 1.0)]).ended, 1);
    assert_eq!(append(&db, &group, 3, &[(a, 1.0)]).ended, 0);
    append(&db, &group, 4, &[(a, 1.0), (b, 5.0)]);
    assert_eq!(group.end(5, 5).unwrap().ended, 2);
    assert_eq!(group.end(6, 6).unwrap().ended, 0);
    let found = all(&db, &[Matcher::equal("__name__", "b")]);
    assert_eq!(
        found[0].1,
        text(&[(1, "1"), (2, "stale"), (4, "5"), (5, "stale")])
    );
}

#[test]
fn parts_fill_rows_and_do_not_end_or_get_ended_by_pages() {
    let db = db();
    let (a, up) = (line(&db, "a"), line(&db, "up"));
    let group = group(&db, "h1");
    append(&db, &group, 1, &[(a, 1.0)]);
    part(&group, 1, &[(up, 1.0)]);
    append(&db, &group, 2, &[(a, 1.0)]);
    assert_eq!(part(&group, 2, &[(up, 1.0)]).samples, 1);
    assert_eq!(part(&group, 2, &[(up, 0.0)]).conflicts, 1);
    assert_eq!(part(&group, 2, &[(up, 1.0)]).samples, 1);
    part(&group, 3, &[(up, 0.0)]);
    append(&db, &group, 3, &[]);
    assert_eq!(
        all(&db, &[Matcher::equal("__name__", "up")])[0].1,
        text(&[(1, "1"), (2, "1"), (3, "0")])
    );
    assert_eq!(
        all(&db, &[Matcher::equal("__name__", "a")])[0].1,
        text(&[(1, "1"), (2, "1"), (3, "stale")])
    );
    assert_eq!(group.end(4, 4).unwrap().ended, 1);
}

#[test]
fn refusals_are_told_and_counted() {
    let db = Db::in_memory(Config {
        max_series: 2,
        ..Config::default()
    });
    let (a, b, c) = (line(&db, "a"), line(&db, "b"), line(&db, "c"));
    let group = group(&db, "h1");
    let day = 86_400_000;
    let now = 100 * day;
    append(&db, &group, now, &[(a, 1.0)]);
    let refusal = |time_ms: i64, value: f64| {
        let layout = db.layout(&[a]);
        let row = Row {
            time_ms,
            layout: &layout,
            values: &[value],
        };
        match group.append(row, now) {
            Err(Error::Refused(refusal)) => Some(refusal),
            other => {
                other.unwrap();
                None
            }
        }
    };
    assert_eq!(refusal(now - 1, 1.0), Some(Refusal::OutOfOrder));
    assert_eq!(refusal(now, 2.0), Some(Refusal::Duplicate));
    assert_eq!(refusal(now, 1.0), None);
    assert_eq!(refusal(now + 600_001, 1.0), Some(Refusal::TooFarAhead));
    assert_eq!(refusal(now - 16 * day, 1.0), Some(Refusal::TooOld));
    let over = append(
        &db,
        &group,
        now + 1,
        &[(a, 1.0), (b, 1.0), (c, 1.0), (b, 9.0)],
    );
    assert_eq!(
        (over.samples, over.new_series, over.refused, over.duplicates),
        (2, 1, 1, 1)
    );
    let marked = append(&db, &group, now + 2, &[(a, absent_nan()), (b, 1.0)]);
    assert_eq!((marked.samples, marked.marks, marked.ended), (1, 1, 1));
    // The line of a series that was here for a while, and of nobody else.
    let gone = line(&db, "gone");
    db.maintain(now).unwrap();
    db.maintain(now).unwrap();
    let forgotten = append(&db, &group, now + 3, &[(b, 1.0), (gone, 1.0)]);
    assert_eq!((forgotten.refused, forgotten.forgotten), (1, 1));
    let refused = db.stats().refused;
    assert_eq!(refused, Refusal::ALL.map(|refusal| (refusal, 1)).to_vec());
    assert_eq!(db.stats().series, 2);
}

#[test]
fn a_line_shadows_and_removes_labels_of_the_group_and_matchers_see_the_final_set() {
    let db = db();
    let group = group(&db, "h1");
    let own = db
        .line(&labels(&[("__name__", "x"), ("job", "own")]), &[])
        .unwrap();
    let none = db
        .line(&labels(&[("__name__", "x")]), &["job", "instance"])
        .unwrap();
    let plain = line(&db, "x");
    append(&db, &group, 1, &[(own, 1.0), (none, 2.0), (plain, 3.0)]);
    let found = |op, name: &str, value: &str| {
        let matcher = Matcher::new(op, name, value).unwrap();
        let series = all(&db, &[matcher]);
        series
            .into_iter()
            .map(|(_, samples)| samples[0].1.clone())
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(found(MatchOp::Equal, "job", "own"), "1");
    assert_eq!(found(MatchOp::Equal, "job", "node"), "3");
    assert_eq!(found(MatchOp::Equal, "job", ""), "2");
    assert_eq!(found(MatchOp::NotEqual, "job", "node"), "2 1");
    assert_eq!(found(MatchOp::Regex, "instance", "h.*"), "3 1");
    assert_eq!(found(MatchOp::NotRegex, "instance", "h.*"), "2");
    assert_eq!(found(MatchOp::Equal, "zone", ""), "2 3 1");
}

#[test]
fn columns_with_equal_final_labels_are_one_series_and_the_first_value_wins() {
    let db = db();
    let a = line(&db, "a");
    let shared = group(&db, "h1");
    append(&db, &shared, 1, &[(a, 1.0)]);
    append(&db, &shared, 3, &[(a, 3.0)]);
    let whole = labels(&[("__name__", "a"), ("instance", "h1"), ("job", "node")]);
    for (time, value) in [(2, 20.0), (3, 30.0), (4, 40.0)] {
        db.append_single(&whole, time, value, time).unwrap();
    }
    append(&db, &shared, 4, &[(a, 4.0)]);
    let found = all(&db, &[]);
    assert_eq!(found.len(), 1);
    assert_eq!(
        found[0].1,
        text(&[(1, "1"), (2, "20"), (3, "3"), (4, "40")])
    );
}

#[test]
fn singles_refuse_another_value_and_take_stale_markers() {
    let db = db();
    let labels = labels(&[("__name__", "s")]);
    db.append_single(&labels, 5, 1.0, 5).unwrap();
    db.append_single(&labels, 5, 1.0, 5).unwrap();
    let again = db.append_single(&labels, 5, 2.0, 5);
    assert!(matches!(again, Err(Error::Refused(Refusal::Duplicate))));
    db.append_single(&labels, 6, stale_nan(), 6).unwrap();
    assert_eq!(all(&db, &[])[0].1, text(&[(5, "1"), (6, "stale")]));
}

#[test]
fn names_values_and_series_are_those_with_a_sample_in_the_range() {
    let db = db();
    let (a, b) = (line(&db, "a"), line(&db, "b"));
    let group = group(&db, "h1");
    append(&db, &group, 1, &[(a, 1.0)]);
    append(&db, &group, 2, &[(a, 1.0), (b, 1.0)]);
    let early = TimeRange::new(0, 1);
    assert_eq!(db.label_values("__name__", early, &[]).unwrap(), ["a"]);
    assert_eq!(
        db.label_values("__name__", TimeRange::ALL, &[]).unwrap(),
        ["a", "b"]
    );
    assert_eq!(
        db.label_names(early, &[]).unwrap(),
        ["__name__", "instance", "job"]
    );
    assert_eq!(db.series(early, &[]).unwrap().len(), 1);
    assert_eq!(db.select(early, &[]).unwrap().series.len(), 1);
    assert!(db.series(TimeRange::new(3, 9), &[]).unwrap().is_empty());
}

#[test]
fn blocks_and_open_rows_read_as_one_column() {
    let db = db();
    let (a, b) = (line(&db, "a"), line(&db, "b"));
    let group = group(&db, "h1");
    for time in 0..1_000_i32 {
        let both = [(a, f64::from(time)), (b, 7.0)];
        let count = if time < 500 { 1 } else { 2 };
        append(&db, &group, i64::from(time), &both[..count]);
    }
    for (from, to) in [(0, 999), (119, 121), (499, 501), (990, 2_000), (120, 239)] {
        let selection = db.select(TimeRange::new(from, to), &[]).unwrap();
        let expected: Vec<_> = (from..=to.min(999)).map(|t| (t, t.to_string())).collect();
        assert_eq!(samples(&selection.series[0]), expected);
        let of_b = selection.series.get(1).map(samples).unwrap_or_default();
        let expected: Vec<_> = (from.max(500)..=to.min(999))
            .map(|t| (t, "7".to_owned()))
            .collect();
        assert_eq!(of_b, expected);
    }
}

#[test]
fn metadata_are_kept_by_target_and_metric() {
    let db = db();
    let (one, two) = (group(&db, "h1"), group(&db, "h2"));
    let metadata = watchpost_model::Metadata {
        help: "Help.".to_owned(),
        ..Default::default()
    };
    db.set_metadata(&one, "a", &metadata);
    db.set_metadata(&two, "a", &metadata);
    db.set_metadata(&two, "b", &metadata);
    assert_eq!(db.metadata(Some("a")).len(), 2);
    assert_eq!(db.metadata(None).len(), 3);
    let page = std::sync::Arc::from([("c".to_owned(), metadata.clone())]);
    db.set_page_metadata(&one, &page);
    db.set_page_metadata(&two, &page);
    assert_eq!(db.metadata(Some("c")).len(), 2);
    db.set_page_metadata(&one, &std::sync::Arc::from([]));
    assert_eq!(db.metadata(Some("c")).len(), 1);
    assert_eq!(db.metadata(None).len(), 4);
    assert_eq!(db.metadata(Some("a"))[0].0, *one.labels());
}

#[test]
fn a_selection_ends_where_the_caller_admits_no_more_rows() {
    let db = db();
    let (a, b, c) = (line(&db, "a"), line(&db, "b"), line(&db, "c"));
    let group = group(&db, "h1");
    for time in 0..200 {
        append(&db, &group, time, &[(a, 1.0), (b, 2.0)]);
    }
    append(&db, &group, 200, &[(c, 1.0)]);
    let mut asked = Vec::new();
    let range = TimeRange::new(0, 199);
    let result = db.select_within(range, &[], |rows| {
        asked.push(rows);
        if asked.len() < 2 {
            Ok(())
        } else {
            Err(Error::NotYet("more"))
        }
    });
    assert!(matches!(result, Err(Error::NotYet("more"))));
    assert_eq!(
        asked,
        [200, 200],
        "each series is asked for before it is read"
    );
    let mut asked = 0;
    let admit = |rows| {
        asked += rows;
        Ok::<(), Error>(())
    };
    let selection = db.select_within(range, &[], admit).unwrap();
    assert_eq!(
        (selection.series.len(), asked),
        (2, 400),
        "`c` has no sample there"
    );
}

#[test]
fn past_samples_are_taken_beside_newer_ones_and_read_as_one_series() {
    let db = db();
    let labels = labels(&[("__name__", "s")]);
    for time in 1_000..1_100 {
        db.append_single(&labels, time, 1.0, time).unwrap();
    }
    let late = db.append_single(&labels, 10, 2.0, 1_100);
    assert!(matches!(late, Err(Error::Refused(Refusal::OutOfOrder))));
    let past: Vec<_> = (0..200).map(|time| (time, 2.0)).collect();
    assert_eq!(db.append_past(&labels, &past, 1_100).unwrap().samples, 200);
    let again = db.append_past(&labels, &[(1_050, 9.0), (1_051, 1.0)], 1_100);
    let again = again.unwrap();
    assert_eq!((again.samples, again.conflicts), (1, 1));
    let found = all(&db, &[]);
    assert_eq!(found.len(), 1);
    let times: Vec<_> = found[0].1.iter().map(|(time, _)| *time).collect();
    assert_eq!(times, (0..200).chain(1_000..1_100).collect::<Vec<_>>());
}

#[test]
fn order_is_judged_by_series_and_the_window_lets_older_samples_in() {
    let db = Db::in_memory(Config {
        out_of_order_window: watchpost_model::Duration::from_secs(10),
        ..Config::default()
    });
    let (a, b) = (line(&db, "a"), line(&db, "b"));
    let group = group(&db, "h1");
    let part = |time: i64, samples: &[(LineId, f64)]| {
        let appended = group.append_samples(time, samples, 99_000);
        appended.unwrap()
    };
    for second in 0..100 {
        part(second * 1_000, &[(a, 1.0)]);
    }
    // The group is far ahead of `b`, which is in order all the same.
    assert_eq!(part(500, &[(b, 1.0)]).samples, 1);
    assert_eq!(part(700, &[(b, 1.0)]).samples, 1);
    let old = part(88_500, &[(a, 3.0), (b, 3.0)]);
    assert_eq!((old.samples, old.too_old, old.out_of_order), (1, 1, 0));
    let inside = part(89_500, &[(a, 4.0)]);
    assert_eq!((inside.samples, inside.too_old), (1, 0));
    let found = all(&db, &[Matcher::equal("__name__", "b")]);
    assert_eq!(found[0].1, text(&[(500, "1"), (700, "1"), (88_500, "3")]));
    assert_eq!(db.stats().refused, [(Refusal::TooOld, 1)]);
}
