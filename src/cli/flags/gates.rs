//! What may hold back starts: `--delay`, `--load`, `--memfree`, `--limit` and their kin.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use crate::cli::error::UsageError;
use crate::cli::values::{self, Wrong, bytes, read, read_if};
use crate::plan::{GatePlan, LoadLimit};
use crate::run::jobs_spec::{JobsSpec, LoadFile};
use crate::sys::pressure::Resource;

/// The options of this section that GNU parallel 20221122 has not.
pub(super) const OWN: &[&str] = &["psi"];

/// Options on what may hold back starts.
#[derive(Args, Debug)]
#[command(next_help_heading = "Jobs")]
pub struct Gates {
    /// Wait at least this long between two starts: seconds, or as 1.5m, 2h. With 'auto' behind it, the time
    /// grows when jobs fail and shrinks when they succeed.
    #[arg(long, value_name = "TIME")]
    pub delay: Option<OsString>,

    /// Start jobs only while fewer than N processes want to run on this machine; N as for --jobs.
    #[arg(long, value_name = "N")]
    pub load: Option<OsString>,

    /// Start jobs only while this much memory is available; below half of it, kill the youngest job and
    /// run it again later. K, M, G, T are understood.
    #[arg(long, value_name = "SIZE")]
    pub memfree: Option<OsString>,

    /// Stop running jobs while less than twice this much memory is available; below it, all but one.
    #[arg(long, value_name = "SIZE")]
    pub memsuspend: Option<OsString>,

    /// Start no jobs while the machine is swapping both in and out.
    #[arg(long)]
    pub noswap: bool,

    /// Run COMMAND before each start: exit code 0 lets it start, 1 makes it wait, 2 kills the youngest job,
    /// too, to be run again later. Built in: 'io N' (disks less than N% busy), 'mem SIZE', 'load N'.
    #[arg(long, value_name = "COMMAND")]
    pub limit: Option<OsString>,

    /// Start jobs only while processes wait less than N% of the time for cpu, memory or io, as the kernel's
    /// pressure-stall information has it: cpu=N%, memory=N%, io=N%. May be given several times.
    #[arg(long, value_name = "RESOURCE=N%")]
    pub psi: Vec<OsString>,

    /// Taken for compatibility: there are no remote hosts.
    #[arg(long, alias = "ssh-delay", value_name = "TIME", hide = true)]
    pub sshdelay: Option<OsString>,
}

impl Gates {
    /// Forgets values that are as good as none, as GNU parallel does.
    pub(super) fn forget_empty_values(&mut self) {
        self.memsuspend
            .take_if(|size| size.as_encoded_bytes().trim_ascii().is_empty());
        for some in [&mut self.load, &mut self.memfree, &mut self.delay] {
            some.take_if(|typed| typed.is_empty() || typed == "0");
        }
    }

    /// Whether jobs may be taken back, to be run again.
    pub fn take_back(&self) -> bool {
        self.memfree.is_some() || self.limit.is_some()
    }

    /// The gates in the order in which they are asked; `threads` is what a percentage of `--load` is of.
    ///
    /// # Errors
    ///
    /// When a value is not what it should be.
    pub fn resolve(&self, threads: usize) -> Result<Vec<GatePlan>, UsageError> {
        let mut gates = Vec::new();
        read_if("--sshdelay", self.sshdelay.as_ref(), values::duration)?;
        if let Some(value) = &self.load {
            gates.push(GatePlan::Load(load("--load", value, threads)?));
        }
        let least = read_if("--memfree", self.memfree.as_ref(), values::size)?;
        gates.extend(least.map(GatePlan::MemFree));
        let least = read_if("--memsuspend", self.memsuspend.as_ref(), values::size)?;
        gates.extend(least.map(GatePlan::MemSuspend));
        gates.extend(self.noswap.then_some(GatePlan::NoSwap));
        for value in &self.psi {
            gates.push(read("--psi", value, psi)?);
        }
        if let Some(value) = &self.limit {
            gates.push(limit(value, threads)?);
        }
        // A pause counts from the start, so it is asked last.
        gates.extend(read_if("--delay", self.delay.as_ref(), delay)?.flatten());
        Ok(gates)
    }
}

/// As GNU parallel, a pause of 0 is none, and `auto` adapts what stands before it.
fn delay(typed: &str) -> Result<Option<GatePlan>, Wrong> {
    let (pause, auto) = match typed.strip_suffix("auto") {
        Some("") => (Duration::ZERO, true),
        Some(pause) => (values::duration(pause)?, true),
        None => (values::duration(typed)?, false),
    };
    Ok((!pause.is_zero()).then_some(GatePlan::Delay { pause, auto }))
}

