//! What is done already: read from a joblog, or from a JSON stream, of an earlier run.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::joblog::Logged;
use super::jsonl::text::Text;
use super::jsonl::wire::{Status, WorkEnd};
use super::jsonl::{self, ReadError};

/// A set of job numbers, in as little memory as there are gaps in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeqSet {
    /// First and last of each unbroken range.
    ranges: BTreeMap<u64, u64>,
}

impl SeqSet {
    /// Whether `seq` is in the set.
    #[inline]
    pub fn contains(&self, seq: u64) -> bool {
        !self.ranges.is_empty() && self.has_range_with(seq)
    }

    fn has_range_with(&self, seq: u64) -> bool {
        let before = self.ranges.range(..=seq).next_back();
        before.is_some_and(|(_, &last)| seq <= last)
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        self.ranges
            .iter()
            .map(|(first, last)| last - first + 1)
            .sum()
    }

    /// Whether nothing is.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Puts `seq` into the set.
    pub fn insert(&mut self, seq: u64) {
        if self.contains(seq) {
            return;
        }
        let mut range = (seq, seq);
        if let Some((&first, &last)) = self.ranges.range(..seq).next_back()
            && last + 1 == seq
        {
            range.0 = first;
        }
        if let Some(last) = seq
            .checked_add(1)
            .and_then(|next| self.ranges.remove(&next))
        {
            range.1 = last;
        }
        self.ranges.insert(range.0, range.1);
    }

    /// Takes `seq` out of the set.
    pub fn remove(&mut self, seq: u64) {
        let Some((&first, &last)) = self.ranges.range(..=seq).next_back() else {
            return;
        };
        if seq > last {
            return;
        }
        self.ranges.remove(&first);
        if first < seq {
            self.ranges.insert(first, seq - 1);
        }
        if seq < last {
            self.ranges.insert(seq + 1, last);
        }
    }
}

/// Which jobs of an earlier run count as done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counts {
    /// Those that ended, well or not: `--resume`.
    Ended,
    /// Those that succeeded: `--resume-failed`.
    Succeeded,
}

/// What was read from the record of an earlier run.
#[derive(Debug, Default)]
pub struct Read<T> {
    /// What is in there.
    pub found: T,
    /// Whether its last line has no end. It was left out then: a crash may have torn it anywhere.
    pub is_torn: bool,
    /// The first line that is none of such a record, of JSON. It counts for nothing.
    pub damaged: Option<ReadError>,
}

/// The job numbers that count as done in the joblog `path`, where the last line of each decides, and how
/// many ends of jobs that is: as GNU parallel, every line is one where they need not be successes. A file
/// that is not there has none.
///
/// # Errors
///
/// Those of reading the file.
pub fn in_joblog(path: &Path, counts: Counts) -> io::Result<Read<(SeqSet, u64)>> {
    let (mut done, mut lines) = (SeqSet::default(), 0);
    let is_torn = each_line(path, |line| {
        if let Some(job) = Logged::parse(line) {
            check(&job)?;
            lines += 1;
            if counts == Counts::Ended || job.succeeded() {
                done.insert(job.seq);
            } else {
                done.remove(job.seq);
            }
        }
        Ok(())
    })?;
    let ends = match counts {
        Counts::Ended => lines,
        Counts::Succeeded => done.len(),
    };
    Ok(Read {
        found: (done, ends),
        is_torn,
        damaged: None,
    })
}

/// The commands in the joblog `path` whose last line says that they failed, by job number.
///
/// # Errors
///
/// Those of reading the file.
pub fn failed_in_joblog(path: &Path) -> io::Result<Read<BTreeMap<u64, Vec<u8>>>> {
    let mut failed = BTreeMap::new();
    let is_torn = each_line(path, |line| {
        if let Some(job) = Logged::parse(line) {
            check(&job)?;
            if job.succeeded() {
                failed.remove(&job.seq);
            } else {
                failed.insert(job.seq, job.command());
            }
        }
        Ok(())
    })?;
    Ok(Read {
        found: failed,
        is_torn,
        damaged: None,
    })
}

/// No run has more jobs than this.
const MOST_JOBS: u64 = 1_000_000_000;

