//! What the control groups leave that this process is in, of either version of them (cgroups(7)).

use std::path::{Path, PathBuf};

use super::kernel_file;

/// How many bytes of memory there are left; `None`: as many as the machine has.
pub fn memory_left() -> Option<u64> {
    let unified = least(&unified()?, "memory.max", "memory.current");
    let own = || {
        least(
            &hierarchy("memory")?,
            "memory.limit_in_bytes",
            "memory.usage_in_bytes",
        )
    };
    unified.into_iter().chain(own()).min()
}

/// How many processes and threads there may be more; `None`: as many as the machine has.
pub fn processes_left() -> Option<u64> {
    let unified = least(&unified()?, "pids.max", "pids.current");
    let own = || least(&hierarchy("pids")?, "pids.max", "pids.current");
    unified.into_iter().chain(own()).min()
}

/// A folder of the control groups' file system, and where below it this process is.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    mounted: PathBuf,
    below: PathBuf,
}

/// The place in the hierarchy of version 2.
fn unified() -> Option<Place> {
    let groups = kernel_file::read_to_string("/proc/self/cgroup").ok()?;
    Some(Place {
        mounted: "/sys/fs/cgroup".into(),
        below: path_in(&groups, "")?,
    })
}

/// The place in the hierarchy of version 1 that has `controller`.
fn hierarchy(controller: &str) -> Option<Place> {
    let groups = kernel_file::read_to_string("/proc/self/cgroup").ok()?;
    Some(Place {
        mounted: Path::new("/sys/fs/cgroup").join(controller),
        below: path_in(&groups, controller)?,
    })
}

/// The path of the group that has `controller`, in the lines of `/proc/self/cgroup`; none of them: version 2.
fn path_in(groups: &str, controller: &str) -> Option<PathBuf> {
    groups.lines().find_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        let is_it = controllers.split(',').any(|one| one == controller);
        is_it.then(|| path.trim_start_matches('/').into())
    })
}

/// What the strictest group leaves, of those that this process is in.
fn least(place: &Place, limit: &str, used: &str) -> Option<u64> {
    let number = |folder: &Path, name: &str| -> Option<u64> {
        let text = kernel_file::read_to_string(folder.join(name)).ok()?;
        text.trim().parse().ok()
    };
    // Inside a container the group may be mounted as the root: then its path leads nowhere.
    let groups = place
        .below
        .ancestors()
        .map(|below| place.mounted.join(below));
    groups
        .filter_map(|group| {
            // "max" is no number, and no limit.
            let limit = number(&group, limit)?;
            Some(limit.saturating_sub(number(&group, used).unwrap_or(0)))
        })
        .min()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_path_of_a_group_is_found_in_both_versions() {
        let groups = "9:name=systemd:/\n8:pids:/a\n4:cpu,memory:/b/c\n0::/user.slice/x\n";
        let path = |controller| path_in(groups, controller);
        assert_eq!(path("memory"), Some("b/c".into()));
        assert_eq!(path("pids"), Some("a".into()));
        assert_eq!(path(""), Some("user.slice/x".into()));
        assert_eq!(path("mem"), None);
    }

    #[test]
    fn the_strictest_group_counts() {
        let folder = tempfile::tempdir().unwrap();
        let group = |below: &str, limit: &str, used: &str| {
            let group = folder.path().join(below);
            fs::create_dir_all(&group).unwrap();
            fs::write(group.join("limit"), limit).unwrap();
            fs::write(group.join("used"), used).unwrap();
        };
        group("a/b", "max\n", "10\n");
        let left = |below: &str| {
            let (mounted, below) = (folder.path().to_owned(), below.into());
            least(&Place { mounted, below }, "limit", "used")
        };
        assert_eq!(left("a/b"), None);
        group("a", "100\n", "30\n");
        assert_eq!(left("a/b"), Some(70));
        group("a/b", "50\n", "60\n");
        assert_eq!(left("a/b"), Some(0));
        assert_eq!(left("nowhere/a"), None);
    }
}
