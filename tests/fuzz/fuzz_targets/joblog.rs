//! Joblogs: what was written is read back, and a log that was cut off anywhere has no job that it did not have.

#![no_main]

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use fanout::ledger::done::{Counts, failed_in_joblog, in_joblog};
use fanout::ledger::joblog::{HEADER, Line, Logged};
use fanout_fuzz::file::{MemoryFile, is_torn};
use fanout_fuzz::{Choices, any_or_made};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| any_or_made(
    data,
    any_file_is_read_or_refused,
    what_was_written_is_read
));

/// Both readers agree about any file at all.
fn any_file_is_read_or_refused(bytes: &[u8]) {
    let file = MemoryFile::new(bytes);
    let path = file.path();
    let ended = in_joblog(&path, Counts::Ended);
    let succeeded = in_joblog(&path, Counts::Succeeded);
    let failed = failed_in_joblog(&path);
    assert_eq!(ended.is_ok(), succeeded.is_ok());
    let (Ok(ended), Ok(succeeded), Ok(failed)) = (ended, succeeded, failed) else {
        return;
    };
    let torn = is_torn(bytes);
    assert!([ended.is_torn, succeeded.is_torn, failed.is_torn] == [torn; 3]);
    let ((ended, _), (succeeded, ends), failed) = (ended.found, succeeded.found, failed.found);
    assert_eq!(ends, succeeded.len());
    assert_eq!(ended.len(), succeeded.len() + failed.len() as u64);
    for seq in failed.keys() {
        assert!(
            ended.contains(*seq) && !succeeded.contains(*seq),
            "job {seq}"
        );
    }
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq)]
struct End {
    exit: i32,
    signal: i32,
    command: Vec<u8>,
}

fn what_was_written_is_read(mut choices: Choices) {
    let torn = usize::from(choices.byte());
    let mut log = HEADER.to_vec();
    let mut whole: Vec<(usize, u64, End)> = Vec::new();
    while !choices.is_empty() && whole.len() < 32 {
        let seq = u64::from(choices.byte() % 20) + 1;
        let exit = i32::from(choices.byte()) - 1;
        let signal = i32::from(choices.byte() % 65);
        let command = choices.text();
        let line = Line {
            seq,
            host: ":",
            start: SystemTime::UNIX_EPOCH + Duration::from_millis(choices.byte().into()),
            runtime: Duration::from_micros(u64::from(choices.byte()) << 12),
            sent: choices.byte().into(),
            received: choices.byte().into(),
            exit,
            signal,
            command,
        };
        let start = log.len();
        line.render(&mut log);
        let (end, body) = log[start..].split_last().expect("a line");
        assert!(*end == b'\n' && !body.contains(&b'\n'), "one line a job");
        let read = Logged::parse(body).expect("it is a line");
        let command = read.command();
        assert_eq!(
            (read.seq, read.exit, read.signal, &*command),
            (seq, exit, signal, line.command)
        );
        assert_eq!(read.succeeded(), exit == 0 && signal == 0);
        whole.push((
            log.len(),
            seq,
            End {
                exit,
                signal,
                command,
            },
        ));
    }
    // Cut off somewhere, as by a full disk or the end of the machine.
    let cut = log.len() - torn % (log.len() - HEADER.len() + 1);
    let file = MemoryFile::new(&log[..cut]);
    let last: BTreeMap<u64, &End> = whole
        .iter()
        .filter(|(end, ..)| *end <= cut)
        .map(|(_, seq, end)| (*seq, end))
        .collect();
    let (ended, _) = in_joblog(&file.path(), Counts::Ended)
        .expect("it is a joblog")
        .found;
    let (succeeded, _) = in_joblog(&file.path(), Counts::Succeeded)
        .expect("it is a joblog")
        .found;
    for seq in 0..=22 {
        let end = last.get(&seq);
        assert_eq!(ended.contains(seq), end.is_some(), "job {seq}");
        let well = end.is_some_and(|end| (end.exit, end.signal) == (0, 0));
        assert_eq!(succeeded.contains(seq), well, "job {seq}");
    }
    let failed = failed_in_joblog(&file.path())
        .expect("it is a joblog")
        .found;
    let want: BTreeMap<u64, Vec<u8>> = last
        .into_iter()
        .filter(|(_, end)| (end.exit, end.signal) != (0, 0))
        .map(|(seq, end)| (seq, end.command.clone()))
        .collect();
    assert_eq!(failed, want, "never a command that was cut off");
}
