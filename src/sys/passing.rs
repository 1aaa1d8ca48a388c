//! Failures that pass: what was short a moment ago may be had when others have given some back.

use std::error::Error;
use std::fmt;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

/// The first pause before something is tried again; each one is twice as long as the one before.
pub const FIRST_PAUSE: Duration = Duration::from_millis(5);
/// The longest pause.
pub const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// So long something is tried for that nobody can be seen to give back.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// Whether `error` says that processes, descriptors or memory are short, or that a program is being written.
pub fn is_passing(error: &io::Error) -> bool {
    matches!(
        errno(error),
        Some(
            libc::EAGAIN
                | libc::EMFILE
                | libc::ENFILE
                | libc::ENOMEM
                | libc::ENOBUFS
                | libc::ETXTBSY
        )
    )
}

/// Whether `error` says that a program cannot be executed because somebody writes it.
pub fn is_being_written(error: &io::Error) -> bool {
    errno(error) == Some(libc::ETXTBSY)
}

/// Whether `error` says that a file system, or what of it somebody may use, is full.
pub fn is_full(error: &io::Error) -> bool {
    matches!(errno(error), Some(libc::ENOSPC | libc::EDQUOT))
}

/// `error` with other `words`, about which all the same can be told.
pub fn in_words(words: String, error: &io::Error) -> io::Error {
    let errno = errno(error);
    io::Error::new(error.kind(), Worded { words, errno })
}

/// `words`, which may end in an error of the kernel's, and what a user can do about it where it comes from a limit that
/// a shell sets.
pub fn with_limit(words: String) -> String {
    let limits = [
        (libc::EMFILE, "ulimit -n"),
        (libc::EAGAIN, "ulimit -u"),
        (libc::ENOMEM, "ulimit -v"),
        (libc::EFBIG, "ulimit -f"),
    ];
    let is_of = |errno: i32| words.ends_with(&format!("(os error {errno})"));
    match limits.into_iter().find(|(errno, _)| is_of(*errno)) {
        Some((_, limit)) => words + "; see " + limit,
        None => words,
    }
}

/// Tries `attempt` again, for [`PATIENCE`] in all, as long as it fails with something that passes. For what must
/// not fail in the middle of a job; the calling thread sleeps in between.
///
/// # Errors
///
/// The last failure.
pub fn retrying<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let mut first = None;
    let mut pause = FIRST_PAUSE;
    loop {
        match attempt() {
            Err(error) if is_passing(&error) => {
                let began = *first.get_or_insert_with(Instant::now);
                if began.elapsed() >= PATIENCE {
                    return Err(error);
                }
                thread::sleep(pause);
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            result => return result,
        }
    }
}

fn errno(error: &io::Error) -> Option<i32> {
    let worded = || error.get_ref()?.downcast_ref::<Worded>()?.errno;
    error.raw_os_error().or_else(worded)
}

/// An error of the kernel's, told in words of ours.
#[derive(Debug)]
struct Worded {
    words: String,
    errno: Option<i32>,
}

impl fmt::Display for Worded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl Error for Worded {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_short_passes_and_what_is_wrong_does_not() {
        for (errno, passes) in [
            (libc::EAGAIN, true),
            (libc::EMFILE, true),
            (libc::ETXTBSY, true),
            (libc::ENOSPC, false),
            (libc::ENOENT, false),
            (libc::E2BIG, false),
        ] {
            let error = io::Error::from_raw_os_error(errno);
            assert_eq!(is_passing(&error), passes, "{error}");
            let worded = in_words(format!("cannot: {error}"), &error);
            let twice = in_words(format!("oh: {worded}"), &worded);
            assert_eq!(is_passing(&twice), passes, "{twice}");
            assert_eq!(twice.kind(), error.kind());
            assert!(twice.to_string().starts_with("oh: cannot: "), "{twice}");
        }
    }

    #[test]
    fn the_limit_that_is_met_is_named() {
        let of = |errno| with_limit(format!("f: {}", io::Error::from_raw_os_error(errno)));
        assert!(of(libc::EMFILE).ends_with("(os error 24); see ulimit -n"));
        assert!(of(libc::EFBIG).ends_with("(os error 27); see ulimit -f"));
        assert!(of(libc::ENOSPC).ends_with("(os error 28)"));
    }

    #[test]
    fn it_is_tried_again_until_it_works_or_will_not() {
        let mut left = 3;
        let third_time = retrying(|| {
            left -= 1;
            if left > 0 {
                return Err(io::Error::from_raw_os_error(libc::EMFILE));
            }
            Ok(left)
        });
        assert_eq!(third_time.unwrap(), 0);
        let mut tries = 0;
        let never = retrying(|| -> io::Result<()> {
            tries += 1;
            Err(io::Error::from_raw_os_error(libc::ENOSPC))
        });
        assert!(never.is_err() && tries == 1);
    }
}
