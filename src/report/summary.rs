//! What failed, in a few lines on stderr when all is over.
//!
//! ```text
//! fanout: 111 of 120 done, 4 failed, 5 never started in 1:15 · slowest: #12 0:58
//!   #4       exit 2, 3 tries  gzip -k9 a.log
//!                             | gzip: a.log: No such file or directory
//!   #12      SIGSEGV          ./crash x
//!   #20 #31  timeout          sleep …
//! fanout: flaky: #7 passed on try 2
//! fanout: again, only these: fanout --retry-failed --joblog jobs.tsv
//! ```

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::{Duration, Instant};

use super::progress::clock;
use super::words::{command_line, fit, how, one_line};
use super::{Failure, Listener, Out, RunState};
use crate::model::{AttemptEnd, Event, Left, Outcome};
use crate::sys::{display, process};

/// So many failed jobs are named; the others are counted.
const NAMED: usize = 10;
/// So many lines from the end of a job's stderr are shown.
const LINES: usize = 3;
/// And they are looked for in so many bytes.
const TAIL: u64 = 4096;
/// Longer lines are shortened to so many characters.
const WIDTH: usize = 100;
/// How long a shorter run took is not said.
const SECOND: Duration = Duration::from_secs(1);

/// What whoever typed the command line may want to know at the end, without `fanout: ` in front.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// If there were no inputs.
    pub no_inputs: Option<String>,
    /// If jobs have failed.
    pub failed: Vec<String>,
    /// The command line that runs again what has failed, if there is one.
    pub again: Option<String>,
}

/// Writes the failure summary.
#[derive(Debug)]
pub struct Failures {
    out: Out,
    hints: Hints,
    /// Whether the run went to its end, with inputs or without.
    over: bool,
    /// Those with the lowest numbers, by them.
    named: BTreeMap<u64, Failed>,
    /// Jobs that have passed after a failure, the same way, and on which try.
    flaky: BTreeMap<u64, u32>,
    /// How many there are.
    flakes: u64,
    /// What jobs have left running: their numbers and the process ids.
    left_running: Vec<(u64, Vec<i32>)>,
    quiet: bool,
    /// Whether a signal ended the run.
    interrupted: bool,
    /// What was left of the input.
    left: Left,
    /// How long the run took.
    took: Duration,
    /// The job that took longest, and how long.
    slowest: Option<(Duration, u64)>,
}

/// A job that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Failed {
    how: String,
    command: String,
    /// The end of its stderr, or of its stdout where that is empty, or why it could not start.
    said: Vec<String>,
}

/// Whether `seq` is among the lowest numbers that are named.
fn has_room<T>(named: &BTreeMap<u64, T>, seq: u64) -> bool {
    named.len() < NAMED || named.last_key_value().is_some_and(|(last, _)| seq < *last)
}

fn keep_lowest<T>(named: &mut BTreeMap<u64, T>) {
    if named.len() > NAMED {
        named.pop_last();
    }
}

impl Failures {
    /// Writes to `out`, at the end and only if there was a failure.
    pub fn new(out: Out) -> Self {
        Self {
            out,
            named: BTreeMap::new(),
            flaky: BTreeMap::new(),
            flakes: 0,
            left_running: Vec::new(),
            quiet: false,
            interrupted: false,
            left: Left::default(),
            took: Duration::ZERO,
            slowest: None,
            hints: Hints::default(),
            over: false,
        }
    }

    /// The same with `hints` for whoever typed the command line.
    #[must_use]
    pub fn with_hints(self, hints: Hints) -> Self {
        Self { hints, ..self }
    }

    fn job(&mut self, end: &AttemptEnd) {
        if let Some(ran) = &end.ran
            && self.slowest.is_none_or(|(most, _)| ran.took > most)
        {
            self.slowest = Some((ran.took, end.job.seq));
        }
        if !end.left_running.is_empty() && self.left_running.len() <= NAMED {
            self.left_running
                .push((end.job.seq, end.left_running.clone()));
        }
        let counts = matches!(end.outcome, Outcome::Cancelled { .. } | Outcome::Declined)
            || end.outcome.is_left_out()
            || end.outcome.is_success();
        let seq = end.job.seq;
        if !counts && has_room(&self.named, seq) {
            self.named.insert(seq, Failed::new(end));
            keep_lowest(&mut self.named);
        }
        if end.is_flaky() {
            self.flakes += 1;
            self.flaky.insert(seq, end.job.attempt);
            keep_lowest(&mut self.flaky);
        }
    }
}

