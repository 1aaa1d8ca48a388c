//! What is written is read, and what is no message is refused.

use std::mem::discriminant;
use std::time::{Duration, SystemTime};

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::down::{Fed, JobSignal, StopOn, Which};
use super::frame::{BODY_MAX, HEADER_MAX};
use super::setup::InputBy;
use super::told::Started;
use super::wire::KilledBy;
use super::*;
use crate::model::{ArgList, Outcome, OutputLost, Ran, SpawnError, Stream, Task, Usage};
use crate::sys::child::{Counts, Exit};

fn id() -> impl Strategy<Value = Id> {
    (any::<u64>(), any::<u32>()).prop_map(|(seq, attempt)| Id(seq, attempt))
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..40)
}

/// A time that nanoseconds in 64 bits can tell.
fn time() -> impl Strategy<Value = SystemTime> {
    (any::<u32>(), 0_u32..1_000_000_000)
        .prop_map(|(s, nanos)| SystemTime::UNIX_EPOCH + Duration::new(s.into(), nanos))
}

fn duration() -> impl Strategy<Value = Duration> {
    any::<u64>().prop_map(Duration::from_nanos)
}

fn assignment() -> impl Strategy<Value = Assignment> {
    let task = (
        bytes(),
        option::of(any::<usize>()),
        option::of(bytes()),
        option::of(bytes()),
        vec((bytes(), bytes()), 0..3),
    );
    let task = task.prop_map(|(line, slot, workdir, stdin, files)| Task {
        line,
        slot,
        workdir,
        stdin,
        files,
    });
    let fed = option::of(any::<bool>().prop_map(|counts| Fed { counts }));
    (id(), task, fed).prop_map(|(id, task, input)| Assignment { id, task, input })
}

prop_compose! {
    fn setup()(
        (slots, slots_before, flags) in (1_usize..1000, 0_usize..1000, any::<[bool; 10]>()),
        shell in option::of((bytes(), bytes())),
        (prelude, slot_variable) in (bytes(), ".*"),
        env in vec((bytes(), bytes()), 0..4),
        (cwd, pwd, temporary) in (option::of(bytes()), option::of(bytes()), option::of(bytes())),
        input in prop_oneof![Just(InputBy::Pipe), Just(InputBy::File), Just(InputBy::Fifo)],
        nice in option::of(any::<i32>()),
        term_seq in vec((any::<i32>(), duration()), 0..4),
        (time_limit, patience) in (option::of(duration()), option::of(duration())),
    ) -> Setup {
        let [always_shell, warm, own_environment, has_workdirs, forgives_cat, streams, starts, one_by_one, files, dirs] = flags;
        Setup {
            slots, slots_before, shell, always_shell, warm, prelude, own_environment, env, cwd, pwd, temporary, has_workdirs,
            slot_variable, input, forgives_cat, streams, starts, one_by_one, remove_made_files: files,
            remove_empty_workdirs: dirs, nice, term_seq, time_limit, patience,
        }
    }
}

fn which() -> impl Strategy<Value = Which> {
    prop_oneof![
        Just(Which::All),
        any::<u64>().prop_map(Which::One),
        Just(Which::Youngest)
    ]
}

fn killed_by() -> impl Strategy<Value = KilledBy> {
    prop_oneof![
        Just(KilledBy::User),
        Just(KilledBy::Halt),
        Just(KilledBy::Memory)
    ]
}

fn down() -> impl Strategy<Value = Down> {
    let signal = prop_oneof![
        Just(JobSignal::Stop),
        Just(JobSignal::TerminalStop),
        Just(JobSignal::Continue)
    ];
    prop_oneof![
        setup().prop_map(|setup| Down::Setup(Box::new(setup))),
        vec(assignment(), 0..5).prop_map(Down::Run),
        Just(Down::Recall),
        Just(Down::StopOn(StopOn::Fatal)),
        Just(Down::StopOn(StopOn::Failure)),
        any::<u64>().prop_map(Down::GoOn),
        (which(), killed_by()).prop_map(|(which, by)| Down::End(which, by)),
        (which(), signal).prop_map(|(which, signal)| Down::Signal(which, signal)),
        any::<usize>().prop_map(Down::Slots),
        option::of(duration()).prop_map(Down::TimeLimit),
        Just(Down::List),
        (id(), bytes()).prop_map(|(id, bytes)| Down::Input(id, bytes)),
        id().prop_map(Down::InputEnd),
        any::<usize>().prop_map(Down::Credit),
        Just(Down::Ping),
        Just(Down::Finish),
    ]
}

fn exit() -> impl Strategy<Value = Exit> {
    prop_oneof![
        any::<i32>().prop_map(Exit::Code),
        any::<i32>().prop_map(Exit::Signal)
    ]
}

