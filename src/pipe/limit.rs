//! How much of one record is held in memory: a record that never ends must not take the whole machine.
//!
//! Nobody asks how much memory there is before a record is far longer than a block. Then it may grow to half of
//! what was available when it began; behind that it is an error.

use crate::sys::{cgroup, limits, pressure};

/// A record may be so much longer than a block before memory is looked at, in bytes.
const USUAL: usize = 64 << 20;

/// What may be held of one record.
#[derive(Clone, Debug)]
pub struct Limit {
    /// How many bytes are available.
    available: fn() -> Option<u64>,
    /// So many bytes are no matter.
    usual: usize,
    /// How many bytes the present record may have, once that was asked.
    most: Option<usize>,
    copies: usize,
}

impl PartialEq for Limit {
    fn eq(&self, other: &Self) -> bool {
        let numbers = |it: &Self| (it.usual, it.most, it.copies);
        std::ptr::fn_addr_eq(self.available, other.available) && numbers(self) == numbers(other)
    }
}

impl Default for Limit {
    /// This machine's, and what of it this process may have.
    fn default() -> Self {
        let usual = match limits::memory_left() {
            None => USUAL,
            Some(left) => USUAL.min(usize::try_from(left / 8).unwrap_or(USUAL)),
        };
        Self::new(usual, available)
    }
}

impl Limit {
    /// A limit that `usual` bytes and half of those that are `available` are within.
    pub fn new(usual: usize, available: fn() -> Option<u64>) -> Self {
        Self {
            available,
            usual,
            most: None,
            copies: 1,
        }
    }

    /// The limit for records that are cut into blocks of `size` bytes, which are there in so many `copies`.
    #[must_use]
    pub fn for_blocks(mut self, size: usize, copies: usize) -> Self {
        self.usual = self.usual.saturating_add(size);
        self.copies = copies;
        self
    }

    /// Whether `held` bytes of one record are too many.
    pub fn is_passed(&mut self, held: usize) -> bool {
        if held <= self.usual {
            self.most = None;
            return false;
        }
        let most = *self.most.get_or_insert_with(|| {
            // What is held already was available when the record began.
            let now = (self.available)().map_or(usize::MAX, |bytes| bytes as usize);
            (now.saturating_add(held) / 2 / self.copies).max(self.usual)
        });
        held > most
    }
}

/// How many bytes are available, on the machine and within the limits of this process and its control group.
fn available() -> Option<u64> {
    let all = [
        pressure::available_memory(),
        cgroup::memory_left(),
        limits::memory_left(),
    ];
    all.into_iter().flatten().min()
}

/// What is wrong where `input` has `held` bytes without the end of `what`: the user may do what `advice` says.
pub fn too_long(input: &str, held: usize, what: &str, advice: &str) -> String {
    format!(
        "{input}: no end of {what} in {held} bytes, and more of it does not fit into memory: {advice}"
    )
}

/// What to do about a record that does not end.
pub const RECORDS: &str = "say with --recend or --recstart where records end, or have them cut anywhere, \
    with --block SIZE --recend ''";
