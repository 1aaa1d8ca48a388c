//! A running attempt, from its start to its end.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::config::Shared;
use super::worker::WorkerHandle;
use crate::engine::{Update, UpdateSender};
use crate::exec::capture::Outputs;
use crate::exec::launch::Launcher;
use crate::exec::shell::waiting;
use crate::exec::stdin::feed::Feeding;
use crate::flow::credit::Token;
use crate::flow::mailbox::Urgency;
use crate::flow::output_order::OutputOrder;
use crate::model::{AttemptInfo, Content, KilledBy, Outcome, OutputPiece, Stream, Usage};
use crate::sys::child::{Child, Exit, Group, PollFor, Reaped, Waited};
use crate::sys::family::Family;
use crate::sys::orphans;
use crate::sys::spawn::Spawner;
use crate::sys::wake;

/// What a job leaves running when it ends may write on for this long before its output is taken: enough
/// for `echo x &`, and no time at all for jobs that leave nobody behind.
const GRACE: Duration = Duration::from_millis(20);

/// How many times a pipe must be read to have all that is in it, be it as large as a user may make it.
const PIECES_IN_A_PIPE: usize = 16;

/// What a job leaves behind that must not outlive it is looked for no longer than this.
const LONGEST_KILL: Duration = Duration::from_secs(2);

/// Whether nobody of a job whose first process is gone is left by `deadline`.
fn gone_before(group: &Group, family: &mut Family, deadline: Instant) -> io::Result<bool> {
    if !(group.gone_before(deadline) && family.gone_before(deadline)?) {
        return Ok(false);
    }
    // Some may have been born, or lost their parents, since it was looked.
    family.look();
    family.gone_before(Instant::now())
}

/// Kills whoever is left of a job.
fn kill_rest(group: &Group, family: &mut Family) -> io::Result<()> {
    if group.has_members() {
        group.signal(libc::SIGKILL);
    }
    family.kill(LONGEST_KILL)
}

/// Why fanout ends an attempt.
enum End {
    Timeout,
    Cancel(KilledBy),
}

/// A running attempt, seen from its worker.
pub(super) struct Watch<'a> {
    pub(super) shared: &'a Shared,
    pub(super) worker: &'a WorkerHandle,
    pub(super) job: &'a Arc<AttemptInfo>,
    pub(super) updates: &'a UpdateSender,
    pub(super) outputs: Outputs<'a>,
    /// What knows whether a shell would have waited for the process, if it was started in a shell's stead.
    pub(super) stead: Option<(&'a mut Launcher, &'a mut Spawner)>,
    /// What it is fed.
    pub(super) feeding: Option<Feeding>,
    /// Allows one more piece of output to be on its way.
    pub(super) token: Option<Token>,
}

