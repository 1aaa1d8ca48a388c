//! Which shell runs the commands, and when none is needed.
//!
//! [`Shell::choose`] picks the shell that GNU parallel would pick. [`ShellBypass`] decides, line by
//! line, whether executing a program directly gives what that shell would give: the line has to
//! consist of plain words ([`words`]), the first of them has to be a program file and nothing that the
//! shell itself knows ([`resolve`]), and what the shell does to the environment has to be known
//! ([`environ`]). In every doubt the answer is "use the shell".
//!
//! Should the kernel refuse to execute a program that was resolved here (it was removed just now, its
//! `#!` interpreter is missing, the file system forbids it), then run the line through the shell after
//! all: the shell gives the message and the exit code that the user expects.

pub mod environ;
pub mod resolve;
pub mod waiting;
pub mod words;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::model::ArgList;
use crate::sys::kernel_file;
use crate::template::Quoting;
use environ::EnvChanges;
use resolve::Resolver;

/// The shell that runs command lines: `SHELL -c LINE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shell {
    path: PathBuf,
    arg0: OsString,
    kind: ShellKind,
    quoting: Quoting,
}

/// What a shell is, whatever it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShellKind {
    /// GNU bash, also when called as `sh`.
    Bash,
    /// Debian's Almquist shell, also when called as `sh`.
    Dash,
    /// Zsh.
    Zsh,
    /// Any other.
    Other,
}

/// What the choice of a shell depends on, apart from the calling processes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wishes<'a> {
    /// `$PARALLEL_SHELL`.
    pub parallel_shell: Option<&'a OsStr>,
    /// `$SHELL`.
    pub shell: Option<&'a OsStr>,
    /// `$PATH`.
    pub path: Option<&'a OsStr>,
}

/// The names by which GNU parallel knows a calling process for a shell.
const KNOWN_SHELLS: [&str; 23] = [
    "ash",
    "bash",
    "csh",
    "dash",
    "fdsh",
    "fish",
    "fizsh",
    "ksh",
    "ksh93",
    "lksh",
    "mksh",
    "pdksh",
    "posh",
    "rbash",
    "rc",
    "rush",
    "rzsh",
    "sash",
    "sh",
    "static-sh",
    "tcsh",
    "yash",
    "zsh",
];

impl Shell {
    /// The shell that this process should use.
    ///
    /// # Errors
    ///
    /// One line that names the shell that was asked for and is not there.
    pub fn from_environment() -> Result<Self, String> {
        let [parallel_shell, shell, path] =
            ["PARALLEL_SHELL", "SHELL", "PATH"].map(std::env::var_os);
        let wishes = Wishes {
            parallel_shell: parallel_shell.as_deref(),
            shell: shell.as_deref(),
            path: path.as_deref(),
        };
        Self::choose(wishes, calling_programs())
    }

    /// As GNU parallel: `$PARALLEL_SHELL`; else the nearest calling process with the name of a shell,
    /// looked up along `$PATH`; else `$SHELL`; else /bin/sh.
    ///
    /// `callers` are the names (`argv[0]`) of the parent process, its parent and so on.
    ///
    /// # Errors
    ///
    /// One line that names the shell that was asked for and is not there.
    pub fn choose(
        wishes: Wishes<'_>,
        callers: impl IntoIterator<Item = Vec<u8>>,
    ) -> Result<Self, String> {
        let search = wishes.path.unwrap_or_default();
        if let Some(wish) = wishes.parallel_shell.filter(|wish| !wish.is_empty()) {
            let path = find(wish, search).ok_or_else(|| not_found("PARALLEL_SHELL", wish))?;
            return Ok(Self::new(path, wish.to_owned()));
        }
        // A shell that is not on $PATH ends the search among the callers, as in GNU parallel.
        let caller = callers.into_iter().find_map(|arg0| known_shell(&arg0));
        if let Some(path) = caller.and_then(|name| find(OsStr::new(name), search)) {
            let arg0 = path.clone().into_os_string();
            return Ok(Self::new(path, arg0));
        }
        let Some(wish) = wishes.shell.filter(|wish| !wish.is_empty()) else {
            return Ok(Self::new("/bin/sh".into(), "/bin/sh".into()));
        };
        let path = find(wish, search).ok_or_else(|| not_found("SHELL", wish))?;
        Ok(Self::new(path, wish.to_owned()))
    }

    /// The shell in the file `path`, which knows itself by the name `arg0`.
    pub fn new(path: PathBuf, arg0: OsString) -> Self {
        let real = fs::canonicalize(&path).unwrap_or_default();
        let file = real.file_name().unwrap_or_default();
        // By the name rbash, bash is a restricted shell.
        let called = Path::new(&arg0).file_name().unwrap_or_default();
        Self {
            kind: ShellKind::of(file, called),
            quoting: quoting_of([file, called]),
            path,
            arg0,
        }
    }

