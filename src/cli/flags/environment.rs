//! What surrounds the command line and the jobs: configuration, directories, niceness, what `-j` counts in.

#![allow(clippy::doc_markdown)] // the comments are the help

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::error::UsageError;
use crate::cli::values::{bytes, read_if};
use crate::exec::launch::{CALLING_SHELL, SLOT_FROM_0};
use crate::sys::{cpu, host, topology};

/// The options of this section that GNU parallel 20221122 has not.
pub(super) const OWN: &[&str] = &["prelude"];

/// Options on configuration and on what jobs run in.
#[derive(Args, Debug)]
#[command(next_help_heading = "Environment")]
pub struct Environment {
    /// Take options from the file NAME in ~/.config/fanout or ~/.parallel, instead of from config there; a
    /// path begins with / or ./; may be repeated.
    #[arg(short = 'J', long, value_name = "NAME")]
    pub profile: Vec<OsString>,

    /// Take no options from profiles, config files or $PARALLEL.
    #[arg(long)]
    pub plain: bool,

    /// Run jobs in DIR, a template, made if missing; '...': a new directory for each job, removed
    /// afterwards.
    #[arg(long, visible_alias = "wd", alias = "work-dir", value_name = "DIR")]
    pub workdir: Option<OsString>,

    /// Set the environment variable NAME of each job to the number of its slot, counted from 0.
    #[arg(long, value_name = "NAME")]
    pub process_slot_var: Option<OsString>,

    /// Run shell code CODE before each command, in the same shell; it is not part of the command that is
    /// shown.
    #[arg(long, value_name = "CODE")]
    pub prelude: Option<OsString>,

    /// Run jobs at this niceness.
    #[arg(long, value_name = "N")]
    pub nice: Option<OsString>,

    /// Keep temporary files in DIR instead of $TMPDIR.
    #[arg(long, alias = "tempdir", value_name = "DIR")]
    pub tmpdir: Option<OsString>,

    /// Copy the exported variable or function VAR to jobs on other hosts (those on this host have all of
    /// them); may be repeated, or a list with commas; '_': all but those of --record-env.
    #[arg(long, value_name = "VAR")]
    pub env: Vec<OsString>,

    /// Note the names of all exported variables in ~/.parallel/ignored_vars, for --env _, and end.
    #[arg(long)]
    pub record_env: bool,

    /// In the #! line of a script, as the first option: the script's other lines are the inputs.
    #[arg(long, alias = "hashbang")]
    pub shebang: bool,

    /// In the #! line of a script, as the first option, with the script's interpreter as the command: run the
    /// script once for each of its arguments, or each line of standard input.
    #[arg(long)]
    pub shebang_wrap: bool,

    /// What -j counts in: CPU cores instead of threads.
    #[arg(long)]
    pub use_cores_instead_of_threads: bool,

    /// What -j counts in: CPU sockets instead of threads.
    #[arg(long, alias = "use-cpus-instead-of-cores")]
    pub use_sockets_instead_of_threads: bool,

    /// Accepted for GNU parallel's sake: the default.
    #[arg(long, hide = true)]
    pub gnu: bool,

    /// Accepted for GNU parallel's sake, which has retired it, beside --gnu.
    #[arg(long, hide = true)]
    pub tollef: bool,

    /// Accepted for GNU parallel's sake: env_parallel's business.
    #[arg(long, hide = true)]
    pub session: bool,

    /// Accepted for GNU parallel's sake: the default.
    #[arg(long, hide = true)]
    pub silent: bool,

    /// Accepted for GNU parallel's sake: fanout always is.
    #[arg(long, hide = true)]
    pub fast: bool,

    /// Accepted for GNU parallel's sake: any byte may stand in the environment as it is.
    #[arg(long = "unsafe", hide = true)]
    pub any_bytes: bool,

    /// What GNU parallel would say about itself: without effect.
    #[arg(short = 'D', long, hide = true, value_name = "WHAT")]
    pub debug: Option<OsString>,
}

/// What surrounds jobs.
#[derive(Debug)]
pub struct Surroundings {
    /// The template of `--workdir`; `None`: jobs run where fanout does.
    pub workdir: Option<Vec<u8>>,
    /// Whether jobs run elsewhere than where fanout does, or by another name of that directory.
    pub has_workdirs: bool,
    /// Whether each job gets a directory of its own: `--workdir ...`.
    pub own_workdirs: bool,
    /// The shell code that runs before each command, in the same shell: that of `$PARALLEL_ENV`, and behind it
    /// that of `--prelude`.
    pub prelude: Vec<u8>,
    /// The variable of `--process-slot-var`, or GNU parallel's in its stead.
    pub slot_variable: String,
    /// The niceness of jobs.
    pub nice: Option<i32>,
    /// Where temporary files go, in place of `$TMPDIR`.
    pub tmpdir: Option<PathBuf>,
}

