//! Rows whose sides are shell commands: streams through jobs, and runs of very many jobs.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::PathBuf;
use std::process::Command;

use super::{Bench, FANOUT, PARALLEL, Peer, Taken, in_turn, mebibytes, print_row};

/// Counted turns of what takes seconds.
const TURNS: usize = 3;
/// The size of the text that goes through jobs, in bytes.
const TEXT: u64 = 1_000_000_000;

/// One side of a comparison: its name, its shell command, and how many times as much there would be to do.
struct Side<'a>(&'a str, &'a str, f64);

/// Runs `sides`, the first of them fanout's, in turn.
fn sides(bench: &Bench, sides: &[Side]) -> Vec<Vec<Taken>> {
    let peers: Vec<_> = sides
        .iter()
        .map(|side| bench.shell(side.0, side.1))
        .collect();
    in_turn(&peers, TURNS)
}

fn compare_times(bench: &Bench, row: &str, compared: &[Side]) {
    let taken = sides(bench, compared);
    let seconds = |at: usize| -> Vec<f64> {
        let scale = compared[at].2;
        taken[at].iter().map(|once| once.seconds * scale).collect()
    };
    for (at, side) in compared.iter().enumerate().skip(1) {
        print_row(row, &seconds(0), side.0, &seconds(at), |seconds| {
            format!("{seconds:.2} s")
        });
    }
    let peaks: Vec<f64> = taken[0].iter().map(|once| once.peak_bytes).collect();
    print_row(&format!("{row}: peak memory"), &peaks, "—", &[], mebibytes);
}

impl Bench {
    /// A peer that is a command for the shell; it finds fanout, the text, its own copy of it, and a file of
    /// numbers in variables.
    fn shell(&self, name: &str, command: &str) -> Peer {
        let text = self.text();
        let twin = self.scratch.join("text-2");
        if command.contains("$TWIN") && !twin.exists() {
            fs::copy(&text, &twin).unwrap();
        }
        let log = self.scratch.join("log");
        let numbers = |count| self.lines(count).display().to_string();
        let setup = format!(
            "FANOUT={FANOUT} TEXT={} TWIN={} LOG={}; export LC_ALL=C; ",
            text.display(),
            twin.display(),
            log.display()
        );
        let command = command
            .replace("$N10M", &numbers(10_000_000))
            .replace("$N1M", &numbers(1_000_000))
            .replace("$N100K", &numbers(100_000))
            .replace("$N1K", &numbers(1_000));
        let line = setup + &command;
        self.peer(name, "bash", &["-c", &line], 0)
    }

    /// A file of words in lines.
    fn text(&self) -> PathBuf {
        let path = self.scratch.join("text");
        if !path.exists() {
            let mut file = BufWriter::new(File::create(&path).unwrap());
            let (mut written, mut state) = (0, 1_u64);
            while written < TEXT {
                // Numerical Recipes' generator: the same text on every machine.
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                let line = format!(
                    "{:x} {:x} line of text {}\n",
                    state >> 40,
                    (state >> 20) % 4096,
                    state >> 52
                );
                file.write_all(line.as_bytes()).unwrap();
                written += line.len() as u64;
            }
            file.flush().unwrap();
        }
        path
    }
}

