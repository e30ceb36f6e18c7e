//! `xfs`: what each XFS file system counts, `/sys/fs/xfs/DEVICE/stats/stats`.
//!
//! A line is a name and numbers, of which those of the lines that are documented are exported.

use std::path::{Path, PathBuf};
use std::time::Instant;

use watchpost_model::MetricType::Counter;
use watchpost_model::text::Page;

use super::attributes::{keep_first, settle};
use super::folder::entries_if_any;
use super::{CollectError, Collector, Definition, Inventory, KeptFile, Settings, text};

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "xfs",
    help: "What each XFS file system counts.",
    default_on: true,
    flags: &[],
    new: |settings| Box::new(Xfs::new(settings)),
};

/// Name of a line, and the families of the numbers on it, in their order there.
#[rustfmt::skip]
const TABLE: [(&[u8], &str, &str); 39] = [
    (b"extent_alloc", "node_xfs_extent_allocation_extents_allocated_total", "Number of extents allocated for a filesystem."),
    (b"extent_alloc", "node_xfs_extent_allocation_blocks_allocated_total", "Number of blocks allocated for a filesystem."),
    (b"extent_alloc", "node_xfs_extent_allocation_extents_freed_total", "Number of extents freed for a filesystem."),
    (b"extent_alloc", "node_xfs_extent_allocation_blocks_freed_total", "Number of blocks freed for a filesystem."),
    (b"abt", "node_xfs_allocation_btree_lookups_total", "Number of allocation B-tree lookups for a filesystem."),
    (b"abt", "node_xfs_allocation_btree_compares_total", "Number of allocation B-tree compares for a filesystem."),
    (b"abt", "node_xfs_allocation_btree_records_inserted_total", "Number of allocation B-tree records inserted for a filesystem."),
    (b"abt", "node_xfs_allocation_btree_records_deleted_total", "Number of allocation B-tree records deleted for a filesystem."),
    (b"blk_map", "node_xfs_block_mapping_reads_total", "Number of block map for read operations for a filesystem."),
    (b"blk_map", "node_xfs_block_mapping_writes_total", "Number of block map for write operations for a filesystem."),
    (b"blk_map", "node_xfs_block_mapping_unmaps_total", "Number of block unmaps (deletes) for a filesystem."),
    (b"blk_map", "node_xfs_block_mapping_extent_list_insertions_total", "Number of extent list insertions for a filesystem."),
    (b"blk_map", "node_xfs_block_mapping_extent_list_deletions_total", "Number of extent list deletions for a filesystem."),
    (b"blk_map", "node_xfs_block_mapping_extent_list_lookups_total", "Number of extent list lookups for a filesystem."),
    (b"blk_map", "node_xfs_block_mapping_extent_list_compares_total", "Number of extent list compares for a filesystem."),
    (b"bmbt", "node_xfs_block_map_btree_lookups_total", "Number of block map B-tree lookups for a filesystem."),
    (b"bmbt", "node_xfs_block_map_btree_compares_total", "Number of block map B-tree compares for a filesystem."),
    (b"bmbt", "node_xfs_block_map_btree_records_inserted_total", "Number of block map B-tree records inserted for a filesystem."),
    (b"bmbt", "node_xfs_block_map_btree_records_deleted_total", "Number of block map B-tree records deleted for a filesystem."),
    (b"dir", "node_xfs_directory_operation_lookup_total", "Number of file name directory lookups which miss the operating systems directory name lookup cache."),
    (b"dir", "node_xfs_directory_operation_create_total", "Number of times a new directory entry was created for a filesystem."),
    (b"dir", "node_xfs_directory_operation_remove_total", "Number of times an existing directory entry was created for a filesystem."),
    (b"dir", "node_xfs_directory_operation_getdents_total", "Number of times the directory getdents operation was performed for a filesystem."),
    (b"ig", "node_xfs_inode_operation_attempts_total", "Number of times the OS looked for an XFS inode in the inode cache."),
    (b"ig", "node_xfs_inode_operation_found_total", "Number of times the OS looked for and found an XFS inode in the inode cache."),
    (b"ig", "node_xfs_inode_operation_recycled_total", "Number of times the OS found an XFS inode in the cache, but could not use it as it was being recycled."),
    (b"ig", "node_xfs_inode_operation_missed_total", "Number of times the OS looked for an XFS inode in the cache, but did not find it."),
    (b"ig", "node_xfs_inode_operation_duplicates_total", "Number of times the OS tried to add a missing XFS inode to the inode cache, but found it had already been added by another process."),
    (b"ig", "node_xfs_inode_operation_reclaims_total", "Number of times the OS reclaimed an XFS inode from the inode cache to free memory for another purpose."),
    (b"ig", "node_xfs_inode_operation_attribute_changes_total", "Number of times the OS explicitly changed the attributes of an XFS inode."),
    (b"rw", "node_xfs_write_calls_total", "Number of write(2) system calls made to files in a filesystem."),
    (b"rw", "node_xfs_read_calls_total", "Number of read(2) system calls made to files in a filesystem."),
    (b"vnodes", "node_xfs_vnode_active_total", "Number of vnodes not on free lists for a filesystem."),
    (b"vnodes", "node_xfs_vnode_allocate_total", "Number of times vn_alloc called for a filesystem."),
    (b"vnodes", "node_xfs_vnode_get_total", "Number of times vn_get called for a filesystem."),
    (b"vnodes", "node_xfs_vnode_hold_total", "Number of times vn_hold called for a filesystem."),
    (b"vnodes", "node_xfs_vnode_release_total", "Number of times vn_rele called for a filesystem."),
    (b"vnodes", "node_xfs_vnode_reclaim_total", "Number of times vn_reclaim called for a filesystem."),
    (b"vnodes", "node_xfs_vnode_remove_total", "Number of times vn_remove called for a filesystem."),
];

