//! Runs a case through a program, and tells in words how two results differ.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;

use crate::case::{Case, Stderr};
use crate::remote;
use crate::support::wait_within;

/// How often GNU parallel may be asked what it does with a case.
const REFERENCE_TRIES: usize = 3;

/// The end of a program that ran on and had to be killed.
const NEVER: &str = "never";

/// What a command line did.
#[derive(PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Observed {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    /// `exit 3`, `signal 9`, or [`NEVER`].
    end: String,
    /// Every file asked for; `None`: it is not there.
    files: BTreeMap<String, Option<Vec<u8>>>,
}

/// What GNU parallel at `program` does with `case`.
///
/// It is asked again when it does not end: several of its ways to share one input out among waiting
/// jobs (`--bin`, `--shard`) lose a race once in a few hundred runs on a busy machine, and then hang.
pub fn observe_reference(program: &Path, case: &Case) -> Observed {
    let mut observed = observe(program, case);
    for _ in 1..REFERENCE_TRIES {
        if observed.end != NEVER {
            break;
        }
        observed = observe(program, case);
    }
    observed
}

impl Observed {
    /// Whether the program ended by itself.
    pub fn ended(&self) -> bool {
        self.end != NEVER
    }
}

/// Runs `case` through `program`, in a scratch directory of its own.
pub fn observe(program: &Path, case: &Case) -> Observed {
    let scratch = tempfile::tempdir().unwrap();
    let work = scratch.path().join("work");
    fs::create_dir(&work).unwrap();
    for (name, bytes) in &case.files {
        let path = work.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    if case
        .env
        .iter()
        .any(|(name, value)| name == "HOME" && value == ".")
    {
        share_knowledge(&work);
    }
    let mut command = Command::new(program);
    command
        .args(&case.argv)
        .current_dir(&work)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", home())
        .env("TMPDIR", scratch.path())
        .env("LC_ALL", "C")
        .env("SHELL", "/bin/bash")
        .envs((case.ssh == remote::Ssh::None).then_some(("PARALLEL_SHELL", "/bin/bash")))
        .envs(remote::environment(case.ssh, scratch.path()))
        .envs(case.env.iter().map(|(name, value)| (name, value)));
    let end = run_to_end(command, case, scratch.path());
    let joblogs = case.joblogs.iter().map(|name| {
        (
            name.clone(),
            fs::read(work.join(name))
                .ok()
                .map(|log| without_times(&log, case.ends_in_any_order)),
        )
    });
    let others = case
        .leaves
        .iter()
        .map(|name| (name.clone(), fs::read(work.join(name)).ok()));
    let mut tree = if case.tree { tree(&work) } else { Vec::new() };
    if case.tree && case.ssh == remote::Ssh::Script {
        let theirs = tree_of_hosts(&scratch.path().join("homes"));
        tree.extend(theirs);
    }
    let [mut stdout, mut stderr] = [end.stdout, end.stderr].map(|text| {
        let text = without_path(&text, &work, b"<scratch>");
        without_path(&text, &scratch.path().join("homes"), b"<homes>")
    });
    if case.plain_names {
        tree.retain(|(name, _)| !name.starts_with(".parallel/"));
        for text in [&mut stdout, &mut stderr] {
            *text = with_plain_names(text, scratch.path());
        }
        for (name, text) in &mut tree {
            let plain = with_plain_names(name.as_bytes(), scratch.path());
            *name = String::from_utf8_lossy(&plain).into_owned();
            *text = text
                .as_deref()
                .map(|text| with_plain_names(text, scratch.path()));
        }
    }
    Observed {
        stdout: without_usage(stdout),
        stderr,
        end: end
            .status
            .map_or(NEVER.to_owned(), |status| match status.signal() {
                Some(signal) => format!("signal {signal}"),
                None => format!("exit {}", status.code().unwrap()),
            }),
        files: joblogs.chain(others).chain(tree).collect(),
    }
}

/// Every file below `work`, by its path, without the times in tables of results.
fn tree(work: &Path) -> Vec<(String, Option<Vec<u8>>)> {
    let mut files = Vec::new();
    let mut folders = vec![work.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(work).unwrap().display().to_string();
            let bytes = fs::read(&path).unwrap();
            files.push((name, Some(without_seconds(&bytes))));
        }
    }
    files
}