    /// The file to execute.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The shell's own name for itself, `$0` of a command line.
    pub fn arg0(&self) -> &OsStr {
        &self.arg0
    }

    /// What it is.
    pub fn kind(&self) -> ShellKind {
        self.kind
    }

    /// How values are quoted for it.
    pub fn quoting(&self) -> Quoting {
        self.quoting
    }
}

impl ShellKind {
    /// What the program in `file` is when it is `called` so.
    fn of(file: &OsStr, called: &OsStr) -> Self {
        match file.as_bytes() {
            b"bash" if called == "bash" || called == "sh" => Self::Bash,
            b"dash" => Self::Dash,
            b"zsh" | b"zsh5" if called == "zsh" => Self::Zsh,
            _ => Self::Other,
        }
    }
}

/// How values are quoted for a shell with these names.
fn quoting_of(names: [&OsStr; 2]) -> Quoting {
    let is = |known: &[&str]| names.iter().any(|name| known.iter().any(|it| name == it));
    if is(&["csh", "tcsh", "bsd-csh"]) {
        Quoting::Csh
    } else if is(&["fish"]) {
        Quoting::Fish
    } else if is(&["rc"]) {
        Quoting::Rc
    } else {
        Quoting::Posix
    }
}

fn not_found(variable: &str, wish: &OsStr) -> String {
    format!(
        "the shell '{}' of ${variable} was not found: set it to a shell's path",
        wish.display()
    )
}

/// The shell's name, if a program called `arg0` is one; a login shell has a `-` before its name.
fn known_shell(arg0: &[u8]) -> Option<&'static str> {
    let name = arg0.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    let name = name.strip_prefix(b"-").unwrap_or(name);
    KNOWN_SHELLS
        .into_iter()
        .find(|known| known.as_bytes() == name)
}

/// The file of `program`: as it is if there is a slash in it, else along `search`.
fn find(program: &OsStr, search: &OsStr) -> Option<PathBuf> {
    let executable = |path: &PathBuf| {
        fs::metadata(path).is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
    };
    if program.as_bytes().contains(&b'/') {
        return Some(PathBuf::from(program)).filter(executable);
    }
    std::env::split_paths(search)
        .map(|dir| dir.join(program))
        .find(executable)
}

/// The `argv[0]` of the parent process, of its parent and so on, as far as /proc shows them.
fn calling_programs() -> impl Iterator<Item = Vec<u8>> {
    let parent = std::os::unix::process::parent_id();
    std::iter::successors(Some(parent), |&pid| parent_of(pid)).filter_map(|pid| {
        let mut arg0 = kernel_file::read(format!("/proc/{pid}/cmdline")).ok()?;
        let end = memchr::memchr(0, &arg0)?;
        arg0.truncate(end);
        Some(arg0)
    })
}

fn parent_of(pid: u32) -> Option<u32> {
    let stat = kernel_file::read(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the name in parentheses, whatever is in it: "1 (a) b) S 0 …".
    let after_name = &stat[memchr::memrchr(b')', &stat)? + 1..];
    let mut fields = after_name
        .split(|&byte| byte == b' ')
        .filter(|field| !field.is_empty());
    let parent = std::str::from_utf8(fields.nth(1)?).ok()?.parse().ok()?;
    (parent != 0).then_some(parent)
}

/// Finds the command lines that can do without the shell.
#[derive(Debug)]
pub struct ShellBypass {
    resolver: Resolver,
    changes: EnvChanges,
}

/// A program to execute in the shell's stead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectCommand {
    /// Its file.
    pub program: Arc<Path>,
    /// Its words, its own name first.
    pub argv: ArgList,
}

impl ShellBypass {
    /// A shortcut past `shell` for jobs that run in `cwd` with the environment `env` (each job's own
    /// variables do not matter, as long as the shell has no use for them).
    ///
    /// `None`: every line needs the shell.
    pub fn new(
        shell: &Shell,
        env: &[(OsString, OsString)],
        cwd: &Path,
        stdin_is_socket: bool,
    ) -> Option<Self> {
        let changes = environ::changes(shell.kind, env, cwd, stdin_is_socket)?;
        let path = &env.iter().find(|(name, _)| name == "PATH")?.1;
        let functions = environ::functions(env);
        Some(Self {
            resolver: Resolver::new(path, functions, cwd),
            changes,
        })
    }

    /// What to execute for `line`; `None`: it needs the shell.
    pub fn direct(&self, line: &[u8]) -> Option<DirectCommand> {
        let argv = words::direct_words(line)?;
        let program = self.resolver.program(argv.get(0)?)?;
        Some(DirectCommand { program, argv })
    }

    /// What the shell would do to the environment of each program.
    pub fn env_changes(&self) -> &EnvChanges {
        &self.changes
    }
}

