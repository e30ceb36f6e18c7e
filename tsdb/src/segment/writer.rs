//! Writing a segment.
//!
//! In order: the header; for each part the rows of its groups, then its columns by metric, line and
//! group; the sections of the index; the footer. The values are taken from the source in passes over
//! the lines, so that no more than a budget of encoded columns is in memory.

use std::path::Path;

use super::extents::{EXTENT_BYTES, Packer};
use super::format::{SECTIONS, Section, SegmentInfo, footer, header};
use super::index::put_span;
use super::labels;
use super::output::Output;
use super::passes::{Columns, PartRows};
use super::plan::{PART_ROWS, Plan};
use super::rows;
use super::source::Source;
use super::tables::{GroupFacts, encode_facts, encode_schemas};
use crate::column::Scratch;
use crate::log::bytes::put_number;
use crate::{Disk, Error};

/// The sizes that a segment is written in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    /// About how many bytes of encoded columns are gathered at a time.
    pub(super) memory: usize,
    /// How many bytes an extent has at least.
    pub(super) extent: usize,
    /// About how many rows a series has in a part.
    pub(super) part_rows: u64,
}

/// Writes a segment under a temporary name, forces it to the disk and gives it its name. `memory` is
/// about how many bytes of encoded columns are gathered at a time. Nothing is written where the
/// source has no rows.
pub(crate) fn write(
    disk: &dyn Disk,
    path: &Path,
    source: &mut impl Source,
    memory: usize,
) -> Result<Option<SegmentInfo>, Error> {
    let sizes = Sizes {
        memory,
        extent: EXTENT_BYTES,
        part_rows: PART_ROWS,
    };
    write_sized(disk, path, source, sizes)
}

/// As [`write()`].
pub(super) fn write_sized(
    disk: &dyn Disk,
    path: &Path,
    source: &mut impl Source,
    sizes: Sizes,
) -> Result<Option<SegmentInfo>, Error> {
    let plan = Plan::new(source)?;
    if plan.groups.is_empty() {
        return Ok(None);
    }
    let mut output = Output::create(disk, path)?;
    output.append_with(|out| out.extend(header()))?;
    let mut columns = Columns::new(sizes.memory);
    let (mut lists, mut parts) = (Vec::new(), 0_u64);
    let cuts = plan.cuts(sizes.part_rows);
    for part in 0..=cuts.len() {
        let from = part.checked_sub(1).and_then(|before| cuts.get(before));
        let bounds = (from.copied(), cuts.get(part).copied());
        let mut packer = Packer::new(sizes.extent);
        let Some(rows) = write_rows(&plan, source, bounds, (&mut packer, &mut output))? else {
            continue;
        };
        parts += 1;
        put_span(rows.span, &mut lists);
        packer.list(&mut lists);
        columns.write(&plan, source, &rows, (&mut packer, &mut output))?;
        packer.list(&mut lists);
    }
    let mut extents = Vec::new();
    put_number(&mut extents, parts);
    extents.append(&mut lists);
    finish(&plan, source, &extents, (columns.samples, output)).map(Some)
}

