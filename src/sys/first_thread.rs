//! The process's first thread during a run: it waits for what nobody else waits for.
//!
//! A process that loses its parent is adopted by fanout (`PR_SET_CHILD_SUBREAPER`; as process 1 of a container
//! it is so anyway), so that what a job has started can be found when the job is to end. The kernel makes it a
//! child of the first thread, which therefore starts nothing but the guardian and does nothing but wait for
//! its children (`__WNOTHREAD`): jobs are children of their workers and cost it no wake-up.
#![allow(unsafe_code)]

use std::io;
use std::panic::resume_unwind;
use std::thread;

use super::guardian::{Guardian, Shared};
use super::{helper, limits};

/// The stack of the thread that takes the first one's place, in bytes.
const STACK: usize = 8 << 20;

/// So many times at most a guardian that was killed is replaced.
const MOST_GUARDIANS: usize = 100;

/// Runs `body`, on a thread of its own where this one's stack may be too small for it (`ulimit -s`).
///
/// # Errors
///
/// When there is no thread to be had.
pub fn run_with_room<T: Send>(body: impl FnOnce() -> T + Send) -> io::Result<T> {
    if !limits::stack_is_small() {
        return Ok(body());
    }
    thread::scope(|scope| {
        let roomy = thread::Builder::new().stack_size(STACK);
        let done = roomy.spawn_scoped(scope, body)?.join();
        Ok(done.unwrap_or_else(|panic| resume_unwind(panic)))
    })
}

/// Runs `body` on a thread of its own and returns what it returns. Meanwhile this thread, which must be the
/// process's first, adopts and takes leave of processes that have lost their parents, and sees to it that there
/// is a guardian. `body` gets the guardian and drops it.
///
/// # Errors
///
/// When there is no thread to be had.
pub fn run_beside<T: Send>(
    guardian: Guardian,
    body: impl FnOnce(Guardian) -> T + Send,
) -> io::Result<T> {
    // SAFETY: only sets attributes of this process. Where the kernel knows no such, orphans go elsewhere. SIGCHLD,
    // ignored as some callers leave it, would have the kernel forget how children end.
    unsafe {
        libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1);
        libc::signal(libc::SIGCHLD, libc::SIG_DFL);
    }
    let shared = guardian.awaited();
    thread::scope(|scope| {
        let thread = thread::Builder::new()
            .name("run".into())
            .stack_size(STACK)
            .spawn_scoped(scope, move || body(guardian))?;
        wait_for_children(&shared);
        let done = thread.join();
        helper::end_all();
        Ok(done.unwrap_or_else(|panic| resume_unwind(panic)))
    })
}

/// Waits for children until the guardian has ended and is needed no more.
fn wait_for_children(guardian: &Shared) {
    let mut guardians = 1;
    loop {
        let Some(ended) = next_child() else {
            // The guardian is gone, and so is everybody else.
            return;
        };
        match ended {
            Child::Stopped(pid) if pid == guardian.pid() => guardian.wake_up(),
            Child::Ended(pid) if pid == guardian.pid() => {
                let enough = guardians >= MOST_GUARDIANS;
                if guardian.is_over() || enough || guardian.fork().is_err() {
                    return;
                }
                guardians += 1;
            }
            Child::Stopped(_) | Child::Ended(_) => {}
        }
    }
}

/// What has become of a child of this thread.
enum Child {
    /// It was stopped.
    Stopped(i32),
    /// It has ended and was taken leave of.
    Ended(i32),
}

/// Waits for a child of this thread; `None`: there is none.
fn next_child() -> Option<Child> {
    let flags = libc::WEXITED | libc::WSTOPPED | libc::__WNOTHREAD;
    loop {
        // SAFETY: an all-zero siginfo is valid.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        // SAFETY: waits for children of this thread alone, with a live out-parameter.
        if unsafe { libc::waitid(libc::P_ALL, 0, &raw mut info, flags) } == 0 {
            // SAFETY: waitid has filled in the fields of a child's change of state.
            let pid = unsafe { info.si_pid() };
            return Some(match info.si_code {
                libc::CLD_STOPPED | libc::CLD_TRAPPED => Child::Stopped(pid),
                _ => Child::Ended(pid),
            });
        }
        if io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            return None;
        }
    }
}
