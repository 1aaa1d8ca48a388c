//! The controller against an engine that runs nothing: a script says how each attempt ends, and what
//! else happens meanwhile.

mod places;

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Debug;
use std::io::Write as _;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::engine::{Engine, Update, Which, unstarted};
use crate::flow::feed_queue::FeedQueues;
use crate::flow::mailbox::Urgency;

use crate::model::{ArgList, Body, Job, PlaceId, RunEnd, SpawnError, Stdin, Work};
use crate::run::gate::{Admit, Delay, Gate};
use crate::run::halt::{ExitRule, HaltOn, HaltWhen, Threshold};
use crate::run::queue::queue;

/// The only place that a play has.
const HERE: PlaceId = PlaceId(0);

/// How long anything may take before a test gives it up.
const GUARD: Duration = Duration::from_secs(20);

/// A run that is played to the controller.
#[derive(Clone, Debug)]
struct Play {
    jobs: u64,
    slots: usize,
    /// How attempt `(seq, number)` ends is found by going through this list round and round.
    outcomes: Vec<Outcome>,
    tries: Option<u32>,
    halt: Option<HaltPolicy>,
    /// Whether jobs are counted before the first is started.
    counted: bool,
    /// The input fails after so many jobs.
    input_fails_after: Option<u64>,
    /// Something else that happens together with the end of attempt number so-and-so, counted over
    /// the run, and whether it comes before that end.
    disturbance: Option<(usize, Disturbance, bool)>,
    /// How many attempts end together, and which of those that run is the next to end.
    together: Vec<(usize, usize)>,
    /// Whether a gate says no, turn by turn and round and round; without any, there is no gate.
    held_back: Vec<bool>,
    /// Whether it is asked right before each start.
    sees_each_start: bool,
    /// Whether the reports are behind, likewise.
    behind: Vec<bool>,
    /// Whether jobs get their input while they run.
    fed_once: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Disturbance {
    Signal(Signal),
    StdoutClosed,
    ReportFailed,
}

impl Default for Play {
    fn default() -> Self {
        Self {
            jobs: 0,
            slots: 1,
            outcomes: vec![Outcome::Exited(0)],
            tries: Some(1),
            halt: None,
            counted: false,
            input_fails_after: None,
            disturbance: None,
            together: vec![(1, 0)],
            held_back: Vec::new(),
            sees_each_start: true,
            behind: Vec::new(),
            fed_once: false,
        }
    }
}

impl Play {
    fn outcome(&self, attempt: &Attempt) -> Outcome {
        let index = attempt.seq() as usize * 7 + attempt.number as usize;
        self.outcomes[index % self.outcomes.len()].clone()
    }

    fn total(&self) -> Option<u64> {
        self.counted.then_some(self.jobs)
    }

    /// How many jobs can be read.
    fn readable(&self) -> u64 {
        self.input_fails_after
            .map_or(self.jobs, |after| after.min(self.jobs))
    }

    /// Whether the controller must decide about each start by itself.
    fn decides_each_start(&self) -> bool {
        let on = self.halt.map(|halt| halt.on);
        matches!(on, Some(HaltOn::Success | HaltOn::Done))
            || (!self.held_back.is_empty() && self.sees_each_start)
    }
}

/// What the engine and the observer saw.
#[derive(Debug)]
enum Seen {
    HandedOver { seq: u64, number: u32 },
    Returned { seq: u64, number: u32 },
    Recalled,
    Killed(KilledBy),
    Event(Event),
}

/// An engine in whose slots attempts just lie until [`Stage::act`] ends them.
struct Stage {
    play: Play,
    mailbox: Mailbox<Message>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    seen: Vec<Seen>,
    attempts: VecDeque<Attempt>,
    recalled: bool,
    /// After which ends it stops; [`StopOn::Fatal`] if nobody has said.
    stop_on: Option<StopOn>,
    stopped: bool,
    stops: u64,
    killed: Option<KilledBy>,
    over: bool,
    ended: usize,
}

impl Engine for Stage {
    fn run(&self, attempts: Vec<Attempt>) {
        let mut state = self.state.lock().unwrap();
        let is_over = state.recalled && self.play.sees_each_start;
        assert!(!is_over, "{attempts:?} handed over after the end");
        for attempt in attempts {
            state.seen.push(Seen::HandedOver {
                seq: attempt.seq(),
                number: attempt.number,
            });
            state.attempts.push_back(attempt);
        }
        if state.stopped {
            let returned = Self::take_back(&mut state, 0);
            self.mailbox.post(returned, Urgency::Now);
        }
        if self.play.decides_each_start() {
            let (has, slots) = (state.attempts.len(), self.play.slots);
            assert!(has <= slots, "{has} attempts in {slots} slots");
        }
        self.changed.notify_all();
    }

