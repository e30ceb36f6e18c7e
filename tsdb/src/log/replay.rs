//! Reading the log at the start.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use foldhash::HashMap;
use tracing::warn;

use super::bytes::{Malformed, Reader, unzigzag};
use super::delta::read_change;
use super::frame::{FILE_HEADER, Found, Records, VERSION, file_version};
use super::record::{GROUP_SIDE, GROUP_SINGLE, Kind, read_labels, read_line};
use super::row::{RowCoder, RowFault};
use super::writer::Finished;
use crate::head::GroupState;
use crate::store::Store;
use crate::{Error, LineId};

/// What the replay counted.
#[derive(Debug, Default)]
pub(crate) struct Replayed {
    pub(crate) records: u64,
    pub(crate) damaged: u64,
    pub(crate) quarantined: u64,
}

/// Reads all files of a directory into a store, oldest first. Nothing is changed when one of them
/// is of a newer format. Gives the files that are kept.
pub(crate) fn replay(store: &Store, directory: &Path) -> Result<(Replayed, Vec<Finished>), Error> {
    let mut replayed = Replayed::default();
    let mut files = Vec::new();
    let numbers = numbers(directory)?;
    for number in &numbers {
        refuse_newer(&super::writer::path(directory, *number))?;
    }
    for number in numbers {
        let path = super::writer::path(directory, number);
        let file = std::fs::read(&path).map_err(|source| io("read", &path, source))?;
        if file_version(&file).is_none() {
            set_aside(&path, &file, &mut replayed)?;
            continue;
        }
        let mut of_file = FileReplay::new(store);
        of_file.read(&file, &path, &mut replayed);
        files.push(Finished {
            number,
            path,
            length: file.len() as u64,
            newest_ms: of_file.newest_ms,
        });
        store.enforce_memory();
    }
    Ok((replayed, files))
}

