//! What was typed, resolved into a [`Plan`](crate::plan::Plan).
//!
//! * [`argv`]: GNU parallel's shape of a command line;
//! * [`source_words`]: input sources that stand behind the command;
//! * [`flags`]: every option, a file a section of the manual;
//! * [`values`]: what options' values mean;
//! * [`env_of_hosts`]: variables that jobs on other hosts get;
//! * [`conflicts`]: the options that do not go together, one table;
//! * [`resolve`]: flags to plan;
//! * [`profile`]: options in configuration files, profiles and `$PARALLEL`; [`words`]: how they are split;
//! * [`shebang`]: command lines in the first line of a script;
//! * [`called_as`]: the name by which the program was called;
//! * [`answers`]: what is printed instead of running jobs;
//! * [`error`]: what is wrong, in one line; [`advice`]: what is meant by what other tools have;
//! * [`hints`]: what may be behind a run that does nothing, or fails.

pub mod advice;
pub mod answers;
pub mod argv;
pub mod called_as;
pub mod conflicts;
pub mod env_of_hosts;
pub mod error;
pub mod flags;
pub mod hints;
mod looks;
pub mod profile;
pub mod resolve;
pub mod shebang;
pub mod source_words;
pub mod values;
pub mod words;

pub use called_as::CalledAs;

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;

use clap::{CommandFactory as _, FromArgMatches as _};

use crate::engine::remote::ssh;
use crate::model::ArgList;
use crate::plan::Plan;
use crate::report::json;
use crate::sem;
use answers::{combine, completion, help};
use error::UsageError;
use flags::Flags;
use profile::ConfigSources;
use resolve::Resolved;

/// What the user wants.
#[derive(Debug)]
pub enum Request {
    /// Run jobs.
    Run(Box<Plan>),
    /// Wait for a semaphore, then run the one job while holding it.
    Semaphore(Box<sem::Config>, Box<Plan>),
    /// Print this on standard output.
    Print(String),
    /// The same, a window of the terminal at a time if it is longer than that.
    Page(String),
    /// Print this on standard output, and fail.
    PrintAndFail(String),
    /// Run jobs for another fanout.
    Work,
}

/// A command line that is not understood.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The name under which fanout speaks to whoever typed it.
    pub program: String,
    /// What is wrong.
    pub why: UsageError,
    /// Whether a shell evaluates what is printed, to get its variables assigned.
    pub evaluates: bool,
}

/// Understands `args`, the command line without the program's name.
///
/// # Errors
///
/// When it cannot.
pub fn parse(called_as: CalledAs, args: Vec<OsString>) -> Result<Request, Refusal> {
    let evaluates = args.iter().any(|word| word == "--_parset");
    understand(called_as, args).map_err(|why| Refusal {
        program: called_as.speaker(evaluates).to_owned(),
        why,
        evaluates,
    })
}

fn understand(called_as: CalledAs, args: Vec<OsString>) -> Result<Request, UsageError> {
    if called_as == CalledAs::Fanout && args == ["--worker"] {
        // What configuration files and `$PARALLEL` say is for whoever gives out the jobs.
        return Ok(Request::Work);
    }
    if called_as == CalledAs::Fanout && args == ["--worker-protocol"] {
        return Ok(Request::Print(ssh::protocol() + "\n"));
    }
    if let Some((_, words)) = args
        .split_first()
        .filter(|(first, _)| *first == "--_complete")
    {
        let words = words.iter().map(|word| word.to_string_lossy().into_owned());
        let words: Vec<_> = words.collect();
        return Ok(Request::Print(completion::answer(&words)));
    }
    let typed: ArgList = args.iter().map(|arg| arg.as_bytes()).collect();
    let mut table = Flags::command().no_binary_name(true);
    if let [help, topic] = &args[..]
        && called_as == CalledAs::Fanout
        && help == "--help"
    {
        return help::about(&table, &topic.to_string_lossy()).map(Request::Page);
    }
    let args = ConfigSources::of_process(called_as).complete(shebang::expand(args)?, &table)?;
    let split = argv::split(args, &table);
    if called_as == CalledAs::Fanout
        && let Some(program) = split.command.first()
        && let Some(why) = advice::misread(&typed.iter().collect::<Vec<_>>(), program)
    {
        return Err(UsageError::Syntax(why));
    }
    let matches = table.try_get_matches_from_mut(&split.options);
    let flags = matches.and_then(|mut matches| Flags::from_arg_matches_mut(&mut matches));
    let mut flags = flags.map_err(|error| UsageError::of_clap(&error, &table))?;
    flags.forget_empty_values();
    flags.keep_hosts_together();
    if flags.about.is_worker {
        return Err(
            "--worker stands alone: the options of a run are for the fanout that it works for"
                .into(),
        );
    }
    if flags.about.usage && called_as == CalledAs::Fanout {
        return Ok(Request::Page(help::screen(&table)));
    }
    if flags.about.help || flags.about.usage {
        return Ok(Request::Page(help::whole(&mut table, called_as)));
    }
    if flags.report.json_schema {
        return Ok(Request::Print(json::schema() + "\n"));
    }
    if let Some(name) = &flags.about.combineexec {
        combine::write(name, &typed, called_as)?;
        return Ok(Request::Print(String::new()));
    }
    if let Some(answer) = answers::answer(&flags, &table, called_as)? {
        return Ok(answer.into());
    }
    let Resolved { plan, semaphore } = resolve::resolve(&flags, split, typed, called_as)?;
    Ok(match semaphore {
        None => Request::Run(Box::new(plan)),
        Some(config) => Request::Semaphore(Box::new(config), Box::new(plan)),
    })
}

impl From<answers::Answer> for Request {
    fn from(answer: answers::Answer) -> Self {
        if answer.fails {
            Self::PrintAndFail(answer.text)
        } else {
            Self::Print(answer.text)
        }
    }
}