    fn order(&self, order: Order) {
        let mut state = self.state.lock().unwrap();
        match order {
            Order::Recall => {
                state.recalled = true;
                state.seen.push(Seen::Recalled);
                let running = state.attempts.len().min(self.play.slots);
                let returned = Self::take_back(&mut state, running);
                self.mailbox.post(returned, Urgency::Now);
            }
            Order::StopOn(stop_on) => state.stop_on = Some(stop_on),
            Order::GoOn(seen) => state.stopped &= seen != state.stops,
            Order::End(Which::All, by) => {
                state.killed = Some(by);
                state.seen.push(Seen::Killed(by));
            }
            Order::List => {
                let update = Update::Running(Vec::new());
                self.mailbox
                    .post([Message::Engine(HERE, update)], Urgency::Now);
            }
            Order::Staff
            | Order::Slots(_)
            | Order::End(..)
            | Order::Signal(..)
            | Order::TimeLimit(_) => {}
        }
    }
}

impl Stage {
    /// Ends attempts as the play says, until the controller has left.
    fn act(&self) {
        for &(count, which) in self.play.together.iter().cycle() {
            let mut state = self.state.lock().unwrap();
            while state.attempts.is_empty() && !state.over {
                state = self.changed.wait(state).unwrap();
            }
            if state.over {
                return;
            }
            let mut messages = Vec::new();
            for _ in 0..count {
                let running = state.attempts.len().min(self.play.slots);
                if running > 0 {
                    self.end_one(&mut state, which % running, &mut messages);
                }
            }
            // Nothing comes between an end on which it stops and what it gives back.
            self.mailbox.post(messages, Urgency::Now);
            drop(state);
        }
    }

    /// All attempts but the first `running`, which are given back.
    fn take_back(state: &mut State, running: usize) -> Option<Message> {
        let attempts: Vec<_> = state.attempts.split_off(running).into();
        for attempt in &attempts {
            state.seen.push(Seen::Returned {
                seq: attempt.seq(),
                number: attempt.number,
            });
        }
        (!attempts.is_empty()).then(|| Message::Engine(HERE, Update::Returned(attempts)))
    }

