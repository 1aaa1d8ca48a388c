//! What an engine tells: messages to the controller, and the ends of attempts to the record.
//!
//! A message may wait to be read, and its job's output to be printed. The record must not: an end is in there
//! before the attempt's slot is used again, so that after a crash no more ends are unknown than there are slots.

use std::sync::Arc;

use super::Update;
use crate::flow::mailbox::Urgency;
use crate::model::{AttemptEnd, AttemptStart, OutputPiece, RunStart};

/// Where it is written down how jobs ended (`--joblog`, `--json=FILE`, `--results`), before anything else happens in
/// their slots; and in JSON what is told before that.
pub trait Record: Send + Sync {
    /// The run begins.
    fn began(&self, start: &RunStart);

    /// An attempt has started.
    fn started(&self, start: &AttemptStart);

    /// A running attempt has written something.
    fn wrote(&self, piece: &OutputPiece);

    /// Attempts of one slot have ended, in this order. Writes down at once those that end their jobs whatever is
    /// decided later, and marks them as [`recorded`](AttemptEnd::recorded). `untold`: their starts were not told
    /// before. False: that cannot be written, and nothing more is to begin.
    fn ended(&self, ends: &mut [Box<AttemptEnd>], untold: bool) -> bool;

    /// It was decided that the job of `end`, which is not recorded, is tried again.
    fn failed(&self, end: &AttemptEnd);

    /// It was decided that `end`, which is not recorded, is the end of its job. Writes it down at once.
    fn decided(&self, end: &mut AttemptEnd);
}

/// The way from an engine to the controller and the record.
#[derive(Clone)]
pub struct UpdateSender {
    tell: Arc<dyn Fn(Update, Urgency) + Send + Sync>,
    record: Option<Arc<dyn Record>>,
}

impl UpdateSender {
    /// Takes updates to the controller by means of `tell`; nothing is recorded.
    pub fn new(tell: impl Fn(Update, Urgency) + Send + Sync + 'static) -> Self {
        Self {
            tell: Arc::new(tell),
            record: None,
        }
    }

    /// With ends going into `record`, if there is one.
    #[must_use]
    pub fn recording(self, record: Option<Arc<dyn Record>>) -> Self {
        Self { record, ..self }
    }

    /// With what is told the controller going through `tell`, and into the same record.
    #[must_use]
    pub fn through(&self, tell: impl Fn(Update, Urgency) + Send + Sync + 'static) -> Self {
        Self::new(tell).recording(self.record.clone())
    }

    /// Tells the controller.
    pub fn tell(&self, update: Update, urgency: Urgency) {
        (self.tell)(update, urgency);
    }

    /// Writes down and tells that an attempt has started.
    pub fn started(&self, start: Box<AttemptStart>) {
        if let Some(record) = &self.record {
            record.started(&start);
        }
        self.tell(Update::Started(start), Urgency::Soon);
    }

    /// Writes down and tells what a running attempt has written.
    pub fn wrote(&self, piece: OutputPiece) {
        if let Some(record) = &self.record {
            record.wrote(&piece);
        }
        self.tell(Update::Output(piece), Urgency::Now);
    }

    /// Writes down what can be of how the attempts of one slot ended, of which the controller has not been told yet,
    /// nor, if `untold`, of their starts. False: nothing more is to begin.
    pub fn record(&self, ends: &mut [Box<AttemptEnd>], untold: bool) -> bool {
        let record = self.record.as_ref();
        record.is_none_or(|record| record.ended(ends, untold))
    }
}
