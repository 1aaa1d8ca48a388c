//! What the kernel offers, behind small safe surfaces. All `unsafe` code of the project lives here.

pub mod child;
pub mod cpu;
pub mod env_block;
pub mod fd;
pub mod follow;
pub mod guardian;
pub mod host;
pub mod limits;
pub mod locale;
pub mod lock;
pub mod mailbox;
pub mod memory_file;
pub mod pressure;
pub mod priority;
pub mod process;
pub mod secret;
pub mod side_command;
pub mod signals;
pub mod spawn;
pub mod spool;
pub mod stdin;
pub mod tokens;
pub mod topology;
pub mod tty;
pub mod turn;
pub mod wake;
