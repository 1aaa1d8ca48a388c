//! Merges as whole processes.

use std::io;

use super::*;
use crate::exec::shell::Shell;
use crate::sys::guardian::Guardian;

fn reducer(command: &str, guardian: &Guardian) -> Reducer {
    let config = Config {
        command: command.as_bytes().to_vec(),
        shell: Shell::from_environment().unwrap(),
        env: vec![("PATH".into(), std::env::var_os("PATH").unwrap())],
        folder: crate::sys::temp::dir(),
        descriptors: 100,
    };
    Reducer::start(config, (0..3).map(|place| guardian.ward(place))).unwrap()
}

#[test]
fn what_was_merged_has_the_order_of_the_jobs() {
    let dir = tempfile::tempdir().unwrap();
    let result = dir.path().join("result");
    let guardian = Guardian::start(3, None).unwrap();
    // Standard output is that of the tests.
    let command = format!("cat {{}} | tee {}", result.display());
    let reducer = reducer(&format!("{command} | cat"), &guardian);
    for seq in (1..=100).rev() {
        let output = if seq % 10 == 0 {
            Captured::Empty
        } else {
            Captured::Memory(format!("{seq}\n").into_bytes())
        };
        reducer.take(seq, output).unwrap();
    }
    reducer.finish().unwrap();
    let wanted = (1..=100).filter(|seq| seq % 10 > 0);
    let wanted: Vec<_> = wanted.map(|seq| seq.to_string()).collect();
    let result = std::fs::read_to_string(result).unwrap();
    assert_eq!(result.lines().collect::<Vec<_>>(), wanted);
}

#[test]
fn a_command_that_fails_is_named() {
    let guardian = Guardian::start(3, None).unwrap();
    let reducer = reducer("cat {} >/dev/null; exit 7", &guardian);
    let taken = (1..=20).try_for_each(|seq| reducer.take(seq, Captured::Memory(vec![b'x'])));
    let error: io::Error = taken.and_then(|()| reducer.finish()).unwrap_err();
    assert!(error.to_string().contains("exit code 7"), "{error}");
}

#[test]
fn nobody_waits_for_merges_when_there_is_to_be_no_result() {
    let guardian = Guardian::start(3, None).unwrap();
    let reducer = reducer("sleep 100; cat {}", &guardian);
    for seq in 1..=20 {
        reducer.take(seq, Captured::Memory(vec![b'x'])).unwrap();
    }
    drop(reducer);
}