/// `--pipe`, with all bytes going through fanout: blocks as they are by default, and larger ones, of which a peer that
/// takes long to start a job has fewer.
pub(super) fn pipe(bench: &Bench, row: &str) {
    for (block, which) in [("", ""), ("--block 10M", ", `--block 10M`")] {
        let ours = format!("cat $TEXT | $FANOUT --pipe {block} cat >/dev/null");
        let theirs = format!("cat $TEXT | parallel --pipe {block} cat >/dev/null");
        let mut compared = vec![
            Side("fanout", &ours, 1.0),
            Side("`cat | cat`", "cat $TEXT | cat >/dev/null", 1.0),
        ];
        if bench.has(PARALLEL) {
            compared.push(Side("GNU parallel", &theirs, 1.0));
        }
        let what = format!("{row}: 1 GB through `--pipe cat`{which}");
        compare_times(bench, &what, &compared);
        let ours = format!("$FANOUT -k --pipe {block} cat <$TEXT | cmp - $TEXT");
        let theirs = format!("parallel -k --pipe {block} cat <$TEXT | cmp - $TEXT");
        compared[0].1 = &ours;
        compared[1] = Side("`cat | cmp`", "cat $TEXT | cmp - $TEXT", 1.0);
        if let Some(gnu) = compared.get_mut(2) {
            gnu.1 = &theirs;
        }
        let what = format!("{row}: 1 GB there and back, `-k --pipe cat`{which}, compared");
        compare_times(bench, &what, &compared);
    }
}

/// `--pipepart`, which reads in the jobs.
pub(super) fn pipepart(bench: &Bench, row: &str) {
    let mut compared = vec![
        Side(
            "fanout",
            "$FANOUT -j2 --pipepart -a $TEXT --block -1 wc -l",
            1.0,
        ),
        Side("`cat | wc -l`", "cat $TEXT | wc -l", 1.0),
    ];
    if bench.has(PARALLEL) {
        compared.push(Side(
            "GNU parallel",
            "parallel -j2 --pipepart -a $TEXT --block -1 wc -l",
            1.0,
        ));
    }
    compare_times(
        bench,
        &format!("{row}: 1 GB, two jobs of `wc -l`"),
        &compared,
    );
}

/// A parallel sort.
pub(super) fn reduce(bench: &Bench, row: &str) {
    let ours = "$FANOUT --pipepart -a $TEXT --block -1 --reduce 'sort -m {}' sort >/dev/null";
    let compared = [
        Side("fanout", ours, 1.0),
        Side("`sort`", "sort $TEXT >/dev/null", 1.0),
        Side(
            "`sort --parallel=1`",
            "sort --parallel=1 $TEXT >/dev/null",
            1.0,
        ),
    ];
    compare_times(
        bench,
        &format!("{row}: 1 GB, `--reduce 'sort -m {{}}' sort`"),
        &compared,
    );
}

/// Output of jobs.
pub(super) fn output(bench: &Bench, row: &str) {
    let compared = [
        Side("fanout", "$FANOUT -k cat ::: $TEXT $TWIN >/dev/null", 1.0),
        Side("`cat a b`", "cat $TEXT $TWIN >/dev/null", 1.0),
    ];
    compare_times(
        bench,
        &format!("{row}: 2 × 1 GB, `-k cat`, to /dev/null"),
        &compared,
    );
    let compared = [
        Side(
            "fanout",
            "$FANOUT -k cat ::: $TEXT $TWIN | cat >/dev/null",
            1.0,
        ),
        Side("`cat a b`", "cat $TEXT $TWIN | cat >/dev/null", 1.0),
    ];
    compare_times(
        bench,
        &format!("{row}: 2 × 1 GB, `-k cat`, to a pipe"),
        &compared,
    );
}

/// Jobs that are shell builtins.
pub(super) fn builtins(bench: &Bench, row: &str) {
    let mut compared = vec![Side(
        "fanout",
        "$FANOUT --joblog $LOG echo {} <$N1M >/dev/null",
        1.0,
    )];
    let gnu = "parallel --joblog $LOG echo {} <$N1K >/dev/null";
    if bench.has(PARALLEL) {
        compared.push(Side("GNU parallel (1,000 jobs, time × 1000)", gnu, 1000.0));
    }
    compared.push(Side(
        "xargs -P2 -n 1 echo (1,000 jobs, time × 1000)",
        "xargs -P2 -n 1 echo <$N1K >/dev/null",
        1000.0,
    ));
    compare_times(
        bench,
        &format!("{row}: 1,000,000 × `echo N`, with a joblog"),
        &compared,
    );
    let function = "f() { echo \"$1\"; }; export -f f; export PARALLEL_SHELL=/bin/bash; ";
    let ours = format!("{function} $FANOUT f {{}} <$N100K >/dev/null");
    let cold = format!("{function} $FANOUT --shell always f {{}} <$N1K >/dev/null");
    let gnu = format!("{function} parallel f {{}} <$N1K >/dev/null");
    let mut compared = vec![
        Side("fanout", &ours, 1.0),
        Side("a bash for each job (1,000 jobs, time × 100)", &cold, 100.0),
    ];
    if bench.has(PARALLEL) {
        compared.push(Side("GNU parallel (1,000 jobs, time × 100)", &gnu, 100.0));
    }
    compare_times(
        bench,
        &format!("{row}: 100,000 × exported bash function"),
        &compared,
    );
}