/// Every file below the homes of hosts, but for those that a program keeps for itself.
fn tree_of_hosts(homes: &Path) -> Vec<(String, Option<Vec<u8>>)> {
    let files = if homes.is_dir() {
        tree(homes)
    } else {
        Vec::new()
    };
    let of_jobs = files
        .into_iter()
        .filter(|(name, _)| !name.contains("/.parallel/") && !name.contains("/.cache/"));
    of_jobs
        .map(|(name, bytes)| (format!("at {name}"), bytes))
        .collect()
}

/// `text` with every number that has three decimals replaced, but for those that are whole.
fn without_seconds(text: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let decimals = after
            .iter()
            .take_while(|digit| digit.is_ascii_digit())
            .count();
        if byte == b'.' && decimals == 3 && out.last().is_some_and(u8::is_ascii_digit) {
            while out
                .last()
                .is_some_and(|last| last.is_ascii_digit() || *last == b' ')
            {
                out.pop();
            }
            out.extend_from_slice(b"<time>");
            rest = &after[decimals..];
        } else {
            out.push(byte);
            rest = after;
        }
    }
    out
}

/// What a program that has ended left behind.
struct Finished {
    /// `None`: it did not end, and was killed.
    status: Option<ExitStatus>,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

/// Runs `command` in a process group of its own, feeding it what `case` says, and takes both outputs whole.
///
/// The outputs go through files in `scratch`, so that a process left behind cannot hold them open.
fn run_to_end(mut command: Command, case: &Case, scratch: &Path) -> Finished {
    let stdin = case.stdin.as_deref();
    let [stdout, stderr] = ["stdout", "stderr"].map(|name| scratch.join(format!(".{name}")));
    command
        .process_group(0)
        .stdin(if stdin.is_some() {
            Stdio::piped()
        } else {
            Stdio::null()
        })
        .stdout(File::create(&stdout).unwrap())
        .stderr(File::create(&stderr).unwrap());
    let mut child = command
        .spawn()
        .unwrap_or_else(|why| panic!("{command:?}: {why}"));
    let mut feed = child.stdin.take();
    let status = thread::scope(|scope| {
        if let (Some(mut feed), Some(bytes)) = (feed.take(), stdin) {
            // A program may end without reading all its input.
            scope.spawn(move || feed.write_all(bytes).ok());
        }
        wait_within(&mut child, case.limit)
    });
    Finished {
        status,
        stdout: fs::read(stdout).unwrap(),
        stderr: fs::read(stderr).unwrap(),
    }
}

/// A home directory without GNU parallel's notice. Shared: that program keeps what it learnt about
/// this machine in there, and is several times slower to start without it.
pub fn home() -> PathBuf {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("parity-home");
    fs::create_dir_all(home.join(".parallel")).unwrap();
    fs::write(home.join(".parallel/will-cite"), b"").unwrap();
    home
}

/// Gives a home directory of a case's own what GNU parallel has learnt about this machine.
fn share_knowledge(own: &Path) {
    let known = home().join(".parallel/tmp");
    if known.is_dir() {
        fs::create_dir_all(own.join(".parallel")).unwrap();
        std::os::unix::fs::symlink(known, own.join(".parallel/tmp")).unwrap();
    }
}

/// What GNU parallel 20260522 would have done with `case`, of which Debian's release did `observed`.
pub fn as_newer(case: &Case, mut observed: Observed) -> Observed {
    if case.leaves_out {
        "exit 0".clone_into(&mut observed.end);
        for name in &case.joblogs {
            let Some(Some(log)) = observed.files.get_mut(name) else {
                continue;
            };
            let lines = log.split_inclusive(|&byte| byte == b'\n');
            let kept = lines.filter(|line| !line.windows(4).any(|part| part == b"\t-2\t"));
            *log = kept.collect::<Vec<_>>().concat();
        }
    }
    observed
}

/// How `ours` differs from `gnu` in what `case` compares; empty when it does not.
pub fn differences(case: &Case, gnu: &Observed, ours: &Observed) -> String {
    let mut report = String::new();
    if gnu.end != ours.end {
        report += &format!("  end: GNU {}, ours {}\n", gnu.end, ours.end);
        for (who, said) in [("GNU", &gnu.stderr), ("ours", &ours.stderr)] {
            let mut lines = said.split(|&byte| byte == b'\n');
            if let Some(line) = lines.find(|line| OWN.iter().any(|own| line.starts_with(own))) {
                report += &format!("    {who} said: {}\n", line.escape_ascii());
            }
        }
    }
    report += &diff("stdout", &gnu.stdout, &ours.stdout);
    match case.stderr {
        Stderr::Same => report += &diff("stderr", &gnu.stderr, &ours.stderr),
        Stderr::OwnWords => report += &own_words(&gnu.stderr, &ours.stderr),
        Stderr::Names(culprits) => report += &names(culprits, &ours.stderr),
        Stderr::Ignored(_) => {}
    }
    let names: BTreeSet<_> = gnu.files.keys().chain(ours.files.keys()).collect();
    let written = |by: &Observed, name| by.files.get(name).cloned().flatten();
    for name in names {
        match (&written(gnu, name), &written(ours, name)) {
            (Some(theirs), Some(ours)) => report += &diff(name, theirs, ours),
            (theirs, ours) if theirs.is_some() != ours.is_some() => {
                let who = if theirs.is_some() {
                    "GNU only"
                } else {
                    "us only"
                };
                report += &format!("  {name}: written by {who}\n");
            }
            _ => {}
        }
    }
    report
}

/// How a program's second run differs from its first: nothing may, or the case is no test.
pub fn instabilities(first: &Observed, second: &Observed) -> String {
    let mut report = diff("stdout", &first.stdout, &second.stdout);
    report += &diff("stderr", &first.stderr, &second.stderr);
    if first.end != second.end || first.files != second.files {
        report += &format!("  end or files: {} then {}\n", first.end, second.end);
    }
    report
}

/// How a program's own lines begin; GNU's are not all named.
const OWN: [&[u8]; 5] = [
    b"parallel: ",
    b"Option ",
    b"Unknown option",
    b"Value ",
    b"CSV has unexpected format",
];

/// What GNU says of a command line, in front of the input that it was to have.
const TOO_LONG: &[u8] = b"Command line too long";

/// Compares the jobs' lines; of the programs' own, only whether there are any.
fn own_words(gnu: &[u8], ours: &[u8]) -> String {
    let [(gnu_own, gnu_jobs), (our_own, our_jobs)] = [gnu, ours].map(|text| {
        // An input that is too long is shown, however many lines it has.
        let mut shows_input = false;
        text.split_inclusive(|&byte| byte == b'\n')
            // GNU ends some of its own with an empty one.
            .filter(|line| *line != b"\n")
            .partition::<Vec<&[u8]>, _>(|line| {
                let own = OWN.iter().any(|own| line.starts_with(own));
                let is_shown = shows_input && !own;
                shows_input = is_shown || (own && memchr::memmem::find(line, TOO_LONG).is_some());
                own || is_shown
            })
    });
    let mut report = diff("jobs' stderr", &gnu_jobs.concat(), &our_jobs.concat());
    if gnu_own.is_empty() != our_own.is_empty() {
        report += &diff("own stderr", &gnu_own.concat(), &our_own.concat());
    }
    report
}

fn names(culprits: &[&str], ours: &[u8]) -> String {
    let mut report = String::new();
    let said = String::from_utf8_lossy(ours);
    let lines = said.lines().count();
    if lines != 1 {
        report += &format!("  stderr: should be one line, is {lines}:\n{said}");
    }
    for culprit in culprits.iter().filter(|culprit| !said.contains(**culprit)) {
        report += &format!("  stderr: does not name {culprit:?}:\n{said}");
    }
    report
}

/// The columns of a joblog that are the same in each run: all but start and duration. Its lines in order, if they
/// may be in any.
fn without_times(log: &[u8], sorted: bool) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut lines: Vec<_> = log.split_inclusive(|&byte| byte == b'\n').collect();
    if sorted {
        lines.sort_unstable();
    }
    for line in lines {
        let columns: Vec<&[u8]> = line.split(|&byte| byte == b'\t').collect();
        let deterministic = columns
            .iter()
            .enumerate()
            .filter(|(at, _)| !matches!(at, 2 | 3));
        kept.extend(
            deterministic
                .map(|(_, column)| *column)
                .collect::<Vec<_>>()
                .join(&b'\t'),
        );
    }
    kept
}

