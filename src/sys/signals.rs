//! Signals to fanout, as calls of a function on a thread of their own.

use std::io;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Calls `on_signal` for each SIGINT, SIGTERM and SIGHUP that arrives from now on.
///
/// A signal that fanout was started with as ignored (`nohup`, a background job of a script) stays so.
///
/// # Errors
///
/// When the handlers cannot be installed.
pub fn listen(on_signal: impl Fn(Signal) + Send + 'static) -> io::Result<()> {
    let wanted = [SIGINT, SIGTERM, SIGHUP]
        .into_iter()
        .filter(|&signal| !is_ignored(signal));
    let mut signals = Signals::new(wanted)?;
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            for signal in signals.forever() {
                on_signal(match signal {
                    SIGINT => Signal::Interrupt,
                    SIGHUP => Signal::HangUp,
                    _ => Signal::Terminate,
                });
            }
        })?;
    Ok(())
}

/// A signal that fanout acts upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT: Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGHUP.
    HangUp,
}

#[allow(unsafe_code)]
fn is_ignored(signal: i32) -> bool {
    // SAFETY: an all-zero sigaction is a valid value to be overwritten.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: only asks for the disposition, into a live struct.
    unsafe { libc::sigaction(signal, std::ptr::null(), &raw mut action) };
    action.sa_sigaction == libc::SIG_IGN
}

/// The name of signal number `signal`, as `SIGKILL`; `SIG42` for one without a name.
pub fn name(signal: i32) -> String {
    signal_hook::low_level::signal_name(signal)
        .map_or_else(|| format!("SIG{signal}"), str::to_owned)
}

/// Ends the process as a Unix filter ends that nobody reads any more: by SIGPIPE. Returns if that
/// signal is blocked.
#[allow(unsafe_code)]
pub fn die_of_broken_pipe() {
    // SAFETY: restores the default disposition, which runs no code of ours, and raises the signal.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        libc::raise(libc::SIGPIPE);
    }
}
