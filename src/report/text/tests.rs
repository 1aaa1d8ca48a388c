use super::*;
use crate::model::KilledBy;
use crate::report::testing::{
    ended, finished, never_started, ok, out, spooled, started, with_tag, written,
};
use std::fs::File;

/// What is on stdout and stderr after `events`.
fn shown(config: Config, events: Vec<Event>) -> (String, String) {
    let ((stdout, stdout_file), (stderr, stderr_file)) = (out(), out());
    feed(Text::new(stdout, stderr, config, "fanout"), events);
    (text(stdout_file), text(stderr_file))
}

/// The same, when both are the same file.
fn shown_together(config: Config, events: Vec<Event>) -> String {
    let (stdout, file) = out();
    let stderr = Out::file(file.try_clone().unwrap(), "the same");
    feed(Text::new(stdout, stderr, config, "fanout"), events);
    text(file)
}

fn feed(mut sink: Text, events: Vec<Event>) {
    for event in events {
        sink.take(event).unwrap();
    }
    sink.finish().unwrap();
}

fn text(file: File) -> String {
    String::from_utf8(written(file)).unwrap()
}

fn piece(seq: u64, stream: Stream, bytes: &str) -> Event {
    let job = with_tag(ok(seq, "", ""), &format!("t{seq}")).job;
    Event::Output(OutputPiece {
        job,
        stream,
        content: Content::Bytes(bytes.into()),
        token: None,
    })
}

const GROUPED: Config = Config {
    mode: Mode::Grouped,
    in_order: false,
    shows: Print::Content,
    beside_rows: false,
    color: false,
    color_failed: false,
    verbose: false,
    trace: false,
    dry_run: false,
};
const ORDERED: Config = Config {
    in_order: true,
    ..GROUPED
};

#[test]
fn grouped_output_comes_as_jobs_finish() {
    let events = || {
        vec![
            finished(ok(2, "o2\n", "e2\n")),
            finished(ok(1, "o1\n", "e1\n")),
        ]
    };
    assert_eq!(
        shown(GROUPED, events()),
        ("o2\no1\n".into(), "e2\ne1\n".into())
    );
    assert_eq!(shown_together(GROUPED, events()), "o2\ne2\no1\ne1\n");
    assert_eq!(shown_together(ORDERED, events()), "o1\ne1\no2\ne2\n");
}

#[test]
fn spooled_output_keeps_its_place() {
    let mut big = ok(1, "", "e1\n");
    big.stdout = spooled(b"spooled\n");
    let events = vec![
        finished(ok(2, "o2\n", "")),
        finished(big),
        finished(ok(3, "o3\n", "")),
    ];
    assert_eq!(shown_together(GROUPED, events), "o2\nspooled\ne1\no3\n");
}

#[test]
fn spooled_output_is_tagged() {
    let mut big = with_tag(ok(1, "", ""), "x");
    big.stdout = spooled(b"a\nb");
    assert_eq!(shown(GROUPED, vec![finished(big)]).0, "x\ta\nx\tb");
}

#[test]
fn tags_are_on_both_outputs_and_on_command_lines() {
    let config = Config {
        verbose: true,
        ..GROUPED
    };
    let job = with_tag(ok(1, "o", "e\n"), "x");
    assert_eq!(
        shown(config, vec![finished(job)]),
        ("x\techo 1\nx\to".into(), "x\te\n".into())
    );
}

#[test]
fn traced_command_lines_go_to_stderr_when_attempts_start() {
    let config = Config {
        trace: true,
        ..ORDERED
    };
    let job = || with_tag(ok(1, "o\n", ""), "x");
    let events = vec![started(1, "echo 1"), finished(job())];
    assert_eq!(shown(config, events), ("x\to\n".into(), "echo 1\n".into()));
    let dry = Config {
        dry_run: true,
        ..config
    };
    let job = with_tag(ok(1, "", ""), "x");
    assert_eq!(
        shown(dry, vec![finished(job)]),
        ("x\techo 1\n".into(), "echo 1\n".into())
    );
}

#[test]
fn a_dry_run_prints_command_lines_in_order() {
    let config = Config {
        dry_run: true,
        verbose: true,
        ..ORDERED
    };
    let events = vec![finished(ok(2, "", "")), finished(ok(1, "", ""))];
    assert_eq!(shown(config, events).0, "echo 1\necho 2\n");
}

