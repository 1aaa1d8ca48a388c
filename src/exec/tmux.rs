//! Jobs in windows of tmux (`--tmux`, `--tmuxpane`).
//!
//! A job's process is a small script that opens the window, waits for the exit code that comes out of it,
//! and closes it when the job is to end. The window stays for a while when its job is over, so that its
//! output can be read.
//!
//! The exit code comes through a FIFO, which the window opens before it runs anything, and so waits for the script.
//! One whose script was ended before, be it that tmux closes a window that is only just being opened, which its
//! process does not notice, is let go at the end of the run: it finds that the FIFO has no name any more, and runs
//! nothing.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::launch::CALLING_SHELL;
use super::script::PreludeFile;
use super::shell::Shell;
use crate::sys::fd;
use crate::sys::helper::{self, Daemon};
use crate::template::Quoting;

/// The variable that names another program than `tmux`.
const PROGRAM: &str = "PARALLEL_TMUX";

/// How long a window stays when its job is over, in seconds.
const LINGERS: u32 = 10;

/// A tmux session of the run's own.
#[derive(Debug)]
pub struct Tmux {
    /// What is called: `tmux`, or what `$PARALLEL_TMUX` names.
    program: OsString,
    socket: PathBuf,
    /// A folder for the jobs' FIFOs, each in a folder of its own.
    fifos: PathBuf,
    session: String,
    panes: bool,
    shell: Shell,
    /// What each job's shell reads first.
    prelude: Option<PreludeFile>,
    /// The pane that keeps the session alive as long as jobs may come.
    keeper: String,
    _server: Daemon,
}

impl Tmux {
    /// Starts a session for jobs that `shell` runs, each after the shell code `prelude`, with its socket in
    /// `folder` and its FIFOs in `scratch`; with `panes` they share its first window.
    ///
    /// # Errors
    ///
    /// When tmux cannot be started.
    pub fn start(
        folder: &Path,
        scratch: &Path,
        panes: bool,
        shell: Shell,
        prelude: &[u8],
    ) -> io::Result<Self> {
        let fifos = scratch.join("windows");
        fs::create_dir(&fifos)?;
        let prelude = (!prelude.is_empty())
            .then(|| PreludeFile::new(prelude, shell.quoting()))
            .transpose()?;
        let unique = fastrand::u32(..);
        let socket = folder.join(format!("tms{unique:08x}"));
        let session = format!("p{}", std::process::id());
        let named = std::env::var_os(PROGRAM).filter(|program| !program.is_empty());
        let program = named.clone().unwrap_or_else(|| "tmux".into());
        let mut tmux = Command::new(&program);
        tmux.arg("-S")
            .arg(&socket)
            .args(["new-session", "-dP", "-F", "#{pane_id}", "-s", &session])
            .arg("echo Each job is shown while it runs, and for a while after; exec cat")
            .env_remove(CALLING_SHELL);
        let started = helper::output(tmux).map_err(|error| match named {
            Some(named) => {
                let why = format!("{}, which ${PROGRAM} names: {error}", named.display());
                io::Error::new(error.kind(), why)
            }
            None => error,
        })?;
        if started.status.success() {
            return Ok(Self {
                program,
                socket,
                fifos,
                session,
                panes,
                shell,
                prelude,
                keeper: String::from_utf8_lossy(&started.stdout).trim().to_owned(),
                _server: Daemon::watched(),
            });
        }
        let why = String::from_utf8_lossy(&started.stderr);
        Err(io::Error::other(why.trim().to_owned()))
    }

    /// How the user gets to see the session.
    pub fn invitation(&self) -> String {
        let program = self.program.display();
        let socket = self.socket.display();
        format!("See output with: {program} -S {socket} attach")
    }

