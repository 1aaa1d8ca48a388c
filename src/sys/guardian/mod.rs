//! No orphans, even when fanout is killed with SIGKILL.
//!
//! The guardian is a process forked before the first job. It shares a table with fanout that says which
//! process groups run and which jobs they belong to, and one end of a socket whose other end only fanout has.
//! When that closes, fanout is gone: the guardian kills every group in the table, and every process that
//! carries the mark of one of their jobs. After an orderly end the table is empty and there is nothing to do.
//! It sleeps in `poll(2)` all its life.
//!
//! A guardian that is stopped is told to go on, and one that is killed is replaced: see
//! [`first_thread`](super::first_thread).
#![allow(unsafe_code)]

mod table;
mod watch;

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, OnceLock};

use table::{HELD, STARTING, Table};
pub(in crate::sys) use watch::close_all_but;

use super::mark;
use super::orphans;
use super::scratch::Scratch;

/// The places of helper processes: the first guardian's table, and where they begin in it.
static HELPERS: OnceLock<(Arc<Table>, usize)> = OnceLock::new();

/// So many places for helpers there are beside those that were asked for, and one for each of those.
const FOR_HELPERS: usize = 64;

/// A free place for a helper process; `None`: there is none, or no guardian.
pub(in crate::sys) fn ward_of_helper() -> Option<GuardedGroup> {
    let (table, first) = HELPERS.get()?;
    let place = (*first..table.places()).find(|&place| table.cell(place).take())?;
    Some(GuardedGroup {
        table: Arc::clone(table),
        place,
    })
}

/// The guardian process and the table that it shares with fanout.
#[derive(Debug)]
pub struct Guardian {
    shared: Arc<Shared>,
    /// How many places are for jobs.
    places: usize,
}

/// What is known of the guardian process.
#[derive(Debug)]
pub(in crate::sys) struct Shared {
    table: Arc<Table>,
    pid: AtomicI32,
    /// The guardian's end of the socket, kept for the next guardian.
    watched: OwnedFd,
    /// Fanout's end. Shutting it down is the signal.
    lifeline: OwnedFd,
    /// What the guardian keeps open.
    held: Option<OwnedFd>,
    /// The directory of files that jobs are handed by name.
    scratch: Option<Scratch>,
    /// Whether there will be no jobs any more.
    over: AtomicBool,
    /// Whether the first thread waits for the guardian's end.
    awaited: AtomicBool,
}

/// One running job's place in the guardian's table.
#[derive(Clone, Debug)]
pub struct GuardedGroup {
    table: Arc<Table>,
    place: usize,
}

impl Guardian {
    /// Starts the guardian of at most `places` jobs at a time. It keeps `held` open until no job is left,
    /// even when fanout is gone.
    ///
    /// To be called on the process's first thread while there is no other.
    ///
    /// # Errors
    ///
    /// When no process, socket or memory is to be had.
    pub fn start(places: usize, held: Option<BorrowedFd>) -> io::Result<Self> {
        Self::start_with(places, held, None)
    }

    /// As [`start`](Self::start), for a run that has `scratch`, which is removed when fanout is gone.
    ///
    /// # Errors
    ///
    /// As for [`start`](Self::start).
    pub fn start_with(
        places: usize,
        held: Option<BorrowedFd>,
        scratch: Option<Scratch>,
    ) -> io::Result<Self> {
        let (watched, lifeline) = socket_pair()?;
        let shared = Shared {
            table: Arc::new(Table::new(2 * places + FOR_HELPERS)?),
            pid: AtomicI32::new(0),
            watched,
            lifeline,
            held: held.map(|held| held.try_clone_to_owned()).transpose()?,
            scratch,
            over: AtomicBool::new(false),
            awaited: AtomicBool::new(false),
        };
        shared.fork()?;
        HELPERS.get_or_init(|| (Arc::clone(&shared.table), places));
        Ok(Self {
            shared: Arc::new(shared),
            places,
        })
    }

    /// The place number `place` of the table.
    ///
    /// # Panics
    ///
    /// When there are no so many places.
    pub fn ward(&self, place: usize) -> GuardedGroup {
        let places = self.places;
        assert!(place < places, "the guardian has {places} places");
        GuardedGroup {
            table: Arc::clone(&self.shared.table),
            place,
        }
    }

    /// The directory of files that jobs are handed by name, if they are.
    pub fn scratch(&self) -> Option<&Scratch> {
        self.shared.scratch.as_ref()
    }

    /// Tells the guardian that there will be no jobs any more, without waiting for its end.
    pub fn let_go(&self) {
        self.shared.over.store(true, Ordering::Release);
        // SAFETY: a socket of ours. Shut down rather than closed: whoever waits for the guardian may still use it.
        unsafe { libc::shutdown(self.shared.lifeline.as_raw_fd(), libc::SHUT_RDWR) };
    }

