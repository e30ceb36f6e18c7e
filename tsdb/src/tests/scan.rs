use super::*;
use crate::Scan;

/// Bits by time and labels.
type Found = Vec<(Labels, i64, u64)>;

fn scanned(scan: &Scan) -> Found {
    let mut found = Vec::new();
    let mut reader = scan.reader();
    for chunk in 0..scan.chunks() {
        let mut last = 0;
        let plain = reader.read(chunk, |piece| {
            assert!(last <= piece.group, "group by group");
            last = piece.group;
            let group = scan.group(piece.group).unwrap();
            let labels = group.overlaid(scan.line(piece.line).unwrap(), |_| true);
            for (time, value) in piece.times.iter().zip(piece.values) {
                if !is_absent(*value) {
                    found.push((labels.clone(), *time, value.to_bits()));
                }
            }
            Ok::<(), Error>(())
        });
        assert!(plain.unwrap());
    }
    found.sort();
    found
}

fn selected(db: &Db, range: TimeRange) -> Found {
    let selection = db.select(range, &[]).unwrap();
    let series = selection.series.iter().flat_map(|series| {
        let rows = series.times.iter().zip(&*series.values);
        let rows = rows.filter(|(_, value)| !is_absent(**value));
        rows.map(|(time, value)| (series.labels.clone(), *time, value.to_bits()))
    });
    let mut found: Found = series.collect();
    found.sort();
    found
}

#[test]
fn a_scan_finds_what_a_selection_finds_however_little_is_gathered_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let db = Db::open(Config {
        path: directory.path().to_owned(),
        window: watchpost_model::Duration::from_secs(60),
        sync_interval: watchpost_model::Duration::ZERO,
        ..Config::default()
    })
    .unwrap();
    let lines: Vec<_> = (0..9).map(|at| line(&db, &format!("m{at}"))).collect();
    let groups: Vec<_> = (0..5).map(|at| group(&db, &format!("host{at}"))).collect();
    for second in 0..400_i64 {
        for (place, group) in groups.iter().enumerate() {
            // Lines come and go, other ones in each group, and their order is none of their numbers.
            let from = usize::try_from(second / 90).unwrap() + place;
            let page = (from..from + 5).rev().map(|at| lines[at % 9]);
            let page: Vec<_> = page.map(|line| (line, second as f64)).collect();
            append(&db, group, second * 1_000, &page);
        }
        if second % 100 == 0 {
            db.maintain(second * 1_000).unwrap();
        }
    }
    db.maintain(400_000).unwrap();
    assert!(db.segments().len() > 1);
    let ranges = [
        TimeRange::ALL,
        TimeRange::new(31_000, 350_500),
        TimeRange::new(380_000, 390_000),
    ];
    for range in ranges {
        let expected = selected(&db, range);
        assert!(!expected.is_empty());
        for most_cells in [1, 400, 1_500, 4_000, 1 << 24] {
            let scan = db.scan(range, &[]).unwrap().unwrap();
            assert_eq!(
                scanned(&scan.gathering(most_cells)),
                expected,
                "{most_cells}"
            );
        }
    }
}
