//! What it takes to run one command on this host, for whichever engine does it.
//!
//! * [`launch`]: how a command is started; [`script`]: one that no command line can hold;
//! * [`shell`]: which shell, and when none is needed; [`warm`]: shells that run many jobs;
//! * [`stdin`]: how a job gets its input; [`capture`]: where its output goes;
//! * [`workdir`], [`template_files`]: what is made for a job before it runs;
//! * [`term_seq`]: how it is ended; [`tmux`]: windows for jobs.

pub mod capture;
pub mod launch;
mod script;
pub mod shell;
pub mod stdin;
pub mod template_files;
pub mod term_seq;
pub mod tmux;
pub mod warm;
pub mod workdir;