#[derive(Debug)]
struct Xfs {
    folder: PathBuf,
    /// Empty on a host without such a file system.
    filesystems: Inventory<Vec<FileSystem>>,
}

#[derive(Debug)]
struct FileSystem {
    device: String,
    stats: KeptFile,
    numbers: Numbers,
}

/// Those of [`TABLE`].
type Numbers = [Option<u64>; TABLE.len()];

impl Xfs {
    fn new(settings: &Settings) -> Self {
        Self {
            folder: settings.paths.sysfs.join("fs/xfs"),
            filesystems: Inventory::default(),
        }
    }
}

impl Collector for Xfs {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let list = |_| filesystems(&self.folder);
        let filesystems = self.filesystems.get(Instant::now(), list)?;
        if filesystems.is_empty() {
            return Ok(());
        }
        let mut result = Ok(());
        for filesystem in &mut *filesystems {
            keep_first(&mut result, filesystem.read());
        }
        for (at, (_, family, help)) in TABLE.iter().enumerate() {
            page.family(family, help, Counter);
            for filesystem in &*filesystems {
                if let Some(Some(number)) = filesystem.numbers.get(at) {
                    let mut series = page.series("");
                    series.label("device", &filesystem.device);
                    text::put_integer(series, *number);
                }
            }
        }
        settle(result, &mut self.filesystems)
    }
}

fn filesystems(folder: &Path) -> Result<Vec<FileSystem>, CollectError> {
    let filesystem = |(device, folder): (String, PathBuf)| {
        let stats = folder.join("stats/stats");
        // Beside the devices there is `stats`, the sum of all, whose file lies elsewhere.
        stats.exists().then(|| FileSystem {
            device,
            stats: KeptFile::new(stats),
            numbers: [None; TABLE.len()],
        })
    };
    let entries = entries_if_any(folder)?;
    Ok(entries.into_iter().filter_map(filesystem).collect())
}

