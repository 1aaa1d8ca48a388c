//! Where output goes, and what is taken of it.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::BorrowedFd;

use super::*;
use crate::flow::spool::Limits;

fn spool_dir() -> Arc<SpoolDir> {
    let limits = Limits {
        memory: 1 << 20,
        files: 4,
    };
    SpoolDir::new(crate::sys::temp::dir(), limits)
}

fn source(command: &Command) -> Source<'_> {
    Source {
        seq: 1,
        command,
        last_try: true,
    }
}

/// Writes what a job would write.
fn write(fd: Option<BorrowedFd>, bytes: &[u8]) {
    let mut file = File::from(fd.unwrap().try_clone_to_owned().unwrap());
    file.write_all(bytes).unwrap();
}

fn drained(outputs: &mut Outputs) -> Vec<(Stream, Vec<u8>)> {
    let mut pieces = Vec::new();
    let any = outputs
        .drain(
            || Some(()),
            |stream, bytes, ()| pieces.push((stream, bytes)),
        )
        .unwrap();
    assert_eq!(any, !pieces.is_empty());
    pieces
}

#[test]
fn inherited_output_is_none_of_ours() {
    let command = Command::default();
    let mut capturer = Capturer::new(Capture::Inherit);
    let mut outputs = capturer.outputs(source(&command)).unwrap();
    assert!(outputs.for_job().iter().all(Option::is_none));
    assert!(outputs.watched().is_empty() && drained(&mut outputs).is_empty());
    assert!(
        capturer
            .take(false, [false; 2])
            .unwrap()
            .iter()
            .all(Captured::is_empty)
    );
}

#[test]
fn spooled_output_is_taken_once_and_the_streams_are_apart() {
    let command = Command::default();
    let mut capturer = Capturer::new(Capture::Spool(spool_dir()));
    for round in [&b"1"[..], b"2"] {
        let outputs = capturer.outputs(source(&command)).unwrap();
        let [stdout, stderr] = outputs.for_job();
        write(stdout, &[b"out", round].concat());
        write(stderr, &[b"err", round].concat());
        assert!(outputs.watched().is_empty());
        let taken = capturer.take(false, [false; 2]).unwrap();
        let taken = taken.each_ref().map(|it| it.in_memory().unwrap().to_vec());
        assert_eq!(taken, [[b"out", round].concat(), [b"err", round].concat()]);
    }
}

#[test]
fn what_is_discarded_shows_up_nowhere() {
    let command = Command::default();
    let mut capturer = Capturer::new(Capture::Spool(spool_dir()));
    write(
        capturer.outputs(source(&command)).unwrap().for_job()[0],
        b"of a failed job",
    );
    capturer.discard();
    write(
        capturer.outputs(source(&command)).unwrap().for_job()[1],
        b"of a lost job",
    );
    let outputs = capturer.outputs(source(&command)).unwrap();
    write(outputs.for_job()[0], b"whole");
    let [stdout, stderr] = capturer.take(false, [false; 2]).unwrap();
    assert_eq!(stdout.in_memory(), Some(&b"whole"[..]));
    assert!(stderr.is_empty());
}

#[test]
fn a_spool_folder_that_is_not_there_is_an_error() {
    let command = Command::default();
    let nowhere = "/nonexistent/folder".into();
    let limits = Limits {
        memory: 0,
        files: 0,
    };
    let dir = SpoolDir::new(nowhere, limits);
    assert!(
        Capturer::new(Capture::Spool(dir))
            .outputs(source(&command))
            .is_err()
    );
}

#[test]
fn piped_output_comes_in_pieces_until_its_end() {
    let command = Command::default();
    let mut capturer = Capturer::new(Capture::Stream);
    let mut outputs = capturer.outputs(source(&command)).unwrap();
    assert_eq!(outputs.watched().len(), 2);
    assert_eq!(drained(&mut outputs), []);
    write(outputs.for_job()[0], b"a");
    write(outputs.for_job()[1], b"b\xff");
    let pieces = [
        (Stream::Stdout, b"a".to_vec()),
        (Stream::Stderr, b"b\xff".to_vec()),
    ];
    assert_eq!(drained(&mut outputs), pieces);
    write(outputs.for_job()[0], b"c");
    outputs.started(true);
    assert!(outputs.for_job()[0].is_none() && outputs.say(b"d").unwrap());
    outputs.started(false);
    assert!(outputs.for_job().iter().all(Option::is_none));
    let pieces = [
        (Stream::Stdout, b"c".to_vec()),
        (Stream::Stderr, b"d".to_vec()),
    ];
    assert_eq!(drained(&mut outputs), pieces);
    // Now there is nothing but the end.
    assert_eq!(drained(&mut outputs), []);
    assert!(outputs.watched().is_empty());
}

#[test]
fn output_is_lost_of_which_there_may_have_been_more_than_room() {
    let command = Command::default();
    let dir = spool_dir();
    let mut capturer = Capturer::new(Capture::Spool(Arc::clone(&dir)));
    for full in [false, true] {
        let outputs = capturer.outputs(source(&command)).unwrap();
        if !outputs.watched().is_empty() {
            // There is little room here, so it does not write by itself.
            return;
        }
        write(outputs.for_job()[0], b"output");
        if full {
            dir.note(&io::Error::from_raw_os_error(libc::ENOSPC));
        }
        assert_eq!(capturer.take(false, [false; 2]).is_err(), full);
        if full {
            capturer.discard();
        }
    }
    let _ = capturer.outputs(source(&command)).unwrap();
    assert!(capturer.take(false, [false; 2]).is_ok());
}