    fn end_one(&self, state: &mut State, which: usize, messages: &mut Vec<Message>) {
        let attempt = state.attempts.remove(which).unwrap();
        let outcome = match state.killed {
            Some(by) => Outcome::Cancelled {
                by,
                signal: Some(15),
            },
            None => self.play.outcome(&attempt),
        };
        let stops = (state.stop_on.unwrap_or(StopOn::Fatal)).covers(&outcome);
        let end = Message::Engine(HERE, Update::Ended(vec![unstarted(&attempt, outcome)]));
        match self.play.disturbance {
            Some((when, what, true)) if when == state.ended => {
                messages.extend([what.message(), end]);
            }
            Some((when, what, false)) if when == state.ended => {
                messages.extend([end, what.message()]);
            }
            _ => messages.push(end),
        }
        state.ended += 1;
        if stops {
            state.stopped = true;
            state.stops += 1;
            let running = state.attempts.len().min(self.play.slots - 1);
            messages.extend(Self::take_back(state, running));
        }
    }
}

impl Disturbance {
    fn message(self) -> Message {
        match self {
            Self::Signal(signal) => Message::Signal(signal),
            Self::StdoutClosed => Message::StdoutClosed,
            Self::ReportFailed => Message::ReportFailed("cannot write".to_owned()),
        }
    }
}

/// Writes down what happens, and is behind when the play says so.
struct Audience {
    stage: Arc<Stage>,
    turn: Mutex<usize>,
}

impl Observer for Audience {
    fn observe(&mut self, events: Vec<Event>) {
        assert!(!events.is_empty());
        let mut state = self.stage.state.lock().unwrap();
        state.seen.extend(events.into_iter().map(Seen::Event));
    }

    fn is_behind(&self) -> bool {
        let behind = next_of(&self.stage.play.behind, &mut self.turn.lock().unwrap());
        if behind {
            self.stage
                .mailbox
                .post([Message::ReportsCaughtUp], Urgency::Now);
        }
        behind
    }
}

/// A gate that says no when the play says so.
struct Moody {
    moods: Vec<bool>,
    turn: usize,
    sees_each_start: bool,
}

impl Gate for Moody {
    fn admit(&mut self, now: Instant, _running: usize) -> Admit {
        if next_of(&self.moods, &mut self.turn) {
            Admit::NotBefore(now + Duration::from_micros(50))
        } else {
            Admit::Now
        }
    }

    fn sees_each_start(&self) -> bool {
        self.sees_each_start
    }

    fn reason(&self) -> String {
        "in a mood".to_owned()
    }
}

/// The next of `flags`, round and round; the last is always a no, so that it comes to an end.
fn next_of(flags: &[bool], turn: &mut usize) -> bool {
    let flag = flags.get(*turn).copied().unwrap_or(false);
    *turn = (*turn + 1) % (flags.len() + 1);
    flag
}

/// Has `play` performed; returns what was seen, and the exit code.
fn perform(play: &Play) -> (Vec<Seen>, ExitCode) {
    let moods = play.held_back.clone();
    let gate = Moody {
        moods,
        turn: 0,
        sees_each_start: play.sees_each_start,
    };
    let gates: Vec<Box<dyn Gate>> = if play.held_back.is_empty() {
        Vec::new()
    } else {
        vec![Box::new(gate)]
    };
    perform_with(play, gates)
}

fn perform_with(play: &Play, gates: Vec<Box<dyn Gate>>) -> (Vec<Seen>, ExitCode) {
    let stage = Arc::new(Stage {
        play: play.clone(),
        mailbox: Mailbox::new(Duration::ZERO),
        state: Mutex::default(),
        changed: Condvar::new(),
    });
    let (feed, queue) = queue();
    let jobs = inputs(play).into_iter();
    let for_feeder = Arc::clone(&stage);
    let feeder = thread::spawn(move || {
        let tell = || {
            for_feeder.mailbox.post([Message::InputReady], Urgency::Now);
        };
        feed.run(jobs, |jobs| jobs.len() % 5 != 0, tell);
    });
    let for_actor = Arc::clone(&stage);
    let actor = thread::spawn(move || for_actor.act());
    let config = Config {
        total: play.total(),
        halt: play.halt,
        ..config(play.tries)
    };
    let exit_code = in_time(&stage, config, gates, queue);
    stage.state.lock().unwrap().over = true;
    stage.changed.notify_all();
    actor.join().unwrap();
    feeder.join().unwrap();
    let seen = std::mem::take(&mut stage.state.lock().unwrap().seen);
    (seen, exit_code)
}

/// What the controller needs to know of a run that tries each job so often.
fn config(tries: Option<u32>) -> Config {
    Config {
        total: None,
        retry: Retry {
            tries,
            ..Retry::default()
        },
        time_limit: None,
        done: SeqSet::default(),
        done_before: 0,
        one_at_a_time: false,
        most_out: None,
        is_bound: false,
        repeatable: true,
        halt: None,
        halt_text: "as played".to_owned(),
        exit_rule: ExitRule::default(),
        dies_of_signals: false,
        tells_timeouts: true,
        gates: Gates::default(),
    }
}

fn inputs(play: &Play) -> Vec<Result<Work, &'static str>> {
    let stream = || Stdin {
        header: Arc::from([]),
        body: Body::Stream(FeedQueues::new().open().unwrap()),
        counts: false,
    };
    let job = |seq| Work {
        stdin: play.fed_once.then(stream),
        ..Work::of(Job {
            seq,
            args: ArgList::new(),
            after_all: false,
            bound: None,
        })
    };
    let mut inputs: Vec<_> = (1..=play.readable()).map(|seq| Ok(job(seq))).collect();
    if play.input_fails_after.is_some() {
        inputs.push(Err("the input is broken"));
    }
    inputs
}