    /// The command line that has `line` run in a window.
    pub fn wrapped(&self, line: &[u8]) -> Vec<u8> {
        let quoted = |text: &[u8]| {
            let mut quoted = text.to_vec();
            Quoting::Posix.quote_tail(&mut quoted, 0);
            String::from_utf8_lossy(&quoted).into_owned()
        };
        let bytes = |path: &Path| path.as_os_str().as_encoded_bytes().to_vec();
        let mut inside = b"exec 9>\"$0\"; [ -p \"$0\" ] || exit; ".to_vec();
        inside.extend_from_slice(quoted(&bytes(self.shell.path())).as_bytes());
        inside.extend_from_slice(b" -c ");
        let start = inside.len();
        if let Some(prelude) = &self.prelude {
            inside.extend_from_slice(&prelude.line);
        }
        inside.extend_from_slice(line);
        Quoting::Posix.quote_tail(&mut inside, start);
        let end = format!(" 9>&-; echo $? >&9; exec 9>&-; echo; date; exec sleep {LINGERS}");
        inside.extend_from_slice(end.as_bytes());
        let name: Vec<u8> = line
            .iter()
            .map(|&byte| if byte.is_ascii_control() { b' ' } else { byte })
            .collect();
        let session = &self.session;
        let tmux = format!(
            "{} -S {}",
            quoted(&bytes(Path::new(&self.program))),
            quoted(&bytes(&self.socket))
        );
        let (open, close) = if self.panes {
            (
                format!("split-window -dP -F '#{{pane_id}}' -t {session}:0"),
                "kill-pane",
            )
        } else {
            let name = quoted(&name);
            (
                format!("new-window -dP -F '#{{window_id}}' -t {session}: -n {name}"),
                "kill-window",
            )
        };
        let variables = super::launch::JOB_VARIABLES
            .map(|name| format!("-e {name}=\"${name}\""))
            .join(" ");
        // Panes get smaller and smaller, until there is room for no more.
        let arrange = if self.panes {
            format!("{tmux} select-layout -t {session}:0 tiled >/dev/null\n")
        } else {
            String::new()
        };
        let mut script = format!(
            "d=$(mktemp -d {fifos}/XXXXXX) && mkfifo \"$d/end\" || exit 255\n\
             trap over=1 HUP INT TERM\n\
             w=$(trap '' HUP INT TERM; exec {tmux} {open} {variables} -c \"$PWD\" sh -c ",
            fifos = quoted(&bytes(&self.fifos)),
        )
        .into_bytes();
        let start = script.len();
        script.extend_from_slice(&inside);
        Quoting::Posix.quote_tail(&mut script, start);
        let rest = format!(
            " \"$d/end\") || exit 255\n\
             trap '{tmux_in_quotes} {close} -t \"$w\"; exit 255' HUP INT TERM\n\
             [ -z \"$over\" ] || kill $$\n\
             {arrange}exec 3<\"$d/end\"\n\
             read -r code <&3\n\
             rm -rf \"$d\"\n\
             exit \"${{code:-255}}\"\n",
            tmux_in_quotes = tmux.replace('\'', "'\\''"),
        );
        script.extend_from_slice(rest.as_bytes());
        let mut wrapped = b"exec /bin/sh -c ".to_vec();
        let start = wrapped.len();
        wrapped.extend_from_slice(&script);
        self.shell.quoting().quote_tail(&mut wrapped, start);
        wrapped
    }
}

/// Lets go of windows that wait for somebody to open their FIFO, somewhere below `fifos`, which is gone then.
fn let_go(fifos: &Path) -> io::Result<()> {
    let gone = fifos.with_extension("gone");
    fs::rename(fifos, &gone)?;
    let opened: Vec<File> = fs::read_dir(&gone)?
        .flatten()
        .filter_map(|folder| fd::open_for_reading_at_once(&folder.path().join("end")).ok())
        .collect();
    // Whoever has not opened it by now finds none.
    fs::remove_dir_all(&gone)?;
    drop(opened);
    Ok(())
}

impl Drop for Tmux {
    /// The session ends when the last window has.
    fn drop(&mut self) {
        // Without a folder there is nobody who waits.
        let _ = let_go(&self.fifos);
        let mut tmux = Command::new(&self.program);
        tmux.arg("-S")
            .arg(&self.socket)
            .args(["kill-pane", "-t", &self.keeper]);
        let _ = helper::output(tmux);
    }
}
