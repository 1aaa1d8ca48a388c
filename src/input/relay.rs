//! Counting the records of a pipe while they are already being used.
//!
//! One thread reads whatever comes into an unlinked file, as soon as it comes, and counts the records. Another one
//! hands the file on through a pipe, at the pace of whoever reads the records. Where the file finds no room, what is
//! left is handed on as it comes, and not counted.

use std::fs::File;
use std::io::{self, PipeWriter, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::InputCount;
use super::reader::{BUFFER, Splitter};
use crate::flow::spool::unlinked_file;
use crate::record::delimiter::Needle;
use crate::sys::{temp, threads};

/// What both threads know.
#[derive(Debug, Default)]
struct Relay {
    progress: Mutex<Progress>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Progress {
    /// How many bytes are in the file.
    kept: u64,
    /// What was read behind these and found no room.
    rest: Vec<u8>,
    /// Whether the first thread reads no more: at the end, or since there is no room.
    over: Option<Ended>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    All,
    Early,
}

impl Relay {
    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, news: impl FnOnce(&mut Progress)) {
        news(&mut self.progress());
        self.changed.notify_one();
    }
}

/// What to read instead of `from`, whose records, parted by `needle`, are counted meanwhile.
///
/// # Errors
///
/// When no file or thread can be had.
pub(super) fn counted(from: &File, needle: Needle, count: InputCount) -> io::Result<File> {
    let spool = Arc::new(unlinked_file(&temp::dir())?);
    let (reader, writer) = io::pipe()?;
    let relay = Arc::new(Relay::default());
    let tee = Tee {
        from: from.try_clone()?,
        spool: Arc::clone(&spool),
        relay: Arc::clone(&relay),
    };
    let left = from.try_clone()?;
    let counting = Arc::clone(&relay);
    threads::start("count", move || {
        let counted = count_records(tee, needle, &count);
        let ended = if counted.is_ok() {
            count.end();
            Ended::All
        } else {
            Ended::Early
        };
        counting.tell(|progress| progress.over = Some(ended));
    })?;
    threads::start("relay", move || {
        // Whoever reads may have had enough.
        let _ = hand_on(&spool, &relay, &left, writer);
    })?;
    Ok(File::from(OwnedFd::from(reader)))
}

fn count_records(tee: Tee, needle: Needle, count: &InputCount) -> io::Result<()> {
    let mut splitter = Splitter::new(tee, needle, BUFFER);
    while splitter.next_record()?.is_some() {
        count.add(1);
    }
    Ok(())
}

fn hand_on(spool: &File, relay: &Relay, left: &File, mut writer: PipeWriter) -> io::Result<()> {
    let (mut sent, mut piece) = (0, vec![0; BUFFER]);
    loop {
        let mut progress = relay.progress();
        while progress.kept == sent && progress.over.is_none() {
            progress = relay
                .changed
                .wait(progress)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let kept = progress.kept;
        if kept == sent {
            let (rest, over) = (std::mem::take(&mut progress.rest), progress.over);
            drop(progress);
            writer.write_all(&rest)?;
            if over == Some(Ended::Early) {
                io::copy(&mut &*left, &mut writer)?;
            }
            return Ok(());
        }
        drop(progress);
        while sent < kept {
            let most = piece.len().min((kept - sent) as usize);
            let got = spool.read_at(&mut piece[..most], sent)?;
            writer.write_all(&piece[..got])?;
            sent += got as u64;
        }
    }
}

/// Keeps what is read through it.
struct Tee {
    from: File,
    spool: Arc<File>,
    relay: Arc<Relay>,
}

impl Read for Tee {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(into)?;
        let (mut kept, mut failed) = (0, None);
        while kept < count && failed.is_none() {
            match (&*self.spool).write(&into[kept..count]) {
                Ok(0) => failed = Some(io::ErrorKind::WriteZero.into()),
                Ok(some) => kept += some,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => failed = Some(error),
            }
        }
        self.relay.tell(|progress| {
            progress.kept += kept as u64;
            progress.rest.extend_from_slice(&into[kept..count]);
        });
        failed.map_or(Ok(count), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::delimiter::Delimiter;

    #[test]
    fn records_are_counted_before_they_are_read() {
        let (reader, mut writer) = io::pipe().unwrap();
        let from = File::from(OwnedFd::from(reader));
        let count = InputCount::default();
        let mut relayed =
            counted(&from, Needle::new(&Delimiter::default()), count.clone()).unwrap();
        let line = "x".repeat(99) + "\n";
        // More than pipes hold, and nobody reads.
        writer.write_all(line.repeat(10_000).as_bytes()).unwrap();
        assert_eq!(count.total(), None);
        let mut byte = [0];
        relayed.read_exact(&mut byte).unwrap();
        drop(writer);
        let mut rest = String::new();
        relayed.read_to_string(&mut rest).unwrap();
        assert_eq!(rest.len() + 1, 1_000_000);
        assert_eq!(count.total(), Some(10_000));
    }

    #[test]
    fn what_finds_no_room_is_handed_on_uncounted() {
        let (reader, mut writer) = io::pipe().unwrap();
        let left = File::from(OwnedFd::from(reader));
        let relay = Relay::default();
        let spool = tempfile::tempfile().unwrap();
        (&spool).write_all(b"kept ").unwrap();
        relay.tell(|progress| {
            progress.kept = 5;
            progress.rest = b"rest ".to_vec();
            progress.over = Some(Ended::Early);
        });
        writer.write_all(b"left").unwrap();
        drop(writer);
        let (mut reader, writer) = io::pipe().unwrap();
        hand_on(&spool, &relay, &left, writer).unwrap();
        let mut all = String::new();
        reader.read_to_string(&mut all).unwrap();
        assert_eq!(all, "kept rest left");
    }
}