/// After some errors GNU prints a page of help on stdout. It is no output; ours says where help is.
fn without_usage(stdout: Vec<u8>) -> Vec<u8> {
    if stdout.starts_with(b"Usage:\n\nparallel [options]") {
        Vec::new()
    } else {
        stdout
    }
}

/// `text` with every name of a file in `scratch` made the same.
fn with_plain_names(text: &[u8], scratch: &Path) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    let path = scratch.as_os_str().as_encoded_bytes();
    while let Some(at) = memchr::memmem::find(rest, path) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(b"<file>");
        let name = |byte: &&u8| byte.is_ascii_alphanumeric() || b"/._-".contains(byte);
        rest = &rest[at + path.len()..];
        rest = &rest[rest.iter().take_while(name).count()..];
    }
    out.extend_from_slice(rest);
    without_random_letters(&out)
}

/// `text` with the five letters of `parXXXXX.par` and its like all the same.
fn without_random_letters(text: &[u8]) -> Vec<u8> {
    let mut out = text.to_vec();
    for at in memchr::memmem::find_iter(text, b"/par") {
        let letters = at + 4..at + 9;
        let after = text.get(letters.end..letters.end + 2);
        let is_name = |letters: &[u8]| letters.iter().all(u8::is_ascii_alphanumeric);
        if after == Some(b".p") && text.get(letters.clone()).is_some_and(is_name) {
            out[letters].fill(b'X');
        }
    }
    out
}

