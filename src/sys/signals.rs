//! Signals to fanout, as calls of a function on a thread of their own.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGTSTP, SIGUSR1, SIGUSR2, SIGWINCH};
use signal_hook::iterator::Signals;

use super::{display, inherited, threads};

pub use libc::SIGPIPE;

/// Whether the last that was caught of SIGTSTP and SIGCONT is SIGTSTP, and fanout has not been stopped for it.
static STOPS: AtomicBool = AtomicBool::new(false);

/// The signals that have arrived, each kept until somebody looks.
#[derive(Debug)]
pub struct Caught(Signals);

/// Catches each [`Signal`] that arrives from now on; that of another size of the window if something is drawn there
/// (`draws`).
///
/// A hang-up that fanout was started with as ignored (`nohup`) stays so. Not so an interrupt: shells have commands
/// that a script puts into the background ignore it, and whoever sends it to such a one means it.
///
/// # Errors
///
/// When the handlers cannot be installed.
pub fn catch(draws: bool) -> io::Result<Caught> {
    let always = [SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGTSTP, SIGCONT];
    let resized = draws.then_some(SIGWINCH);
    let wanted = always.into_iter().chain(resized);
    let wanted = wanted.filter(|&signal| signal != SIGHUP || !inherited::was_ignored(signal));
    Signals::new(wanted).map(Caught)
}

/// Has a write beyond `ulimit -f` fail like one to a full disk, instead of ending fanout by SIGXFSZ.
///
/// The signal is caught rather than ignored, since a new program begins without handlers: jobs get it as fanout
/// itself got it.
#[allow(unsafe_code)]
pub fn survive_file_size_limit() {
    extern "C" fn nothing(_: libc::c_int) {}
    if inherited::was_ignored(libc::SIGXFSZ) {
        return;
    }
    // SAFETY: an all-zero sigaction is valid; the handler does nothing, which is async-signal-safe.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = nothing as *const () as libc::sighandler_t;
        action.sa_flags = libc::SA_RESTART;
        libc::sigaction(libc::SIGXFSZ, &raw const action, std::ptr::null_mut());
    }
}

impl Caught {
    /// Starts a thread that calls `on_signal` for each that was caught, and each that will be.
    ///
    /// # Errors
    ///
    /// When there is no thread to be had.
    pub fn pass_on(mut self, on_signal: impl Fn(Signal) + Send + 'static) -> io::Result<()> {
        threads::start("signals", move || {
            while !self.0.is_closed() {
                let mut signals: Vec<_> = self.0.wait().collect();
                // A stop and what ends it may have come together, the kernel keeps no order; whoever means to stop
                // fanout does not continue it first.
                signals.sort_by_key(|&signal| signal == SIGCONT);
                for signal in signals {
                    on_signal(Signal::of(signal));
                }
            }
        })?;
        Ok(())
    }
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
    /// SIGUSR1.
    User1,
    /// SIGUSR2.
    User2,
    /// SIGTSTP: Ctrl-Z.
    Stop,
    /// SIGCONT.
    Continue,
    /// SIGWINCH: the window has another size.
    Resized,
}

impl Signal {
    /// That of number `signal`, which was caught.
    fn of(signal: i32) -> Self {
        match signal {
            SIGINT => Self::Interrupt,
            SIGHUP => Self::HangUp,
            SIGUSR1 => Self::User1,
            SIGUSR2 => Self::User2,
            SIGWINCH => Self::Resized,
            SIGTSTP => {
                STOPS.store(true, Ordering::Relaxed);
                Self::Stop
            }
            SIGCONT => {
                STOPS.store(false, Ordering::Relaxed);
                Self::Continue
            }
            _ => Self::Terminate,
        }
    }

    /// Its number.
    pub fn number(self) -> i32 {
        match self {
            Self::Interrupt => SIGINT,
            Self::Terminate => SIGTERM,
            Self::HangUp => SIGHUP,
            Self::User1 => SIGUSR1,
            Self::User2 => SIGUSR2,
            Self::Stop => SIGTSTP,
            Self::Continue => SIGCONT,
            Self::Resized => SIGWINCH,
        }
    }
}

/// The name of signal number `signal`, as `SIGKILL`; `SIG42` for one without a name.
pub fn name(signal: i32) -> String {
    signal_hook::low_level::signal_name(signal)
        .map_or_else(|| format!("SIG{signal}"), str::to_owned)
}

/// What the C library says about signal number `signal` in the C locale: `Killed`.
#[allow(unsafe_code)]
pub fn description(signal: i32) -> Vec<u8> {
    // SAFETY: the text that is pointed to stays as it is until this thread asks again.
    unsafe {
        let text = libc::strsignal(signal);
        if text.is_null() {
            return Vec::new();
        }
        std::ffi::CStr::from_ptr(text).to_bytes().to_vec()
    }
}

/// The number of a signal, by its name (`KILL`, `SIGKILL`) or as digits.
pub fn number(name: &str) -> Option<i32> {
    if let Ok(number) = name.parse::<i32>() {
        return (1..=64).contains(&number).then_some(number);
    }
    let upper = name.to_ascii_uppercase();
    let short = upper.strip_prefix("SIG").unwrap_or(&upper);
    (1..32).find(|&number| {
        signal_hook::low_level::signal_name(number)
            .is_some_and(|known| known.strip_prefix("SIG") == Some(short))
    })
}

/// Stops this process, as Ctrl-Z would have if it had not been noticed; returns when it goes on, at once if that has
/// been asked for since the [`Signal::Stop`].
pub fn stop_self() {
    if STOPS.swap(false, Ordering::Relaxed) {
        // Nothing to be done if it cannot be stopped.
        let _ = display::without(|| signal_hook::low_level::raise(libc::SIGSTOP));
    }
}

/// Ends the process by signal number `signal`, whose default that must be. Returns if it cannot be: process 1 of a
/// container does not die of what it does not catch.
#[allow(unsafe_code)]
pub fn die_of(signal: i32) {
    // SAFETY: restores the default disposition, which runs no code of ours, lets the signal through and raises it.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, signal);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const set, std::ptr::null_mut());
        libc::raise(signal);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_have_names_or_numbers() {
        assert_eq!(name(libc::SIGKILL), "SIGKILL");
        assert_eq!(name(libc::SIGSEGV), "SIGSEGV");
        assert_eq!(name(42), "SIG42");
        assert_eq!(description(libc::SIGKILL), b"Killed");
    }

    #[test]
    fn names_and_digits_are_numbers() {
        for text in ["KILL", "SIGKILL", "sigkill", "9"] {
            assert_eq!(number(text), Some(libc::SIGKILL), "{text}");
        }
        for text in ["", "SIG", "FOO", "0", "65", "-1"] {
            assert_eq!(number(text), None, "{text}");
        }
    }
}
