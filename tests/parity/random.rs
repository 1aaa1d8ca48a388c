//! Random command lines through both programs: options of GNU parallel with usual and odd values, commands, inputs.
//!
//! A line depends on its number alone, so what differs once can be looked at again.
//! `FANOUT_PARITY_LINES=1000..2000 cargo test --test parity -- random` compares those lines instead of the usual
//! few, and tells what differs, each in the shortest form that still does.

mod tables;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use fastrand::Rng;

use crate::case::{Case, Stderr};
use crate::compare::Observed;
use crate::{compare, differences};
use tables::Choice;

/// As many lines are compared where nothing else is asked for.
const FEW: Range<u64> = 0..140;

/// As many run at a time, where `FANOUT_PARITY_AT_ONCE` says nothing else.
const AT_ONCE: usize = 4;

/// Longer than this no line takes, unless the machine is busy.
const PATIENCE: Duration = Duration::from_secs(20);

/// As often is a line compared that differs.
const TRIES: usize = 6;

/// What is told of a line that differs is found in so many steps at most.
const STEPS: usize = 12;

/// A command line, in parts that can be left out one by one.
#[derive(Clone, Debug)]
pub struct Line {
    pub options: Vec<Vec<String>>,
    pub command: Vec<String>,
    /// Each source with what begins it.
    pub sources: Vec<Vec<String>>,
    pub stdin: Option<String>,
    /// As many of the options, from the last on, are in `$PARALLEL`.
    from_environment: usize,
    /// As many of the options stay whatever else is left out.
    fixed: usize,
}

/// Compares random lines.
pub fn equal_gnu(gnu: &Path, ours: &Path) {
    let wanted = std::env::var("FANOUT_PARITY_LINES").ok();
    let wanted = wanted.map_or(FEW, |text| {
        let (from, to) = text.split_once("..").expect("FANOUT_PARITY_LINES=FROM..TO");
        from.parse().unwrap()..to.parse().unwrap()
    });
    let at_once = std::env::var("FANOUT_PARITY_AT_ONCE");
    let at_once = at_once.map_or(AT_ONCE, |text| text.parse().unwrap());
    let done = AtomicU64::new(0);
    let next = AtomicU64::new(wanted.start);
    let found = Mutex::new(Vec::new());
    let explained = Mutex::new(BTreeMap::new());
    thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= wanted.end {
                        return;
                    }
                    let done = done.fetch_add(1, Ordering::Relaxed);
                    if done > 0 && done.is_multiple_of(200) {
                        eprintln!("{done} lines done");
                    }
                    match compared(&Line::of(number), gnu, ours) {
                        Verdict::Same => {}
                        Verdict::Explained(reason) => {
                            if wanted != FEW {
                                eprintln!("line {number} differs as listed: {reason}");
                            }
                            *explained.lock().unwrap().entry(reason).or_insert(0) += 1;
                        }
                        Verdict::Differs(_) => {
                            let told =
                                format!("line {number}: {}", shrunk(Line::of(number), gnu, ours));
                            if wanted != FEW {
                                eprintln!("{told}");
                            }
                            found.lock().unwrap().push(told);
                        }
                    }
                }
            });
        }
    });
    let found = found.into_inner().unwrap();
    let explained: BTreeMap<&str, u64> = explained.into_inner().unwrap();
    let count = wanted.end - wanted.start;
    let differ: u64 = explained.values().sum();
    println!("{count} lines: {differ} differ as listed");
    for (reason, lines) in explained {
        println!("{lines:5} {reason}");
    }
    assert!(
        found.is_empty(),
        "{} of {count} lines differ:\n\n{}",
        found.len(),
        found.join("\n")
    );
}

