//! The ways to record what is done and to go on by it.

use crate::scene::SLOTS;

/// One of them.
pub struct Way {
    pub name: &'static str,
    /// Options of each run.
    pub options: &'static [&'static str],
    /// The jobs' command; what is seen to run says in the file `ran` what it does.
    pub command: &'static str,
    /// Whether jobs' numbers come by standard input, a line each, and not as arguments.
    pub piped: bool,
    pub record: Record,
}

/// Where it is recorded what is done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Record {
    Joblog,
    Json,
    /// The folders of `--results`, without a joblog.
    Results,
    /// A joblog, and a row a job beside it.
    Csv,
    Table,
}

/// Says that a job begins, takes a moment, prints, and says that it ends: each a line by one write.
const SEEN: &str = r#"printf "s {}\n" >>ran; sleep 0.0$(({} % 4)); echo out {}; echo err {} >&2; printf "e {}\n" >>ran"#;

/// As [`SEEN`], with a job's number in its standard input.
const PIPED: &str = r#"read n || exit 9; printf "s $n\n" >>ran; sleep 0.0$((n % 4)); echo out $n; printf "e $n\n" >>ran"#;

/// As [`PIPED`], with the input in a file.
const IN_A_FILE: &str = r#"read n <{} || exit 9; printf "s $n\n" >>ran; sleep 0.0$((n % 4)); echo out $n; printf "e $n\n" >>ran"#;

/// As [`SEEN`], with an expression that Perl evaluates.
const PERL: &str =
    r#"printf "s {}\n" >>ran; echo out {= $_ = join("", split(//)) =}; printf "e {}\n" >>ran"#;

/// A builtin and no more: many of these share a shell. Only records tell of them.
const WARM: &str = "echo out {} || echo";

const fn way(name: &'static str, options: &'static [&'static str], record: Record) -> Way {
    Way {
        name,
        options,
        command: SEEN,
        piped: false,
        record,
    }
}

const fn piped(name: &'static str, options: &'static [&'static str]) -> Way {
    Way {
        command: PIPED,
        piped: true,
        ..way(name, options, Record::Joblog)
    }
}

/// The table of jobs.
pub const TABLE: &str = "sqlite3:///db.sqlite/t";

const JOBLOG: &[&str] = &["--joblog", "log"];

pub const WAYS: &[Way] = &[
    way("joblog", JOBLOG, Record::Joblog),
    way("in order", &["-k", "--joblog", "log"], Record::Joblog),
    way(
        "by lines",
        &["--line-buffer", "--joblog", "log"],
        Record::Joblog,
    ),
    way("json", &["--json=log"], Record::Json),
    way("results", &["--results", "res"], Record::Results),
    way(
        "results and joblog",
        &["--results", "res", "--joblog", "log"],
        Record::Joblog,
    ),
    way(
        "rows and joblog",
        &["--results", "rows.csv", "--joblog", "log"],
        Record::Csv,
    ),
    way("table", &["--sqlandworker", TABLE], Record::Table),
    piped("pipe", &["--pipe", "-N1", "--joblog", "log"]),
    piped("pipe in order", &["--pipe", "-N1", "-k", "--joblog", "log"]),
    Way {
        command: IN_A_FILE,
        ..piped("cat", &["--pipe", "-N1", "--cat", "--joblog", "log"])
    },
    Way {
        command: IN_A_FILE,
        ..piped("fifo", &["--pipe", "-N1", "--fifo", "--joblog", "log"])
    },
    Way {
        command: WARM,
        ..way("warm", JOBLOG, Record::Joblog)
    },
    Way {
        command: WARM,
        ..way("warm in order", &["-k", "--json=log"], Record::Json)
    },
];

/// Further ones, which have something of their own to start or to open.
pub const MORE: &[Way] = &[
    Way {
        command: PERL,
        ..way("perl", JOBLOG, Record::Joblog)
    },
    way(
        "compress",
        &["--compress", "--joblog", "log"],
        Record::Joblog,
    ),
    way(
        "limit",
        &["--limit", "true", "--joblog", "log"],
        Record::Joblog,
    ),
    way(
        "reduce",
        &["--reduce", "cat", "--joblog", "log"],
        Record::Joblog,
    ),
    way(
        "time limit",
        &["--timeout", "50", "--retries", "2", "--joblog", "log"],
        Record::Joblog,
    ),
    way(
        "ungrouped",
        &["--ungroup", "--joblog", "log"],
        Record::Joblog,
    ),
];

impl Way {
    /// How many jobs that have ended may be unknown after a kill: those that are recorded together.
    pub fn forgets(&self) -> usize {
        match self.record {
            Record::Table => 16.max(2 * SLOTS),
            _ => SLOTS,
        }
    }

    /// Whether jobs say in `ran` what they do.
    pub fn is_seen(&self) -> bool {
        self.command != WARM
    }
}