/// Gives the whole test run up, on account of `play`, unless what it returns is dropped in time.
fn give_up_in_time(play: impl Debug + Send + 'static) -> crossbeam_channel::Sender<()> {
    let (done, is_done) = crossbeam_channel::bounded::<()>(0);
    thread::spawn(move || {
        let waited = is_done.recv_timeout(GUARD);
        if waited == Err(crossbeam_channel::RecvTimeoutError::Timeout) {
            // Past the test harness, which would keep captured words to itself.
            let words = format!("the controller does not end: {play:?}\n");
            std::io::stderr().write_all(words.as_bytes()).unwrap();
            std::process::abort();
        }
    });
    done
}

/// Runs the controller; gives the whole test run up when it does not come to an end.
fn in_time(
    stage: &Arc<Stage>,
    config: Config,
    gates: Vec<Box<dyn Gate>>,
    queue: Queue,
) -> ExitCode {
    let done = give_up_in_time(stage.play.clone());
    let mut audience = Audience {
        stage: Arc::clone(stage),
        turn: Mutex::new(0),
    };
    let place = PlaceConfig {
        name: "here".to_owned(),
        engine: &**stage,
        slots: SlotCount::Fixed(stage.play.slots),
        most_slots: usize::MAX,
        gates: Gates::new(gates),
        round_trip: Duration::ZERO,
        is_up: true,
    };
    let parties = Parties {
        places: vec![place],
        queue,
        mailbox: &stage.mailbox,
        record: None,
        observer: &mut audience,
    };
    let exit_code = run(config, parties);
    drop(done);
    exit_code
}

/// What is to be known about a job after the run.
#[derive(Debug, Default)]
struct Career {
    submitted: Vec<u32>,
    failed: Vec<u32>,
    finished: Vec<(u32, Outcome)>,
}

/// Every job's career, and the outcomes in the order in which jobs finished.
fn careers(seen: &[Seen]) -> (BTreeMap<u64, Career>, Vec<Outcome>) {
    let mut careers = BTreeMap::<u64, Career>::new();
    let mut outcomes = Vec::new();
    for seen in seen {
        match seen {
            Seen::HandedOver { seq, number } => {
                careers.entry(*seq).or_default().submitted.push(*number);
            }
            Seen::Returned { seq, number } => {
                let returned = careers.entry(*seq).or_default().submitted.pop();
                assert_eq!(returned, Some(*number));
            }
            Seen::Event(Event::AttemptFailed(end)) => {
                let career = careers.entry(end.job.seq).or_default();
                career.failed.push(end.job.attempt);
            }
            Seen::Event(Event::JobFinished(end)) => {
                let career = careers.entry(end.job.seq).or_default();
                career.finished.push((end.job.attempt, end.outcome.clone()));
                outcomes.push(end.outcome.clone());
            }
            _ => {}
        }
    }
    (careers, outcomes)
}

