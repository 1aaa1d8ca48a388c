//! What a coordinator and its workers say to each other, as bytes on a stream.
//!
//! A *coordinator* is the fanout that reads inputs and writes reports; a *worker* runs attempts for it, here or on
//! another host. Between them is a pair of byte streams, whatever carries it: pipes, a socket, ssh. This module knows
//! the messages and how they are written; it opens, waits for and decides nothing.
//!
//! | file | what is there |
//! |---|---|
//! | [`frame`] | a header line in JSON, and raw bytes behind it |
//! | [`down`] | messages from the coordinator to a worker: orders |
//! | [`up`], [`told`] | messages from a worker: updates; how it tells of an attempt |
//! | [`setup`] | what a worker is told once, before its first attempt |
//! | [`wire`] | values in headers: ids, times, outcomes |
//!
//! # A frame
//!
//! A header is one line: a JSON object with a name `t` and, if bytes follow the line, their number `n`. Bytes are
//! never text: a field of a header that stands for bytes (a command line, a path, a variable, output) holds how many
//! they are, and the bytes themselves follow behind the line, back to back, in the order in which the fields are
//! listed here. So nothing is quoted, encoded or copied, any bytes travel as they are, and a reader needs no more
//! than `readline()` and `read(n)`:
//!
//! ```text
//! {"t":"run","n":8,"tasks":[{"id":[7,1],"line":6},{"id":[8,1],"line":2}]}
//! echo 7ls
//! ```
//!
//! An id is the number of a job and which try at it this is, from 1. Times are whole nanoseconds: since 1970, or how
//! long. Fields that hold nothing (zero bytes, no slot, an empty list) may be left out; fields that are not known are
//! passed over; a message that is not known is an error.
//!
//! # A conversation
//!
//! | coordinator | worker | |
//! |---|---|---|
//! | | `hello` | its version: both sides refuse another one |
//! | `setup` | | how commands are run; what all attempts have in common |
//! | | `ready` | or `down`, with the reason |
//! | `run` | `begun` | written before anything of the attempt is executed |
//! | `input`, `input_end` | `taken`, `unwanted` | standard input of an attempt, as far as there is credit for it |
//! | | `started`, `output` | where somebody wants to know at once; `output` takes credit, which `credit` gives back |
//! | | `kept`, `ended` | what was kept until the end, and the end |
//! | `recall`, `stop_on`, `go_on` | `returned` | attempts that were not executed and never will be |
//! | `end`, `signal`, `slots`, `time_limit` | `fewer` | |
//! | `list`, `ping` | `running`, `pong` | |
//! | `finish` | `bye` | nothing more is run; the worker ends when everything is answered |
//!
//! Each attempt of a `run` is answered once, by `ended` or `returned`. A worker whose input ends before `finish` begins
//! nothing more and ends what runs. When a worker's stream ends, attempts that it has not `begun` were not executed.

pub mod down;
pub mod frame;
pub mod setup;
pub mod told;
pub mod up;
pub mod wire;

#[cfg(test)]
mod tests;

pub use down::{Assignment, Down};
pub use frame::{Decoder, Fault, Frame};
pub use setup::Setup;
pub use told::End;
pub use up::{Hello, Up};
pub use wire::Id;

/// The version that is spoken here. Both sides must speak the same.
pub const VERSION: u32 = 1;

/// The most bytes of an attempt's standard input that may be on their way, or wait at the worker.
pub const INPUT_CREDIT: usize = 1 << 20;

/// The most pieces of output that may be on their way from one worker.
pub const OUTPUT_CREDIT: usize = 64;

/// The most that one piece of input or output holds, in bytes.
pub const PIECE: usize = 64 << 10;
