//! Starting a job's process.
//!
//! A process is started as `posix_spawn(3)` does it, by `clone(2)` with `CLONE_VM | CLONE_VFORK`: no
//! page table is copied, and the calling thread sleeps until the new program runs. What the new
//! process does before `execve(2)` is a handful of system calls in [`become_job`], all of them
//! async-signal-safe, without a single allocation.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_int, c_void};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicI32, Ordering};

use super::child::Child;
use super::env_block::{ArgBlock, EnvBlock};
use super::guardian::GuardedGroup;
use super::inherited;
use super::limits;

/// What a new process is made of. A descriptor of `None` is inherited from fanout.
#[derive(Debug)]
pub struct Program<'a> {
    /// The program file.
    pub path: &'a CStr,
    /// Its arguments, its own name first.
    pub args: &'a ArgBlock,
    /// Its environment.
    pub env: &'a EnvBlock,
    /// Its standard input.
    pub stdin: BorrowedFd<'a>,
    /// Its standard output.
    pub stdout: Option<BorrowedFd<'a>>,
    /// Its standard error.
    pub stderr: Option<BorrowedFd<'a>>,
    /// The directory that it runs in; `None`: fanout's own.
    pub cwd: Option<&'a CStr>,
    /// Whether it stays in fanout's process group, that of the terminal, instead of getting its own.
    pub keeps_group: bool,
    /// More descriptors for it, with the numbers that they get: all of those lower than any that is given.
    pub more: &'a [(BorrowedFd<'a>, c_int)],
    /// The number of the job that it belongs to, or [`NO_JOB`](super::mark::NO_JOB).
    pub job: u64,
}

/// Starts processes; one per worker thread.
///
/// The thread that makes it must live as long as the processes: they are killed when it dies.
#[derive(Debug)]
pub struct Spawner {
    stack: Box<[MaybeUninit<u8>]>,
    ward: GuardedGroup,
    /// The signals that fanout itself was started with as blocked; jobs inherit them.
    mask: libc::sigset_t,
}

/// What [`become_job`] needs; it lives on the parent's stack and is shared with the new process.
struct Start<'a> {
    program: &'a Program<'a>,
    group: &'a AtomicI32,
    mask: libc::sigset_t,
    open_files: Option<libc::rlimit>,
    /// The error number of what failed in the new process, or 0.
    failed: AtomicI32,
}

/// Room for [`become_job`]'s frames, and those of the C library's thin wrappers that it calls.
const STACK_BYTES: usize = 64 * 1024;

impl Spawner {
    /// A spawner whose processes are watched over in place `ward`. Blocks signals for the calling
    /// thread: the thread shares its memory with a new process for a moment, and no handler of ours
    /// may run in there.
    pub fn new(ward: GuardedGroup) -> Self {
        // SAFETY: all-zero signal sets are valid; the calls fill in live sets of our own.
        let mask = unsafe {
            let mut all: libc::sigset_t = std::mem::zeroed();
            let mut before: libc::sigset_t = std::mem::zeroed();
            libc::sigfillset(&raw mut all);
            // Where it is blocked, the kernel does not see that nobody wants it, and interrupts some
            // other thread for the end of each child.
            libc::sigdelset(&raw mut all, libc::SIGCHLD);
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
            // Ignored, as some callers leave it, it would have the kernel forget how children ended.
            libc::signal(libc::SIGCHLD, libc::SIG_DFL);
            before
        };
        Self {
            stack: Box::new_uninit_slice(STACK_BYTES),
            ward,
            mask,
        }
    }

    /// Another one for the same thread, whose processes are watched over in place `ward`.
    #[must_use]
    pub fn beside(&self, ward: GuardedGroup) -> Self {
        Self {
            stack: Box::new_uninit_slice(STACK_BYTES),
            ward,
            mask: self.mask,
        }
    }

    /// Starts `program`.
    ///
    /// # Errors
    ///
    /// What `clone(2)` or `execve(2)` says: no such file, permission denied, argument list too long, …
    pub fn spawn(&mut self, program: &Program) -> io::Result<Child> {
        let start = Start {
            program,
            group: self.ward.cell(),
            mask: self.mask,
            open_files: limits::original_open_files(),
            failed: AtomicI32::new(0),
        };
        self.ward.begin(program.job);
        let mut pidfd: c_int = -1;
        // SAFETY: one past the end of our own buffer, rounded down to the alignment that the ABI wants.
        let top = unsafe { self.stack.as_mut_ptr().add(STACK_BYTES & !15) };
        let top = top.map_addr(|address| address & !15);
        // SAFETY: `become_job` gets a stack of its own and a `Start` that outlives it, since CLONE_VFORK
        // holds this thread until it has called execve or _exit.
        let pid = unsafe {
            libc::clone(
                become_job,
                top.cast(),
                libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD,
                (&raw const start).cast_mut().cast::<c_void>(),
                &raw mut pidfd,
            )
        };
        if pid < 0 {
            let error = io::Error::last_os_error();
            self.ward.release();
            return Err(error);
        }
        // SAFETY: CLONE_PIDFD made this descriptor for us.
        let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
        let child = Child::new(pid, pidfd, self.ward.clone());
        match start.failed.load(Ordering::Acquire) {
            0 => Ok(child),
            errno => {
                child.reap()?;
                Err(io::Error::from_raw_os_error(errno))
            }
        }
    }
}

/// Runs in the new process: sets it up as a job and becomes its program.
extern "C" fn become_job(start: *mut c_void) -> c_int {
    // SAFETY: `spawn` passes a `Start` that lives until this process execs or exits. Everything called
    // is async-signal-safe (signal-safety(7)) and touches memory only through `Start`.
    unsafe {
        let start = &*start.cast::<Start>();
        let program = start.program;
        if !program.keeps_group {
            libc::setpgid(0, 0);
        }
        start.group.store(libc::getpid(), Ordering::Release);
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        for (fd, standard) in [
            (Some(program.stdin), 0),
            (program.stdout, 1),
            (program.stderr, 2),
        ] {
            if let Some(fd) = fd
                && libc::dup2(fd.as_raw_fd(), standard) < 0
            {
                give_up(start);
            }
        }
        for (fd, number) in program.more {
            if libc::dup2(fd.as_raw_fd(), *number) < 0 {
                give_up(start);
            }
        }
        if let Some(limit) = &start.open_files {
            libc::setrlimit(libc::RLIMIT_NOFILE, limit);
        }
        if let Some(cwd) = program.cwd
            && libc::chdir(cwd.as_ptr()) < 0
        {
            give_up(start);
        }
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        for signal in inherited::SIGNALS {
            if inherited::was_ignored(signal) {
                libc::signal(signal, libc::SIG_IGN);
            }
        }
        libc::sigprocmask(
            libc::SIG_SETMASK,
            &raw const start.mask,
            std::ptr::null_mut(),
        );
        libc::execve(
            program.path.as_ptr(),
            program.args.as_ptr().cast(),
            program.env.as_ptr().cast(),
        );
        give_up(start)
    }
}

/// Ends the new process, leaving the reason to its parent.
fn give_up(start: &Start) -> ! {
    // SAFETY: errno is this thread's own; _exit runs nothing of fanout's.
    unsafe {
        start
            .failed
            .store(*libc::__errno_location(), Ordering::Release);
        libc::_exit(127)
    }
}
