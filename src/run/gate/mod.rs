//! Gates: what may hold back the next start. One kind a file.

mod delay;

pub use delay::Delay;

use std::time::Instant;

/// A gate's answer to "may a job start now?".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admit {
    /// Yes.
    Now,
    /// Not before this moment.
    NotBefore(Instant),
}

/// Something that may hold back starts.
pub trait Gate {
    /// Whether a job may start at `now`.
    fn admit(&mut self, now: Instant) -> Admit;

    /// A job was started at `now`.
    fn started(&mut self, now: Instant);

    /// Why it holds back, in words for the user.
    fn reason(&self) -> String;
}
