//! The table that fanout and its guardian share: which process groups run, and whose they are.
#![allow(unsafe_code)]

use std::io;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

use crate::sys::mark::NO_JOB;

/// A place's group while its process is being started, and does not have one yet.
pub(super) const STARTING: i32 = -1;

/// A place's group where there is none, and only marks tell.
pub(super) const HELD: i32 = 1;

/// One place: a process group and the job that it belongs to.
#[derive(Debug)]
pub(super) struct Cell {
    /// The group's id; 0 where nothing runs.
    pub(super) group: AtomicI32,
    /// The job's number, or [`NO_JOB`].
    pub(super) job: AtomicU64,
}

impl Cell {
    /// Takes the place for a process that is about to be started, and belongs to no job; false: it is taken.
    pub(super) fn take(&self) -> bool {
        let free = self
            .group
            .compare_exchange(0, STARTING, Ordering::AcqRel, Ordering::Relaxed);
        if free.is_ok() {
            self.job.store(NO_JOB, Ordering::Relaxed);
        }
        free.is_ok()
    }
}

/// Places in memory that is shared with the guardian.
#[derive(Debug)]
pub(super) struct Table {
    cells: NonNull<Cell>,
    places: usize,
}

// SAFETY: the cells are atomics in a mapping that lives as long as the table.
unsafe impl Send for Table {}
// SAFETY: as above.
unsafe impl Sync for Table {}

impl Table {
    pub(super) fn new(places: usize) -> io::Result<Self> {
        let places = places.max(1);
        // SAFETY: a new anonymous mapping, zeroed by the kernel, at an address of its choice. Pages that nobody
        // touches cost nothing.
        let address = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                places * size_of::<Cell>(),
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
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

    pub(super) fn places(&self) -> usize {
        self.places
    }

    pub(super) fn cell(&self, place: usize) -> &Cell {
        debug_assert!(place < self.places);
        // SAFETY: `place` is within the mapping, which holds initialised (zeroed) atomics.
        unsafe { self.cells.add(place).as_ref() }
    }

    /// The places in use.
    pub(super) fn used(&self) -> impl Iterator<Item = (i32, u64)> + '_ {
        (0..self.places).filter_map(|place| {
            let cell = self.cell(place);
            let group = cell.group.load(Ordering::Acquire);
            (group != 0).then(|| (group, cell.job.load(Ordering::Acquire)))
        })
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        let bytes = self.places * size_of::<Cell>();
        // SAFETY: exactly what `new` mapped; nobody holds a cell any more.
        unsafe { libc::munmap(self.cells.as_ptr().cast(), bytes) };
    }
}
