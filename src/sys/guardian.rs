//! No orphans, even when fanout is killed with SIGKILL.
//!
//! The guardian is a process forked before the first job. It holds the reading end of a pipe whose
//! writing end only fanout has, and a shared table of the process groups that run. When the pipe
//! closes, fanout is gone: the guardian kills every group in the table and ends. After an orderly end
//! the table is empty and there is nothing to do. It sleeps in `read(2)` all its life.
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use super::kernel_file;

/// The guardian process and the table that it shares with fanout.
#[derive(Debug)]
pub struct Guardian {
    table: Arc<Table>,
    pid: libc::pid_t,
    /// The pipe's writing end; closing it is the signal.
    lifeline: Option<OwnedFd>,
}

/// One running job's place in the guardian's table.
#[derive(Clone, Debug)]
pub struct Ward {
    table: Arc<Table>,
    place: usize,
}

impl Guardian {
    /// Starts the guardian of at most `places` jobs at a time. It keeps `held` open until no job is left,
    /// even when fanout is gone.
    ///
    /// To be called while the process has one thread: the guardian is a plain `fork(2)` of it.
    ///
    /// # Errors
    ///
    /// When no process, pipe or memory is to be had.
    pub fn start(places: usize, held: Option<BorrowedFd>) -> io::Result<Self> {
        let table = Arc::new(Table::new(places)?);
        let mut ends = [0; 2];
        // SAFETY: `ends` has room for two descriptors.
        if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) } != 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: pipe2 has just made both descriptors; nobody else owns them.
        let (watched, lifeline) =
            unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) };
        // SAFETY: the process has one thread, so the child may do anything; it never returns.
        match unsafe { libc::fork() } {
            -1 => Err(io::Error::last_os_error()),
            0 => watch(
                &table,
                watched.as_raw_fd(),
                held.map(|held| held.as_raw_fd()),
            ),
            pid => Ok(Self {
                table,
                pid,
                lifeline: Some(lifeline),
            }),
        }
    }

    /// The place number `place` of the table.
    ///
    /// # Panics
    ///
    /// When there are no so many places.
    pub fn ward(&self, place: usize) -> Ward {
        assert!(
            place < self.table.places,
            "the guardian has {} places",
            self.table.places
        );
        Ward {
            table: Arc::clone(&self.table),
            place,
        }
    }

    /// Tells the guardian that there will be no jobs any more, without waiting for its end.
    pub fn let_go(&mut self) {
        self.lifeline = None;
    }
}

impl Drop for Guardian {
    /// Lets the guardian go and waits for its end, so that it leaves no zombie behind.
    fn drop(&mut self) {
        self.let_go();
        // SAFETY: waits for our own child; no status is asked for.
        while unsafe { libc::waitpid(self.pid, std::ptr::null_mut(), 0) } < 0
            && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted
        {}
    }
}

impl Ward {
    /// The cell that holds the running process group's id, or 0. The new process itself fills it in
    /// before it becomes the job, so there is no moment in which a job runs unguarded.
    pub(in crate::sys) fn cell(&self) -> &AtomicI32 {
        self.table.cell(self.place)
    }

    /// Says that the group is gone.
    pub fn release(&self) {
        self.cell().store(0, Ordering::Release);
    }
}

/// Process group ids in memory shared with the guardian: 0 where nothing runs.
#[derive(Debug)]
struct Table {
    cells: NonNull<AtomicI32>,
    places: usize,
}

// SAFETY: the cells are atomics in a mapping that lives as long as the table.
unsafe impl Send for Table {}
// SAFETY: as above.
unsafe impl Sync for Table {}

impl Table {
    fn new(places: usize) -> io::Result<Self> {
        let bytes = places.max(1) * size_of::<AtomicI32>();
        // SAFETY: a new anonymous mapping, zeroed by the kernel, at an address of its choice.
        let address = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                bytes,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        match NonNull::new(address) {
            Some(cells) if address != libc::MAP_FAILED => Ok(Self {
                cells: cells.cast(),
                places,
            }),
            _ => Err(io::Error::last_os_error()),
        }
    }

