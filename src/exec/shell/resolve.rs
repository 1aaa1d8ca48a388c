//! From a command's first word to the program file.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use super::begins_as_program;

/// How many words are remembered; a run whose every job is another program must not grow.
const CACHE_LIMIT: usize = 1024;

/// Looks up programs as bash and dash do, and remembers them.
#[derive(Debug)]
pub struct Resolver {
    search: Vec<Vec<u8>>,
    functions: HashSet<Vec<u8>>,
    cwd: PathBuf,
    cache: RwLock<HashMap<Vec<u8>, Option<Arc<Path>>>>,
}

/// What a shell would think of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// It executes it.
    Program,
    /// It looks further.
    Skip,
    /// That depends.
    Unsure,
}

impl Resolver {
    /// A resolver along `path` (`$PATH`) that keeps off the names of `functions`; words with a slash
    /// in them are looked up from `cwd`.
    pub fn new(path: &OsStr, functions: HashSet<Vec<u8>>, cwd: &Path) -> Self {
        Self {
            search: path
                .as_bytes()
                .split(|&byte| byte == b':')
                .map(<[u8]>::to_vec)
                .collect(),
            functions,
            cwd: cwd.to_owned(),
            cache: RwLock::default(),
        }
    }

    /// The program file that the shell would execute for the word: `None` when that is not certain,
    /// or when it would execute none.
    pub fn program(&self, word: &[u8]) -> Option<Arc<Path>> {
        let known = self
            .cache
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(word)
            .cloned();
        if let Some(program) = known {
            return program;
        }
        let program = self.look_up(word);
        let mut cache = self.cache.write().unwrap_or_else(PoisonError::into_inner);
        if cache.len() >= CACHE_LIMIT {
            cache.clear();
        }
        cache.insert(word.to_vec(), program.clone());
        program
    }

    fn look_up(&self, word: &[u8]) -> Option<Arc<Path>> {
        if word.is_empty() || self.functions.contains(word) || is_known_to_shells(word) {
            return None;
        }
        if word.contains(&b'/') {
            let path = Path::new(OsStr::from_bytes(word));
            return (verdict(&self.cwd.join(path)) == Verdict::Program).then(|| path.into());
        }
        for dir in &self.search {
            // An empty or relative entry means another place in every working directory.
            if !dir.starts_with(b"/") {
                return None;
            }
            let slash: &[u8] = if dir.ends_with(b"/") { b"" } else { b"/" };
            let path = [dir, slash, word].concat();
            let path = Path::new(OsStr::from_bytes(&path));
            match verdict(path) {
                Verdict::Program => return Some(path.into()),
                Verdict::Skip => {}
                Verdict::Unsure => return None,
            }
        }
        None
    }
}

fn verdict(path: &Path) -> Verdict {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Verdict::Skip;
        }
        Err(_) => return Verdict::Unsure,
    };
    // Executable for some, but for us? That is for the kernel to say.
    match metadata.permissions().mode() & 0o111 {
        _ if !metadata.is_file() => Verdict::Skip,
        0 => Verdict::Skip,
        0o111 if begins_as_program(path) => Verdict::Program,
        _ => Verdict::Unsure,
    }
}

/// Whether bash or dash has a builtin or a keyword of this name.
fn is_known_to_shells(word: &[u8]) -> bool {
    BUILTINS_AND_KEYWORDS
        .iter()
        .any(|known| known.as_bytes() == word)
}

