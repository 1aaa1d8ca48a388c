//! What may hold back starts: `--delay`, `--load`, `--memfree`, `--limit` and their kin.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{bytes, text, values};
use crate::cli::flags::Jobs;
use crate::plan::{GatePlan, LoadLimit};
use crate::run::jobs_spec::{JobsSpec, LoadFile};
use crate::sys::pressure::Resource;

/// The gates that the options want, in the order in which they are asked; `threads` is what a
/// percentage of `--load` is of.
///
/// # Errors
///
/// One line that names the option.
pub fn gates(flags: &Jobs, threads: usize) -> Result<Vec<GatePlan>, String> {
    let mut gates = Vec::new();
    if let Some(value) = &flags.sshdelay {
        let value = text("--sshdelay", value)?;
        values::duration(value).map_err(|why| format!("--sshdelay {why}"))?;
    }
    if let Some(value) = &flags.load {
        gates.push(GatePlan::Load(load("--load", value, threads)?));
    }
    for (option, value) in [
        ("--memfree", &flags.memfree),
        ("--memsuspend", &flags.memsuspend),
    ] {
        let Some(value) = value else { continue };
        let size = values::size(text(option, value)?).map_err(|why| format!("{option} {why}"))?;
        gates.push(match option {
            "--memfree" => GatePlan::MemFree(size),
            _ => GatePlan::MemSuspend(size),
        });
    }
    if flags.noswap {
        gates.push(GatePlan::NoSwap);
    }
    for value in &flags.psi {
        gates.push(psi(text("--psi", value)?).map_err(|why| format!("--psi {why}"))?);
    }
    if let Some(value) = &flags.limit {
        gates.push(limit(value, threads)?);
    }
    // A pause counts from the start, so it is asked last.
    gates.extend(delay(flags)?);
    Ok(gates)
}

/// As GNU parallel, a pause of 0 is none, and `auto` adapts what stands before it.
fn delay(flags: &Jobs) -> Result<Option<GatePlan>, String> {
    let Some(value) = &flags.delay else {
        return Ok(None);
    };
    let typed = text("--delay", value)?;
    let (pause, auto) = match typed.strip_suffix("auto") {
        Some("") => (Ok(Duration::ZERO), true),
        Some(pause) => (values::duration(pause), true),
        None => (values::duration(typed), false),
    };
    let pause = pause.map_err(|why| format!("--delay {why}"))?;
    Ok((!pause.is_zero()).then_some(GatePlan::Delay { pause, auto }))
}

/// The value of `--load`, or of a limit that is built in.
fn load(option: &str, value: &OsString, threads: usize) -> Result<LoadLimit, String> {
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
                return Err(format!("{option} {why}"));
            };
            Ok(LoadLimit::File(first, file))
        }
    }
}

fn psi(text: &str) -> Result<GatePlan, String> {
    let wrong = || format!("must be cpu=N%, memory=N% or io=N%, not '{text}'");
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
fn limit(value: &OsString, threads: usize) -> Result<GatePlan, String> {
    let words: Vec<&str> = value.to_str().unwrap_or("").split_whitespace().collect();
    let named = |why: String| format!("--limit '{}': {why}", value.display());
    match words[..] {
        ["mem", size] => values::size(size).map(GatePlan::LimitMem).map_err(named),
        ["load", most] => load("the number", &most.into(), threads)
            .map(GatePlan::Load)
            .map_err(named),
        ["io", percent] => match percent.trim_end_matches('%').parse::<f64>() {
            Ok(percent) if percent.is_finite() => Ok(GatePlan::DiskUse(percent)),
            _ => Err(named(format!("'{percent}' is no percentage"))),
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
