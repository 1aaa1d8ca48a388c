//! Variables of the environment that name directories, and the names by which shells know them.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

/// Those that fanout or GNU parallel goes by.
const VARIABLES: [&str; 5] = [
    "TMPDIR",
    "PARALLEL_HOME",
    "XDG_CONFIG_DIRS",
    "XDG_CONFIG_HOME",
    "XDG_CACHE_HOME",
];

/// Takes the CR off the end of each of them that has one, as where a script with the line ends of Windows
/// has set it, for fanout and its jobs. Returns the names of those.
///
/// Called before there is a second thread; where there is one, everything stays as it is.
#[allow(unsafe_code)]
pub fn without_cr() -> Vec<&'static str> {
    let shorter = |name: &'static str| {
        let value = env::var_os(name)?;
        let text = value.as_bytes().strip_suffix(b"\r")?;
        Some((name, OsString::from_vec(text.to_vec())))
    };
    let found: Vec<_> = VARIABLES.into_iter().filter_map(shorter).collect();
    if found.is_empty() || threads() != Some(1) {
        return Vec::new();
    }
    for (name, value) in &found {
        // SAFETY: this is the only thread, so that nobody reads the environment now.
        unsafe { env::set_var(name, value) };
    }
    found.into_iter().map(|(name, _)| name).collect()
}

/// The name by which the directory `cwd`, in which this process is, was entered: that of `$PWD`, if it is one.
pub fn as_entered(cwd: &Path) -> PathBuf {
    let pwd = env::var_os("PWD").map(PathBuf::from);
    let named = pwd.filter(|pwd| is_name_of(pwd, cwd));
    named.unwrap_or_else(|| cwd.to_owned())
}

/// Whether both are the same directory, and the name is one that shells keep.
pub fn is_name_of(name: &Path, cwd: &Path) -> bool {
    let identity = |path: &Path| path.metadata().ok().map(|it| (it.dev(), it.ino()));
    name.is_absolute() && identity(name).is_some_and(|it| identity(cwd) == Some(it))
}

/// `path` as `cd` of a shell has it: `..` takes back the name before it, be it that of a symbolic link.
pub fn by_names(path: &Path) -> PathBuf {
    let mut names = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                names.pop();
            }
            Component::CurDir => {}
            name => names.push(name),
        }
    }
    names
}

/// How many threads this process has.
fn threads() -> Option<usize> {
    Some(fs::read_dir("/proc/self/task").ok()?.count())
}

#[cfg(test)]
mod tests {
    use super::by_names;
    use std::path::Path;

    #[test]
    fn names_go_as_with_cd() {
        for (path, name) in [
            ("/a/b/../c", "/a/c"),
            ("/a/./b//c/", "/a/b/c"),
            ("/a/../..", "/"),
            ("/", "/"),
        ] {
            assert_eq!(by_names(Path::new(path)), Path::new(name), "{path}");
        }
    }
}
