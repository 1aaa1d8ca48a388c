//! Connects the parts of a run: threads, channels, and who hears of what.
//!
//! * [`gates`]: what may hold back starts, and what it looks at;
//! * `fit`: how many slots there is room for;
//! * [`jobs`]: the input and the thread that reads it;
//! * `error`: what a run cannot do, and the exit code for it;
//! * [`engine`]: the engine, its guardian, and what jobs inherit;
//! * `places`: the engines of the places of a run;
//! * `record`: what tells a later run which jobs are done;
//! * [`replay`]: a run shown once more, from its JSON;
//! * `listeners`: who listens to a run, and who owns what its jobs write;
//! * [`reports`]: the report thread, and the way to it;
//! * [`sql`]: tables that jobs are written into and taken from;
//! * [`worker`]: attempts run for another fanout.

mod durable;
mod each_host;
pub mod engine;
mod environment;
mod error;
mod fit;
pub mod gates;
mod host_groups;
pub mod jobs;
mod listeners;
mod places;
mod record;
pub mod record_files;
mod record_order;
pub mod replay;
pub mod reports;
pub mod sql;
pub mod worker;

pub use engine::{EngineParts, RunningEngine, guardian, prepare_engine};
pub use error::RunError;
pub use gates::OpenGates;
pub use jobs::{OpenJobs, feed, open_jobs};
pub use record_files::RecordFiles;
pub use reports::{Reports, start_reports, with_display};

use std::sync::Arc;
use std::time::Duration;

use crate::flow::mailbox::{Mailbox, Urgency};
use crate::ledger::done::SeqSet;
use crate::model::{ExitCode, PlaceId};
use crate::plan::{RunPlan, SlotsPlan};
use crate::run::Message;
use crate::run::controller::{self, Parties};
use crate::run::gate::Gates;
use crate::run::place::PlaceConfig;
use crate::run::queue::Queue;
use crate::run::slot_count::SlotCount;
use crate::run::time_limit::MedianLimit;

/// Where everybody leaves word for the controller.
pub type Messages = Arc<Mailbox<Message>>;

/// How long a message that is not urgent may wait for others to come along.
const PATIENCE: Duration = Duration::from_millis(20);

/// How long a run that was stopped by the user goes on to write what it has.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The one place that a run has.
const ONLY: PlaceId = PlaceId(0);

/// An empty mailbox.
pub fn mailbox() -> Messages {
    Arc::new(Mailbox::new(PATIENCE))
}

/// Has the user told `words`, if there are any, before anything runs.
pub fn remark(mailbox: &Messages, words: Option<String>) {
    mailbox.post(words.map(Message::Remark), Urgency::Now);
}

/// What the controller goes by.
pub struct RunParts {
    /// What was asked for.
    pub plan: RunPlan,
    /// What may hold back starts.
    pub gates: OpenGates,
    /// How many jobs there are, where that is known.
    pub total: Option<u64>,
    /// Those that an earlier run has done.
    pub done: SeqSet,
    /// How many of those count towards a halt.
    pub done_before: u64,
}

/// Runs the controller to the end of the run, then waits for the last report.
pub fn control(
    run: RunParts,
    mut engine: RunningEngine,
    queue: Queue,
    mut reports: Reports,
    mailbox: &Messages,
) -> ExitCode {
    let RunParts {
        plan,
        gates,
        total,
        done,
        done_before,
    } = run;
    let slots = match plan.slots {
        SlotsPlan::Fixed(slots) => SlotCount::Fixed(slots),
        SlotsPlan::Auto(most) => SlotCount::auto(most),
        SlotsPlan::File(now, file) => SlotCount::File {
            now,
            read: Box::new(move || file.says(&std::fs::read(&file.path).ok()?)),
        },
    };
    let dies_of_signals = plan.dies_of_signals;
    let (repeatable, is_dry) = (engine.repeatable, engine.is_dry());
    let places = place_configs(&mut engine, slots, gates.of_place);
    let config = controller::Config {
        total,
        retry: plan.retry,
        halt: plan.halt,
        halt_text: plan.halt_text,
        exit_rule: plan.exit_rule,
        dies_of_signals,
        tells_timeouts: plan.tells_timeouts,
        gates: gates.of_run,
        done,
        done_before,
        one_at_a_time: plan.one_at_a_time,
        most_out: plan.most_out,
        is_bound: plan.is_bound,
        repeatable,
        time_limit: plan.timeout_percent.map(MedianLimit::new),
    };
    if is_dry {
        // It renders on the controller's thread, which must not be the only one that hears of signals.
        reports.begin();
    }
    let record = reports.record.clone();
    let parties = Parties {
        places,
        queue,
        mailbox,
        record: record.as_deref(),
        observer: reports.observer(),
    };
    let exit_code = controller::run(config, parties);
    let _guardian = engine.stop();
    let last_word = Arc::clone(&reports.last_word);
    let mut stopped = exit_code.is_stop();
    if !stopped && let Some(signal) = reports.linger(mailbox) {
        last_word.stopped(ExitCode::of_signal(signal, dies_of_signals));
        stopped = true;
    }
    // Whoever stopped the run does not wait for somebody to read what is left of the output.
    if !reports.finish(stopped.then_some(LAST_WORDS)) {
        return ExitCode::Error;
    }
    last_word.on(exit_code)
}

/// What the controller needs to know of the places of `engine`. The only one has `slots`, and this host, if it is one
/// of them, has `gates`.
fn place_configs(
    engine: &mut RunningEngine,
    slots: SlotCount,
    gates: Gates,
) -> Vec<PlaceConfig<'_>> {
    let (mut slots, mut gates) = (Some(slots), Some(gates));
    let places = engine.places.iter_mut().map(|place| PlaceConfig {
        name: place.name.clone(),
        slots: place
            .slots
            .take()
            .or_else(|| slots.take())
            .unwrap_or(SlotCount::Fixed(place.most_slots)),
        engine: &*place.engine,
        most_slots: place.most_slots,
        gates: gates.take_if(|_| place.is_here).unwrap_or_default(),
        round_trip: Duration::ZERO,
        is_up: place.is_up,
    });
    places.collect()
}