enum Verdict {
    Same,
    /// For this reason, which is listed.
    Explained(&'static str),
    Differs(String),
}

/// What of `line` differs each time: what GNU parallel does now and then is by chance.
fn compared(line: &Line, gnu: &Path, ours: &Path) -> Verdict {
    let case = line.case();
    let mut told = String::new();
    for attempt in 0..TRIES {
        let theirs = remembered(gnu, &case, attempt > 0);
        // What it would have gone on to do is not known.
        if !theirs.ended() {
            return Verdict::Explained(differences::NEVER_ENDS);
        }
        let ours = compare::observe(ours, &case);
        told = compare::differences(&case, &theirs, &ours);
        if told.is_empty() {
            return Verdict::Same;
        }
        if let Some(reason) = differences::of_line(line, &told) {
            return Verdict::Explained(reason);
        }
    }
    Verdict::Differs(told)
}

/// What GNU parallel does with `case`; from the folder `FANOUT_PARITY_MEMORY`, if it has been asked before and need
/// not be asked `anew`.
fn remembered(gnu: &Path, case: &Case, anew: bool) -> Observed {
    let Some(folder) = std::env::var_os("FANOUT_PARITY_MEMORY").map(PathBuf::from) else {
        return compare::observe(gnu, case);
    };
    let mut hasher = DefaultHasher::new();
    (&case.argv, &case.stdin, &case.env, &case.files).hash(&mut hasher);
    let file = folder.join(format!("{:016x}", hasher.finish()));
    let known = std::fs::read(&file).ok().filter(|_| !anew);
    if let Some(observed) = known.and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
        return observed;
    }
    let observed = compare::observe(gnu, case);
    std::fs::write(&file, serde_json::to_vec(&observed).unwrap()).unwrap();
    observed
}

/// The shortest form of `line` that still differs, and how.
fn shrunk(mut line: Line, gnu: &Path, ours: &Path) -> String {
    let mut told = String::new();
    let mut steps = 0;
    let mut at = 0;
    while steps < STEPS {
        let Some(shorter) = line.without(at) else {
            break;
        };
        steps += 1;
        match compared(&shorter, gnu, ours) {
            Verdict::Differs(how) => (line, told) = (shorter, how),
            Verdict::Same | Verdict::Explained(_) => at += 1,
        }
    }
    if told.is_empty()
        && let Verdict::Differs(how) = compared(&line, gnu, ours)
    {
        told = how;
    }
    if told.is_empty() {
        told.push_str("  not in another run\n");
    }
    format!("{}\n{told}", line.shown())
}

