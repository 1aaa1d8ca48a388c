//! How many CPU threads this process may use.
//!
//! [`std::thread::available_parallelism`] asks the same sources, but rounds a quota of 1.5 CPUs down
//! and finds cgroup v2 only at its standard place, so quotas are read here.

use std::mem;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::thread;

use libc::{c_ulong, cpu_set_t};

use super::kernel_file;

/// The CPU threads that the scheduler lets this process use, bounded by the CPU quotas of its cgroup
/// and all ancestors, v1 and v2, each rounded up; at least 1. The kernel is asked once: it takes its time.
pub fn available_threads() -> usize {
    static ASKED: OnceLock<usize> = OnceLock::new();
    *ASKED.get_or_init(ask_for_threads)
}

fn ask_for_threads() -> usize {
    let read = |path: &Path| kernel_file::read_to_string(path).ok();
    let quota = read(Path::new("/proc/self/cgroup"))
        .zip(read(Path::new("/proc/self/mountinfo")))
        .and_then(|(cgroups, mounts)| quota(&cgroups, &mounts, read));
    allowed_threads().min(quota.unwrap_or(usize::MAX)).max(1)
}

/// An affinity mask with room for 65536 CPUs: the kernel refuses one that is shorter than its own.
type Mask = [c_ulong; 1024];

/// The CPUs in the calling thread's affinity mask.
fn allowed_threads() -> usize {
    match affinity() {
        Some(mask) => mask.iter().map(|word| word.count_ones() as usize).sum(),
        None => thread::available_parallelism().map_or(1, Into::into),
    }
}

/// The numbers of the CPUs in the calling thread's affinity mask; none where the kernel does not tell.
pub(super) fn allowed() -> Vec<usize> {
    let bits = c_ulong::BITS as usize;
    let mask = affinity().unwrap_or([0; 1024]);
    let is_set = |cpu: &usize| mask[cpu / bits] >> (cpu % bits) & 1 == 1;
    (0..mask.len() * bits).filter(is_set).collect()
}

/// See `sched_getaffinity(2)`.
fn affinity() -> Option<Mask> {
    let mut mask: Mask = [0; 1024];
    // SAFETY: the pointer is to `size_of_val(&mask)` writable bytes, aligned as `cpu_set_t` is (an array
    // of `c_ulong`), and any bits are a valid mask.
    #[allow(unsafe_code)]
    let got = unsafe {
        libc::sched_getaffinity(
            0,
            mem::size_of_val(&mask),
            mask.as_mut_ptr().cast::<cpu_set_t>(),
        )
    };
    (got == 0).then_some(mask)
}

/// The smallest CPU quota that applies to the process with these `/proc/PID/cgroup` and
/// `/proc/PID/mountinfo` files; `read` gives the content of a file.
fn quota(cgroups: &str, mounts: &str, read: impl Fn(&Path) -> Option<String>) -> Option<usize> {
    let mut smallest = None;
    for mount in mounts.lines().filter_map(Mount::parse) {
        let Some(path) = cgroups.lines().find_map(|line| mount.version.path_in(line)) else {
            continue;
        };
        // A path outside of what is mounted (another cgroup namespace): its top is all we can see.
        let below = Path::new(path)
            .strip_prefix(&mount.root)
            .unwrap_or(Path::new(""));
        for group in mount
            .at
            .join(below)
            .ancestors()
            .take_while(|group| group.starts_with(&mount.at))
        {
            let here = mount.version.quota_of(group, &read);
            smallest = smallest.into_iter().chain(here).min();
        }
    }
    smallest
}

/// A mounted cgroup hierarchy that may limit CPU time.
struct Mount {
    version: Version,
    /// The cgroup that is seen at its top.
    root: PathBuf,
    /// Where it is mounted.
    at: PathBuf,
}

#[derive(Clone, Copy)]
enum Version {
    V1,
    V2,
}

impl Mount {
    /// Reads a line of mountinfo: `36 35 98:0 ROOT MOUNTPOINT options [tags…] - TYPE source SUPEROPTIONS`.
    fn parse(line: &str) -> Option<Self> {
        let (place, kind) = line.split_once(" - ")?;
        let mut kind = kind.split(' ');
        let version = match kind.next()? {
            "cgroup2" => Version::V2,
            "cgroup" if kind.nth(1)?.split(',').any(|option| option == "cpu") => Version::V1,
            _ => return None,
        };
        let mut place = place.split(' ').skip(3);
        let (root, at) = (unescaped(place.next()?), unescaped(place.next()?));
        Some(Self { version, root, at })
    }
}

impl Version {
    /// The path in a line of `/proc/PID/cgroup` (`4:cpu,cpuacct:/path`, `0::/path`), if it is of this
    /// kind of hierarchy.
    fn path_in(self, line: &str) -> Option<&str> {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        let ours = match self {
            Self::V1 => controllers.split(',').any(|controller| controller == "cpu"),
            Self::V2 => controllers.is_empty(),
        };
        ours.then_some(path)
    }