/// The numbers of the files, ascending.
fn numbers(directory: &Path) -> Result<Vec<u64>, Error> {
    let entries = std::fs::read_dir(directory).map_err(|source| io("list", directory, source))?;
    let mut numbers = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|source| io("list", directory, source))?;
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(".log"));
        numbers.extend(number.and_then(|number| number.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

fn refuse_newer(path: &Path) -> Result<(), Error> {
    use std::io::Read;

    let mut header = Vec::with_capacity(FILE_HEADER);
    let file = std::fs::File::open(path).map_err(|source| io("open", path, source))?;
    file.take(FILE_HEADER as u64)
        .read_to_end(&mut header)
        .map_err(|source| io("read", path, source))?;
    match file_version(&header) {
        Some(version) if version > VERSION => Err(Error::Format {
            path: path.to_owned(),
            reason: format!(
                "has log format {version}, and this program reads up to {VERSION}: use the newer program that wrote it"
            ),
        }),
        _ => Ok(()),
    }
}

/// Renames a file that is not a log. One that was made and never written is removed instead.
fn set_aside(path: &Path, file: &[u8], replayed: &mut Replayed) -> Result<(), Error> {
    if file.is_empty() {
        return std::fs::remove_file(path).map_err(|source| io("remove", path, source));
    }
    let mut aside: PathBuf = path.with_extension("log.bad");
    let mut attempt = 1;
    while aside.exists() {
        attempt += 1;
        aside = path.with_extension(format!("log.bad{attempt}"));
    }
    std::fs::rename(path, &aside).map_err(|source| io("set aside", path, source))?;
    warn!(file = %path.display(), aside = %aside.display(), "a log file has no readable header and was set aside");
    replayed.quarantined += 1;
    Ok(())
}

fn io(action: &'static str, path: &Path, source: std::io::Error) -> Error {
    Error::Io {
        action,
        path: path.to_owned(),
        source,
    }
}

/// What a file has defined so far.
struct FileReplay<'a> {
    store: &'a Store,
    lines: HashMap<u32, LineId>,
    groups: HashMap<u32, FileGroup>,
    newest_ms: i64,
}

struct FileGroup {
    state: Arc<GroupState>,
    /// The group's slot of each column of the file.
    slots: Vec<Option<usize>>,
    rows: RowCoder,
}

impl<'a> FileReplay<'a> {
    fn new(store: &'a Store) -> Self {
        Self {
            store,
            lines: HashMap::default(),
            groups: HashMap::default(),
            newest_ms: i64::MIN,
        }
    }

    fn read(&mut self, file: &[u8], path: &Path, replayed: &mut Replayed) {
        for found in Records::new(file) {
            match found {
                Found::Record(payload) => match self.apply(payload) {
                    Ok(()) => replayed.records += 1,
                    Err(_) => replayed.damaged += 1,
                },
                Found::Damage(bytes) => {
                    warn!(file = %path.display(), bytes, "a log file is damaged; the records before and after are used");
                    replayed.damaged += 1;
                }
                Found::TornTail(bytes) => {
                    warn!(file = %path.display(), bytes, "a log file ends in a torn record; the records before are used");
                    replayed.damaged += 1;
                }
            }
        }
    }

    fn apply(&mut self, payload: &[u8]) -> Result<(), RowFault> {
        let mut reader = Reader(payload);
        match Kind::read(&mut reader)? {
            Kind::Line => self.define_line(&mut reader),
            Kind::Group => self.define_group(&mut reader),
            Kind::Columns => self.define_columns(&mut reader),
            Kind::Row => self.row(&mut reader),
            Kind::Part => self.part(&mut reader),
        }
    }

    fn define_line(&mut self, reader: &mut Reader<'_>) -> Result<(), RowFault> {
        let id = reader.id()?;
        let line = read_line(reader)?;
        let known = self.store.lines.write().intern(line);
        self.lines.insert(id, known.map_err(|_| Malformed)?);
        Ok(())
    }

    fn define_group(&mut self, reader: &mut Reader<'_>) -> Result<(), RowFault> {
        let id = reader.id()?;
        let kind = reader.byte()?;
        if kind > GROUP_SINGLE | GROUP_SIDE {
            return Err(RowFault::Malformed);
        }
        let mut state = if kind & GROUP_SINGLE == 0 {
            let labels = read_labels(reader)?;
            self.store.groups.write().intern(&labels)
        } else {
            let line = self.lines.get(&reader.id()?).ok_or(Malformed)?;
            self.store.groups.write().intern_single(*line)
        }
        .map_err(|_| Malformed)?;
        if kind & GROUP_SIDE != 0 {
            let side = self.store.groups.write().intern_side(&state, reader.id()?);
            state = side.map_err(|_| Malformed)?;
        }
        let group = FileGroup {
            state,
            slots: Vec::new(),
            rows: RowCoder::default(),
        };
        self.groups.insert(id, group);
        Ok(())
    }

    fn define_columns(&mut self, reader: &mut Reader<'_>) -> Result<(), RowFault> {
        let group = self.groups.get_mut(&reader.id()?).ok_or(RowFault::Gap)?;
        let mut new = Vec::new();
        let result = define_columns(group, &self.lines, reader, &mut new);
        // Also after a fault: what has a column has to be known to the index.
        self.store.note_series(&group.state, &new);
        result
    }

    fn row(&mut self, reader: &mut Reader<'_>) -> Result<(), RowFault> {
        let group = self.groups.get_mut(&reader.id()?).ok_or(RowFault::Gap)?;
        let (time, values) = group.rows.decode(reader)?;
        let sequence = self.store.counters.next_sequence();
        let mut body = group.state.body.lock();
        let whole = body.replay_page((time, sequence), values, &group.slots);
        self.store.seal(&mut body);
        self.newest_ms = self.newest_ms.max(time);
        if whole { Ok(()) } else { Err(RowFault::Gap) }
    }

    fn part(&mut self, reader: &mut Reader<'_>) -> Result<(), RowFault> {
        let group = self.groups.get_mut(&reader.id()?).ok_or(RowFault::Gap)?;
        let time = unzigzag(reader.number()?);
        let sequence = self.store.counters.next_sequence();
        let mut body = group.state.body.lock();
        while !reader.0.is_empty() {
            let column = usize::try_from(reader.id()?).map_err(|_| Malformed)?;
            let value = read_change(reader, 0.0)?;
            let slot = group.slots.get(column).copied().flatten();
            body.replay_part((time, sequence), slot.ok_or(RowFault::Gap)?, value);
        }
        self.store.seal(&mut body);
        self.newest_ms = self.newest_ms.max(time);
        Ok(())
    }
}

/// Reads which lines a group's columns are, those whose line is missing aside. `new` gets the lines
/// that had no column.
fn define_columns(
    group: &mut FileGroup,
    lines: &HashMap<u32, LineId>,
    reader: &mut Reader<'_>,
    new: &mut Vec<LineId>,
) -> Result<(), RowFault> {
    let mut result = Ok(());
    let mut body = group.state.body.lock();
    while !reader.0.is_empty() {
        let column = usize::try_from(reader.id()?).map_err(|_| Malformed)?;
        let line = lines.get(&reader.id()?);
        if column > group.slots.len() + reader.0.len() + 1_000_000 {
            return Err(RowFault::Malformed);
        }
        if group.slots.len() <= column {
            group.slots.resize(column + 1, None);
        }
        let Some(line) = line else {
            group.slots[column] = None;
            result = Err(RowFault::Gap);
            continue;
        };
        let slot = body.slot_of(*line).unwrap_or_else(|| {
            new.push(*line);
            body.add_column(*line)
        });
        group.slots[column] = Some(slot);
    }
    result
}
