//! A folder in which fanout runs jobs that say themselves when they begin and end, and what can be known afterwards.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rusqlite::Connection;
use tempfile::TempDir;

use crate::ways::{Record, TABLE, Way};

/// How many jobs run at a time.
pub const SLOTS: usize = 3;

/// A folder for one try of a way.
pub struct Scene {
    pub way: &'static Way,
    pub jobs: u64,
    folder: TempDir,
}

/// Which run of a scene.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Turn {
    First,
    /// Does what the record does not have.
    GoesOn,
    /// As [`GoesOn`](Self::GoesOn), and what has failed, too.
    TriesAgain,
}

/// What the jobs themselves have told: how often each has begun, and has ended.
#[derive(Clone, Debug, Default)]
pub struct Ran {
    pub begun: BTreeMap<u64, usize>,
    pub ended: BTreeMap<u64, usize>,
}

impl Scene {
    pub fn new(way: &'static Way, jobs: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("tmp")).unwrap();
        let lines: String = (1..=jobs).map(|number| format!("{number}\n")).collect();
        fs::write(folder.path().join("inputs"), lines).unwrap();
        Self { way, jobs, folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What the run number `round` is, from 0.
    pub fn turn(&self, round: usize) -> Turn {
        // A table is there once its master has written all of it.
        let begun = self.way.record != Record::Table || self.has_table();
        if round > 0 && begun {
            Turn::GoesOn
        } else {
            Turn::First
        }
    }

    fn words(&self, turn: Turn) -> Vec<&'static str> {
        let way = self.way;
        let mut words = vec![
            "--no-summary",
            const { ["-j0", "-j1", "-j2", "-j3"][SLOTS] },
        ];
        match (turn, way.record) {
            (Turn::First, _) => {}
            (_, Record::Table) => return [words, vec!["--sqlworker", TABLE]].concat(),
            (Turn::GoesOn, _) => words.push("--resume"),
            (Turn::TriesAgain, _) => words.push("--resume-failed"),
        }
        words.extend(way.options);
        words.push(way.command);
        if !way.piped {
            words.extend(["::::", "inputs"]);
        }
        words
    }

    /// fanout as `around` starts it (a program and its arguments, or nothing).
    pub fn command(&self, around: &[String], turn: Turn) -> Command {
        let fanout = env!("CARGO_BIN_EXE_fanout");
        let mut command = match around {
            [] => Command::new(fanout),
            [program, options @ ..] => {
                let mut command = Command::new(program);
                command.args(options).arg(fanout);
                command
            }
        };
        let stdin = if self.way.piped {
            File::open(self.path("inputs")).unwrap().into()
        } else {
            Stdio::null()
        };
        let appended = |name| {
            File::options()
                .append(true)
                .create(true)
                .open(self.path(name))
        };
        command
            .args(self.words(turn))
            .current_dir(self.folder.path())
            .env_remove("PARALLEL")
            .envs([
                ("LC_ALL", "C"),
                ("SHELL", "/bin/bash"),
                ("PARALLEL_SHELL", "/bin/bash"),
            ])
            .env("TMPDIR", self.path("tmp"))
            .stdin(stdin)
            .stdout(appended("stdout").unwrap())
            .stderr(appended("stderr").unwrap());
        command
    }

    /// The names of files that are left behind for nobody.
    pub fn left_behind(&self) -> Vec<String> {
        let names = |folder: &Path| -> Vec<String> {
            let entries = fs::read_dir(folder).unwrap().flatten();
            entries
                .map(|entry| entry.file_name().into_string().unwrap())
                .collect()
        };
        let known = [
            "tmp",
            "inputs",
            "ran",
            "stdout",
            "stderr",
            "log",
            "res",
            "rows.csv",
            "db.sqlite",
            // SQLite's own, of a writer that was killed: the next one clears them up.
            "db.sqlite-journal",
            "db.sqlite-wal",
            "db.sqlite-shm",
        ];
        let mut left = names(&self.path("tmp"));
        left.extend(
            names(self.folder.path())
                .into_iter()
                .filter(|name| !known.contains(&&**name)),
        );
        left
    }

    /// What fanout has said, for one who has to find out why.
    pub fn said(&self) -> String {
        fs::read_to_string(self.path("stderr")).unwrap_or_default()
    }

    pub fn has_table(&self) -> bool {
        let Ok(table) = Connection::open(self.path("db.sqlite")) else {
            return false;
        };
        let count = table.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0));
        // It is made and filled in one go.
        assert_ne!(count, Ok(0), "a table without jobs");
        count.is_ok_and(|count| count == self.jobs as i64)
    }

    pub fn ran(&self) -> Ran {
        let mut ran = Ran::default();
        let text = fs::read_to_string(self.path("ran")).unwrap_or_default();
        for line in text.split_inclusive('\n') {
            let (kind, number) = line.trim_end().split_once(' ').expect(line);
            let number = number.parse().expect(line);
            let counts = if kind == "s" {
                &mut ran.begun
            } else {
                &mut ran.ended
            };
            *counts.entry(number).or_default() += 1;
        }
        ran
    }

    /// How often each job is recorded as one that has ended well.
    pub fn recorded(&self) -> BTreeMap<u64, usize> {
        let mut times = BTreeMap::new();
        let numbers = match self.way.record {
            Record::Joblog | Record::Csv => self.in_joblog(),
            Record::Json => self.in_json(),
            Record::Results => self.in_results(),
            Record::Table => self.in_table(),
        };
        for number in numbers {
            *times.entry(number).or_default() += 1;
        }
        times
    }

    /// The whole lines of `name`, as text.
    fn lines(&self, name: &str) -> Vec<String> {
        let bytes = fs::read(self.path(name)).unwrap_or_default();
        let text = String::from_utf8(bytes).unwrap();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(str::to_owned).collect()
    }

    fn in_joblog(&self) -> Vec<u64> {
        let mut numbers = Vec::new();
        for line in self.lines("log").iter().skip(1) {
            let fields: Vec<&str> = line.splitn(9, '\t').collect();
            assert_eq!(fields.len(), 9, "a torn line in a joblog: {line:?}");
            if (fields[6], fields[7]) == ("0", "0") {
                numbers.push(fields[0].parse().expect(line));
            }
        }
        numbers
    }

    fn in_json(&self) -> Vec<u64> {
        let mut numbers: Vec<(serde_json::Value, u64)> = Vec::new();
        for line in self.lines("log") {
            let event: serde_json::Value = serde_json::from_str(&line).expect(&line);
            let is_done = event["type"] == "job.end" && event["status"] == "ok";
            if is_done {
                let number = event["args"][0].as_str().expect(&line).parse().unwrap();
                numbers.push((event["seq"].clone(), number));
            } else if event["type"] == "job.lost" {
                let lost = |(seq, _): &_| *seq == event["seq"];
                let place = numbers.iter().rposition(lost).expect(&line);
                numbers.remove(place);
            }
        }
        numbers.into_iter().map(|(_, number)| number).collect()
    }

    /// A job's number is written last.
    fn in_results(&self) -> Vec<u64> {
        let number_of = |number: &u64| self.path(&format!("res/1/{number}/seq"));
        (1..=self.jobs)
            .filter(|number| number_of(number).exists())
            .collect()
    }

    fn has_result(&self, number: u64) -> bool {
        let stdout = self.path(&format!("res/1/{number}/stdout"));
        fs::read_to_string(stdout).is_ok_and(|stdout| stdout == format!("out {number}\n"))
    }

    fn in_table(&self) -> Vec<u64> {
        if !self.has_table() {
            return Vec::new();
        }
        let table = Connection::open(self.path("db.sqlite")).unwrap();
        let done = "SELECT V1, Stdout FROM t WHERE Exitval = 0";
        let mut rows = table.prepare(done).unwrap();
        let row = |row: &rusqlite::Row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?));
        let rows = rows.query_map([], row).unwrap().map(Result::unwrap);
        let number = |(number, stdout): (String, String)| {
            assert_eq!(
                stdout,
                format!("out {number}\n"),
                "a row that is done, without its output"
            );
            number.parse().unwrap()
        };
        rows.map(number).collect()
    }

    /// Each job's output is on standard output, once, whatever the runs.
    pub fn check_stdout(&self) {
        let prints = matches!(self.way.record, Record::Joblog | Record::Json);
        if !prints || self.way.options.contains(&"res") {
            return;
        }
        let stdout = fs::read_to_string(self.path("stdout")).unwrap();
        let mut lines: Vec<&str> = stdout.lines().collect();
        let mut want: Vec<String> = (1..=self.jobs)
            .map(|number| format!("out {number}"))
            .collect();
        lines.sort_unstable();
        want.sort_unstable();
        assert_eq!(lines, want, "standard output");
    }

    /// What is written where for each job that is recorded.
    pub fn check_outputs(&self, recorded: &BTreeMap<u64, usize>) {
        if self.way.options.contains(&"res") {
            for number in recorded.keys() {
                assert!(
                    self.has_result(*number),
                    "the results of job {number} are not whole"
                );
            }
        }
        if self.way.record == Record::Csv && self.path("rows.csv").exists() {
            let rows = fs::read_to_string(self.path("rows.csv")).unwrap();
            let headers = rows.matches("Seq,Host").count();
            assert!(headers <= 1, "{headers} headers: {rows}");
            // Nobody is recorded in the joblog before its row is in the table.
            for number in recorded.keys() {
                let row = format!(",{number},\"out {number}\n\",\"err {number}\n\"\n");
                let times = rows.matches(&row).count();
                assert!(times >= 1, "job {number} is recorded, and has no row");
            }
        }
    }
}