impl Failures {
    /// What may be behind it that nothing was run, or that jobs failed.
    fn said_to_help(&self, state: &RunState) -> String {
        let killed = state.halted + state.interrupted;
        let mut text = flaky(&self.flaky, self.flakes);
        let mut say = |words: &str| text.extend(["fanout: ", words, "\n"]);
        if state.tally.failed > killed {
            self.hints.failed.iter().for_each(|hint| say(hint));
            if let Some(again) = &self.hints.again {
                say(&format!("again, only these: {again}"));
            }
        } else if self.over && state.done() + state.tally.unstarted + state.before == 0 {
            self.hints.no_inputs.iter().for_each(|hint| say(hint));
        }
        text
    }
}

impl Failed {
    fn new(end: &AttemptEnd) -> Self {
        let said = match &end.outcome {
            Outcome::SpawnFailed(error) | Outcome::Lost(Some(error)) => {
                vec![one_line(error.why.as_bytes(), WIDTH)]
            }
            Outcome::OutputLost(lost) => vec![one_line(lost.why.as_bytes(), WIDTH)],
            // A spool that cannot be read is reported by the sink that shows it.
            _ => {
                let outputs = [&end.stderr, &end.stdout].into_iter();
                let lines =
                    outputs.map(|output| last_lines(&output.tail(TAIL).unwrap_or_default()));
                lines
                    .into_iter()
                    .find(|lines| !lines.is_empty())
                    .unwrap_or_default()
            }
        };
        let mut how = how(&end.outcome).into_owned();
        if end.job.attempt > 1 {
            // Writing to a String does not fail.
            let _ = write!(how, ", {} tries", end.job.attempt);
        }
        Self {
            how,
            command: command_line(&end.job, WIDTH),
            said,
        }
    }
}

/// The last lines of `text` that are not blank.
fn last_lines(text: &[u8]) -> Vec<String> {
    let mut lines: Vec<_> = text
        .rsplit(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii_end)
        .filter(|line| !line.is_empty())
        .take(LINES)
        .map(|line| one_line(line, WIDTH))
        .collect();
    lines.reverse();
    lines
}

impl Listener for Failures {
    fn event(&mut self, event: &Event, state: &RunState) -> Result<(), Failure> {
        match event {
            Event::JobFinished(end) => self.job(end),
            Event::RunEnded(end) => {
                (self.interrupted, self.left) = (end.interrupted, end.left);
                self.took = end.at.duration_since(state.start.at).unwrap_or_default();
                self.over =
                    !end.interrupted && end.halted_by.is_none() && end.left == Left::default();
            }
            _ => {}
        }
        Ok(())
    }

    fn settle(&mut self, _: Instant, _: &RunState) -> Result<(), Failure> {
        Ok(())
    }

    fn wants_ends(&self) -> bool {
        false
    }

    fn stdout_closed(&mut self) {
        self.quiet = true;
    }

    fn finish(&mut self, state: &RunState) -> Result<(), Failure> {
        if self.quiet {
            return Ok(());
        }
        let mut text = String::new();
        if self.interrupted {
            text.push_str(&interrupted(state, self.left));
        }
        text.push_str(&self.render(state));
        text.push_str(&self.said_to_help(state));
        // What has ended since is of no interest.
        for (_, pids) in &mut self.left_running {
            pids.retain(|&pid| process::lives(pid));
        }
        self.left_running.retain(|(_, pids)| !pids.is_empty());
        text.push_str(&still_running(&self.left_running));
        if text.is_empty() {
            return Ok(());
        }
        self.out.begin_line()?;
        self.out.write(text.as_bytes())?;
        self.out.flush()
    }
}

/// Who outlives the run; empty if nobody does.
fn still_running(left: &[(u64, Vec<i32>)]) -> String {
    let Some(more) = left.len().checked_sub(1) else {
        return String::new();
    };
    let named = left.iter().take(NAMED).map(|(seq, pids)| {
        let pids: Vec<String> = pids.iter().map(i32::to_string).collect();
        format!("#{seq} ({})", pids.join(" "))
    });
    let named: Vec<String> = named.collect();
    let jobs = if more == 0 { "a job" } else { "jobs" };
    let others = if left.len() > NAMED {
        " and others"
    } else {
        ""
    };
    format!(
        "fanout: processes of {jobs} still run: {}{others}\n",
        named.join(", ")
    )
}