#[test]
fn only_the_last_try_is_shown() {
    let failed = Event::AttemptFailed(Box::new(ok(1, "first\n", "")));
    assert_eq!(
        shown(GROUPED, vec![failed, finished(ok(1, "last\n", ""))]).0,
        "last\n"
    );
}

#[test]
fn nothing_of_a_killed_job_is_shown_and_nobody_waits_for_it() {
    let by_halt = Outcome::Cancelled {
        by: KilledBy::Halt,
        signal: Some(15),
    };
    let mut killed = ok(1, "begun\n", "");
    killed.outcome = by_halt;
    let events = vec![finished(ok(2, "o2\n", "")), finished(killed)];
    assert_eq!(
        shown(
            Config {
                verbose: true,
                ..ORDERED
            },
            events
        )
        .0,
        "echo 2\no2\n"
    );
}

#[test]
fn a_job_that_cannot_start_says_why() {
    let why = Outcome::SpawnFailed(crate::model::SpawnError::passing(
        "cannot run x: Permission denied",
    ));
    let (stdout, stderr) = shown(GROUPED, vec![finished(never_started(ended(1, "x", why)))]);
    assert_eq!(
        (&stdout[..], &stderr[..]),
        ("", "fanout: Error: cannot run x: Permission denied\n")
    );
}

#[test]
fn what_ends_the_run_is_told_once() {
    let fails = |seq, why: fn() -> crate::model::SpawnError| {
        finished(never_started(ended(seq, "x", Outcome::SpawnFailed(why()))))
    };
    let told = |why| shown(GROUPED, vec![fails(1, why), fails(2, why)]).1;
    let fatal = || crate::model::SpawnError::fatal("no such directory");
    assert_eq!(told(fatal), "fanout: Error: no such directory\n");
    let passing = || crate::model::SpawnError::passing("no memory");
    assert_eq!(told(passing), "fanout: Error: no memory\n".repeat(2));
}

#[test]
fn ungrouped_pieces_pass_untagged() {
    let config = Config {
        mode: Mode::Ungrouped,
        verbose: true,
        ..GROUPED
    };
    let events = vec![
        started(1, "echo 1"),
        piece(1, Stream::Stdout, "a"),
        piece(2, Stream::Stderr, "e\n"),
        piece(1, Stream::Stdout, "b\n"),
        finished(with_tag(ok(1, "", ""), "t1")),
    ];
    assert_eq!(shown_together(config, events), "echo 1\nae\nb\n");
}

#[test]
fn line_buffered_command_lines_are_shown_once_when_attempts_start() {
    let config = Config {
        mode: Mode::LineBuffered,
        verbose: true,
        ..GROUPED
    };
    let events = vec![
        started(1, "echo 1"),
        started(2, "echo 2"),
        piece(2, Stream::Stdout, "b\n"),
        finished(with_tag(ok(2, "", ""), "t2")),
        finished(with_tag(ok(1, "", ""), "t1")),
    ];
    let want = "echo 1\necho 2\nt2\tb\n";
    assert_eq!(shown(config, events).0, want);
}

#[test]
fn line_buffered_pieces_wait_for_their_line() {
    let config = Config {
        mode: Mode::LineBuffered,
        ..GROUPED
    };
    let events = vec![
        piece(1, Stream::Stdout, "a"),
        piece(2, Stream::Stdout, "x\ny\nz"),
        piece(1, Stream::Stdout, "b\nc"),
        finished(with_tag(ok(2, "", ""), "t2")),
        finished(with_tag(ok(1, "", ""), "t1")),
    ];
    assert_eq!(shown(config, events).0, "t2\tx\nt2\ty\nt1\tab\nt2\tzt1\tc");
}

#[test]
fn a_reader_that_went_away_is_told_from_a_full_disk() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let stdout = Out::as_stdout(File::from(std::os::fd::OwnedFd::from(writer)));
    let mut sink = Text::new(stdout, out().0, GROUPED, "fanout");
    sink.take(finished(ok(1, "o\n", ""))).unwrap();
    assert!(matches!(sink.settle(), Err(Failure::StdoutClosed)));

    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut sink = Text::new(Out::as_stdout(full), out().0, GROUPED, "fanout");
    sink.take(finished(ok(1, "o\n", ""))).unwrap();
    let error = sink.settle().unwrap_err().to_string();
    assert!(error.contains("standard output: No space left"), "{error}");
}
