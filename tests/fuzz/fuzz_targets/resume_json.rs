//! JSON streams read again by `--resume`: work counts as done as often as whole lines say so, wherever a stream was
//! cut off.

#![no_main]

use std::collections::HashMap;
use std::fmt::Write as _;

use fanout::ledger::done::{Counts, DoneWork};
use fanout_fuzz::file::{MemoryFile, is_torn};
use fanout_fuzz::{Choices, any_or_made};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| any_or_made(data, any_file_is_read_or_refused, whole_lines_count));

/// What succeeded has ended, in any file at all.
fn any_file_is_read_or_refused(bytes: &[u8]) {
    let file = MemoryFile::new(bytes);
    let ended = DoneWork::in_json(&file.path(), Counts::Ended);
    let succeeded = DoneWork::in_json(&file.path(), Counts::Succeeded);
    assert_eq!(ended.is_ok(), succeeded.is_ok());
    let (Ok(ended), Ok(succeeded)) = (ended, succeeded) else {
        return;
    };
    let torn = is_torn(bytes);
    assert!([ended.is_torn, succeeded.is_torn] == [torn; 2]);
    for key in keys_in(bytes) {
        while succeeded.found.take(key) {
            assert!(
                ended.found.take(key),
                "{key:032x} has succeeded and not ended"
            );
        }
    }
}

/// Whatever might be a key.
fn keys_in(bytes: &[u8]) -> Vec<u128> {
    let texts = bytes.split(|&byte| byte == b'"');
    let texts = texts.filter_map(|text| str::from_utf8(text).ok());
    texts
        .filter_map(|text| u128::from_str_radix(text, 16).ok())
        .collect()
}

const STATUSES: [&str; 8] = [
    "ok",
    "fail",
    "signal",
    "timeout",
    "cancelled",
    "lost",
    "skipped",
    "dry",
];

fn whole_lines_count(mut choices: Choices) {
    let torn = usize::from(choices.byte());
    let mut text = String::new();
    let mut lines = Vec::new();
    while !choices.is_empty() && lines.len() < 32 {
        let kind = ["job.end", "job.end", "job.lost", "attempt.end"][usize::from(choices.below(4))];
        let name = if kind == "job.lost" { "was" } else { "status" };
        let status = STATUSES[usize::from(choices.below(8))];
        let key = u128::from(choices.below(4));
        let command = String::from_utf8_lossy(choices.text()).into_owned();
        let _ = write!(
            text,
            "{{\"v\":1,\"type\":\"{kind}\",\"seq\":1,\"key\":\"{key:032x}\",\"command\":"
        );
        quote(&command, &mut text);
        let _ = writeln!(text, ",\"{name}\":\"{status}\"}}");
        lines.push((text.len(), kind, status, key));
    }
    let cut = text.len() - torn % (text.len() + 1);
    for counts in [Counts::Ended, Counts::Succeeded] {
        // Of each work, how often it is done well, and not.
        let mut want: HashMap<u128, [u32; 2]> = HashMap::new();
        for (_, kind, status, key) in lines.iter().filter(|(end, ..)| *end <= cut) {
            let which = match *status {
                "ok" => 0,
                "fail" | "signal" | "timeout" if counts == Counts::Ended => 1,
                _ => continue,
            };
            let times = &mut want.entry(*key).or_default()[which];
            match *kind {
                "job.end" => *times += 1,
                "job.lost" => *times = times.saturating_sub(1),
                _ => {}
            }
        }
        let file = MemoryFile::new(&text.as_bytes()[..cut]);
        let keys = DoneWork::in_json(&file.path(), counts)
            .expect("it is a stream of ours")
            .found;
        for key in 0..5 {
            for _ in 0..want.get(&key).map_or(0, |times| times.iter().sum()) {
                assert!(keys.take(key), "work {key} is forgotten");
            }
            assert!(!keys.take(key), "work {key} is done too often");
        }
    }
}

/// As JSON has strings.
fn quote(text: &str, into: &mut String) {
    into.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => into.extend(['\\', character]),
            '\0'..='\x1f' => {
                let _ = write!(into, "\\u{:04x}", u32::from(character));
            }
            _ => into.push(character),
        }
    }
    into.push('"');
}
