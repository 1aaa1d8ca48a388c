//! The hosts of a run, put together from all that names hosts.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use super::{Entry, EntryError, Host, list};

/// What names hosts: the values of options, not yet read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostSources {
    /// Lists of entries (`--sshlogin`).
    pub lists: Vec<OsString>,
    /// Files of entries (`--sshloginfile`). As in GNU parallel, `..` and `.` are those of the user and of the system,
    /// `-` is standard input, and what is not there is looked for in ~/.parallel.
    pub files: Vec<OsString>,
}

/// Why hosts cannot be told.
#[derive(Debug)]
pub enum SourceError {
    /// An entry is none.
    Entry {
        /// The option that has it; of a file also its name and the line.
        place: String,
        /// What is wrong with it.
        why: EntryError,
    },
    /// A file cannot be read.
    Unreadable {
        /// By the name that it was looked for.
        file: PathBuf,
        /// What the system says.
        why: io::Error,
    },
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entry { place, why } => write!(f, "{place} {why}"),
            Self::Unreadable { file, why } => write!(f, "Cannot open {}: {why}", file.display()),
        }
    }
}

impl std::error::Error for SourceError {}

impl HostSources {
    /// Whether anything names hosts.
    pub fn is_given(&self) -> bool {
        !self.lists.is_empty() || !self.files.is_empty()
    }

    /// The hosts that all lists and files name together, in the order given, the lists before the files.
    ///
    /// A host that is named again is one host: it is in all groups that were named with it, and the last number of
    /// CPU threads counts. Where groups alone are named (`@GROUP`), only hosts in these are left.
    ///
    /// # Errors
    ///
    /// When an entry is none, or a file cannot be read.
    pub fn read(&self) -> Result<Vec<Host>, SourceError> {
        let mut found = Found::default();
        for list in &self.lists {
            for entry in list::entries(list.as_bytes()) {
                found.take(&entry, || "--sshlogin".to_owned())?;
            }
        }
        for file in &self.files {
            found.take_file(file)?;
        }
        Ok(found.chosen())
    }
}

/// The hosts found so far.
#[derive(Default)]
struct Found {
    hosts: Vec<Host>,
    only: Vec<Vec<u8>>,
    /// The files that have been read, of which each is read once.
    read: Vec<PathBuf>,
}

impl Found {
    fn take(&mut self, entry: &[u8], place: impl Fn() -> String) -> Result<(), SourceError> {
        if matches!(entry, b".." | b"-") {
            return self.take_file(OsStr::from_bytes(entry));
        }
        let entry = Entry::read(entry).map_err(|why| SourceError::Entry {
            place: place(),
            why,
        })?;
        match entry {
            Entry::Hosts(hosts) => hosts.into_iter().for_each(|host| self.add(host)),
            Entry::Only(groups) => self.only.extend(groups),
        }
        Ok(())
    }

    fn take_file(&mut self, name: &OsStr) -> Result<(), SourceError> {
        let file = path_of(name);
        if self.read.contains(&file) {
            return Ok(());
        }
        self.read.push(file.clone());
        let mut text = Vec::new();
        File::open(&file)
            .and_then(|mut open| open.read_to_end(&mut text))
            .map_err(|why| SourceError::Unreadable {
                file: file.clone(),
                why,
            })?;
        for (line, entry) in list::lines(&text) {
            let place = || format!("--sshloginfile {}: line {line}:", file.display());
            self.take(&entry, place)?;
        }
        Ok(())
    }

    fn add(&mut self, host: Host) {
        let known = self.hosts.iter_mut().find(|it| it.login == host.login);
        let Some(known) = known else {
            self.hosts.push(host);
            return;
        };
        known.threads = host.threads.or(known.threads);
        for group in host.groups {
            if !known.groups.contains(&group) {
                known.groups.push(group);
            }
        }
    }

    fn chosen(self) -> Vec<Host> {
        let Self {
            mut hosts, only, ..
        } = self;
        if !only.is_empty() {
            hosts.retain(|host| only.iter().any(|group| host.is_in(group)));
        }
        hosts
    }
}

