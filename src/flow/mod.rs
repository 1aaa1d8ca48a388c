//! Bounded hand-over between threads, and to files where memory ends.
//!
//! | what | is handed over | is bounded by |
//! |---|---|---|
//! | [`mailbox`] | messages to a thread, urgent ones and those that may wait | what the senders hold: [`credit`], slots |
//! | [`credit`] | permission to have so many pieces of output on their way | the number of pieces |
//! | [`block`] | a block of `--pipe` input, shared by those who read it | its size, given back when the last one drops it |
//! | [`feed_queue`] | blocks for one job of `--pipe --round-robin` or `--tee` | the bytes that wait for a job |
//! | [`output_order`] | the right to write to standard output directly | one holder at a time |
//! | [`spool`] | the output of a job that has to wait | one budget of memory; beyond it, unlinked files |
//! | [`follow`] | what is written to a spool file while the job runs | the file |

pub mod block;
pub mod credit;
pub mod feed_queue;
pub mod follow;
pub mod mailbox;
pub mod output_order;
pub mod spool;
