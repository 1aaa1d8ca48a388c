//! Where less is to be had than usual: processes, descriptors, memory, room, a place.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::{fanout, text};

/// A program in `folder` that does nothing, and does it well.
fn program(folder: &Path) {
    let path = folder.join("program");
    fs::copy("/bin/true", &path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_program_that_is_being_written_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    program(folder.path());
    // The second job begins while the first one has the program open for writing.
    let run = fanout()
        .current_dir(folder.path())
        .args([
            "-j2",
            "--delay",
            "0.3",
            "--joblog",
            "log",
            "--no-summary",
            "{}",
            ":::",
        ])
        .args(["exec 9>>program; sleep 1", "./program"])
        .output()
        .unwrap();
    assert_eq!((text(&run.stderr), run.status.code()), ("", Some(0)));
}

#[test]
fn a_program_that_is_written_for_ever_is_the_shells_to_tell_of() {
    let folder = tempfile::tempdir().unwrap();
    program(folder.path());
    let writer = fs::OpenOptions::new()
        .append(true)
        .open(folder.path().join("program"));
    let _writer = writer.unwrap();
    let run = fanout()
        .current_dir(folder.path())
        .args(["--no-summary", "{}", ":::", "./program"])
        .output()
        .unwrap();
    assert!(text(&run.stderr).contains("Text file busy"), "{run:?}");
    assert_eq!(run.status.code(), Some(1));
}