/// A header, as the user gave it.
pub const THE_HEADER: &str = "the header (--header)";
/// What to do about a header that does not end.
pub const HEADER: &str = "say with --header how many lines it has";
/// What to do about a group or a line that does not end.
pub const GROUPS: &str = "--group-by has each group in memory";

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::model::ArgList;
    use crate::pipe::group::Grouped;
    use crate::pipe::key::Key;
    use crate::pipe::route::Route;
    use crate::pipe::separator::{Ends, Separator};
    use crate::pipe::source::Source;
    use crate::pipe::{BlockSize, Config, Header, Jobs};
    use crate::record::pattern::Pattern;

    #[test]
    fn memory_matters_only_to_long_records() {
        let mut limit = Limit::new(10, || panic!("nobody needs to know"));
        assert!(!limit.is_passed(10));
        let mut limit = Limit::new(10, || Some(89)).for_blocks(0, 1);
        let passed = [11, 50, 51, 10, 90, 91].map(|held| limit.is_passed(held));
        // Of 11 + 89 bytes it may have 50; the next record, of 90 + 89, 89.
        assert_eq!(passed, [false, false, true, false, true, true]);
        let mut unknown = Limit::new(10, || None);
        assert!(!unknown.is_passed(usize::MAX / 2));
    }

    fn plain(file: &std::path::Path) -> Config {
        Config {
            files: vec![file.to_owned()],
            parts: false,
            separator: Separator::newline(),
            ends: Ends::default(),
            // What is cut record by record is read as a stream is.
            records: Some(1),
            lines: None,
            block: BlockSize::Bytes(10),
            skip_first_line: false,
            header: None,
            remove_separators: false,
            skip_blank: false,
            timeout: None,
            group_by: None,
            route: Route::EachBlock,
            slots: 2,
            default_args: Ok(ArgList::new()),
            limit: Limit::new(100, || Some(1900)),
        }
    }

    /// How many jobs the input makes, and what is wrong with it.
    fn jobs(input: &str, change: impl FnOnce(&mut Config)) -> (usize, Option<String>) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(input.as_bytes()).unwrap();
        let mut config = plain(file.path());
        change(&mut config);
        let jobs = match Jobs::open(config, None, Box::new(|_| ())) {
            Ok(jobs) => jobs,
            Err(why) => return (0, Some(why)),
        };
        let (mut good, mut bad) = (0, None);
        for job in jobs {
            match job {
                Ok(_) => good += 1,
                Err(why) => bad = Some(why),
            }
        }
        let name = file.path().display().to_string();
        (good, bad.map(|why| why.replace(&name, "FILE")))
    }

    /// Matches nowhere.
    fn never() -> Pattern {
        Pattern::new(br"[^\s\S]").unwrap()
    }

    fn key() -> Key {
        Key::new("--group-by", b"1", Some(br"[^\s\S]"), false).unwrap()
    }

    #[test]
    fn a_record_without_an_end_is_an_error_after_those_that_have_one() {
        let endless = format!("a\nbb\n{}", "x".repeat(100_000));
        let (good, why) = jobs(&endless, |_| ());
        let why = why.unwrap();
        assert_eq!(good, 2);
        let held = why.strip_prefix("FILE: no end of a record (--recend '\\n') in ");
        let held: usize = held.unwrap().split(' ').next().unwrap().parse().unwrap();
        assert!((900..2000).contains(&held), "{why}");
        assert!(why.ends_with("--block SIZE --recend ''"), "{why}");
    }

    #[test]
    fn records_that_are_only_long_are_none() {
        let long = format!("{}\n", "x".repeat(900)).repeat(20);
        assert_eq!(jobs(&long, |_| ()), (20, None));
        // As many as memory holds may be asked for in one block.
        let large = |config: &mut Config| {
            (config.records, config.remove_separators) = (None, true);
            config.block = BlockSize::Bytes(15_000);
        };
        assert_eq!(jobs(&long, large), (2, None));
    }

    #[test]
    fn the_error_says_what_was_looked_for() {
        let endless = "x".repeat(300_000);
        let says = |change: &dyn Fn(&mut Config)| jobs(&endless, change).1.unwrap_or_default();
        let regexp = || Separator::Regexp {
            both: std::sync::Arc::new(never()),
            start: None,
        };
        for (what, change) in [
            (
                "3 records (--recend '\\n')",
                &(|config: &mut Config| config.records = Some(3)) as &dyn Fn(&mut Config),
            ),
            ("2 lines", &|config| {
                (config.records, config.lines) = (None, Some(2));
            }),
            ("a record (--csv)", &|config| {
                config.separator = Separator::Csv;
            }),
            ("a record (--regexp)", &|config| config.separator = regexp()),
            ("a record (--regexp)", &|config| {
                (config.separator, config.parts) = (regexp(), true);
            }),
            ("a record (--recstart 'y')", &|config| {
                let (end, start) = (Vec::new(), b"y".to_vec());
                config.separator = Separator::Fixed { end, start };
            }),
            ("the header (--header)", &|config| {
                config.header = Some(Header::Lines(1));
            }),
            ("the header (--header)", &|config| {
                (config.header, config.parts) = (Some(Header::Lines(1)), true);
            }),
            ("a line", &|config| config.group_by = Some(key())),
        ] {
            let why = says(change);
            let beginning = format!("FILE: no end of {what} in ");
            assert!(why.starts_with(&beginning), "{what}: {why}");
        }
    }

    #[test]
    fn a_line_without_an_end_is_not_looked_through_again_and_again() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&vec![b'x'; 1 << 20]).unwrap();
        let source = Source::open(&[file.path().to_owned()]).unwrap();
        let limit = Limit::new(600 << 10, || Some(0));
        let mut grouped = Grouped::new(source, key(), b"", limit).unwrap();
        assert!(grouped.read_to(&mut Vec::new(), 10).is_err());
    }

    #[test]
    fn a_part_of_a_file_needs_no_memory_however_long_its_records_are() {
        let endless = "x".repeat(100_000) + "\n" + &"x".repeat(100_000);
        let parts = |config: &mut Config| (config.records, config.parts) = (None, true);
        assert_eq!(jobs(&endless, parts), (2, None));
        let blocks = |config: &mut Config| config.records = None;
        assert_eq!(jobs(&endless, blocks), (2, None));
    }
}