/// Refuses a number that no job has: the line is damaged, and nobody knows what it would have said.
fn check(job: &Logged<'_>) -> io::Result<()> {
    if (1..=MOST_JOBS).contains(&job.seq) {
        return Ok(());
    }
    let words = format!("no job has the number {}; is the line damaged?", job.seq);
    Err(io::Error::new(io::ErrorKind::InvalidData, words))
}

/// The file `path`, to be read; `None`: it is not there.
fn open(path: &Path) -> io::Result<Option<BufReader<File>>> {
    match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        opened => Ok(Some(BufReader::with_capacity(1 << 16, opened?))),
    }
}

/// Hands each line of the file `path` to `take`; tells whether there was one without an end, which is left out. What
/// `take` finds wrong is said with the number of the line.
fn each_line(path: &Path, mut take: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<bool> {
    let Some(mut file) = open(path)? else {
        return Ok(false);
    };
    let (mut line, mut number) = (Vec::new(), 0_u64);
    while file.read_until(b'\n', &mut line)? > 0 {
        number += 1;
        let Some(whole) = line.strip_suffix(b"\n") else {
            return Ok(true);
        };
        take(whole)
            .map_err(|error| io::Error::new(error.kind(), format!("line {number}: {error}")))?;
        line.clear();
    }
    Ok(false)
}

/// Which work is done already, by its key; the same work may have been done several times.
#[derive(Debug, Default)]
pub struct DoneWork(Mutex<HashMap<u128, u32>>);

/// What a line of the JSON stream says of a piece of work.
struct Told<'a> {
    key: Text<'a>,
    /// Whether its job did well or not: 0 or 1.
    which: usize,
    /// How many more times that is known of the work than before.
    step: i32,
}

impl<'a> Told<'a> {
    /// What `line` says; `None`: nothing of any work that ended by itself.
    fn by(line: WorkEnd<'a>) -> Option<Self> {
        let (status, step) = match &*line.kind {
            "job.end" => (line.status?, 1),
            "job.lost" => (line.was?, -1),
            _ => return None,
        };
        let which = match status {
            Status::Ok => 0,
            // A job that has lost its output is none that failed by itself.
            Status::Fail if line.exit == Some(0) => return None,
            Status::Fail | Status::Signal | Status::Timeout => 1,
            _ => return None,
        };
        let key = line.key?;
        Some(Self { key, which, step })
    }
}

impl DoneWork {
    /// The work that counts as done in the JSON stream at `path`; what has lost its output does not. A file that is
    /// not there has none, and a line that is damaged or torn counts for nothing.
    ///
    /// # Errors
    ///
    /// Those of reading the file.
    pub fn in_json(path: &Path, counts: Counts) -> io::Result<Read<Self>> {
        let mut ended: [HashMap<u128, u32>; 2] = Default::default();
        let mut damaged = None;
        let Some(file) = open(path)? else {
            return Ok(Read::default());
        };
        let mut lines = jsonl::Reader::new(file);
        while let Some(line) = lines.next(serde_json::from_slice) {
            let told = match line {
                Ok(line) => Told::by(line),
                Err(ReadError::Io(error)) => return Err(error),
                Err(error) => {
                    damaged.get_or_insert(error);
                    continue;
                }
            };
            if let Some(told) = told
                && (told.which == 0 || counts == Counts::Ended)
                && let Ok(key) = u128::from_str_radix(&told.key, 16)
            {
                let times = ended[told.which].entry(key).or_default();
                *times = times.saturating_add_signed(told.step);
            }
        }
        let [mut keys, failed] = ended;
        for (key, times) in failed {
            *keys.entry(key).or_default() += times;
        }
        Ok(Read {
            found: Self(Mutex::new(keys)),
            is_torn: lines.is_torn(),
            damaged,
        })
    }