impl Environment {
    /// Forgets values that are as good as none, as GNU parallel does.
    pub(super) fn forget_empty_values(&mut self) {
        self.process_slot_var.take_if(|name| name.is_empty());
    }

    /// What these options come to; `elsewhere`: jobs run on other hosts, too.
    ///
    /// # Errors
    ///
    /// When a value is not what it should be, there is no directory of `--tmpdir`, or the file that `$PARALLEL_ENV`
    /// names cannot be read.
    pub fn resolve(&self, elsewhere: bool) -> Result<Surroundings, UsageError> {
        let dir = self
            .workdir
            .as_ref()
            .map(bytes)
            .filter(|dir| !dir.is_empty());
        // `--workdir .` is the directory itself, whatever it was entered as.
        let dir = dir.filter(|dir| dir != b"." || elsewhere || !is_here());
        // Elsewhere it is the directory of that name.
        let dir = match (dir, std::env::current_dir()) {
            (Some(dir), Ok(here)) if dir == b"." && elsewhere => {
                Some(here.into_os_string().into_encoded_bytes())
            }
            (dir, _) => dir,
        };
        let own_workdirs = dir.as_deref() == Some(b"...");
        Ok(Surroundings {
            has_workdirs: dir.is_some(),
            own_workdirs,
            workdir: if own_workdirs {
                Some(own_workdir())
            } else {
                dir
            },
            prelude: self.prelude()?,
            slot_variable: self.slot_variable()?,
            nice: read_if("--nice", self.nice.as_ref(), |value| {
                let wrong = |_| format!("must be a whole number, not '{value}'");
                value.parse().map_err(wrong)
            })?,
            tmpdir: self.tmpdir()?,
        })
    }

    /// What `-j` counts in: CPU threads, cores or sockets.
    pub fn cpus(&self) -> usize {
        if self.use_sockets_instead_of_threads {
            topology::sockets()
        } else if self.use_cores_instead_of_threads {
            topology::cores()
        } else {
            cpu::available_threads()
        }
    }

    fn prelude(&self) -> Result<Vec<u8>, UsageError> {
        let own = self.prelude.as_ref().map(bytes).unwrap_or_default();
        let Some(calling) = std::env::var_os(CALLING_SHELL).filter(|value| !value.is_empty())
        else {
            return Ok(own);
        };
        let mut code = calling_shell(&calling)?;
        if !own.is_empty() {
            code.push(b'\n');
            code.extend(own);
        }
        Ok(code)
    }

    fn slot_variable(&self) -> Result<String, UsageError> {
        let name = read_if(
            "--process-slot-var",
            self.process_slot_var.as_ref(),
            |name| {
                if name.is_empty() || name.contains(['=', '\0']) {
                    return Err(format!("must be a name, not '{name}'"));
                }
                Ok(name.to_owned())
            },
        )?;
        Ok(name.unwrap_or_else(|| SLOT_FROM_0.to_owned()))
    }

    fn tmpdir(&self) -> Result<Option<PathBuf>, UsageError> {
        let dir = self.tmpdir.as_ref().map(PathBuf::from);
        match dir {
            Some(dir) if !dir.is_dir() => Err(UsageError::value(
                "--tmpdir:",
                format_args!("there is no directory {}", dir.display()),
            )),
            dir => Ok(dir),
        }
    }
}

/// Whether the directory was entered by its own name.
fn is_here() -> bool {
    std::env::var_os("PWD").map(PathBuf::from) == std::env::current_dir().ok()
}

/// As in GNU parallel, each job's own directory has the host's name, our process id and the job's number.
fn own_workdir() -> Vec<u8> {
    let home = std::env::var_os("HOME").unwrap_or_else(|| "/tmp".into());
    let name = format!("{}-{}-{{#}}", host::name(), std::process::id());
    let path = Path::new(&home).join(".parallel/tmp").join(name);
    path.into_os_string().into_encoded_bytes()
}

/// As GNU parallel: `value` is shell code or the name of a file or FIFO that has it, with bytes of value 1 for
/// newlines.
fn calling_shell(value: &OsStr) -> Result<Vec<u8>, UsageError> {
    let mut code = if Path::new(value).exists() {
        fs::read(value).map_err(|error| {
            let file = value.display();
            UsageError::Unusable(format!(
                "${CALLING_SHELL} names {file}, which cannot be read: {error}"
            ))
        })?
    } else {
        value.as_bytes().to_vec()
    };
    for byte in &mut code {
        if *byte == 1 {
            *byte = b'\n';
        }
    }
    Ok(code)
}