impl Watch<'_> {
    /// Waits for the process, ending it if it must be; returns how it ended, what it cost, and whether
    /// it may have left anybody behind.
    pub(super) fn until_the_end(&mut self, child: Child) -> io::Result<(Outcome, Usage, bool)> {
        let awaited = self.outputs.awaited().cloned();
        if let Some(turn) = &awaited {
            turn.wait(self.job.seq, self.worker.wake());
        }
        let ended = self.until_its_end(child, awaited.as_deref());
        if let Some(turn) = &awaited {
            turn.leave(self.job.seq);
        }
        ended
    }

    fn until_its_end(
        &mut self,
        child: Child,
        awaited: Option<&OutputOrder>,
    ) -> io::Result<(Outcome, Usage, bool)> {
        let began = Instant::now();
        let why = loop {
            let limit = self.worker.time_limit();
            let deadline = limit.and_then(|limit| began.checked_add(limit));
            match self.wait(&child, true, deadline)? {
                Waited::Readable => self.attend()?,
                Waited::Ended => break None,
                // The limit may have been raised meanwhile.
                Waited::TimedOut if limit != self.worker.time_limit() => {}
                Waited::TimedOut => break Some(End::Timeout),
                Waited::Rung => {
                    if let Some(by) = self.worker.told_to_end() {
                        break Some(End::Cancel(by));
                    }
                    if awaited.is_some_and(|turn| turn.is(self.job.seq)) {
                        self.outputs.follow();
                    }
                    self.outputs.hear(self.job.seq);
                }
            }
        };
        // Nobody hears an answer any more: what is still written, in the termination sequence too, is for the reports.
        self.outputs.close_direct(self.job.seq);
        if let (Some(feeding), None) = (&mut self.feeding, &why) {
            feeding.stop();
        }
        let reaped = match &why {
            None => self.reap(child)?,
            Some(why) => self.terminate(child, why)?,
        };
        let exit = match why {
            None => self.as_a_shell_tells(&reaped)?,
            Some(_) => reaped.exit,
        };
        let left_behind = self.last_output(&reaped.group)?;
        self.outputs.leave();
        let outcome = match (why, exit) {
            (None, Exit::Code(code)) => Outcome::Exited(code),
            (None, Exit::Signal(signal)) => Outcome::Signaled(signal),
            (Some(End::Timeout), exit) => Outcome::TimedOut(exit),
            (Some(End::Cancel(by)), exit) => Outcome::Cancelled {
                by,
                signal: match exit {
                    Exit::Signal(signal) => Some(signal),
                    Exit::Code(_) => None,
                },
            },
        };
        Ok((outcome, reaped.usage, left_behind))
    }

    /// Takes the status of a process that has ended, when nobody can signal it any more.
    fn reap(&self, child: Child) -> io::Result<Reaped> {
        self.worker.show(None);
        child.reap()
    }

    /// How the shell would have ended that would have waited for the process; says what it would have said.
    fn as_a_shell_tells(&mut self, reaped: &Reaped) -> io::Result<Exit> {
        let (Exit::Signal(signal), Some((launcher, spawner))) = (reaped.exit, &mut self.stead)
        else {
            return Ok(reaped.exit);
        };
        if !launcher.shell_waits(spawner)? {
            return Ok(reaped.exit);
        }
        let words = waiting::words(signal, reaped.dumped_core);
        while !words.is_empty() && !self.outputs.say(&words)? {
            if !self.wait_for_token()? {
                break;
            }
            self.drain()?;
        }
        Ok(Exit::Code(waiting::code(signal)))
    }

    /// Takes the whole process group through the termination sequence.
    fn terminate(&mut self, child: Child, why: &End) -> io::Result<Reaped> {
        let mut steps = self.shared.config.term_seq.steps();
        let mut family = Family::new(child.pid(), self.job.seq);
        while let Some((signal, pause)) = steps.next() {
            let deadline = Instant::now() + pause;
            family.look();
            child.signal(signal);
            family.signal(signal);
            if self.worker.was_stopped() {
                child.signal(libc::SIGCONT);
                family.signal(libc::SIGCONT);
            }
            if !self.ended_before(&child, deadline)? {
                continue;
            }
            family.leader_is_gone();
            let reaped = self.reap(child)?;
            // Those that the leader left behind get the rest of the sequence.
            let mut last = signal;
            let mut gone = gone_before(&reaped.group, &mut family, deadline)?;
            while let (false, Some((signal, pause))) = (gone, steps.next()) {
                let deadline = Instant::now() + pause;
                family.look();
                reaped.group.signal(signal);
                family.signal(signal);
                last = signal;
                gone = gone_before(&reaped.group, &mut family, deadline)?;
            }
            if last == libc::SIGKILL || matches!(why, End::Cancel(_)) {
                kill_rest(&reaped.group, &mut family)?;
            }
            return Ok(reaped);
        }
        // As GNU parallel: who survives a sequence without KILL may go on; but not when the run ends.
        if matches!(why, End::Timeout) {
            self.live_on(&child)?;
        }
        // What is left after KILL is the kernel's doing.
        child.signal(libc::SIGKILL);
        family.leader_is_gone();
        let reaped = self.reap(child)?;
        kill_rest(&reaped.group, &mut family)?;
        Ok(reaped)
    }

    /// Waits for the end of a process that has survived its time limit, or for the end of the run.
    fn live_on(&mut self, child: &Child) -> io::Result<()> {
        loop {
            match self.wait(child, true, None)? {
                Waited::Readable => self.attend()?,
                Waited::Ended | Waited::TimedOut => return Ok(()),
                Waited::Rung if self.worker.told_to_end().is_some() => return Ok(()),
                Waited::Rung => {}
            }
        }
    }

    /// Waits for the process's end until `deadline`, going on to read its output.
    fn ended_before(&mut self, child: &Child, deadline: Instant) -> io::Result<bool> {
        loop {
            match self.wait(child, false, Some(deadline))? {
                Waited::Ended => return Ok(true),
                Waited::TimedOut => return Ok(false),
                Waited::Readable => self.attend()?,
                Waited::Rung => {}
            }
        }
    }

    /// Waits for the process, its pipes or, while no piece of output may be sent, the tokens; and, if it
    /// is `told`, for the bell.
    fn wait(&mut self, child: &Child, told: bool, deadline: Option<Instant>) -> io::Result<Waited> {
        let shared = self.shared;
        if self.token.is_none() && self.outputs.is_streamed() {
            self.token = shared.pieces.try_take();
        }
        let outputs = if self.token.is_none() && self.outputs.is_streamed() {
            vec![PollFor::Read(shared.pieces.as_fd())]
        } else {
            self.outputs.watched()
        };
        let wake = told.then(|| &**self.worker.wake());
        let feed = self.feeding.as_ref().and_then(Feeding::watched);
        child.wait_feeding(wake, &outputs, feed, deadline)
    }

    /// Hands on output and feeds the job, as far as that can be done at once.
    fn attend(&mut self) -> io::Result<()> {
        if let Some(feeding) = &mut self.feeding {
            feeding.pump()?;
        }
        self.drain()?;
        if let Some(barrier) = self.outputs.barrier(self.job.seq, self.worker.wake()) {
            let piece = OutputPiece {
                job: Arc::clone(self.job),
                stream: Stream::Stdout,
                content: Content::Barrier(barrier),
                token: None,
            };
            self.updates.tell(Update::Output(piece), Urgency::Now);
        }
        Ok(())
    }

    /// Hands on the last output of a job whose process has ended; returns whether that may have left anybody behind.
    fn last_output(&mut self, group: &Group) -> io::Result<bool> {
        let deadline = Instant::now() + GRACE;
        let mut left_behind = true;
        while left_behind && Instant::now() < deadline {
            self.drain()?;
            left_behind = !group.gone_before(deadline.min(Instant::now() + GRACE / 10));
        }
        // What is in the pipes now; not what somebody goes on to write.
        let most = PIECES_IN_A_PIPE + self.outputs.pieces_left()?;
        for _ in 0..most {
            if !self.wait_for_token()? || !self.drain()? {
                break;
            }
        }
        Ok(left_behind || orphans::may_be_of(self.job.seq))
    }

    /// Waits until a piece may be sent; `false` if the run is being killed, when nobody wants it.
    fn wait_for_token(&mut self) -> io::Result<bool> {
        while self.outputs.is_streamed() && self.token.is_none() {
            self.token = self.shared.pieces.try_take();
            if self.token.is_some() {
                break;
            }
            if self.worker.killed().is_some() {
                return Ok(false);
            }
            wake::wait_for_either(self.worker.wake(), self.shared.pieces.as_fd())?;
        }
        Ok(true)
    }

    /// Hands on what the job has written to its pipes since the last time, a piece from each as long as
    /// there are tokens. Never waits.
    fn drain(&mut self) -> io::Result<bool> {
        let (shared, job, updates, held) = (self.shared, self.job, self.updates, &mut self.token);
        let token = || held.take().or_else(|| shared.pieces.try_take());
        self.outputs.drain(token, |stream, bytes, token| {
            let piece = OutputPiece {
                job: Arc::clone(job),
                stream,
                content: Content::Bytes(bytes),
                token: Some(token),
            };
            updates.wrote(piece);
        })
    }
}
