//! Helper processes: the one way to start a process that is no job.
//!
//! Perl that evaluates expressions, compressors and decompressors, commands that are asked (`--limit`), tmux.
//! Each leads a process group of its own, so that Ctrl-C is for jobs, carries the run's [mark](super::mark), is
//! entered in the guardian's table, and does not outlive the thread that has started it, nor the run. What
//! waits for one can be freed at any time: [`end`].
#![allow(unsafe_code)]

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{
    Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Output, Stdio,
};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::guardian::{self, GuardedGroup};
use super::{mark, passing};

/// What a helper is for: who waits for it, and until when it is of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It answers questions, which nobody has any more when no job is started any more.
    Answers,
    /// It takes the output of jobs, as long as there are any.
    Takes,
    /// What it writes is read, to the end of the run.
    Gives,
    /// It carries what a worker hears and says, until that has ended its jobs.
    Carries,
}

/// A running helper. It is killed with its process group when it is dropped.
#[derive(Debug)]
pub struct Helper {
    process: Child,
    ward: Option<GuardedGroup>,
    reaped: bool,
}

/// A helper that has gone into the background by itself, and is known by the run's mark alone: the server of tmux.
/// As long as this lives it is killed when fanout is.
#[derive(Debug)]
pub struct Daemon(Option<GuardedGroup>);

impl Daemon {
    /// To be made when it has been started.
    pub fn watched() -> Self {
        let ward = guardian::ward_of_helper();
        if let Some(ward) = &ward {
            ward.hold();
        }
        Self(ward)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(ward) = &self.0 {
            ward.release();
        }
    }
}

/// Those that run: process group and kind. Whoever holds the lock may signal them: none is reaped meanwhile.
static RUNNING: Mutex<Vec<(i32, Kind)>> = Mutex::new(Vec::new());

/// Whether those that answer were ended because of a signal to fanout.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

fn running() -> MutexGuard<'static, Vec<(i32, Kind)>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Kills all helpers of `kind`, with what they have started. Who waits for them sees their end.
pub fn end(kind: Kind) {
    for (group, _) in running().iter().filter(|(_, its)| *its == kind) {
        kill_group(*group);
    }
}

/// Kills all helpers of `kind` when they have had `time`.
pub fn end_after(kind: Kind, time: Duration) {
    if running().iter().any(|(_, its)| *its == kind) {
        // Without a thread they have no time.
        let later = std::thread::Builder::new().name("helpers".into());
        let spawned = later.spawn(move || {
            std::thread::sleep(time);
            end(kind);
        });
        if spawned.is_err() {
            end(kind);
        }
    }
}

/// Kills all helpers that answer, because fanout was told by a signal to start no more jobs.
pub fn interrupt() {
    INTERRUPTED.store(true, Ordering::Release);
    end(Kind::Answers);
}

/// Whether [`interrupt`] was called: an answer that did not come is no error then.
pub fn is_interrupted() -> bool {
    INTERRUPTED.load(Ordering::Acquire)
}

/// Kills all helpers: the run is over.
pub fn end_all() {
    for kind in [Kind::Answers, Kind::Takes, Kind::Gives, Kind::Carries] {
        end(kind);
    }
}

fn kill_group(group: i32) {
    // SAFETY: a process group of ours, whose leader is not reaped: its number is its own.
    unsafe { libc::kill(-group, libc::SIGKILL) };
}

/// `code`, to be run by the shell at `shell`.
pub fn in_shell(shell: &Path, code: &OsStr) -> Command {
    let mut command = Command::new(shell);
    command.arg("-c").arg(code);
    command
}

impl Helper {
    /// Starts `command`; again, where that fails for something that passes, as the starts of jobs are.
    ///
    /// # Errors
    ///
    /// When it cannot be executed.
    pub fn start(mut command: Command, kind: Kind) -> io::Result<Self> {
        command.process_group(0);
        Self::start_in_group(command, kind)
    }

    /// As [`start`](Self::start), in a session of its own: it has no terminal, and cannot ask for passwords there.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn start_detached(mut command: Command, kind: Kind) -> io::Result<Self> {
        // SAFETY: setsid is async-signal-safe, and changes nothing but what is the new process's own.
        unsafe {
            command.pre_exec(|| {
                libc::setsid();
                Ok(())
            });
        }
        Self::start_in_group(command, kind)
    }

    /// Starts `command`, which makes itself the leader of a process group.
    fn start_in_group(mut command: Command, kind: Kind) -> io::Result<Self> {
        let ward = guardian::ward_of_helper();
        let its_ward = ward.clone();
        command.env(
            mark::VARIABLE,
            OsString::from_vec(mark::value(mark::NO_JOB)),
        );
        // SAFETY: getpid and prctl are async-signal-safe, and so is a store into shared memory; they change nothing
        // but what is the new process's own.
        unsafe {
            command.pre_exec(move || {
                if let Some(ward) = &its_ward {
                    ward.cell().store(libc::getpid(), Ordering::Release);
                }
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                Ok(())
            });
        }
        match passing::retrying(|| spawn(&mut command, kind)) {
            Ok(process) => {
                let helper = Self {
                    process,
                    ward,
                    reaped: false,
                };
                if is_unwanted(kind) {
                    return Err(io::ErrorKind::Interrupted.into());
                }
                Ok(helper)
            }
            Err(error) => {
                if let Some(ward) = ward {
                    ward.release();
                }
                Err(error)
            }
        }
    }

    /// What it reads, if that is a pipe that nobody has taken.
    pub fn stdin(&mut self) -> &mut Option<ChildStdin> {
        &mut self.process.stdin
    }

    /// What it writes, if that is a pipe that nobody has taken.
    pub fn stdout(&mut self) -> &mut Option<ChildStdout> {
        &mut self.process.stdout
    }

    /// What it writes on standard error, if that is a pipe that nobody has taken.
    pub fn stderr(&mut self) -> &mut Option<ChildStderr> {
        &mut self.process.stderr
    }

    /// Waits for its end; its standard input is closed.
    ///
    /// # Errors
    ///
    /// What `waitid(2)` says but for interruptions.
    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        drop(self.process.stdin.take());
        let group = self.process.id().cast_signed();
        if !self.reaped {
            wait_without_reaping(group)?;
        }
        let mut running = running();
        running.retain(|(its, _)| *its != group);
        if let Some(ward) = self.ward.take() {
            ward.release();
        }
        self.reaped = true;
        self.process.wait()
    }
}

