//! How a run ends before its last job: by a signal, by `--halt`, by a failure of fanout's own.

use std::time::SystemTime;

use super::{Announcement, Controller, Phase};
use crate::engine::{JobSignal, Order, Running, Which};
use crate::model::{Event, ExitCode, KilledBy, PlaceId};
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
        let running = self.fleet.out();
        if running > 0 {
            self.notice(format!(
                "Starting no more jobs. Waiting for {running} jobs to finish."
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
                let running = self.fleet.running();
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
                self.fleet.order_all(stop);
                self.tell();
                stop_self();
            }
            Signal::Continue => {
                let go_on = Order::Signal(Which::All, JobSignal::Continue);
                self.fleet.order_all(go_on);
            }
            Signal::Resized => self.events.push(Event::Resized),
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
        self.ask_what_runs();
    }

    /// Asks all places what runs. They answer after they have given back what they were told to.
    fn ask_what_runs(&mut self) {
        self.running.clear();
        self.fleet.list();
        self.all_have_said();
    }

    /// These jobs run at a place: lets its gates look, and goes on once all have said what runs.
    pub(super) fn runs(&mut self, place: PlaceId, running: Vec<Running>) {
        if self.fleet.runs(place, &running) {
            self.running.extend(running);
            self.all_have_said();
        }
    }

    /// Goes on if it is known what runs: says how many jobs do, and names them, the oldest first, as far as that is
    /// wanted.
    pub(super) fn all_have_said(&mut self) {
        if self.fleet.is_asked() {
            return;
        }
        self.announce();
        if std::mem::take(&mut self.lists) {
            let mut running = std::mem::take(&mut self.running);
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
            self.left = self.queue.left(self.total);
            let put_back = self.queue.stop();
            let now = SystemTime::now();
            let put_back = put_back.map(|pending| self.attempt(pending, now)).collect();
            self.give_up(put_back);
            self.fleet.order_all(Order::Recall);
        }
        if self.announces.is_some() {
            self.ask_what_runs();
        }
    }

    /// All that places had not begun has come back: says how many attempts run on, if that is to be said.
    fn announce(&mut self) {
        match self.announces.take() {
            Some(Announcement::Halt) => self.announce_halt(),
            Some(Announcement::HangUp) => {
                let running = self.fleet.out();
                self.notice(format!(
                    "Waiting for these {running} jobs to finish. Send SIGTERM to stop now."
                ));
                self.lists = true;
            }
            None => {}
        }
    }

    /// Starts nothing any more and ends what runs.
    pub(super) fn kill(&mut self, by: KilledBy, why: &str) {
        self.drain(by, why);
        if self.phase < Phase::Killing {
            self.phase = Phase::Killing;
            self.fleet.order_all(Order::End(Which::All, by));
        }
    }
}
