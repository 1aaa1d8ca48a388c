//! How a run ends before its last job: by a signal, by `--halt`, by a failure of fanout's own.

use std::time::SystemTime;

use super::{Announcement, Controller, Phase};
use crate::engine::{JobSignal, Order, Running, Which};
use crate::flow::mailbox::Urgency;
use crate::model::{ExitCode, KilledBy};
use crate::run::Message;
use crate::sys::signals::{Signal, stop_self};

impl Controller<'_> {
    /// Starts nothing any more, and says how many jobs still run; as GNU parallel, at each further job that would
    /// have been reason enough, too.
    pub(super) fn halt_soon(&mut self) {
        if self.phase == Phase::Draining && self.announces.is_none() {
            return self.announce_halt();
        }
        self.announces = Some(Announcement::Halt);
        self.drain(KilledBy::Halt, &format!("--halt {}", self.halt_text));
    }

    pub(super) fn announce_halt(&mut self) {
        if self.handed.count() > 0 {
            self.notice(format!(
                "Starting no more jobs. Waiting for {} jobs to finish.",
                self.handed.count()
            ));
        }
    }

    /// As GNU parallel: SIGHUP starts no more, SIGINT and SIGTERM kill.
    pub(super) fn signalled(&mut self, signal: Signal) {
        match signal {
            Signal::HangUp => {
                self.notice("SIGHUP received. No new jobs will be started.".to_owned());
                self.signalled.get_or_insert(signal);
                self.announces = Some(Announcement::HangUp);
                self.drain(KilledBy::User, "SIGHUP");
            }
            Signal::User1 => self.list_running(),
            Signal::User2 => {
                let (ok, failed) = self.halt.counts();
                let running = self.handed.count().min(self.slots_now());
                let done = ok + failed;
                let of = self
                    .total
                    .map_or(String::new(), |total| format!(" of {total}"));
                let held = self
                    .held_back
                    .as_ref()
                    .map_or(String::new(), |why| format!("; {why}"));
                self.notice(format!(
                    "{done}{of} jobs done, {failed} failed, {running} running{held}"
                ));
            }
            Signal::Stop => {
                let stop = Order::Signal(Which::All, JobSignal::TerminalStop);
                self.parties.engine.order(stop);
                self.tell();
                stop_self();
            }
            Signal::Continue => {
                let go_on = Order::Signal(Which::All, JobSignal::Continue);
                self.parties.engine.order(go_on);
            }
            Signal::Interrupt | Signal::Terminate => {
                self.in_trouble(ExitCode::of_signal(signal, self.dies_of_signals));
                self.signalled = Some(signal);
                let name = if signal == Signal::Interrupt {
                    "SIGINT"
                } else {
                    "SIGTERM"
                };
                self.kill(KilledBy::User, name);
            }
        }
    }

    /// Has the jobs that run named.
    pub(super) fn list_running(&mut self) {
        self.lists = true;
        self.parties.engine.order(Order::List);
    }

    /// These jobs run: names them, the oldest first, if that was asked for, and lets the gates look.
    pub(super) fn runs(&mut self, mut running: Vec<Running>) {
        for gate in &mut self.gates {
            for order in gate.runs(&running) {
                self.parties.engine.order(order);
            }
        }
        if std::mem::take(&mut self.lists) {
            running.sort_by_key(|it| (it.since, it.job.seq));
            for it in running {
                self.notice(String::from_utf8_lossy(&it.job.command.task.line).into_owned());
            }
        }
    }

    /// Starts nothing any more, on behalf of `by` and because of `why`.
    pub(super) fn drain(&mut self, by: KilledBy, why: &str) {
        if self.phase == Phase::Running {
            self.phase = Phase::Draining;
            self.ended_by = by;
            self.halted_by.get_or_insert_with(|| why.to_owned());
            self.left = self.parties.queue.left(self.total);
            let put_back = self.parties.queue.stop();
            let now = SystemTime::now();
            let put_back = put_back.map(|pending| self.attempt(pending, now)).collect();
            self.give_up(put_back);
            self.parties.engine.order(Order::Recall);
        }
        if self.announces.is_some() {
            self.parties.mailbox.post([Message::Recalled], Urgency::Now);
        }
    }

    /// All that the engine had not begun has come back.
    pub(super) fn recalled(&mut self) {
        match self.announces.take() {
            Some(Announcement::Halt) => self.announce_halt(),
            Some(Announcement::HangUp) => {
                let running = self.handed.count();
                self.notice(format!(
                    "Waiting for these {running} jobs to finish. Send SIGTERM to stop now."
                ));
                self.list_running();
            }
            None => {}
        }
    }

    /// Starts nothing any more and ends what runs.
    pub(super) fn kill(&mut self, by: KilledBy, why: &str) {
        self.drain(by, why);
        if self.phase < Phase::Killing {
            self.phase = Phase::Killing;
            self.parties.engine.order(Order::End(Which::All, by));
        }
    }
}