    /// The quota that is set on one cgroup, in whole CPUs.
    fn quota_of(self, group: &Path, read: impl Fn(&Path) -> Option<String>) -> Option<usize> {
        let number = |file: &str| read(&group.join(file))?.trim().parse::<i64>().ok();
        let (quota, period) = match self {
            Self::V1 => (number("cpu.cfs_quota_us")?, number("cpu.cfs_period_us")?),
            Self::V2 => {
                let max = read(&group.join("cpu.max"))?;
                let (quota, period) = max.trim().split_once(' ')?;
                (quota.parse().ok()?, period.parse().ok()?)
            }
        };
        if quota <= 0 || period <= 0 {
            return None;
        }
        Some(quota.unsigned_abs().div_ceil(period.unsigned_abs()) as usize)
    }
}

/// A path of mountinfo, where blanks and backslashes are written as `\040`.
fn unescaped(field: &str) -> PathBuf {
    let mut parts = field.split('\\');
    let mut path = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part
            .get(..3)
            .and_then(|code| u8::from_str_radix(code, 8).ok())
        {
            Some(code) => path.push(char::from(code)),
            None => path.push_str(part),
        }
        path.push_str(part.get(3..).unwrap_or_default());
    }
    path.into()
}

#[cfg(test)]
mod tests {
    use super::{Mask, affinity, ask_for_threads, available_threads, quota, unescaped};
    use std::path::Path;

    const V2: &str =
        "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate";
    const V1: &str = "33 25 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
                      34 25 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory";

    fn with(cgroups: &str, mounts: &str, files: &[(&str, &str)]) -> Option<usize> {
        quota(cgroups, mounts, |path: &Path| {
            let found = files.iter().find(|(name, _)| Path::new(name) == path);
            found.map(|(_, content)| (*content).to_owned())
        })
    }

    #[test]
    fn v2_takes_the_smallest_quota_of_all_ancestors_and_rounds_up() {
        let own = ("/sys/fs/cgroup/a/b/cpu.max", "400000 100000\n");
        let parent = ("/sys/fs/cgroup/a/cpu.max", "150000 100000\n");
        let top = ("/sys/fs/cgroup/cpu.max", "max 100000\n");
        assert_eq!(with("0::/a/b\n", V2, &[own, parent, top]), Some(2));
        assert_eq!(with("0::/a/b\n", V2, &[own, top]), Some(4));
        assert_eq!(with("0::/a/b\n", V2, &[top]), None);
        assert_eq!(
            with("0::/\n", V2, &[("/sys/fs/cgroup/cpu.max", "1000 100000")]),
            Some(1)
        );
    }

    #[test]
    fn v1_reads_quota_and_period() {
        let at = "/sys/fs/cgroup/cpu,cpuacct";
        let cgroups = "5:memory:/m\n4:cpu,cpuacct:/a/b\n0::/\n";
        let files = |quota: &'static str| {
            [
                (format!("{at}/a/cpu.cfs_quota_us"), quota),
                (format!("{at}/a/cpu.cfs_period_us"), "100000\n"),
            ]
        };
        for (value, expected) in [("250001\n", Some(3)), ("-1\n", None), ("0\n", None)] {
            let files = files(value);
            let files: Vec<_> = files
                .iter()
                .map(|(name, content)| (name.as_str(), *content))
                .collect();
            assert_eq!(with(cgroups, V1, &files), expected, "quota {value}");
        }
    }

    #[test]
    fn a_container_sees_its_own_cgroup_at_the_mount() {
        let mounts = V2.replace(" / /sys", " /docker/abc /sys");
        let files = [
            ("/sys/fs/cgroup/x/cpu.max", "200000 100000"),
            ("/sys/fs/cgroup/cpu.max", "300000 100000"),
        ];
        assert_eq!(with("0::/docker/abc/x\n", &mounts, &files), Some(2));
        assert_eq!(with("0::/docker/abc\n", &mounts, &files), Some(3));
        assert_eq!(with("0::/../other\n", &mounts, &files), Some(3));
    }

    #[test]
    fn nonsense_sets_no_quota() {
        assert_eq!(with("", "", &[]), None);
        assert_eq!(with("0::/a\n", "garbage\n1 2 - \n", &[]), None);
        assert_eq!(
            with("0::/\n", V2, &[("/sys/fs/cgroup/cpu.max", "lots")]),
            None
        );
        assert_eq!(unescaped(r"/a\040b\134c"), Path::new(r"/a b\c"));
    }

    #[test]
    fn this_process_may_use_at_least_one_thread() {
        let threads = available_threads();
        assert!(threads >= 1);
        assert!(threads <= std::thread::available_parallelism().unwrap().get() + 1);
    }

    #[test]
    fn honours_the_affinity_mask() {
        let count = std::thread::spawn(|| {
            let mask = affinity().unwrap();
            let word = mask.iter().position(|&word| word != 0).unwrap();
            let mut one: Mask = [0; 1024];
            one[word] = 1 << mask[word].trailing_zeros();
            // SAFETY: the pointer is to `size_of_val(&one)` readable bytes; only this thread is bound.
            #[allow(unsafe_code)]
            let set = unsafe {
                libc::sched_setaffinity(0, std::mem::size_of_val(&one), one.as_ptr().cast())
            };
            assert_eq!(set, 0);
            ask_for_threads()
        });
        assert_eq!(count.join().unwrap(), 1);
    }
}