/// The attempts that were handed over and not given back.
fn submitted(seen: &[Seen]) -> Vec<(u64, u32)> {
    let mut submitted = Vec::new();
    for seen in seen {
        match *seen {
            Seen::HandedOver { seq, number } => submitted.push((seq, number)),
            Seen::Returned { seq, number } => {
                let last = submitted.iter().rposition(|it| *it == (seq, number));
                submitted.remove(last.unwrap());
            }
            _ => {}
        }
    }
    submitted
}

fn run_end(seen: &[Seen]) -> &RunEnd {
    match seen.last() {
        Some(Seen::Event(Event::RunEnded(end))) => end,
        last => panic!("the last is {last:?}"),
    }
}

fn has_notice(seen: &[Seen], text: &str) -> bool {
    seen.iter().any(|seen| match seen {
        Seen::Event(Event::Notice { words, .. }) => String::from_utf8_lossy(words).contains(text),
        _ => false,
    })
}

/// The law of the house: whatever happens, this holds.
fn check(play: &Play, seen: &[Seen], exit_code: ExitCode) {
    let (careers, outcomes) = careers(seen);
    check_frame(seen, exit_code);
    for (seq, career) in &careers {
        check_career(*seq, career, play);
    }
    let ended_early = run_end(seen).halted_by.is_some();
    if !ended_early {
        let all: Vec<_> = (1..=play.readable()).collect();
        assert_eq!(careers.into_keys().collect::<Vec<_>>(), all);
    }
    let recalled = seen.iter().any(|seen| matches!(seen, Seen::Recalled));
    assert!(recalled == ended_early || (recalled && !play.sees_each_start));
    let expected = expected_exit_code(play, seen, &outcomes);
    assert_eq!(exit_code.code(), expected.code());
}

fn check_frame(seen: &[Seen], exit_code: ExitCode) {
    let mut events = seen.iter().filter_map(|seen| match seen {
        Seen::Event(event) => Some(event),
        _ => None,
    });
    assert!(matches!(events.next(), Some(Event::RunStarted(_))));
    assert_eq!(run_end(seen).exit_code, exit_code);
    let rest = events.filter(|event| matches!(event, Event::RunStarted(_) | Event::RunEnded(_)));
    assert_eq!(rest.count(), 1);
}

fn check_career(seq: u64, career: &Career, play: &Play) {
    let Career {
        submitted,
        failed,
        finished,
    } = career;
    let [(last, outcome)] = &finished[..] else {
        panic!("job {seq} has {finished:?}");
    };
    assert!(seq <= play.readable());
    assert!(submitted.iter().copied().eq(1..=submitted.len() as u32));
    assert!(failed.iter().copied().eq(1..*last), "job {seq}: {career:?}");
    assert!(play.tries.is_none_or(|tries| *last <= tries));
    if *last as usize != submitted.len() {
        // It waited for its next start, and that never came.
        assert_eq!(*last as usize, submitted.len() + 1, "job {seq}: {career:?}");
        assert!(matches!(outcome, Outcome::Cancelled { signal: None, .. }));
    }
}