impl Line {
    /// Line number `number`.
    pub fn of(number: u64) -> Self {
        let mut rng = Rng::with_seed(number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let mut line = match rng.u32(0..20) {
            0..13 => Self::with_arguments(&mut rng),
            13..19 => Self::with_pieces(&mut rng),
            _ => Self::with_a_semaphore(&mut rng),
        };
        line.shorten_names(&mut rng);
        if rng.u32(0..15) == 0 {
            line.from_environment = rng.usize(0..3);
        }
        line
    }

    /// Now and then only the beginning of an option's name is typed.
    fn shorten_names(&mut self, rng: &mut Rng) {
        for word in self
            .options
            .iter_mut()
            .filter_map(|option| option.first_mut())
        {
            let (name, value) = word.split_at(word.find('=').unwrap_or(word.len()));
            if name.starts_with("--") && name.len() > 6 && rng.u32(0..12) == 0 {
                *word = format!("{}{value}", &name[..rng.usize(5..name.len())]);
            }
        }
    }

    fn with_a_semaphore(rng: &mut Rng) -> Self {
        let first = *pick(rng, &["--semaphore", "--sem"]);
        let mut options = options(rng, tables::SEMAPHORE_OPTIONS, 3);
        options.insert(0, vec![first.to_owned()]);
        options.insert(1, vec!["--fg".to_owned()]);
        let stdin = rng.bool().then(|| (*pick(rng, tables::STDINS)).to_owned());
        Self {
            options,
            command: strings(pick::<&[&str]>(rng, tables::SEMAPHORE_COMMANDS)),
            sources: Vec::new(),
            stdin,
            from_environment: 0,
            fixed: 2,
        }
    }

    fn with_arguments(rng: &mut Rng) -> Self {
        let mut options = options(rng, tables::OPTIONS, 4);
        put_order_first(rng, &["-k", "-j1", "-k", "-kj2"], &mut options);
        let fixed = 1;
        let command = pick::<&[&str]>(rng, tables::COMMANDS);
        have_one_slot(&mut options, command);
        let command = strings(command);
        let count = *pick(rng, &[0, 1, 1, 1, 1, 2, 2, 3]);
        let sources: Vec<_> = (0..count).map(|_| source(rng)).collect();
        let reads_stdin = sources.is_empty() || rng.u32(0..10) == 0;
        let stdin = reads_stdin.then(|| (*pick(rng, tables::STDINS)).to_owned());
        Self {
            options,
            command,
            sources,
            stdin,
            from_environment: 0,
            fixed,
        }
    }

    fn with_pieces(rng: &mut Rng) -> Self {
        let mut options = options(rng, tables::PIPE_OPTIONS, 4);
        let splits = *pick(
            rng,
            &["--pipe", "--pipe", "--pipe", "--spreadstdin", "--pipepart"],
        );
        put_order_first(rng, &["-k", "-j1", "-kj2"], &mut options);
        options.insert(1, vec![splits.to_owned()]);
        let fixed = 2;
        let command = strings(pick::<&[&str]>(rng, tables::PIPE_COMMANDS));
        let mut sources = Vec::new();
        if splits == "--pipepart" {
            let file = pick(rng, tables::FILES).0;
            options.push(vec!["-a".to_owned(), file.to_owned()]);
        } else if rng.u32(0..8) == 0 {
            sources.push(source(rng));
        }
        let stdin = (splits != "--pipepart").then(|| (*pick(rng, tables::STDINS)).to_owned());
        Self {
            options,
            command,
            sources,
            stdin,
            from_environment: 0,
            fixed,
        }
    }

    fn case(&self) -> Case {
        let mut case = crate::case::case("");
        let (typed, environment) = self.options.split_at(self.typed());
        let parts = typed.iter().chain([&self.command]).chain(&self.sources);
        case.argv = parts.flatten().map(Into::into).collect();
        if !environment.is_empty() {
            let words: Vec<_> = environment.iter().flatten().map(|it| quoted(it)).collect();
            case = case.env("PARALLEL", &words.join(" "));
        }
        // Its semaphores are its own.
        if self.has(&["--sem", "--semaphore"]) {
            case = case.env("HOME", ".");
        }
        case.name = self.shown();
        case.stdin = self.stdin.as_ref().map(|text| text.clone().into_bytes());
        for (name, text) in tables::FILES {
            case = case.file(name, text);
        }
        case.stderr = Stderr::OwnWords;
        case.limit = PATIENCE;
        case.plain_names = true;
        case.leaves_out = self.has(&["--filter"]);
        case.tree()
    }

    /// The same with less: the part at `at` is left out, in the end one of the words of a source.
    fn without(&self, at: usize) -> Option<Self> {
        let mut shorter = self.clone();
        let free = self.options.len() - self.fixed;
        if at < free {
            shorter.options.remove(self.fixed + at);
            return Some(shorter);
        }
        let mut at = at - free;
        if at < self.sources.len() {
            shorter.sources.remove(at);
            return Some(shorter);
        }
        at -= self.sources.len();
        for (source, words) in self.sources.iter().enumerate() {
            if at + 1 < words.len() {
                shorter.sources[source].remove(at + 1);
                return Some(shorter);
            }
            at -= words.len() - 1;
        }
        if at + 1 < self.command.len() {
            shorter.command.remove(at + 1);
            return Some(shorter);
        }
        None
    }

    /// How many of the options are on the command line.
    fn typed(&self) -> usize {
        self.options
            .len()
            .saturating_sub(self.from_environment)
            .max(self.fixed)
    }

    /// The line as a shell would read it.
    pub fn shown(&self) -> String {
        let (typed, environment) = self.options.split_at(self.typed());
        let mut shown = String::new();
        if !environment.is_empty() {
            let words: Vec<_> = environment.iter().flatten().map(|it| quoted(it)).collect();
            shown = format!("PARALLEL={:?}", words.join(" "));
        }
        let parts = typed.iter().chain([&self.command]).chain(&self.sources);
        for word in parts.flatten() {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_=:./,+%@".contains(c);
            if !shown.is_empty() {
                shown.push(' ');
            }
            if !word.is_empty() && word.chars().all(plain) {
                shown += word;
            } else {
                let quoted = word.escape_default().to_string();
                let quoted = quoted.replace("\\\"", "\"").replace("\\\\", "\\");
                let _ = write!(shown, "$'{quoted}'");
            }
        }
        if let Some(stdin) = &self.stdin {
            let _ = write!(shown, "   <<< {stdin:?}");
        }
        shown
    }

    /// Whether one of its options is spelt like one of these, or begins like one that ends with `=` or is a short one.
    pub fn has(&self, spellings: &[&str]) -> bool {
        self.gives(spellings, |_| true)
    }

    /// Whether one of its options is spelt like one of these and has a value, or none, that `is` what is looked for.
    pub fn gives(&self, spellings: &[&str], is: impl Fn(&str) -> bool) -> bool {
        let mut options = self.options.iter().filter(|option| !option.is_empty());
        options.any(|option| {
            let (name, attached) = option[0].split_once('=').unwrap_or((&option[0], ""));
            let beside = option.get(1).map_or(attached, String::as_str);
            spellings.iter().any(|&spelling| {
                // It may be typed in part.
                let begins = name.len() > 4 && name.starts_with("--");
                let short = spelling.len() == 2 && !name.starts_with("--");
                if name == spelling || (begins && spelling.starts_with(name)) {
                    is(beside)
                } else {
                    let value = option[0].strip_prefix(spelling).filter(|_| short);
                    value.is_some_and(&is)
                }
            })
        })
    }
}

/// Puts one of `ways` to have a sure order of output in front of `options`: one job at a time where it is about time.
fn put_order_first(rng: &mut Rng, ways: &[&str], options: &mut Vec<Vec<String>>) {
    let mut way = *pick(rng, ways);
    if is_of_time(options) {
        options.retain(|option| !is_of_slots(option));
        way = "-j1";
    } else if way == "-j1" && options.iter().any(|option| is_of_slots(option)) {
        way = "-k";
    }
    options.insert(0, vec![way.to_owned()]);
}

/// Has `options`, whose order is sure, run one job at a time where `command` is about the slot.
fn have_one_slot(options: &mut Vec<Vec<String>>, command: &[&str]) {
    let is_of_slot = |word: &&str| word.contains("slot()") || word.contains("{%}");
    if command.iter().any(is_of_slot) {
        options.retain(|option| !is_of_slots(option));
        options.insert(0, vec!["-j1".to_owned()]);
    }
}

/// Whether it is a matter of time what is printed, unless jobs run one by one.
fn is_of_time(options: &[Vec<String>]) -> bool {
    let mut names = options.iter().map(|option| &option[0]);
    names.any(|name| {
        let begins = |with: &&str| name.starts_with(with);
        [
            "--halt",
            "-u",
            "--ungroup",
            "--l",
            "--joblog",
            "--tty",
            "-o",
            "--open-tty",
        ]
        .iter()
        .any(begins)
    })
}

/// Whether it says how many jobs run at a time.
fn is_of_slots(option: &[String]) -> bool {
    let begins = |with: &&str| option[0].starts_with(with);
    ["-j", "-P", "--jobs", "--max-procs"].iter().any(begins)
}

/// `word` as `$PARALLEL` has it.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

fn pick<'a, T>(rng: &mut Rng, among: &'a [T]) -> &'a T {
    &among[rng.usize(0..among.len())]
}

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