impl FileSystem {
    fn read(&mut self) -> Result<(), CollectError> {
        self.numbers = [None; TABLE.len()];
        self.stats.read()?;
        parse(self.stats.text(), &mut self.numbers)
            .map_err(|line| self.stats.fault("a name and integers", line))
    }
}

/// The error is the line at fault; the numbers of the others are taken.
fn parse<'a>(text: &'a [u8], numbers: &mut Numbers) -> Result<(), &'a [u8]> {
    let mut result = Ok(());
    for line in text::ended_lines(text) {
        if parse_line(line, numbers).is_none() {
            result = result.and(Err(line));
        }
    }
    result
}

fn parse_line(line: &[u8], numbers: &mut Numbers) -> Option<()> {
    let mut words = text::words(line);
    let key = words.next()?;
    let rows = TABLE.iter().zip(numbers).filter(|(row, _)| row.0 == key);
    for (_, number) in rows {
        *number = Some(text::integer(words.next()?)?);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::Paths;
    use super::*;

    const STATS: &[u8] = b"extent_alloc 1 872 3 4\ntrans 9 9\nrw 28 7\n\
        vnodes 4 0 0 0 11 12 13 99\nxpc 3571712 3568056 0\n";

    fn parsed(text: &[u8]) -> (Vec<(&'static str, u64)>, bool) {
        let mut numbers = [None; TABLE.len()];
        let is_good = parse(text, &mut numbers).is_ok();
        let rows = TABLE.iter().zip(numbers);
        let found = rows.filter_map(|((_, family, _), number)| Some((*family, number?)));
        (found.collect(), is_good)
    }

    #[test]
    fn the_numbers_of_the_documented_lines_are_taken() {
        let (numbers, is_good) = parsed(STATS);
        assert!(is_good);
        assert_eq!(numbers.len(), 4 + 2 + 7);
        for number in [
            ("node_xfs_extent_allocation_blocks_allocated_total", 872),
            ("node_xfs_write_calls_total", 28),
            ("node_xfs_read_calls_total", 7),
            ("node_xfs_vnode_remove_total", 13),
        ] {
            assert!(numbers.contains(&number), "{number:?}");
        }
    }

    #[test]
    fn a_bad_line_costs_itself_only() {
        let mut numbers = [None; TABLE.len()];
        let error = parse(b"rw 1 x\nabt 1 2 3 4\n", &mut numbers);
        assert_eq!(error, Err(&b"rw 1 x"[..]));
        assert_eq!(parsed(b"abt 1 2 3 4\nrw 1\n").0.len(), 5);
    }

    #[test]
    fn a_host_without_such_a_file_system_has_no_series_and_nothing_is_wrong() {
        let sysfs = tempfile::tempdir().unwrap();
        let settings = Settings::new(Paths {
            sysfs: sysfs.path().to_owned(),
            ..Paths::default()
        });
        let mut page = Page::new();
        Xfs::new(&settings).collect(&mut page).unwrap();
        assert_eq!(page.finish(), b"");
        let stats = sysfs.path().join("fs/xfs/dm-0/stats");
        std::fs::create_dir_all(&stats).unwrap();
        std::fs::write(stats.join("stats"), STATS).unwrap();
        Xfs::new(&settings).collect(&mut page).unwrap();
        let text = String::from_utf8_lossy(page.finish()).into_owned();
        assert!(text.contains("\nnode_xfs_read_calls_total{device=\"dm-0\"} 7\n"));
    }

    proptest::proptest! {
        #[test]
        fn a_cut_text_gives_some_of_the_numbers(end in 0..STATS.len()) {
            let (all, _) = parsed(STATS);
            let (some, _) = parsed(&STATS[..end]);
            proptest::prop_assert!(some.iter().all(|number| all.contains(number)), "{:?}", some);
        }

        #[test]
        fn any_bytes_do_not_panic(text: Vec<u8>) {
            parsed(&text);
        }
    }
}
