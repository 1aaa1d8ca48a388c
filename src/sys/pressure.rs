//! How the machine feels: pressure-stall information, processes that want to run, memory, swapping and
//! disks, from `/proc`.

use std::fs;
use std::io;
use std::time::{Duration, Instant};

/// What processes may have to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// A processor.
    Cpu,
    /// Memory.
    Memory,
    /// Input and output.
    Io,
}

impl Resource {
    fn path(self) -> &'static str {
        match self {
            Self::Cpu => "/proc/pressure/cpu",
            Self::Memory => "/proc/pressure/memory",
            Self::Io => "/proc/pressure/io",
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Io => "io",
        }
    }
}

/// A rate is worth something after this long.
const WINDOW: Duration = Duration::from_millis(200);

/// How fast a counter grows, from one look to the next.
#[derive(Debug, Default)]
pub struct Rate {
    before: Option<(Instant, f64)>,
}

impl Rate {
    /// The counter is at `count` at `now`; returns its growth per second, unless too little time has passed.
    pub fn per_second(&mut self, now: Instant, count: f64) -> Option<f64> {
        let Some((then, before)) = self.before else {
            self.before = Some((now, count));
            return None;
        };
        let elapsed = now.saturating_duration_since(then);
        if elapsed < WINDOW {
            return None;
        }
        self.before = Some((now, count));
        Some((count - before) / elapsed.as_secs_f64())
    }
}

/// For how many microseconds since the machine was started some process has waited for `resource`.
///
/// # Errors
///
/// When this kernel does not tell.
pub fn stalled_micros(resource: Resource) -> io::Result<f64> {
    let path = resource.path();
    let text = fs::read_to_string(path).map_err(|error| {
        let kind = error.kind();
        io::Error::new(
            kind,
            format!("this kernel has no pressure-stall information ({path}: {error})"),
        )
    })?;
    total(&text).ok_or_else(|| io::Error::other(format!("{path} is not understood")))
}

fn total(text: &str) -> Option<f64> {
    let some = text.lines().find(|line| line.starts_with("some "))?;
    some.rsplit_once("total=")?.1.trim().parse().ok()
}

/// How many processes and threads want to run now, this one not counted.
pub fn runnable() -> Option<f64> {
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    let field = text.split(' ').nth(3)?;
    let running: f64 = field.split_once('/')?.0.parse().ok()?;
    Some((running - 1.0).max(0.0))
}

/// How many bytes of memory are available without swapping.
pub fn available_memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let field = |name| memory_field(&text, name);
    field("MemAvailable:").or_else(|| Some(field("MemFree:")? + field("Cached:")?))
}

/// How many bytes of memory this machine has.
pub fn whole_memory() -> Option<u64> {
    memory_field(&fs::read_to_string("/proc/meminfo").ok()?, "MemTotal:")
}

/// The field of `/proc/meminfo` that is called `name`, in bytes.
fn memory_field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    let kib: u64 = line[name.len()..].trim().split(' ').next()?.parse().ok()?;
    Some(kib * 1024)
}

/// How many pages were swapped in and out since the machine was started.
pub fn swapped() -> Option<(f64, f64)> {
    let text = fs::read_to_string("/proc/vmstat").ok()?;
    let field = |name: &str| -> Option<f64> {
        let line = text.lines().find(|line| line.starts_with(name))?;
        line[name.len()..].trim().parse().ok()
    };
    Some((field("pswpin ")?, field("pswpout ")?))
}

/// For how many milliseconds each disk was busy since the machine was started.
pub fn disk_busy_ms() -> Option<Vec<(String, f64)>> {
    let text = fs::read_to_string("/proc/diskstats").ok()?;
    Some(busy(&text))
}

fn busy(text: &str) -> Vec<(String, f64)> {
    let lines = text.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let name = *fields.get(2)?;
        let real = !["loop", "ram", "zram"]
            .iter()
            .any(|it| name.starts_with(it));
        let ms = fields.get(12)?.parse().ok()?;
        real.then(|| (name.to_owned(), ms))
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_found() {
        let text = "some avg10=0.00 avg60=0.00 avg300=0.00 total=1234\nfull avg10=0.00 total=5\n";
        assert_eq!(total(text), Some(1234.0));
        assert_eq!(total("nothing"), None);
        let disks =
            "   8       0 sda 1 2 3 4 5 6 7 8 0 77 9 0 0\n   7 0 loop0 1 2 3 4 5 6 7 8 0 5 9\n";
        assert_eq!(busy(disks), [("sda".to_owned(), 77.0)]);
    }

    #[test]
    fn this_machine_can_be_asked() {
        assert!(runnable().is_some());
        assert!(available_memory().unwrap() > 0);
        assert!(swapped().is_some());
    }

    #[test]
    fn a_rate_needs_time() {
        let begin = Instant::now();
        let mut rate = Rate::default();
        assert_eq!(rate.per_second(begin, 10.0), None);
        assert_eq!(rate.per_second(begin + WINDOW / 2, 11.0), None);
        assert_eq!(rate.per_second(begin + 5 * WINDOW, 12.0), Some(2.0));
        assert_eq!(rate.per_second(begin + 10 * WINDOW, 12.0), Some(0.0));
    }
}