/// What it costs that the end of a job may change what comes next, or that a start has to be allowed.
pub(super) fn policies(bench: &Bench, row: &str) {
    let options = [
        "",
        "--retries 3",
        "--halt soon,fail=1",
        "--memfree 1M",
        "-j2auto",
    ];
    let lines = options.map(|options| format!("$FANOUT {options} echo {{}} <$N100K >/dev/null"));
    let compared: Vec<_> = options
        .iter()
        .zip(&lines)
        .map(|(options, line)| {
            let name = if options.is_empty() { "plain" } else { options };
            Side(name, line, 1.0)
        })
        .collect();
    compare_times(bench, &format!("{row}: 100,000 × `echo N`"), &compared);
}

/// Very many inputs, and very many jobs at a time.
pub(super) fn scale(bench: &Bench, row: &str) {
    let compared = [
        Side("fanout", "$FANOUT --dry-run echo {} <$N10M >/dev/null", 1.0),
        Side("`cat`", "cat <$N10M >/dev/null", 1.0),
    ];
    compare_times(
        bench,
        &format!("{row}: 10,000,000 inputs, `--dry-run`"),
        &compared,
    );
    let sleeps = "seq 5000 | $FANOUT -n0 -j1000 sleep 1";
    let compared = [
        Side("fanout", sleeps, 1.0),
        Side(
            "xargs -P1000",
            "seq 5000 | xargs -n 1 -P1000 sh -c 'exec sleep 1'",
            1.0,
        ),
    ];
    compare_times(
        bench,
        &format!("{row}: `-j1000`, 5,000 × `sleep 1`"),
        &compared,
    );
}

/// The time between the end of a job and the start of the next in its slot, as the JSON stream has it.
pub(super) fn slot_gap(bench: &Bench, row: &str) {
    let log = bench.scratch.join("gaps.json");
    let status = Command::new(FANOUT)
        .args(["-j2", "--json-detail=results"])
        .arg(format!("--json={}", log.display()))
        .args(["/bin/sleep", "0.002", "#", "{}"])
        .stdin(File::open(bench.lines(1_000)).unwrap())
        .status()
        .unwrap();
    assert!(status.success());
    let mut jobs: Vec<(u64, f64, f64)> = Vec::new();
    for line in fs::read_to_string(log).unwrap().lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        if line["type"] == "job.end" {
            let seconds = |name: &str| -> f64 {
                let time: jiff::Timestamp = line[name].as_str().unwrap().parse().unwrap();
                time.as_microsecond() as f64
            };
            jobs.push((
                line["slot"].as_u64().unwrap(),
                seconds("started_at"),
                seconds("ended_at"),
            ));
        }
    }
    jobs.sort_by(|one, other| (one.0, one.1).partial_cmp(&(other.0, other.1)).unwrap());
    let neighbours = jobs.windows(2).filter(|pair| pair[0].0 == pair[1].0);
    let gaps: Vec<f64> = neighbours.map(|pair| pair[1].1 - pair[0].2).collect();
    print_row(
        &format!("{row}: end of a job to start of the next"),
        &gaps,
        "—",
        &[],
        |gap| format!("{gap:.0} µs"),
    );
}