fn options(rng: &mut Rng, among: &[Choice], most: usize) -> Vec<Vec<String>> {
    let count = rng.usize(0..=most);
    (0..count)
        .map(|_| {
            let choice = pick(rng, among);
            option(rng, choice)
        })
        .collect()
}

/// One option with its value: beside it, or attached.
fn option(rng: &mut Rng, choice: &Choice) -> Vec<String> {
    let spelling = *pick(rng, choice.spellings);
    if choice.values.is_empty() {
        return vec![spelling.to_owned()];
    }
    let value = *pick(rng, choice.values);
    match (spelling.starts_with("--"), rng.bool()) {
        (_, true) => vec![spelling.to_owned(), value.to_owned()],
        (true, false) => vec![format!("{spelling}={value}")],
        (false, false) => vec![format!("{spelling}{value}")],
    }
}

/// A source of inputs: words, or files.
fn source(rng: &mut Rng) -> Vec<String> {
    let (begin, files) = *pick(
        rng,
        &[
            (":::", false),
            (":::", false),
            (":::", false),
            (":::", false),
            (":::+", false),
            ("::::", true),
            ("::::+", true),
        ],
    );
    let mut words = vec![begin.to_owned()];
    if files {
        for _ in 0..rng.usize(0..3) {
            words.push(pick(rng, tables::FILES).0.to_owned());
        }
    } else {
        for _ in 0..rng.usize(0..5) {
            // Most are plain.
            let among = if rng.bool() {
                &tables::WORDS[..6]
            } else {
                tables::WORDS
            };
            words.push((*pick(rng, among)).to_owned());
        }
    }
    words
}
