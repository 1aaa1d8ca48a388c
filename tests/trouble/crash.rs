//! fanout killed by SIGKILL at random moments, and gone on with: each job ends recorded, no recorded one runs again, at
//! most one job a slot runs twice, and neither process nor file is left.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::scene::{Ran, SLOTS, Scene, Turn};
use crate::support::run::Run;
use crate::support::skip_without;
use crate::ways::{WAYS, Way};
use crate::{from_environment, seed};

/// How many jobs a run has whose jobs are processes.
const JOBS: u64 = 40;
/// And where they share shells.
const WARM_JOBS: u64 = 3_000;

/// Kills so many runs of `way`, each at another moment, and goes on with each of them to its end.
fn survives(name: &str) {
    let way = WAYS.iter().find(|way| way.name == name).expect(name);
    let kills = from_environment("FANOUT_TEST_KILLS", 2 * WAYS.len() as u64);
    let mut random =
        fastrand::Rng::with_seed(seed() ^ fastrand::Rng::with_seed(name.len() as u64).u64(..));
    let mut left = kills.div_ceil(WAYS.len() as u64);
    let usual = time_of_a_run(way);
    while left > 0 {
        let kills = random.u64(1..=3).min(left);
        left -= kills;
        let moments: Vec<_> = (0..kills)
            .map(|_| usual.mul_f64(random.f64() * 1.1))
            .collect();
        let told = std::panic::catch_unwind(|| one_story(way, &moments));
        if let Err(why) = told {
            eprintln!("killed after {moments:?}");
            std::panic::resume_unwind(why);
        }
    }
}

fn scene(way: &'static Way) -> Scene {
    Scene::new(way, if way.is_seen() { JOBS } else { WARM_JOBS })
}

/// How long a run takes that nobody kills.
fn time_of_a_run(way: &'static Way) -> Duration {
    let scene = scene(way);
    let begun = Instant::now();
    let mut run = Run::start(scene.command(&[], Turn::First));
    assert_eq!(run.wait().code(), Some(0), "{}", scene.said());
    begun.elapsed()
}

/// Kills a run, and those that go on with it, each after the next of `moments`; the last one is left alone.
fn one_story(way: &'static Way, moments: &[Duration]) {
    let scene = scene(way);
    let (mut before, mut recorded) = (Ran::default(), BTreeMap::new());
    for (round, moment) in moments.iter().enumerate() {
        let mut run = Run::start(scene.command(&[], scene.turn(round)));
        if let Some(status) = run.ended_within(*moment) {
            assert_eq!(status.code(), Some(0), "nobody killed it: {}", scene.said());
            continue;
        }
        run.kill();
        run.await_silence();
        assert_eq!(scene.left_behind(), [""; 0], "files are left");
        nothing_ran_that_was_recorded(&recorded, &before, &scene.ran());
        (before, recorded) = (scene.ran(), scene.recorded());
        let most = way.forgets() * (round + 1);
        forgotten_are_at_most(most, &before, &recorded);
        scene.check_outputs(&recorded);
    }
    let mut last = Run::start(scene.command(&[], scene.turn(moments.len())));
    assert_eq!(last.wait().code(), Some(0), "{}", scene.said());
    last.await_silence();
    assert_eq!(scene.left_behind(), [""; 0], "files are left");
    all_is_done(&scene, &recorded, &before, moments.len());
}

fn nothing_ran_that_was_recorded(recorded: &BTreeMap<u64, usize>, before: &Ran, after: &Ran) {
    for number in recorded.keys() {
        let times = |ran: &Ran| ran.begun.get(number).copied();
        assert_eq!(
            times(before),
            times(after),
            "job {number} is recorded, and ran again"
        );
    }
}

fn forgotten_are_at_most(most: usize, ran: &Ran, recorded: &BTreeMap<u64, usize>) {
    let forgotten: Vec<_> = ran
        .ended
        .keys()
        .filter(|number| !recorded.contains_key(number))
        .collect();
    assert!(
        forgotten.len() <= most,
        "jobs that ended and are not recorded: {forgotten:?}"
    );
}