    /// Whether the work `key` is done already, once more than this was asked.
    pub fn take(&self, key: u128) -> bool {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match keys.get_mut(&key) {
            Some(times) if *times > 0 => {
                *times -= 1;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ranges_hold_what_a_set_would(steps: Vec<(bool, u8)>) {
            let (mut seqs, mut set) = (SeqSet::default(), BTreeSet::new());
            for (put, seq) in steps {
                let seq = u64::from(seq % 20);
                if put {
                    seqs.insert(seq);
                    set.insert(seq);
                } else {
                    seqs.remove(seq);
                    set.remove(&seq);
                }
                for seq in 0..22 {
                    prop_assert_eq!(seqs.contains(seq), set.contains(&seq));
                }
                let gaps = set.iter().filter(|seq| !set.contains(&(*seq + 1))).count();
                prop_assert_eq!(seqs.ranges.len(), gaps);
                prop_assert_eq!(seqs.len(), set.len() as u64);
            }
        }
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    const LOG: &str = "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n\
        1\t:\t1.5\t     0.001\t0\t0\t3\t0\tone\n\
        2\t:\t1.5\t     0.001\t0\t0\t0\t0\ttwo\n\
        3\t:\t1.5\t     0.001\t0\t0\t0\t9\tthree\0more\n\
        1\t:\t1.5\t     0.001\t0\t0\t0\t0\tone\n\
        4\t:\t1.5\t     0.001\t0\t0\t-1\t15\tfour\n\
        5\t:\t1.5\t     0.001\t0\t0\t1\t0\trm -rf keep";

    #[test]
    fn the_last_line_of_a_job_decides_and_a_torn_one_counts_for_nothing() {
        let log = file(LOG);
        let done = |counts| {
            let read = in_joblog(log.path(), counts).unwrap();
            assert!(read.is_torn);
            let (done, ends) = read.found;
            let seqs = (1..8).filter(|seq| done.contains(*seq));
            (seqs.collect::<Vec<_>>(), ends)
        };
        assert_eq!(done(Counts::Ended), (vec![1, 2, 3, 4], 5));
        assert_eq!(done(Counts::Succeeded), (vec![1, 2], 2));
        let failed = failed_in_joblog(log.path()).unwrap().found;
        let failed: Vec<_> = failed.iter().map(|(seq, line)| (*seq, &line[..])).collect();
        assert_eq!(failed, [(3, &b"three\nmore"[..]), (4, b"four")]);
    }

    #[test]
    fn a_joblog_that_is_not_there_has_nothing() {
        let none = Path::new("/no/such/joblog");
        assert!(in_joblog(none, Counts::Ended).unwrap().found.0.is_empty());
        assert!(in_joblog(Path::new("/"), Counts::Ended).is_err());
    }

    #[test]
    fn work_is_known_by_its_key_as_often_as_it_was_done() {
        let line = |kind, key, status| {
            let name = if kind == "job.lost" { "was" } else { "status" };
            format!(
                "{{\"v\":1,\"type\":\"{kind}\",\"key\":\"{key:032x}\",\"{name}\":\"{status}\"}}\n"
            )
        };
        let text = [
            line("job.end", 1, "ok"),
            line("job.end", 1, "ok"),
            line("job.end", 2, "fail"),
            line("attempt.end", 3, "ok"),
            line("job.end", 4, "cancelled"),
            line("job.end", 5, "ok"),
            line("job.lost", 5, "ok"),
            line("job.end", 5, "ok"),
            line("job.end", 6, "fail"),
            line("job.lost", 6, "fail"),
            line("job.end", 7, "fail").replace('}', ",\"exit\":0}"),
            line("job.lost", 8, "ok"),
            "nonsense\n".to_owned(),
            "{\"v\":1,\"type\":\"job.end\",\"key\":\"00".to_owned(),
        ];
        let json = file(&text.concat());
        let read = DoneWork::in_json(json.path(), Counts::Ended).unwrap();
        assert!(read.is_torn);
        let damaged = read.damaged.unwrap().to_string();
        assert!(damaged.starts_with("line 13 is damaged: "), "{damaged}");
        let taken = |counts| {
            let keys = DoneWork::in_json(json.path(), counts).unwrap().found;
            [1, 1, 1, 2, 3, 4, 5, 5, 6, 7, 8].map(|key| u8::from(keys.take(key)))
        };
        let ended = [1, 1, 0, 1, 0, 0, 1, 0, 0, 0, 0];
        assert_eq!(taken(Counts::Ended), ended);
        let succeeded = [1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0];
        assert_eq!(taken(Counts::Succeeded), succeeded);
    }
}
