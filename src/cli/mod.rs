//! What was typed, resolved into a [`Plan`](crate::plan::Plan).
//!
//! * [`argv`]: GNU parallel's shape of a command line;
//! * `batching`: how many inputs a job gets;
//! * [`flags`]: every option, one clap struct a section of the manual;
//! * [`values`], [`jobs_count`]: what options' values mean;
//! * [`failing`]: what happens when jobs fail; [`gates`]: what may hold back starts;
//! * [`resuming`]: going on where an earlier run was;
//! * [`sources`]: the rules of input sources; `pipe`: how one input is cut into pieces;
//! * [`resolve`]: flags to plan, and the rules that span flags;
//! * `hosts`: what options on other hosts mean here;
//! * `sql`: jobs in a table of a database;
//! * `semaphore`: the options of `sem`;
//! * [`profile`]: options in configuration files, profiles and `$PARALLEL`; [`words`]: how they are split;
//! * [`shebang`]: command lines in the first line of a script;
//! * [`about`], [`docs`], [`shell_init`]: what is printed instead of running jobs;
//! * [`error`]: what is wrong, in one line.

pub mod about;
pub mod argv;
pub mod around;
mod assign;
mod batching;
mod combine;
mod compress;
pub mod docs;
pub mod error;
pub mod failing;
pub mod flags;
pub mod gates;
mod hosts;
pub mod jobs_count;
mod outputs;
mod pipe;
pub mod profile;
pub mod record_env;
pub mod resolve;
pub mod resuming;
mod semaphore;
pub mod shebang;
pub mod shell_init;
pub mod sources;
mod sql;
mod templates;
mod terminal;
pub mod values;
pub mod words;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use clap::{CommandFactory, FromArgMatches};

use crate::model::ArgList;
use crate::plan::Plan;
use crate::report::json;
use crate::sem;
use flags::Flags;
use profile::ConfigSources;

/// What the user wants.
#[derive(Debug)]
pub enum Request {
    /// Run jobs.
    Run(Box<Plan>),
    /// Wait for a semaphore, then run the one job while holding it.
    Semaphore(Box<sem::Config>, Box<Plan>),
    /// Print this on standard output.
    Print(String),
    /// Print this on standard output, and fail.
    PrintAndFail(String),
}

/// The name fanout was called by: a stand-in for GNU parallel drops fanout's own defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CalledAs {
    /// `fanout`, or any other name.
    Fanout,
    /// `parallel`.
    Parallel,
    /// `sem`: as `parallel --semaphore`.
    Sem,
}

impl CalledAs {
    /// By `argv0`, the first word of the process's command line.
    pub fn from_argv0(argv0: &OsStr) -> Self {
        match Path::new(argv0).file_name().map(OsStr::as_bytes) {
            Some(b"parallel") => Self::Parallel,
            Some(b"sem") => Self::Sem,
            _ => Self::Fanout,
        }
    }

    /// The command that calls it so.
    fn command(self) -> &'static str {
        match self {
            Self::Sem => "sem",
            _ => self.name(),
        }
    }

    /// The name under which it speaks.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fanout => "fanout",
            Self::Parallel | Self::Sem => "parallel",
        }
    }
}

/// A command line that is not understood.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The name under which fanout speaks to whoever typed it.
    pub program: String,
    /// One line that names the option and what is wrong with it.
    pub why: String,
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
        program: assign::speaker(evaluates, called_as).to_owned(),
        why,
        evaluates,
    })
}

fn understand(called_as: CalledAs, args: Vec<OsString>) -> Result<Request, String> {
    let typed: ArgList = args.iter().map(|arg| arg.as_bytes()).collect();
    let mut table = Flags::command().no_binary_name(true);
    let args = ConfigSources::of_process(called_as).complete(shebang::expand(args)?, &table)?;
    let split = argv::split(args, &table);
    let mut matches = table
        .try_get_matches_from_mut(&split.options)
        .map_err(|error| error::one_line(&error))?;
    let flags =
        Flags::from_arg_matches_mut(&mut matches).map_err(|error| error::one_line(&error))?;
    let mut flags = flags;
    flags.forget_empty_values();
    if flags.about.help {
        return Ok(Request::Print(about::help(&mut table, called_as)));
    }
    if flags.batching.max_line_length_allowed {
        return Ok(Request::Print(batching::max_line_length_allowed()));
    }
    if flags.report.json_schema {
        return Ok(Request::Print(json::schema() + "\n"));
    }
    if let Some(name) = &flags.about.combineexec {
        combine::write(name, &typed, called_as)?;
        return Ok(Request::Print(String::new()));
    }
    if let Some(answer) = about::answer(&flags, &table, called_as)? {
        return Ok(answer);
    }
    let semaphore = (!sql::is_wanted(&flags.sql)
        && semaphore::is_wanted(&flags.semaphore, called_as))
    .then(|| semaphore::config(&flags, called_as))
    .transpose()?;
    let mut plan = resolve::resolve(&flags, split, typed, called_as)?;
    Ok(match semaphore {
        None => Request::Run(Box::new(plan)),
        Some(config) => {
            semaphore::make_one_job(&mut plan)?;
            Request::Semaphore(Box::new(config), Box::new(plan))
        }
    })
}

/// A value that has to be text.
fn text<'a>(option: &str, value: &'a OsString) -> Result<&'a str, String> {
    value
        .to_str()
        .ok_or_else(|| format!("{option} must be text, not '{}'", value.display()))
}

/// The bytes of a value.
fn bytes(value: &OsString) -> Vec<u8> {
    value.clone().into_vec()
}