fn without_path(text: &[u8], path: &Path, name: &[u8]) -> Vec<u8> {
    let path = path.as_os_str().as_encoded_bytes();
    let mut rest = text;
    let mut out = Vec::with_capacity(text.len());
    while let Some(at) = rest.windows(path.len()).position(|window| window == path) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(name);
        rest = &rest[at + path.len()..];
    }
    out.extend_from_slice(rest);
    out
}

/// The lines around the first one that differs, in a form in which every byte can be seen.
fn diff(what: &str, gnu: &[u8], ours: &[u8]) -> String {
    const SHOWN: usize = 4;
    if gnu == ours {
        return String::new();
    }
    let [gnu, ours] = [gnu, ours].map(|text| {
        text.split_inclusive(|&byte| byte == b'\n')
            .collect::<Vec<_>>()
    });
    let same = gnu.iter().zip(&ours).take_while(|(a, b)| a == b).count();
    let mut report = format!(
        "  {what}: GNU {} lines, ours {}; the first {same} are equal\n",
        gnu.len(),
        ours.len()
    );
    for (mark, lines) in [("- gnu ", gnu), ("+ ours", ours)] {
        for line in lines.iter().skip(same).take(SHOWN) {
            let mut shown = line.escape_ascii().to_string();
            if shown.len() > 400 {
                shown.truncate(400);
                shown += &format!("… ({} bytes)", line.len());
            }
            report += &format!("    {mark} {shown}\n");
        }
    }
    report
}

impl std::fmt::Display for Observed {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(to, "  {}", self.end)?;
        let files = self
            .files
            .iter()
            .filter_map(|(name, bytes)| Some((&**name, bytes.as_ref()?)));
        for (what, bytes) in [("stdout", &self.stdout), ("stderr", &self.stderr)]
            .into_iter()
            .chain(files)
        {
            for line in bytes.split_inclusive(|&byte| byte == b'\n') {
                writeln!(to, "  {what}: {}", line.escape_ascii())?;
            }
        }
        Ok(())
    }
}