fn all_is_done(scene: &Scene, recorded: &BTreeMap<u64, usize>, before: &Ran, kills: usize) {
    let (ran, done) = (scene.ran(), scene.recorded());
    nothing_ran_that_was_recorded(recorded, before, &ran);
    let missing: Vec<_> = (1..=scene.jobs)
        .filter(|number| !done.contains_key(number))
        .collect();
    assert_eq!(
        missing,
        [0; 0],
        "jobs that were never recorded; {}",
        scene.said()
    );
    let often: Vec<_> = done.iter().filter(|(_, times)| **times > 1).collect();
    assert!(
        often.is_empty(),
        "jobs that are recorded more than once: {often:?}"
    );
    scene.check_outputs(&done);
    if !scene.way.is_seen() {
        return;
    }
    for number in 1..=scene.jobs {
        assert!(
            ran.ended.contains_key(&number),
            "job {number} is recorded, and never ended"
        );
    }
    // What was running, too, where more can be forgotten than that.
    let most = match scene.way.forgets() {
        SLOTS => SLOTS,
        more => more + SLOTS,
    };
    let twice: Vec<_> = ran.begun.iter().filter(|(_, times)| **times > 1).collect();
    assert!(
        twice.len() <= most * kills,
        "jobs that ran more than once: {twice:?}"
    );
}

/// What a job on a terminal leaves running, and says of it: fanout's process, then those that it has started.
const ON_A_TERMINAL: &str = "sleep 1000 & a=$!; setsid sleep 1000 & b=$!; timeout 1000 sleep 1000 & \
    c=$!; echo pids $PPID $$ $a $b $c .; wait";

#[test]
fn children_of_jobs_on_a_terminal_end_with_fanout() {
    if Command::new("script").arg("--version").output().is_err() {
        return skip_without("script");
    }
    for options in ["--tty", "--ungroup --open-tty -j1"] {
        let fanout = env!("CARGO_BIN_EXE_fanout");
        let line = format!("exec {fanout} {options} '{ON_A_TERMINAL}; : {{}}' ::: 1");
        let mut script = Command::new("script");
        script
            .args(["-qec", &line, "/dev/null"])
            .env("SHELL", "/bin/bash")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut run = Run::start(script);
        let _keys = run.stdin();
        let mut screen = BufReader::new(run.stdout());
        let mut said = String::new();
        while !said.contains(" .") {
            assert_ne!(screen.read_line(&mut said).unwrap(), 0, "{options}: {said}");
        }
        let pids = said.split_once("pids ").unwrap().1.split(' ');
        let pids: Vec<i32> = pids.map_while(|pid| pid.parse().ok()).collect();
        assert_eq!(pids.len(), 5, "{options}: {said}");
        kill_process(Pid::from_raw(pids[0]).unwrap(), Signal::KILL).unwrap();
        run.await_silence();
    }
}

/// A test for each way.
macro_rules! survives {
    ($($test:ident: $way:literal,)*) => {
        $(#[test]
        fn $test() {
            survives($way);
        })*
        #[test]
        fn each_way_has_its_test() {
            let tested = [$($way),*];
            assert!(WAYS.iter().all(|way| tested.contains(&way.name)));
        }
    };
}

survives! {
    a_joblog_survives_sigkill: "joblog",
    a_joblog_in_the_order_of_inputs_survives_sigkill: "in order",
    a_joblog_of_lines_as_they_come_survives_sigkill: "by lines",
    a_json_stream_survives_sigkill: "json",
    results_survive_sigkill: "results",
    results_with_a_joblog_survive_sigkill: "results and joblog",
    rows_of_results_survive_sigkill: "rows and joblog",
    a_table_of_jobs_survives_sigkill: "table",
    pieces_of_a_stream_survive_sigkill: "pipe",
    pieces_in_order_survive_sigkill: "pipe in order",
    files_of_pieces_survive_sigkill: "cat",
    fifos_of_pieces_survive_sigkill: "fifo",
    jobs_in_warm_shells_survive_sigkill: "warm",
    jobs_in_warm_shells_in_order_survive_sigkill: "warm in order",
}