    /// What the first thread has to know of it; from now on that one waits for its end.
    pub(in crate::sys) fn awaited(&self) -> Arc<Shared> {
        self.shared.awaited.store(true, Ordering::Release);
        Arc::clone(&self.shared)
    }
}

impl Drop for Guardian {
    /// Ends the guardian, so that it leaves no zombie behind.
    fn drop(&mut self) {
        self.let_go();
        let pid = self.shared.pid();
        if self.shared.awaited.load(Ordering::Acquire) || pid <= 0 {
            return;
        }
        self.shared.wake_up();
        // SAFETY: waits for our own child; no status is asked for.
        while unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) } < 0
            && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted
        {}
    }
}

impl Shared {
    /// The guardian's process id.
    pub(in crate::sys) fn pid(&self) -> i32 {
        self.pid.load(Ordering::Acquire)
    }

    /// Whether it is to end.
    pub(in crate::sys) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// Has a guardian that somebody has stopped go on. It must not have been waited for.
    pub(in crate::sys) fn wake_up(&self) {
        // SAFETY: our own child, which is not reaped yet, so its number is its own.
        unsafe { libc::kill(self.pid(), libc::SIGCONT) };
    }

    /// Makes the guardian process.
    ///
    /// # Errors
    ///
    /// When no process is to be had.
    pub(in crate::sys) fn fork(&self) -> io::Result<()> {
        // Made before the fork: the new process allocates as little as it can.
        mark::value(mark::NO_JOB);
        let duties = watch::Duties {
            table: &self.table,
            watched: self.watched.as_raw_fd(),
            lifeline: self.lifeline.as_raw_fd(),
            held: self.held.as_ref().map(AsRawFd::as_raw_fd),
            scratch: self.scratch.as_ref(),
        };
        // SAFETY: the new process never returns. Where there are other threads (a guardian that was killed is
        // replaced), it takes no lock of ours that one of them might hold; malloc's are made free by fork(3) itself.
        match unsafe { libc::fork() } {
            -1 => Err(io::Error::last_os_error()),
            0 => watch::watch(&duties),
            pid => {
                self.pid.store(pid, Ordering::Release);
                orphans::guardian_is(pid);
                Ok(())
            }
        }
    }
}

/// Two sockets that are connected to each other.
fn socket_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC;
    // SAFETY: `ends` has room for two descriptors.
    if unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, ends.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call has just made both descriptors; nobody else owns them.
    Ok(unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) })
}

impl GuardedGroup {
    /// Says that a process of job number `job` is about to be started: it will fill in the [`cell`](Self::cell).
    pub(in crate::sys) fn begin(&self, job: u64) {
        let cell = self.table.cell(self.place);
        cell.job.store(job, Ordering::Relaxed);
        cell.group.store(STARTING, Ordering::Release);
    }

    /// The cell that holds the running process group's id, or 0. The new process itself fills it in
    /// before it becomes the job, so there is no moment in which a job runs unguarded.
    pub(in crate::sys) fn cell(&self) -> &AtomicI32 {
        &self.table.cell(self.place).group
    }

    /// Takes the place without a group of its own, for what is known by its mark alone.
    pub(in crate::sys) fn hold(&self) {
        self.cell().store(HELD, Ordering::Release);
    }

    /// Says that the group is gone.
    pub fn release(&self) {
        self.cell().store(0, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(ward: &GuardedGroup) -> i32 {
        ward.cell().load(Ordering::Acquire)
    }

    #[test]
    fn wards_begin_empty_and_keep_apart() {
        let table = Arc::new(Table::new(2000).unwrap());
        let ward = |place| GuardedGroup {
            table: Arc::clone(&table),
            place,
        };
        let wards: Vec<_> = (0..2000).map(ward).collect();
        assert!(wards.iter().all(|ward| value(ward) == 0));
        for (number, ward) in (1..).zip(&wards) {
            ward.cell().store(number, Ordering::Release);
        }
        assert!(wards.iter().map(value).eq(1..=2000));
        wards[7].release();
        assert_eq!([6, 7, 8].map(|place| value(&wards[place])), [7, 0, 9]);
    }

    #[test]
    fn a_place_is_the_same_for_whoever_asks() {
        let guardian = Guardian::start(1, None).unwrap();
        let (ward, same) = (guardian.ward(0), guardian.ward(0).clone());
        ward.cell().store(i32::MAX, Ordering::Release);
        assert_eq!(value(&same), i32::MAX);
        same.release();
        assert_eq!(value(&ward), 0);
    }

    #[test]
    #[should_panic(expected = "the guardian has 2 places")]
    fn there_are_no_more_places_than_were_asked_for() {
        let guardian = Guardian::start(2, None).unwrap();
        guardian.ward(2);
    }
}