fn expected_exit_code(play: &Play, seen: &[Seen], outcomes: &[Outcome]) -> ExitCode {
    let disturbed = play.disturbance.filter(|&(when, ..)| {
        let ended = |seen: &&Seen| match seen {
            Seen::Event(Event::AttemptFailed(_)) => true,
            Seen::Event(Event::JobFinished(end)) => {
                !matches!(end.outcome, Outcome::Cancelled { signal: None, .. })
            }
            _ => false,
        };
        seen.iter().filter(ended).count() > when
    });
    let fatal = |outcome: &Outcome| {
        matches!(
            outcome,
            Outcome::SpawnFailed(SpawnError { fatal: true, .. })
        )
    };
    let own_error = has_notice(seen, "the input is broken") || outcomes.iter().any(fatal);
    match disturbed.map(|(_, what, _)| what) {
        Some(Disturbance::StdoutClosed) if !own_error => ExitCode::BrokenPipe,
        // Whichever of the two comes last.
        Some(Disturbance::StdoutClosed) => match run_end(seen).exit_code {
            ExitCode::Error => ExitCode::Error,
            _ => ExitCode::BrokenPipe,
        },
        Some(
            Disturbance::ReportFailed | Disturbance::Signal(Signal::Interrupt | Signal::Terminate),
        ) => ExitCode::Error,
        None | Some(Disturbance::Signal(_)) if own_error => ExitCode::Error,
        None | Some(Disturbance::Signal(_)) => {
            let mut halt = Halt::new(play.halt, play.total());
            let counts = |outcome: &&Outcome| !matches!(outcome, Outcome::Cancelled { .. });
            for outcome in outcomes.iter().filter(counts) {
                halt.job_finished(outcome);
            }
            let end = run_end(seen);
            let cancelled = |outcome: &Outcome| matches!(outcome, Outcome::Cancelled { .. });
            let unstarted = end.left != Left::default() || outcomes.iter().any(cancelled);
            if end.interrupted && unstarted && halt.exit_code() == 0 {
                return ExitCode::Stopped;
            }
            ExitCode::Jobs(halt.exit_code())
        }
    }
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        12 => Just(Outcome::Exited(0)),
        8 => (1..256).prop_map(Outcome::Exited),
        2 => Just(Outcome::Signaled(9)),
        2 => Just(Outcome::TimedOut(crate::model::Exit::Signal(15))),
        2 => Just(Outcome::Lost(None)),
        2 => Just(Outcome::SpawnFailed(SpawnError::passing("no process to be had"))),
        1 => Just(Outcome::SpawnFailed(SpawnError::fatal("too long"))),
    ]
}

fn halt_policy() -> impl Strategy<Value = HaltPolicy> {
    let when = prop_oneof![Just(HaltWhen::Soon), Just(HaltWhen::Now)];
    let on = prop_oneof![
        Just(HaltOn::Fail),
        Just(HaltOn::Success),
        Just(HaltOn::Done)
    ];
    let threshold = prop_oneof![
        (1_u64..6).prop_map(Threshold::Count),
        (1.0..100.0).prop_map(Threshold::Percent),
    ];
    (when, on, threshold).prop_map(|(when, on, threshold)| HaltPolicy {
        when,
        on,
        threshold,
    })
}

fn disturbance() -> impl Strategy<Value = Disturbance> {
    prop_oneof![
        Just(Disturbance::Signal(Signal::Interrupt)),
        Just(Disturbance::Signal(Signal::Terminate)),
        Just(Disturbance::Signal(Signal::HangUp)),
        Just(Disturbance::Signal(Signal::User1)),
        Just(Disturbance::Signal(Signal::User2)),
        Just(Disturbance::Signal(Signal::Continue)),
        Just(Disturbance::StdoutClosed),
        Just(Disturbance::ReportFailed),
    ]
}