fn failure() -> impl Strategy<Value = SpawnError> {
    (".*", any::<bool>(), option::of(any::<i32>())).prop_map(|(why, fatal, exit)| SpawnError {
        why,
        fatal,
        exit,
    })
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        any::<i32>().prop_map(Outcome::Exited),
        any::<i32>().prop_map(Outcome::Signaled),
        exit().prop_map(Outcome::TimedOut),
        (exit(), ".*").prop_map(|(exit, why)| Outcome::OutputLost(OutputLost { exit, why })),
        failure().prop_map(Outcome::SpawnFailed),
        (killed_by(), option::of(any::<i32>())).prop_map(|(by, signal)| Outcome::Cancelled {
            by: by.into(),
            signal
        }),
        Just(Outcome::Skipped),
        Just(Outcome::FilteredOut),
        Just(Outcome::Declined),
        Just(Outcome::DoneBefore),
        Just(Outcome::DryRun),
        option::of(failure()).prop_map(Outcome::Lost),
    ]
}

fn argv() -> impl Strategy<Value = Option<ArgList>> {
    option::of(vec(bytes(), 0..4).prop_map(|words| words.iter().collect()))
}

prop_compose! {
    fn started()(id in id(), slot in any::<usize>(), pid in option::of(any::<i32>()), at in time(), argv in argv()) -> Started {
        Started { id, slot, pid, at, argv }
    }
}

prop_compose! {
    fn end()(
        (id, slot, pid, argv) in (id(), option::of(any::<usize>()), option::of(any::<i32>()), argv()),
        ran in option::of((time(), duration())),
        (ended_at, outcome, sent, streamed) in (time(), outcome(), any::<u64>(), any::<[u64; 2]>()),
        (user, sys, max_rss_bytes) in (duration(), duration(), option::of(any::<u64>())),
        counts in option::of(any::<[u64; 5]>()),
        left_running in vec(any::<i32>(), 0..3),
        outputs in [bytes(), bytes()],
    ) -> End {
        let counts = counts.map(|[majflt, nvcsw, nivcsw, in_blocks, out_blocks]| Counts {
            majflt, nvcsw, nivcsw, in_blocks, out_blocks,
        });
        End {
            id, slot, pid, argv, ended_at, outcome, sent, streamed, left_running, outputs,
            ran: ran.map(|(started_at, took)| Ran { started_at, took }),
            usage: Usage { user, sys, max_rss_bytes, counts },
        }
    }
}

fn up() -> impl Strategy<Value = Up> {
    let stream = || prop_oneof![Just(Stream::Stdout), Just(Stream::Stderr)];
    let hello = (
        ".*",
        any::<u32>(),
        any::<usize>(),
        ".*",
        time(),
        [option::of(bytes()), option::of(bytes())],
    );
    let hello = hello.prop_map(|(fanout, pid, threads, system, now, shells)| Hello {
        version: VERSION,
        fanout,
        pid,
        threads,
        system: (system, "x".to_owned()),
        now,
        shell: shells[0].clone(),
        login_shell: shells[1].clone(),
    });
    prop_oneof![
        hello.prop_map(Up::Hello),
        Just(Up::Ready),
        ".*".prop_map(Up::Down),
        vec(id(), 0..5).prop_map(Up::Begun),
        started().prop_map(Up::Started),
        (id(), stream(), bytes()).prop_map(|(id, stream, bytes)| Up::Output(id, stream, bytes)),
        (id(), stream(), bytes()).prop_map(|(id, stream, bytes)| Up::Kept(id, stream, bytes)),
        vec(end(), 0..4).prop_map(Up::Ended),
        vec(id(), 0..5).prop_map(Up::Returned),
        vec((started(), duration()), 0..3).prop_map(Up::Running),
        (any::<usize>(), ".*").prop_map(|(slots, why)| Up::Fewer(slots, why)),
        (id(), any::<u64>()).prop_map(|(id, bytes)| Up::Taken(id, bytes)),
        id().prop_map(Up::Unwanted),
        Just(Up::Pong),
        ".*".prop_map(Up::Notice),
        Just(Up::Bye),
    ]
}

/// Everything that a stream says, cut into pieces of so many bytes.
fn decoded<T>(
    stream: &[u8],
    piece: usize,
    decode: impl Fn(&Frame) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    let mut decoder = Decoder::new();
    let mut found = Vec::new();
    for piece in stream.chunks(piece.max(1)) {
        decoder.push(piece);
        while let Some(frame) = decoder.next_frame()? {
            found.push(decode(&frame)?);
        }
    }
    Ok(found)
}