/// Writes the rows of a part, from one time to before another; nothing where no group has any.
fn write_rows(
    plan: &Plan,
    source: &mut impl Source,
    (from, to): (Option<i64>, Option<i64>),
    (packer, output): (&mut Packer, &mut Output<'_>),
) -> Result<Option<PartRows>, Error> {
    let mut part = PartRows {
        of_group: vec![0..0; source.groups().len()],
        of_schema: vec![0; plan.schemas.len()],
        span: (i64::MAX, i64::MIN),
    };
    // Groups without rows before the first one that has some.
    let mut skipped = 0;
    let mut scratch = Scratch::default();
    let (mut times, mut sequences, mut item) = (Vec::new(), Vec::new(), Vec::new());
    for ((group, _), schema) in plan.groups.iter().zip(&plan.schema_of) {
        times.clear();
        sequences.clear();
        item.clear();
        source.rows(*group, &mut times, &mut sequences)?;
        let before = |bound: i64| times.partition_point(|time: &i64| *time < bound);
        let range = from.map_or(0, before)..to.map_or(times.len(), before);
        let of_part = times.get(range.clone()).unwrap_or_default();
        if let [first, .., last] | [first @ last] = of_part {
            part.span = (part.span.0.min(*first), part.span.1.max(*last));
        } else if part.span.0 > part.span.1 {
            skipped += 1;
            continue;
        }
        for _ in 0..std::mem::take(&mut skipped) {
            pack(&[], packer, output)?;
        }
        let numbers = sequences.get(range.clone()).unwrap_or_default();
        rows::encode(of_part, numbers, &mut scratch, &mut item);
        pack(&item, packer, output)?;
        if let Some(sum) = part.of_schema.get_mut(*schema) {
            *sum += range.len() as u64;
        }
        if let Some(rows) = part.of_group.get_mut(*group) {
            *rows = range;
        }
    }
    output.append_with(|out| packer.finish(out))?;
    Ok((part.span.0 <= part.span.1).then_some(part))
}

fn pack(item: &[u8], packer: &mut Packer, output: &mut Output<'_>) -> Result<(), Error> {
    if packer.push(item) {
        output.append_with(|out| packer.finish(out))?;
    }
    Ok(())
}

/// Writes the index and the footer.
fn finish(
    plan: &Plan,
    source: &impl Source,
    extents: &[u8],
    (samples, mut output): (u64, Output<'_>),
) -> Result<SegmentInfo, Error> {
    let (min_time_ms, max_time_ms) = plan.span();
    let series = plan
        .schemas
        .iter()
        .map(|it| it.members.len() as u64 * it.groups.len() as u64);
    let lows = plan.groups.iter().map(|(_, extent)| extent.sequences.0);
    let highs = plan.groups.iter().map(|(_, extent)| extent.sequences.1);
    let mut info = SegmentInfo {
        min_time_ms,
        max_time_ms,
        samples,
        series: series.sum(),
        groups: plan.groups.len() as u64,
        lines: plan.lines.len() as u64,
        min_sequence: lows.min().unwrap_or_default(),
        max_sequence: highs.max().unwrap_or_default(),
        bytes: 0,
    };
    let mut sections = [Section::default(); SECTIONS.len()];
    let encoded = [
        lines_section(plan),
        groups_section(plan, source, max_time_ms),
        schemas_section(plan),
        extents.to_vec(),
    ];
    for (section, bytes) in sections.iter_mut().zip(encoded) {
        *section = Section {
            offset: output.length(),
            length: bytes.len() as u64,
            crc: crc32c::crc32c(&bytes),
        };
        output.append_with(|out| out.extend(bytes))?;
    }
    output.append_with(|out| out.extend(footer(&info, &sections)))?;
    info.bytes = output.finish()?;
    Ok(info)
}

fn lines_section(plan: &Plan) -> Vec<u8> {
    let mut sets = Vec::with_capacity(plan.lines.len());
    for line in &plan.lines {
        let removed = line.removed.iter().map(|name| (&**name, ""));
        let mut pairs: Vec<_> = line.labels.iter().chain(removed).collect();
        pairs.sort_unstable();
        sets.push(pairs);
    }
    let mut out = Vec::new();
    labels::encode(&sets, &mut out);
    out
}

fn groups_section(plan: &Plan, source: &impl Source, newest_ms: i64) -> Vec<u8> {
    let keys = plan
        .groups
        .iter()
        .filter_map(|(group, _)| source.groups().get(*group));
    let keys: Vec<_> = keys.map(|group| &group.key).collect();
    let sets: Vec<Vec<_>> = keys.iter().map(|key| key.labels.iter().collect()).collect();
    let facts: Vec<_> = keys
        .iter()
        .zip(&plan.groups)
        .map(|(key, (_, extent))| GroupFacts {
            single: key.single.is_some(),
            side: key.side,
            newest_ms: extent.last_ms,
        })
        .collect();
    let (mut table, mut out) = (Vec::new(), Vec::new());
    labels::encode(&sets, &mut table);
    put_number(&mut out, table.len() as u64);
    out.append(&mut table);
    encode_facts(&facts, newest_ms, &mut out);
    out
}

fn schemas_section(plan: &Plan) -> Vec<u8> {
    let lines: Vec<Vec<u32>> = plan
        .schemas
        .iter()
        .map(|schema| schema.members.iter().map(|(line, _)| *line).collect())
        .collect();
    let groups = plan
        .schemas
        .iter()
        .map(|it| u32::try_from(it.groups.len()).unwrap_or(u32::MAX));
    let schemas: Vec<_> = lines.iter().map(Vec::as_slice).zip(groups).collect();
    let mut out = Vec::new();
    encode_schemas(schemas.into_iter(), &mut out);
    out
}