prop_compose! {
    fn play()(
        jobs in prop_oneof![0_u64..8, 0_u64..200],
        slots in 1_usize..6,
        outcomes in vec(outcome(), 1..40),
        tries in prop_oneof![3 => Just(Some(1)), 3 => (2_u32..5).prop_map(Some)],
        halt in prop::option::of(halt_policy()),
        counted in any::<bool>(),
        input_fails_after in prop::option::weighted(0.2, 0_u64..12),
        disturbance in prop::option::weighted(0.4, (0_usize..12, disturbance(), any::<bool>())),
        together in vec((1_usize..4, 0_usize..6), 1..10),
        held_back in prop_oneof![2 => Just(Vec::new()), 1 => vec(any::<bool>(), 1..12)],
        sees_each_start in any::<bool>(),
        behind in prop_oneof![2 => Just(Vec::new()), 1 => vec(any::<bool>(), 1..12)],
    ) -> Play {
        Play {
            jobs, slots, outcomes, tries, halt, counted, input_fails_after, disturbance, together,
            held_back, sees_each_start, behind, fed_once: false,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 500,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_job_has_one_end_whatever_happens(play in play()) {
        let (seen, exit_code) = perform(&play);
        check(&play, &seen, exit_code);
    }
}

/// Jobs with these exit codes, one at a time.
fn exits(codes: &[i32]) -> Play {
    // `Play::outcome` finds job `seq`'s first attempt at `seq * 7 + 1`.
    let jobs = codes.len() as u64;
    let mut outcomes = vec![Outcome::Exited(0); codes.len()];
    for (seq, &code) in (1..).zip(codes) {
        outcomes[(seq * 7 + 1) % codes.len()] = Outcome::Exited(code);
    }
    Play {
        jobs,
        outcomes,
        counted: true,
        ..Play::default()
    }
}

#[test]
fn without_jobs_a_run_begins_and_ends() {
    let (seen, exit_code) = perform(&Play::default());
    assert_eq!(exit_code, ExitCode::Jobs(0));
    assert_eq!(seen.len(), 2);
    check_frame(&seen, exit_code);
}

#[test]
fn the_exit_code_is_what_halt_says() {
    use HaltOn::{Done, Fail, Success};
    use Threshold::{Count, Percent};
    for (policy, started, code) in [
        (None, 5, 3),
        (Some((Fail, Count(1))), 1, 7),
        (Some((Fail, Count(2))), 2, 2),
        (Some((Success, Count(1))), 3, 0),
        (Some((Done, Count(3))), 3, 2),
        (Some((Fail, Percent(40.0))), 2, 40),
        (Some((Fail, Count(9))), 5, 3),
    ] {
        for when in [HaltWhen::Soon, HaltWhen::Now] {
            let halt = policy.map(|(on, threshold)| HaltPolicy {
                when,
                on,
                threshold,
            });
            let play = Play {
                halt,
                ..exits(&[7, 8, 0, 9, 0])
            };
            let (seen, exit_code) = perform(&play);
            assert_eq!(exit_code, ExitCode::Jobs(code), "{policy:?} {when:?}");
            assert_eq!(submitted(&seen).len(), started, "{policy:?} {when:?}");
        }
    }
}

#[test]
fn a_retried_job_comes_before_new_ones_with_the_next_number() {
    let play = Play {
        jobs: 2,
        outcomes: vec![Outcome::Exited(1)],
        tries: Some(3),
        ..Play::default()
    };
    let (seen, exit_code) = perform(&play);
    let expected = [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3)];
    assert_eq!(submitted(&seen), expected);
    assert_eq!(exit_code, ExitCode::Jobs(2));
}

#[test]
fn a_job_that_cannot_be_fed_again_has_failed_at_once() {
    let displaced = Outcome::Cancelled {
        by: KilledBy::Memory,
        signal: Some(15),
    };
    for outcome in [Outcome::Exited(1), Outcome::Signaled(9), displaced] {
        let play = Play {
            jobs: 2,
            outcomes: vec![outcome],
            tries: Some(3),
            fed_once: true,
            ..Play::default()
        };
        let (seen, exit_code) = perform(&play);
        assert_eq!(submitted(&seen), [(1, 1), (2, 1)]);
        assert!(has_notice(&seen, "job 2 is not tried again"));
        assert_eq!(exit_code, ExitCode::Jobs(2));
    }
}

#[test]
fn a_job_that_waits_for_its_next_try_is_cancelled_by_a_signal() {
    let play = Play {
        jobs: 1,
        outcomes: vec![Outcome::Exited(1)],
        tries: Some(3),
        disturbance: Some((0, Disturbance::Signal(Signal::Terminate), false)),
        ..Play::default()
    };
    let (seen, exit_code) = perform(&play);
    let (careers, _) = careers(&seen);
    let cancelled = Outcome::Cancelled {
        by: KilledBy::User,
        signal: None,
    };
    assert_eq!(careers[&1].failed, [1]);
    assert_eq!(careers[&1].finished, [(2, cancelled)]);
    assert_eq!(exit_code, ExitCode::Stopped);
}

#[test]
fn a_job_gets_its_next_try_though_the_input_is_over_and_starts_are_held_back() {
    let play = Play {
        jobs: 1,
        slots: 2,
        outcomes: vec![Outcome::Exited(1)],
        tries: Some(4),
        ..Play::default()
    };
    let (held_back, behind) = (vec![false, true], vec![false, false, true, true]);
    for play in [
        Play {
            held_back,
            ..play.clone()
        },
        Play { behind, ..play },
    ] {
        let (seen, _) = perform(&play);
        assert_eq!(submitted(&seen), [(1, 1), (1, 2), (1, 3), (1, 4)]);
    }
}

#[test]
fn an_interrupt_kills_once_and_a_hang_up_never() {
    for (signal, killed) in [
        (Signal::Interrupt, vec![KilledBy::User]),
        (Signal::Terminate, vec![KilledBy::User]),
        (Signal::HangUp, vec![]),
    ] {
        let play = Play {
            jobs: 9,
            slots: 3,
            disturbance: Some((1, Disturbance::Signal(signal), true)),
            ..Play::default()
        };
        let (seen, _) = perform(&play);
        let kills = seen.iter().filter_map(|seen| match seen {
            Seen::Killed(by) => Some(*by),
            _ => None,
        });
        assert_eq!(kills.collect::<Vec<_>>(), killed, "{signal:?}");
    }
}

#[test]
fn a_broken_input_is_reported_after_the_jobs_before_it_ran() {
    let play = Play {
        jobs: 9,
        slots: 3,
        input_fails_after: Some(4),
        ..Play::default()
    };
    let (seen, exit_code) = perform(&play);
    assert_eq!(exit_code, ExitCode::Error);
    assert!(has_notice(&seen, "Error: the input is broken"));
    assert_eq!(careers(&seen).1, vec![Outcome::Exited(0); 4]);
}

/// A delay that writes down when jobs were started.
struct Logged(Delay, Arc<Mutex<Vec<Instant>>>);

impl Gate for Logged {
    fn admit(&mut self, now: Instant, running: usize) -> Admit {
        self.0.admit(now, running)
    }

    fn started(&mut self, now: Instant) {
        self.0.started(now);
        self.1.lock().unwrap().push(now);
    }

    fn sees_each_start(&self) -> bool {
        self.0.sees_each_start()
    }

    fn reason(&self) -> String {
        self.0.reason()
    }
}

#[test]
fn a_delay_keeps_its_distance() {
    let pause = Duration::from_millis(3);
    let starts = Arc::default();
    let gate = Logged(Delay::new(pause, false), Arc::clone(&starts));
    let play = Play {
        jobs: 5,
        slots: 2,
        ..Play::default()
    };
    perform_with(&play, vec![Box::new(gate)]);
    let starts = starts.lock().unwrap();
    assert_eq!(starts.len(), 5);
    assert!(starts.windows(2).all(|pair| pair[1] - pair[0] >= pause));
}

#[test]
fn a_delay_does_not_put_off_the_end_of_the_run() {
    let gate = Delay::new(Duration::from_secs(3600), false);
    let play = Play {
        jobs: 1,
        slots: 2,
        ..Play::default()
    };
    let (_, exit_code) = perform_with(&play, vec![Box::new(gate)]);
    assert_eq!(exit_code, ExitCode::Jobs(0));
}
