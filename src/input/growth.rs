//! Files of inputs that grow while their jobs run.
//!
//! As in GNU parallel, lines that are appended to the file of inputs while the run goes on are run, too, be it by a
//! job or by somebody else. So the end of a file is no end before the jobs so far are over: there the thread that
//! reads waits in [`Growth::goes_on`], and the controller, whenever it wants another job, has a look at the
//! length of the file ([`Growth::look`]).

use std::fmt;
use std::fs::File;
use std::io::{self, Seek as _};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// What the thread that reads a file and the controller share. By default no file is waited for.
#[derive(Clone, Default)]
pub struct Growth(Option<Arc<Shared>>);

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    tell: Box<dyn Fn() + Send + Sync>,
}

#[derive(Debug)]
enum State {
    /// The file is read. Whether the controller waits for what comes.
    Reading(bool),
    /// All of the file was read, as far as this place.
    AtEnd(File, u64),
    /// There is more to be read.
    Grown,
    /// Nothing is read any more.
    Over,
}

impl Growth {
    /// One that calls `tell` when the end of the file is reached while the controller waits for jobs.
    pub fn new(tell: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(Shared {
            state: Mutex::new(State::Reading(false)),
            changed: Condvar::new(),
            tell: Box::new(tell),
        })))
    }

    /// Waits at the end of `file`; whether there is more to be read after all.
    pub(super) fn goes_on(&self, file: &File) -> bool {
        let Some(shared) = &self.0 else {
            return false;
        };
        let Ok(Some(at_end)) = at_end(file) else {
            return false;
        };
        let mut state = shared.lock();
        if matches!(*state, State::Over) {
            return false;
        }
        let waited_for = matches!(*state, State::Reading(true));
        *state = at_end;
        if waited_for {
            (shared.tell)();
        }
        while matches!(*state, State::AtEnd(..)) {
            state = shared
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let grown = matches!(*state, State::Grown);
        if grown {
            *state = State::Reading(true);
        }
        grown
    }

    /// Has the file read on if it has grown; called when there is no job left. If it has not, and no job runs that it
    /// could wait for (`idle`), the input is over.
    pub fn look(&self, idle: bool) {
        let Some(shared) = &self.0 else {
            return;
        };
        let mut state = shared.lock();
        match &mut *state {
            State::Reading(waited_for) => *waited_for = true,
            State::AtEnd(file, read) => {
                if file.metadata().is_ok_and(|it| it.len() > *read) {
                    *state = State::Grown;
                } else if idle {
                    *state = State::Over;
                } else {
                    return;
                }
                drop(state);
                shared.changed.notify_all();
            }
            State::Grown | State::Over => {}
        }
    }

    /// Nothing more is wanted.
    pub fn end(&self) {
        if let Some(shared) = &self.0 {
            *shared.lock() = State::Over;
            shared.changed.notify_all();
        }
    }
}

/// The state at the end of `file`; `None` where it cannot grow.
fn at_end(file: &File) -> io::Result<Option<State>> {
    if !file.metadata()?.is_file() {
        return Ok(None);
    }
    let mut file = file.try_clone()?;
    let read = file.stream_position()?;
    Ok(Some(State::AtEnd(file, read)))
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is one assignment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() {
            "Growth(waited for)"
        } else {
            "Growth(not waited for)"
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::thread;

    use super::*;

    #[test]
    fn a_file_goes_on_if_it_grows_before_the_jobs_so_far_are_over() {
        let path = tempfile::NamedTempFile::new().unwrap();
        let (told, tells) = crossbeam_channel::unbounded();
        let growth = Growth::new(move || told.send(()).unwrap());
        growth.look(false);
        let (reader, mut file) = (growth.clone(), path.reopen().unwrap());
        let read = thread::spawn(move || {
            let mut read = String::new();
            file.read_to_string(&mut read).unwrap();
            let mut rounds = 0;
            while reader.goes_on(&file) {
                file.read_to_string(&mut read).unwrap();
                rounds += 1;
            }
            (read, rounds)
        });
        tells.recv().unwrap();
        growth.look(false);
        path.as_file().write_all(b"more").unwrap();
        growth.look(true);
        tells.recv().unwrap();
        growth.look(false);
        growth.look(true);
        assert_eq!(read.join().unwrap(), ("more".to_owned(), 1));
    }

    #[test]
    fn what_is_no_file_is_not_waited_for_nor_what_nobody_wants() {
        let growth = Growth::new(|| ());
        assert!(!growth.goes_on(&File::open("/dev/null").unwrap()));
        growth.end();
        assert!(!growth.goes_on(&tempfile::tempfile().unwrap()));
        assert!(!Growth::default().goes_on(&tempfile::tempfile().unwrap()));
    }
}