/// The file that is called `name`.
fn path_of(name: &OsStr) -> PathBuf {
    let own = |name: &OsStr| {
        let mut files = folders().into_iter().map(|folder| folder.join(name));
        files.rfind(|file| file.is_file())
    };
    let sshloginfile = OsStr::new("sshloginfile");
    match name.as_bytes() {
        b"-" => PathBuf::from("/dev/stdin"),
        b"." => PathBuf::from("/etc/parallel").join(sshloginfile),
        b".." => own(sshloginfile).unwrap_or_else(|| {
            let home = folders().into_iter().next().unwrap_or_default();
            home.join(sshloginfile)
        }),
        _ => {
            let here = PathBuf::from(name);
            if here.exists() {
                here
            } else {
                own(name).unwrap_or(here)
            }
        }
    }
}

/// Where users keep such files, the most important folder last.
fn folders() -> Vec<PathBuf> {
    let variable = |name| env::var_os(name).filter(|value| !value.is_empty());
    let mut folders = Vec::new();
    folders.extend(variable("HOME").map(|home| PathBuf::from(home).join(".parallel")));
    folders.extend(variable("XDG_CONFIG_HOME").map(|xdg| PathBuf::from(xdg).join("parallel")));
    if let Some(dirs) = variable("XDG_CONFIG_DIRS") {
        let dirs: Vec<_> = env::split_paths(&dirs).collect();
        folders.extend(dirs.iter().rev().map(|dir| dir.join("parallel")));
    }
    folders.extend(variable("PARALLEL_HOME").map(PathBuf::from));
    folders
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn hosts(lists: &[&str], files: &[OsString]) -> Result<Vec<Host>, String> {
        let sources = HostSources {
            lists: lists.iter().map(OsString::from).collect(),
            files: files.to_vec(),
        };
        sources.read().map_err(|why| why.to_string())
    }

    fn names(hosts: &[Host]) -> String {
        let names = hosts.iter().map(|host| {
            let threads = host.threads.map(|it| format!("{it}/")).unwrap_or_default();
            threads + &String::from_utf8_lossy(&host.name())
        });
        names.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn hosts_come_in_the_order_given_and_once() {
        for (lists, expected) in [
            (&["b,a"][..], "b a"),
            (&["b", "2/:,b", "a"], "b 2/: a"),
            (&["1/b", "a", "3/b"], "3/b a"),
            (&["3/b", "b"], "3/b"),
            (&["b:22,b,me@b"], "b:22 b me@b"),
            (&[""], ""),
        ] {
            assert_eq!(names(&hosts(lists, &[]).unwrap()), expected, "{lists:?}");
        }
    }

    #[test]
    fn groups_alone_choose_among_all_hosts() {
        for (lists, expected) in [
            (&["@g/a,@h/b,c", "@g"][..], "a"),
            (&["@g", "@g/a,@h/b,c"], "a"),
            (&["@g/a,@h/b,c", "@g,@h"], "a b"),
            (&["@g/a,@h/b,c", "@g+@h"], "a b"),
            (&["@g/a,@h/b,c", "@c"], "c"),
            (&["@g/a,@h/a,c", "@h"], "a"),
            (&["@g/a,@h/b,c", "@other"], ""),
        ] {
            assert_eq!(names(&hosts(lists, &[]).unwrap()), expected, "{lists:?}");
        }
    }

    #[test]
    fn files_come_behind_lists_and_each_is_read_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hosts");
        fs::write(&file, "# ours\n8/big\n@g/small\n").unwrap();
        let files = [file.clone().into(), file.into()];
        assert_eq!(names(&hosts(&["a"], &files).unwrap()), "a 8/big small");
        assert_eq!(names(&hosts(&["@g"], &files).unwrap()), "small");
    }

    #[test]
    fn errors_name_the_place() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hosts");
        fs::write(&file, ":\n\nh*\n").unwrap();
        let why = hosts(&[], &[file.clone().into()]).unwrap_err();
        let place = format!("--sshloginfile {}: line 3: h*: ", file.display());
        assert!(why.starts_with(&place), "{why}");
        let why = hosts(&["a,h*"], &[]).unwrap_err();
        assert!(why.starts_with("--sshlogin h*: "), "{why}");
        let missing = folder.path().join("none");
        let why = hosts(&[], &[missing.clone().into()]).unwrap_err();
        assert!(
            why.starts_with(&format!("Cannot open {}: ", missing.display())),
            "{why}"
        );
    }
}