/// Tries to start `command`, and enters it among those that run.
fn spawn(command: &mut Command, kind: Kind) -> io::Result<Child> {
    if is_unwanted(kind) {
        return Err(io::ErrorKind::Interrupted.into());
    }
    let mut running = running();
    let process = command.spawn()?;
    running.push((process.id().cast_signed(), kind));
    Ok(process)
}

/// Whether nobody waits for helpers of `kind` any more.
fn is_unwanted(kind: Kind) -> bool {
    kind == Kind::Answers && is_interrupted()
}

impl Drop for Helper {
    fn drop(&mut self) {
        if !self.reaped {
            kill_group(self.process.id().cast_signed());
            // Nobody is left who could be told.
            let _ = self.wait();
        }
    }
}

/// Waits until child `pid` has ended, and leaves it to be reaped.
fn wait_without_reaping(pid: i32) -> io::Result<()> {
    let flags = libc::WEXITED | libc::WNOWAIT;
    loop {
        // SAFETY: an all-zero siginfo is valid.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        // SAFETY: waits for a child of ours, with a live out-parameter.
        let waited =
            unsafe { libc::waitid(libc::P_PID, pid.cast_unsigned(), &raw mut info, flags) };
        if waited == 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// Runs `command` to its end, with nothing to read; returns its exit code, or `None` if it has none. It sees fanout's
/// standard output and standard error.
///
/// # Errors
///
/// When it cannot be executed, or not be waited for.
pub fn run(mut command: Command) -> io::Result<Option<i32>> {
    command.stdin(Stdio::null());
    Ok(Helper::start(command, Kind::Answers)?.wait()?.code())
}

/// Runs `command` to its end, with nothing to read, and takes what it prints.
///
/// # Errors
///
/// When it cannot be executed, or its output not be read.
pub fn output(mut command: Command) -> io::Result<Output> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut helper = Helper::start(command, Kind::Gives)?;
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    // Few words on either, which a pipe holds.
    if let Some(mut out) = helper.process.stdout.take() {
        io::Read::read_to_end(&mut out, &mut stdout)?;
    }
    if let Some(mut err) = helper.process.stderr.take() {
        io::Read::read_to_end(&mut err, &mut stderr)?;
    }
    let status = helper.wait()?;
    Ok(Output {
        status,
        stdout,
        stderr,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_how_it_exited() {
        let sh = |code: &str| in_shell(Path::new("/bin/sh"), OsStr::new(code));
        assert_eq!(run(sh("exit 2")).unwrap(), Some(2));
        assert_eq!(run(sh("kill -9 $$")).unwrap(), None);
        let missing = run(Command::new("/no/such/shell")).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
        let output = output(sh("echo out; echo err >&2; exit 3")).unwrap();
        assert_eq!(output.stdout, b"out\n");
        assert_eq!(
            (output.status.code(), &*output.stderr),
            (Some(3), &b"err\n"[..])
        );
    }

    #[test]
    fn a_program_that_is_being_written_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("program");
        std::fs::copy("/bin/true", &path).unwrap();
        let writer = std::fs::File::options().append(true).open(&path).unwrap();
        let closing = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(100));
            drop(writer);
        });
        assert_eq!(run(Command::new(&path)).unwrap(), Some(0));
        closing.join().unwrap();
    }

    #[test]
    fn one_that_nobody_wants_any_more_is_killed_with_its_children() {
        let mut command = in_shell(Path::new("/bin/sh"), OsStr::new("sleep 1000 | cat"));
        command.stdout(Stdio::piped());
        let mut helper = Helper::start(command, Kind::Takes).unwrap();
        let mut out = helper.stdout().take().unwrap();
        drop(helper);
        // Its children have the pipe open.
        assert_eq!(io::Read::read_to_end(&mut out, &mut Vec::new()).unwrap(), 0);
    }

    #[test]
    fn who_waits_for_one_is_freed() {
        let mut command = in_shell(Path::new("/bin/sh"), OsStr::new("sleep 1000; :"));
        command.stdin(Stdio::null());
        let mut helper = Helper::start(command, Kind::Takes).unwrap();
        end_after(Kind::Takes, Duration::from_millis(1));
        assert_eq!(helper.wait().unwrap().code(), None);
    }
}