proptest! {
    #[test]
    fn orders_that_are_written_are_read(orders in vec(down(), 0..6), piece in 1_usize..200) {
        let mut stream = Vec::new();
        for it in &orders {
            it.encode(&mut stream).unwrap();
        }
        prop_assert_eq!(decoded(&stream, piece, Down::decode), Ok(orders));
    }

    #[test]
    fn updates_that_are_written_are_read(updates in vec(up(), 0..6), piece in 1_usize..200) {
        let mut stream = Vec::new();
        for it in &updates {
            it.encode(&mut stream).unwrap();
        }
        prop_assert_eq!(decoded(&stream, piece, Up::decode), Ok(updates));
    }

    /// What is cut off gives the messages that are whole, and no other.
    #[test]
    fn a_stream_that_is_cut_off_says_what_came_before(updates in vec(up(), 1..5), cut in any::<prop::sample::Index>()) {
        let (mut stream, mut ends) = (Vec::new(), Vec::new());
        for it in &updates {
            it.encode(&mut stream).unwrap();
            ends.push(stream.len());
        }
        let cut = cut.index(stream.len());
        let whole = ends.iter().take_while(|&&end| end <= cut).count();
        prop_assert_eq!(decoded(&stream[..cut], 7, Up::decode), Ok(updates[..whole].to_vec()));
    }

    /// Whatever comes, it is understood or refused, by both sides, and alike however it was cut.
    #[test]
    fn garbage_is_refused(garbage in vec(any::<u8>(), 0..300), piece in 1_usize..20) {
        let all = decoded(&garbage, garbage.len(), Down::decode);
        let in_pieces = decoded(&garbage, piece, Down::decode);
        // How it begins is told as far as it has come.
        prop_assert_eq!(in_pieces.map_err(|fault| discriminant(&fault)), all.map_err(|fault| discriminant(&fault)));
        let _ = decoded(&garbage, piece, Up::decode);
    }

    #[test]
    fn a_byte_that_was_changed_does_no_harm(it in up(), order in down(), at in any::<prop::sample::Index>(), byte: u8) {
        let (mut up, mut down) = (Vec::new(), Vec::new());
        it.encode(&mut up).unwrap();
        order.encode(&mut down).unwrap();
        let (one, other) = (at.index(up.len()), at.index(down.len()));
        (up[one], down[other]) = (byte, byte);
        let _ = decoded(&up, 50, Up::decode);
        let _ = decoded(&down, 50, Down::decode);
    }
}

fn refused(stream: &[u8]) -> Fault {
    decoded(stream, 1 << 16, Down::decode).unwrap_err()
}

#[test]
fn what_is_no_message_is_named() {
    let motd = refused(b"Welcome to Debian!\nLast login");
    assert_eq!(motd, Fault::NoHeader("Welcome to Debian!".to_owned()));
    assert_eq!(
        refused(b"{\"t\":\"dance\"}\n"),
        Fault::Unknown("dance".to_owned())
    );
    assert!(matches!(refused(b"{\"n\":3}\nabc"), Fault::BadHeader(..)));
    assert!(matches!(
        refused(b"{\"t\":\"go_on\"}\n"),
        Fault::BadHeader(..)
    ));
    assert!(matches!(
        refused(b"{\"t\":\"list\",\"n\":-1}\n"),
        Fault::BadHeader(..)
    ));
}

#[test]
fn lengths_that_do_not_add_up_are_refused() {
    let run = |n: usize, line: u64| {
        format!("{{\"t\":\"run\",\"n\":{n},\"tasks\":[{{\"id\":[1,1],\"line\":{line}}}]}}\necho x")
    };
    assert!(decoded(run(6, 6).as_bytes(), 9, Down::decode).is_ok());
    for (n, line) in [(6, 5), (6, 7), (5, 6), (6, u64::MAX / 2)] {
        let fault = refused(run(n, line).as_bytes());
        assert_eq!(fault, Fault::Lengths("run"), "{n} {line}");
    }
    assert_eq!(
        refused(b"{\"t\":\"list\",\"n\":1}\nx"),
        Fault::Lengths("order")
    );
}

#[test]
fn what_is_too_long_is_neither_read_nor_written() {
    let endless = [b"{\"t\":\"".to_vec(), vec![b'x'; HEADER_MAX]].concat();
    assert_eq!(refused(&endless), Fault::HeaderTooLong);
    let mut just_too_long = endless[..HEADER_MAX - 2].to_vec();
    just_too_long.extend_from_slice(b"\"}\n");
    assert_eq!(refused(&just_too_long), Fault::HeaderTooLong);
    let huge = format!("{{\"t\":\"input\",\"id\":[1,1],\"n\":{}}}\n", BODY_MAX + 1);
    assert_eq!(
        refused(huge.as_bytes()),
        Fault::BodyTooLong(BODY_MAX as u64 + 1)
    );
    let mut out = b"before".to_vec();
    let input = Down::Input(Id(1, 1), vec![0; BODY_MAX + 1]);
    assert!(input.encode(&mut out).is_err());
    assert_eq!(out, b"before");
}

#[test]
fn another_version_is_refused_whatever_else_it_says() {
    let setup = b"{\"t\":\"setup\",\"version\":7,\"new\":{}}\n";
    assert_eq!(refused(setup), Fault::Version(7));
    let hello = b"{\"t\":\"hello\",\"version\":7}\n";
    assert_eq!(decoded(hello, 5, Up::decode), Err(Fault::Version(7)));
}

#[test]
fn fields_that_are_not_known_are_passed_over() {
    let stream = b"{\"later\":[1],\"t\":\"go_on\",\"count\":3}\n";
    assert_eq!(decoded(stream, 3, Down::decode), Ok(vec![Down::GoOn(3)]));
}