/// What a signal has made of the run.
fn interrupted(state: &RunState, left: Left) -> String {
    let stopped = state.interrupted;
    let done = state.done() - stopped;
    let unstarted = state.tally.unstarted + left.jobs;
    let or_more = if left.more { " or more" } else { "" };
    format!(
        "fanout: interrupted: {done} done, {stopped} stopped, {unstarted}{or_more} not started\n"
    )
}

impl Failures {
    /// What failed; empty when nothing did.
    fn render(&self, state: &RunState) -> String {
        let killed = state.halted + state.interrupted;
        let failed = state.tally.failed - killed;
        if failed == 0 {
            return String::new();
        }
        let columns = self.columns();
        let mut text = self.headline(state, failed);
        let groups = groups(&self.named);
        let width = |of: fn(&Group) -> usize| groups.iter().map(of).max().unwrap_or(0);
        let jobs_width = width(|group| group.jobs.len());
        let how_width = width(|group| group.how.len());
        for Group {
            jobs,
            how,
            command,
            said,
        } in &groups
        {
            let line = format!("  {jobs:jobs_width$}  {how:how_width$}  {command}");
            text.extend([fit(&line, columns).as_str(), "\n"]);
            for line in *said {
                let line = format!("  {:jobs_width$}  {:how_width$}  | {line}", "", "");
                text.extend([fit(&line, columns).as_str(), "\n"]);
            }
        }
        match failed - self.named.len() as u64 {
            0 => {}
            more => {
                // Writing to a String does not fail.
                let _ = writeln!(text, "  … and {more} more");
            }
        }
        text
    }

    /// How wide a line may be.
    fn columns(&self) -> usize {
        if self.out.is_terminal() {
            display::size().0
        } else {
            usize::MAX
        }
    }
}

/// Jobs that have failed in the same way, with the same words.
struct Group<'a> {
    /// `#4 #7`.
    jobs: String,
    how: &'a str,
    /// The command; of several, as far as it is the same.
    command: String,
    said: &'a [String],
}

fn groups(named: &BTreeMap<u64, Failed>) -> Vec<Group<'_>> {
    let mut groups: Vec<Group> = Vec::new();
    for (seq, job) in named {
        let of_both = |group: &mut Group| {
            let same = group.how == job.how && group.said == job.said;
            same.then(|| common(&group.command, &job.command))?
        };
        let found = groups.iter_mut();
        let mut found = found.filter_map(|group| Some((of_both(group)?, group)));
        match found.next() {
            Some((command, group)) => {
                // Writing to a String does not fail.
                let _ = write!(group.jobs, " #{seq}");
                group.command = command;
            }
            None => groups.push(Group {
                jobs: format!("#{seq}"),
                how: &job.how,
                command: job.command.clone(),
                said: &job.said,
            }),
        }
    }
    groups
}

/// The words that two commands begin with; `None`: there are none.
fn common(one: &str, other: &str) -> Option<String> {
    if one == other {
        return Some(one.to_owned());
    }
    let one = one.strip_suffix(" …").unwrap_or(one);
    let pairs = one.split(' ').zip(other.split(' '));
    let words: Vec<_> = pairs
        .take_while(|(one, other)| one == other)
        .map(|(word, _)| word)
        .collect();
    (!words.is_empty()).then(|| words.join(" ") + " …")
}

/// Which jobs have passed after a failure; empty if none has.
fn flaky(named: &BTreeMap<u64, u32>, count: u64) -> String {
    if named.is_empty() {
        return String::new();
    }
    let jobs = named
        .iter()
        .map(|(seq, attempt)| format!("#{seq} passed on try {attempt}"));
    let jobs = jobs.collect::<Vec<_>>().join(", ");
    match count - named.len() as u64 {
        0 => format!("fanout: flaky: {jobs}\n"),
        more => format!("fanout: flaky: {jobs} and {more} more\n"),
    }
}