/// The value of `--load`, or of a limit that is built in.
fn load(option: &str, value: &OsString, threads: usize) -> Result<LoadLimit, UsageError> {
    let typed = bytes(value);
    let has_unit = typed.last().is_some_and(u8::is_ascii_alphabetic) && !Path::new(value).is_file();
    let parsed = match JobsSpec::parse(&typed) {
        // As GNU parallel: a load has no unit.
        Ok(_) if has_unit => Err(format!(
            "must be a load such as 4 or 150%, not '{}'",
            value.display()
        )),
        parsed => parsed,
    };
    match parsed {
        Ok(spec) => Ok(LoadLimit::Fixed(spec.load(threads))),
        Err(why) => {
            let path = PathBuf::from(value);
            let file = LoadFile { path, threads };
            let content = std::fs::read(&file.path).ok();
            let Some(first) = content.and_then(|content| file.says(&content)) else {
                return Err(UsageError::value(option, why));
            };
            Ok(LoadLimit::File(first, file))
        }
    }
}

fn psi(text: &str) -> Result<GatePlan, Wrong> {
    let wrong = || Wrong(format!("must be cpu=N%, memory=N% or io=N%, not '{text}'"));
    let (name, percent) = text.split_once('=').ok_or_else(wrong)?;
    let resource = match name {
        "cpu" => Resource::Cpu,
        "memory" => Resource::Memory,
        "io" => Resource::Io,
        _ => return Err(wrong()),
    };
    let percent = percent.strip_suffix('%').unwrap_or(percent);
    match percent.parse::<f64>() {
        Ok(percent) if percent > 0.0 && percent.is_finite() => {
            Ok(GatePlan::Pressure(resource, percent))
        }
        _ => Err(wrong()),
    }
}

/// A command, or one of those that are built in.
fn limit(value: &OsString, threads: usize) -> Result<GatePlan, UsageError> {
    let words: Vec<&str> = value.to_str().unwrap_or("").split_whitespace().collect();
    let option = format!("--limit '{}':", value.display());
    match words[..] {
        ["mem", size] => match values::size(size) {
            Ok(size) => Ok(GatePlan::LimitMem(size)),
            Err(why) => Err(UsageError::value(option, why)),
        },
        ["load", most] => match load("the number", &most.into(), threads) {
            Ok(most) => Ok(GatePlan::Load(most)),
            Err(why) => Err(UsageError::value(option, why)),
        },
        ["io", percent] => match percent.trim_end_matches('%').parse::<f64>() {
            Ok(percent) if percent.is_finite() => Ok(GatePlan::DiskUse(percent)),
            _ => {
                let why = format!("'{percent}' is no percentage");
                Err(UsageError::value(option, why))
            }
        },
        _ => Ok(GatePlan::Command(value.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pressure_is_of_a_resource() {
        assert!(matches!(
            psi("io=12.5%"),
            Ok(GatePlan::Pressure(Resource::Io, percent)) if (percent - 12.5).abs() < 1e-9
        ));
        for text in ["", "cpu", "cpu=", "cpu=x", "disk=3%", "cpu=0%", "cpu=-1%"] {
            assert!(psi(text).is_err(), "{text}");
        }
    }

    #[test]
    fn loads_are_numbers_of_processes() {
        let on_four = |text: &str| match load("--load", &text.into(), 4) {
            Ok(LoadLimit::Fixed(most)) => most,
            other => panic!("{other:?}"),
        };
        for (text, most) in [
            ("3", 3.0),
            ("150%", 6.0),
            ("+1", 5.0),
            ("-1", 3.0),
            ("0", 0.01),
        ] {
            assert!((on_four(text) - most).abs() < 1e-9, "{text}");
        }
        assert!(
            load("--load", &"x".into(), 4)
                .unwrap_err()
                .to_string()
                .starts_with("--load ")
        );
    }

    #[test]
    fn some_limits_are_built_in() {
        for (text, built_in) in [
            ("mem 1G", true),
            ("io 50", true),
            ("load 3", true),
            ("load", false),
            ("test -e x", false),
            ("mem 1 2", false),
        ] {
            let plan = limit(&text.into(), 2).unwrap();
            assert_eq!(!matches!(plan, GatePlan::Command(_)), built_in, "{text}");
        }
        assert!(limit(&"mem x".into(), 2).is_err());
    }
}