    fn cell(&self, place: usize) -> &AtomicI32 {
        debug_assert!(place < self.places);
        // SAFETY: `place` is within the mapping, which holds initialised (zeroed) atomics.
        unsafe { self.cells.add(place).as_ref() }
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        let bytes = self.places.max(1) * size_of::<AtomicI32>();
        // SAFETY: exactly what `new` mapped; nobody holds a cell any more.
        unsafe { libc::munmap(self.cells.as_ptr().cast(), bytes) };
    }
}

/// How often, and how far apart in milliseconds, the table is looked through after fanout's death: a
/// job that was just being started may enter itself a moment later.
const LOOKS: usize = 10;
const BETWEEN_LOOKS_MS: i32 = 20;

/// The guardian's whole life.
fn watch(table: &Table, watched: RawFd, held: Option<RawFd>) -> ! {
    retire(watched, held);
    let mut byte = 0_u8;
    // SAFETY: one byte is read into a live byte.
    while unsafe { libc::read(watched, (&raw mut byte).cast(), 1) } < 0
        && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted
    {}
    for look in 0..LOOKS {
        let mut any = false;
        for place in 0..table.places {
            let group = table.cell(place).load(Ordering::Acquire);
            if group > 1 {
                any = true;
                // SAFETY: a signal to a process group, named by its positive id.
                unsafe { libc::kill(-group, libc::SIGKILL) };
            }
        }
        if look == 0 && !any && table.places > 0 {
            break;
        }
        // SAFETY: polls nothing, as a nap.
        unsafe { libc::poll(std::ptr::null_mut(), 0, BETWEEN_LOOKS_MS) };
    }
    // SAFETY: ends this process without running anything of fanout's.
    unsafe { libc::_exit(0) }
}

/// Leaves the foreground: no signal of the terminal's, no descriptor of fanout's but the pipe and `held`.
fn retire(watched: RawFd, held: Option<RawFd>) {
    let watched = watched.cast_unsigned();
    let held = held.map_or(watched, i32::cast_unsigned);
    let mut begin = 0;
    // SAFETY: plain system calls on this new process's own state; nothing of Rust's owns a
    // descriptor in it any more, since it never returns.
    unsafe {
        libc::setpgid(0, 0);
        let mut all: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const all, std::ptr::null_mut());
        libc::prctl(libc::PR_SET_NAME, GUARDIAN.as_ptr());
        rename();
        for keep in [watched.min(held), watched.max(held)] {
            if keep > begin {
                libc::syscall(libc::SYS_close_range, begin, keep - 1, 0);
            }
            begin = keep + 1;
        }
        libc::syscall(libc::SYS_close_range, begin, u32::MAX, 0);
    }
}

/// What the guardian is called in lists of processes.
const GUARDIAN: &CStr = c"orphan-guard";

/// Gives this process another command line: who kills fanout by its name (`pkill -9 -f fanout`) must
/// not kill the one that then looks after the jobs.
///
/// # Safety
///
/// To be called in the guardian only, which never looks at its arguments.
unsafe fn rename() {
    let Some((begin, end)) = argument_area() else {
        return;
    };
    let name = GUARDIAN.to_bytes();
    for (index, address) in (begin..end).enumerate() {
        let byte = name.get(index).copied().unwrap_or(0);
        // SAFETY: the kernel says that this process's arguments lie there, on its own stack, and nothing
        // else uses them; volatile, since nobody but the kernel reads them.
        unsafe { std::ptr::with_exposed_provenance_mut::<u8>(address).write_volatile(byte) };
    }
}

/// Where this process's arguments lie in its memory: see `arg_start` and `arg_end` in `proc_pid_stat(5)`.
fn argument_area() -> Option<(usize, usize)> {
    let stat = kernel_file::read_to_string("/proc/self/stat").ok()?;
    // The name, field 2, may hold blanks.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let begin = fields.nth(48 - 3)?.parse().ok()?;
    let end = fields.next()?.parse().ok()?;
    (begin > 0 && begin < end).then_some((begin, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(ward: &Ward) -> i32 {
        ward.cell().load(Ordering::Acquire)
    }

    #[test]
    fn wards_begin_empty_and_keep_apart() {
        let table = Arc::new(Table::new(2000).unwrap());
        let ward = |place| Ward {
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
        let table = Arc::new(Table::new(2).unwrap());
        let guardian = Guardian {
            table,
            // Nobody's: there is nothing to wait for when it is dropped.
            pid: i32::MAX,
            lifeline: None,
        };
        guardian.ward(2);
    }
}
