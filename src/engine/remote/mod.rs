//! Attempts at the other end of a stream: a worker runs them, wherever it is.
//!
//! What both sides say is in [`protocol`](crate::protocol). A [`Proxy`] is an engine as any other: it renders commands,
//! sends them, and tells what the worker tells, as if they had run here. A [`Server`](server::Server) makes a worker of
//! an engine.
//!
//! An attempt is *begun* when the worker says so, which it does before it executes anything. Should the stream come to
//! its end, those that were sent and not begun are given back, and those that were begun are lost. Should it break, or
//! say what cannot be understood, all that was sent is lost: what the worker has begun is not known any more.
//!
//! | file | what is there |
//! |---|---|
//! | `config` | what travels to a worker of what the local engine is told, and what cannot |
//! | `proxy` | the engine: attempts and orders from the controller |
//! | `shared` | what is known of the worker and its attempts; the end of the stream |
//! | `sender`, `input` | the thread that writes: it renders, and feeds jobs as far as there is credit |
//! | `receiver` | the thread that reads: answers, output |
//! | `held`, `keep` | an attempt that was sent; its output, as far as it is kept |
//! | [`host`], `carrier` | an engine whose worker may go and come again; the process that carries its streams |
//! | [`ssh`] | workers on other hosts |
//! | `server`, `outbox` | the worker's side |
//! | `orders` | orders as messages, and back |

mod carrier;
mod config;
mod held;
pub mod host;
mod input;
mod keep;
mod orders;
mod outbox;
mod proxy;
mod receiver;
mod sender;
pub mod server;
mod shared;
pub mod ssh;
#[cfg(test)]
mod tests;

pub use carrier::Carrier;
pub use config::{Config, OnHost, Refused};
pub use proxy::{Link, Proxy};