/// Whether `file` begins as programs do that every kernel executes: an ELF image or a `#!` line.
/// The shell runs other files as scripts of its own.
fn begins_as_program(file: &Path) -> bool {
    let mut head = Vec::new();
    let read = fs::File::open(file).and_then(|file| file.take(4).read_to_end(&mut head));
    read.is_ok() && (head.starts_with(b"\x7fELF") || head.starts_with(b"#!"))
}

#[cfg(test)]
mod tests {
    use std::ffi::{OsStr, OsString};
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::{Shell, ShellBypass, ShellKind, Wishes, calling_programs};

    /// A folder with executables of these names.
    fn bin(names: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for name in names {
            let path = dir.path().join(name);
            fs::write(&path, "#!/bin/sh\n").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        dir
    }

    #[test]
    fn the_shell_is_the_one_that_gnu_parallel_picks() {
        let bin = bin(&["bash", "zsh", "mksh", "fish"]);
        let at = |name: &str| {
            bin.path()
                .join(name)
                .into_os_string()
                .into_string()
                .unwrap()
        };
        for (parallel_shell, callers, shell, want) in [
            (
                Some("mksh"),
                &["bash"][..],
                Some("zsh"),
                Ok("mksh".to_owned()),
            ),
            (Some(""), &["bash"], Some("zsh"), Ok(at("bash"))),
            (None, &["-zsh"], None, Ok(at("zsh"))),
            (None, &["/opt/other/fish"], None, Ok(at("fish"))),
            (
                None,
                &["python3", "timeout", "mksh", "bash"],
                None,
                Ok(at("mksh")),
            ),
            (None, &["busybox", "bash"], None, Ok(at("bash"))),
            (None, &["yash", "bash"], Some("zsh"), Ok("zsh".to_owned())),
            (None, &["systemd"], Some("zsh"), Ok("zsh".to_owned())),
            (None, &["systemd"], Some(""), Ok("/bin/sh".to_owned())),
            (None, &[], None, Ok("/bin/sh".to_owned())),
            (
                Some("/none"),
                &["bash"],
                None,
                Err("'/none' of $PARALLEL_SHELL"),
            ),
            (None, &[], Some("/none"), Err("'/none' of $SHELL")),
            (Some("bash -e"), &[], None, Err("'bash -e'")),
        ] {
            let wishes = Wishes {
                parallel_shell: parallel_shell.map(OsStr::new),
                shell: shell.map(OsStr::new),
                path: Some(bin.path().as_os_str()),
            };
            let callers: Vec<Vec<u8>> = callers.iter().map(|&name| name.into()).collect();
            match (Shell::choose(wishes, callers), want) {
                (Ok(shell), Ok(want)) => assert_eq!(shell.arg0(), OsStr::new(&want)),
                (Err(error), Err(want)) => assert!(error.contains(want), "{error}"),
                (got, want) => panic!("{got:?} instead of {want:?}"),
            }
        }
    }

    #[test]
    fn callers_are_found_in_proc() {
        let callers: Vec<_> = calling_programs().collect();
        assert!(!callers.is_empty());
        assert!(callers.iter().all(|arg0| !arg0.contains(&0)));
    }

    fn shortcut(kind: ShellKind, extra: &[(&str, &str)]) -> Option<ShellBypass> {
        let shell = Shell {
            path: "/bin/sh".into(),
            arg0: "sh".into(),
            kind,
            quoting: crate::template::Quoting::Posix,
        };
        let mut env: Vec<(OsString, OsString)> = vec![("PATH".into(), "/usr/bin:/bin".into())];
        env.extend(
            extra
                .iter()
                .map(|(name, value)| ((*name).into(), (*value).into())),
        );
        ShellBypass::new(&shell, &env, Path::new("/"), false)
    }

    #[test]
    fn plain_programs_need_no_shell() {
        let shortcut = shortcut(ShellKind::Bash, &[("BASH_FUNC_cat%%", "() {  :\n}")]).unwrap();
        let direct = shortcut.direct(b"sleep '1 2' 3").unwrap();
        assert!(direct.program.ends_with("bin/sleep"));
        assert_eq!(
            direct.argv.iter().collect::<Vec<_>>(),
            [&b"sleep"[..], b"1 2", b"3"]
        );
        for line in [
            "echo a",
            "cat x",
            "sleep $x",
            "sleep 1; sleep 2",
            "no-such-program",
            "'' x",
        ] {
            assert_eq!(shortcut.direct(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn shells_with_startup_files_are_never_left_out() {
        assert!(shortcut(ShellKind::Other, &[]).is_none());
        assert!(shortcut(ShellKind::Bash, &[("BASH_ENV", "/x")]).is_none());
        assert!(shortcut(ShellKind::Dash, &[("BASH_ENV", "/x")]).is_some());
    }
}