impl Failures {
    /// How far the run has come, how long it took, and for which job most.
    fn headline(&self, state: &RunState, failed: u64) -> String {
        let never = state.tally.unstarted + self.left.jobs;
        let more = if self.left.more { " or more" } else { "" };
        let total = state.done() + never;
        // Writing to a String does not fail.
        let mut line = format!("fanout: {} of {total}{more} done", state.tally.ok);
        let others = [
            (failed, "failed"),
            (state.declined, "declined"),
            (state.halted, "killed by --halt"),
            (state.interrupted, "interrupted"),
        ];
        for (count, what) in others {
            if count > 0 {
                let _ = write!(line, ", {count} {what}");
            }
        }
        if never > 0 || self.left.more {
            let _ = write!(line, ", {never}{more} never started");
        }
        if self.took >= SECOND {
            let _ = write!(line, " in {}", clock(self.took));
            if let Some((took, seq)) = self.slowest.filter(|_| state.done() > 1) {
                let _ = write!(line, " · slowest: #{seq} {}", clock(took));
            }
        }
        line.push('\n');
        line
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::flow::spool::Captured;
    use crate::model::KilledBy;
    use crate::report::testing::{
        ended, finished, listen, never_started, ok, out, spooled, written,
    };

    fn summary(events: Vec<Event>) -> String {
        let (out, file) = out();
        let mut sink = Failures::new(out);
        listen(&mut sink, events);
        String::from_utf8(written(file)).unwrap()
    }

    #[test]
    fn a_successful_run_says_nothing() {
        assert_eq!(summary(vec![finished(ok(1, "", "a warning\n"))]), "");
    }

    #[test]
    fn failures_are_named_with_their_last_words() {
        let mut gzip = ended(4, "gzip -k9 a.log", Outcome::Exited(2));
        gzip.stderr = Captured::Memory(b"1\n2\n3\n\x1b[31m4\r\n\n5".to_vec());
        let mut crash = ended(12, "./crash x\nmore", Outcome::Signaled(11));
        crash.stderr = spooled(b"oops\n");
        let cancelled = |by, signal| Outcome::Cancelled { by, signal };
        let events = vec![
            finished(ok(1, "", "")),
            finished(gzip),
            finished(crash),
            finished(ended(
                112,
                "sleep 100",
                Outcome::TimedOut(crate::model::Exit::Signal(15)),
            )),
            finished(never_started(ended(
                113,
                "x",
                Outcome::SpawnFailed(crate::model::SpawnError::passing("x: no such file")),
            ))),
            finished(ended(114, "y", cancelled(KilledBy::Halt, Some(15)))),
            finished(never_started(ended(
                115,
                "z",
                cancelled(KilledBy::Halt, None),
            ))),
        ];
        let expected = "\
fanout: 1 of 7 done, 4 failed, 1 killed by --halt, 1 never started
  #4    exit 2       gzip -k9 a.log
                     | 3
                     | \\x1b[31m4
                     | 5
  #12   SIGSEGV      ./crash x\\nmore
                     | oops
  #112  timeout      sleep 100
  #113  not started  x
                     | x: no such file
";
        assert_eq!(summary(events), expected);
    }

    #[test]
    fn many_failures_are_counted() {
        let name = |seq: u64| char::from(b'a' - 1 + seq as u8).to_string();
        let failed = (1..=12).rev();
        let failed = failed.map(|seq| finished(ended(seq, &name(seq), Outcome::Exited(1))));
        let text = summary(failed.collect());
        assert!(
            text.starts_with("fanout: 0 of 12 done, 12 failed\n  #1   exit 1  a\n"),
            "{text}"
        );
        assert!(
            text.ends_with("  #10  exit 1  j\n  … and 2 more\n"),
            "{text}"
        );
    }

    #[test]
    fn what_has_failed_in_the_same_way_is_named_together() {
        let mut jobs: Vec<_> = [
            (31, "sleep 2 x"),
            (4, "false"),
            (20, "sleep 1 x"),
            (5, "sleep 1 y"),
        ]
        .map(|(seq, command)| ended(seq, command, Outcome::Exited(1)))
        .into();
        jobs[3].stdout = Captured::Memory(b"what it printed\n".to_vec());
        let expected = "\
fanout: 0 of 4 done, 4 failed
  #4       exit 1  false
  #5       exit 1  sleep 1 y
                   | what it printed
  #20 #31  exit 1  sleep …
";
        assert_eq!(summary(jobs.into_iter().map(finished).collect()), expected);
    }

    #[test]
    fn tries_and_what_passed_after_a_failure_are_told_of() {
        let again = |seq, outcome| {
            let mut end = ended(seq, "flaky", outcome);
            Arc::get_mut(&mut end.job).unwrap().attempt = 3;
            finished(end)
        };
        let text = summary(vec![
            again(2, Outcome::Exited(0)),
            again(1, Outcome::Exited(7)),
        ]);
        let expected = "\
fanout: 1 of 2 done, 1 failed
  #1  exit 7, 3 tries  flaky
fanout: flaky: #2 passed on try 3
";
        assert_eq!(text, expected);
    }
}
