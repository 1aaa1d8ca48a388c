//! What runs now, and the last words of its output, for a display on the terminal.
//!
//! Jobs write into their files without anybody in between; whoever shows them looks at the ends of these files now
//! and then, which costs the jobs nothing.

use std::fs::File;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::Instant;

use super::worker::OutputFiles;
use super::worker_threads::Workers;
use crate::model::AttemptInfo;

/// So many bytes from the end of an output are looked at.
const TAIL: u64 = 4096;

/// The workers of an engine, once there are any.
#[derive(Default)]
pub struct Watched(OnceLock<Workers>);

/// An attempt that runs now.
#[derive(Debug)]
pub struct Glimpse {
    /// The job and its attempt.
    pub job: Arc<AttemptInfo>,
    /// Since when.
    pub since: Instant,
    /// The end of the output to which it wrote last, where that goes into a file.
    pub tail: Vec<u8>,
}

impl Watched {
    pub(super) fn begin(&self, workers: &Workers) {
        // There is one engine.
        let _ = self.0.set(Arc::clone(workers));
    }

    /// The oldest `most` attempts that run now, and how many there are in all.
    pub fn oldest(&self, most: usize) -> (Vec<Glimpse>, usize) {
        let Some(workers) = self.0.get() else {
            return (Vec::new(), 0);
        };
        let workers = workers.lock().unwrap_or_else(PoisonError::into_inner);
        let running = workers.iter().filter_map(|worker| worker.watched());
        let mut running: Vec<_> = running.collect();
        drop(workers);
        // Jobs start in their order, at times that are too close to each other to tell.
        running.sort_by_key(|(it, _)| (it.job.attempt, it.job.seq));
        let count = running.len();
        running.truncate(most);
        let glimpse = |(it, files): (crate::engine::Running, OutputFiles)| Glimpse {
            tail: tail_of_latest(&files),
            job: it.job,
            since: it.since,
        };
        (running.into_iter().map(glimpse).collect(), count)
    }
}

/// The end of the file that was written to last. What cannot be read is not shown.
fn tail_of_latest(files: &OutputFiles) -> Vec<u8> {
    let written = files.iter().flatten().filter_map(|file| {
        let meta = file.metadata().ok().filter(|it| it.len() > 0)?;
        Some(((meta.mtime(), meta.mtime_nsec()), meta.len(), file))
    });
    let latest = written.max_by_key(|(at, ..)| *at);
    latest.map_or_else(Vec::new, |(_, len, file)| tail(file, len))
}

fn tail(file: &File, len: u64) -> Vec<u8> {
    let mut tail = vec![0; len.min(TAIL) as usize];
    let at = len - tail.len() as u64;
    let got = file.read_at(&mut tail, at);
    tail.truncate(got.unwrap_or(0));
    tail
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn the_output_that_was_written_to_last_is_looked_at() {
        let file = || Arc::new(tempfile::tempfile().unwrap());
        let files = [Some(file()), Some(file())];
        assert_eq!(tail_of_latest(&files), b"");
        let write = |place: usize, text: &[u8]| {
            let mut file: &File = files[place].as_ref().unwrap();
            file.write_all(text).unwrap();
        };
        write(1, b"warning");
        assert_eq!(tail_of_latest(&files), b"warning");
        let long = vec![b'x'; 3 * TAIL as usize];
        write(0, &long);
        let at = std::time::SystemTime::now() + std::time::Duration::from_secs(5);
        files[0].as_ref().unwrap().set_modified(at).unwrap();
        assert_eq!(tail_of_latest(&files), &long[..TAIL as usize]);
        assert_eq!(tail_of_latest(&[None, None]), b"");
    }
}