/// Those of bash 5 and dash; `setvar` and `bind` are in other builds of dash.
const BUILTINS_AND_KEYWORDS: [&str; 86] = [
    "!",
    ".",
    ":",
    "[",
    "[[",
    "]]",
    "{",
    "}",
    "alias",
    "bg",
    "bind",
    "break",
    "builtin",
    "caller",
    "case",
    "cd",
    "chdir",
    "command",
    "compgen",
    "complete",
    "compopt",
    "continue",
    "coproc",
    "declare",
    "dirs",
    "disown",
    "do",
    "done",
    "echo",
    "elif",
    "else",
    "enable",
    "esac",
    "eval",
    "exec",
    "exit",
    "export",
    "false",
    "fc",
    "fg",
    "fi",
    "for",
    "function",
    "getopts",
    "hash",
    "help",
    "history",
    "if",
    "in",
    "jobs",
    "kill",
    "let",
    "local",
    "logout",
    "mapfile",
    "popd",
    "printf",
    "pushd",
    "pwd",
    "read",
    "readarray",
    "readonly",
    "return",
    "select",
    "set",
    "setvar",
    "shift",
    "shopt",
    "source",
    "suspend",
    "test",
    "then",
    "time",
    "times",
    "trap",
    "true",
    "type",
    "typeset",
    "ulimit",
    "umask",
    "unalias",
    "unset",
    "until",
    "wait",
    "while",
    "newgrp",
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::ffi::OsStr;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::{Path, PathBuf};
    use std::process::Command;

    use super::Resolver;

    struct Dirs {
        root: tempfile::TempDir,
    }

    impl Dirs {
        fn file(&self, name: &str, content: &str, mode: u32) -> PathBuf {
            let path = self.root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            path
        }

        fn resolver(&self, path: &str) -> Resolver {
            let path = path.replace('@', self.root.path().to_str().unwrap());
            let functions = HashSet::from([b"myfunction".to_vec()]);
            Resolver::new(OsStr::new(&path), functions, self.root.path())
        }
    }

    fn dirs() -> Dirs {
        Dirs {
            root: tempfile::tempdir().unwrap(),
        }
    }

    #[test]
    fn programs_are_found_along_the_path() {
        let dirs = dirs();
        dirs.file("one/data", "#!/bin/sh\n", 0o644);
        dirs.file("one/dir/x", "", 0o644);
        let program = dirs.file("two/data", "#!/bin/sh\n", 0o755);
        let dir = dirs.file("two/dir", "#!/bin/sh\n", 0o755);
        let resolver = dirs.resolver("/nonexistent:@/one:@/two");
        assert_eq!(
            resolver.program(b"data").as_deref(),
            Some(&*program),
            "not executable"
        );
        assert_eq!(
            resolver.program(b"dir").as_deref(),
            Some(&*dir),
            "a directory"
        );
        assert_eq!(
            resolver.program(b"data").as_deref(),
            Some(&*program),
            "remembered"
        );
        assert_eq!(resolver.program(b"absent"), None);
        let slash = dirs.resolver("@/two/").program(b"data");
        assert_eq!(slash.as_deref(), Some(&*program));
    }

    #[test]
    fn words_with_a_slash_are_taken_as_they_are() {
        let dirs = dirs();
        let program = dirs.file("one/run me", "#!/bin/sh\n", 0o755);
        let resolver = dirs.resolver("");
        assert_eq!(
            resolver.program(b"one/run me").as_deref(),
            Some(Path::new("one/run me"))
        );
        assert_eq!(
            resolver
                .program(program.to_str().unwrap().as_bytes())
                .as_deref(),
            Some(&*program)
        );
        assert_eq!(resolver.program(b"one/"), None);
        assert_eq!(resolver.program(b"./absent"), None);
    }

    #[test]
    fn what_is_not_certain_is_left_to_the_shell() {
        let dirs = dirs();
        for name in ["echo", "if", "[", "myfunction", "time"] {
            dirs.file(&format!("bin/{name}"), "#!/bin/sh\n", 0o755);
        }
        dirs.file("bin/script", "echo no interpreter line\n", 0o755);
        dirs.file("bin/empty", "", 0o755);
        dirs.file("bin/private", "#!/bin/sh\n", 0o700);
        dirs.file("later/private", "#!/bin/sh\n", 0o755);
        dirs.file("bin/fine", "#!/bin/sh\n", 0o755);
        let resolver = dirs.resolver("@/bin:@/later");
        assert!(resolver.program(b"fine").is_some());
        for word in [
            "echo",
            "if",
            "[",
            "myfunction",
            "time",
            "script",
            "empty",
            "private",
            "",
        ] {
            assert_eq!(resolver.program(word.as_bytes()), None, "{word}");
        }
        for path in ["", ".:@/bin", ":@/bin", "bin", "~/bin:@/bin"] {
            assert_eq!(dirs.resolver(path).program(b"fine"), None, "PATH={path}");
        }
    }

    #[test]
    fn all_builtins_and_keywords_of_the_installed_bash_are_known() {
        let listing = Command::new("bash")
            .args(["--norc", "-c", "compgen -b; compgen -k"])
            .output();
        let Ok(listing) = listing else {
            return eprintln!("skipped: bash is not installed");
        };
        for name in listing
            .stdout
            .split(|&byte| byte == b'\n')
            .filter(|name| !name.is_empty())
        {
            assert!(
                super::is_known_to_shells(name),
                "{}",
                String::from_utf8_lossy(name)
            );
        }
    }
}
