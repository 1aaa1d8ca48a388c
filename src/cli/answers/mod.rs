//! Options that answer a question about fanout or this machine.
//!
//! * [`help`]: a screen of it, the whole, a section, an option;
//! * [`manual`]: the man page;
//! * [`mod@completion`]: the completions of shells; [`shell_init`]: functions for them;
//! * [`combine`]: scripts that have fanout do something;
//! * [`record_env`]: what `--env _` needs.

pub mod combine;
pub mod completion;
pub mod help;
pub mod manual;
pub mod record_env;
pub mod shell_init;

use clap::Command;

use super::called_as::CalledAs;
use super::error::UsageError;
use super::flags::{About, Flags, batching};
use super::values::{self, read};
use crate::sys::cpu;
use crate::sys::topology;

/// The version of GNU parallel whose command line is understood.
const GNU_VERSION: u64 = 20_260_522;

/// What `--citation` says. Like all that only tells something, it reads no input.
const CITATION: &str = "There is no notice to silence: fanout does not ask to be cited.\n\
    Work that relies on GNU parallel itself should cite that, as its --citation says.\n";

/// What is printed instead of running jobs.
#[derive(Debug)]
pub struct Answer {
    /// The text.
    pub text: String,
    /// Whether the exit code is that of an error.
    pub fails: bool,
}

/// The answer to the question that the options ask; `None`: they ask none.
///
/// # Errors
///
/// One line that names the option and what is wrong with it.
pub fn answer(
    flags: &Flags,
    table: &Command,
    called_as: CalledAs,
) -> Result<Option<Answer>, UsageError> {
    let (about, environment) = (&flags.about, &flags.environment);
    if environment.shebang || environment.shebang_wrap {
        return Err("--shebang and --shebang-wrap must be the first option".into());
    }
    if environment.env.iter().any(|name| name == "_") {
        record_env::require()?;
    }
    let mut fails = false;
    let text = if let Some(number) = number_of(about) {
        format!("{number}\n")
    } else if flags.batching.max_line_length_allowed {
        batching::max_line_length_allowed()
    } else if about.version {
        version(called_as)
    } else if let Some(at_least) = &about.minversion {
        fails = read("--minversion", at_least, values::whole)? > GNU_VERSION;
        format!("{GNU_VERSION}\n")
    } else if environment.record_env {
        record_env::record()?;
        String::new()
    } else if about.citation {
        CITATION.to_owned()
    } else if about.embed {
        combine::embedded()
    } else if about.man {
        manual::page(table)?
    } else if let Some(shell) = about.shell_completion {
        completion::script(shell, called_as)?
    } else if let Some(shell) = about.shell_init {
        shell_init::functions(shell)
    } else {
        return Ok(None);
    };
    Ok(Some(Answer { text, fails }))
}

/// By the name `parallel` the first line is what scripts look for: whether this speaks GNU parallel's
/// language, and that of which version.
fn version(called_as: CalledAs) -> String {
    let own = env!("CARGO_PKG_VERSION");
    match called_as {
        CalledAs::Fanout => format!("fanout {own}\nfeatures: {}\n", features()),
        CalledAs::Parallel | CalledAs::Sem => format!(
            "GNU parallel {GNU_VERSION}\n\
             is the command line that this program understands. It is fanout {own},\n\
             a stand-in that shares no code with GNU parallel.\n"
        ),
    }
}

/// What this build has, and has not, of what can be left out.
fn features() -> String {
    let known = [
        ("sqlite", cfg!(feature = "sqlite")),
        ("postgres", cfg!(feature = "postgres")),
    ];
    let shown = known.map(|(name, is_in)| format!("{}{name}", if is_in { '+' } else { '-' }));
    shown.join(" ")
}

fn number_of(about: &About) -> Option<usize> {
    if about.number_of_sockets {
        Some(topology::sockets())
    } else if about.number_of_cores {
        Some(topology::cores())
    } else if about.number_of_threads {
        Some(cpu::available_threads())
    } else {
        None
    }
}
