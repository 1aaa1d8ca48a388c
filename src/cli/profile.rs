//! Options that stand elsewhere than on the command line: configuration files, profiles, `$PARALLEL`.
//!
//! As GNU parallel, in this order, so that the last word is the command line's: the configuration files
//! or, in their stead, the profiles that `--profile` names; `$PARALLEL`; the command line. Each part has
//! options of its own in front, and what is left of all parts together is the command. `--plain` on the
//! command line leaves only the command line; `--profile` and `--plain` mean nothing elsewhere.
//!
//! `$PARALLEL_CSH` belongs to the command line: GNU's `env_parallel.csh` has no other way to hand over words.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use clap::Command;

use super::argv::{self, Argv};
use super::called_as::CalledAs;
use super::error::UsageError;
use super::words;

/// What the places of configuration depend on.
#[derive(Clone, Debug, Default)]
pub struct ConfigSources {
    /// `$PARALLEL`.
    pub parallel: Option<OsString>,
    /// `$PARALLEL_CSH`.
    pub csh: Option<OsString>,
    /// The folders of configuration, the least important one first; the first `system` ones have no
    /// profiles.
    pub folders: Vec<PathBuf>,
    /// How many of the folders belong to the system.
    pub system: usize,
}

impl ConfigSources {
    /// Those of this process.
    pub fn of_process(called_as: CalledAs) -> Self {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let ours = called_as == CalledAs::Fanout;
        let mut folders = vec![PathBuf::from("/etc/parallel")];
        folders.extend(ours.then(|| "/etc/fanout".into()));
        let system = folders.len();
        let home = variable("HOME").map(PathBuf::from);
        let xdg = variable("XDG_CONFIG_HOME").map(PathBuf::from);
        folders.extend(variable("PARALLEL_HOME").map(PathBuf::from));
        if let Some(dirs) = variable("XDG_CONFIG_DIRS") {
            let dirs: Vec<_> = std::env::split_paths(&dirs).collect();
            folders.extend(dirs.iter().rev().map(|dir| dir.join("parallel")));
        }
        folders.extend(xdg.as_ref().map(|xdg| xdg.join("parallel")));
        folders.extend(home.as_ref().map(|home| home.join(".parallel")));
        if ours {
            let own = xdg.or_else(|| home.map(|home| home.join(".config")));
            folders.extend(own.map(|own| own.join("fanout")));
        }
        Self {
            parallel: variable("PARALLEL"),
            csh: variable("PARALLEL_CSH"),
            folders,
            system,
        }
    }

    /// The whole command line: what stands elsewhere put before `args`.
    ///
    /// # Errors
    ///
    /// One line that names the profile that is not there, or the place with an unbalanced quote.
    pub fn complete(
        &self,
        args: Vec<OsString>,
        known: &Command,
    ) -> Result<Vec<OsString>, UsageError> {
        // Thousands of values may stand behind the command; options never do.
        let front = args.iter().take_while(|word| *word != ":::");
        let typed = argv::split(front.cloned().collect(), known);
        if typed.options.iter().any(|option| option == "--plain") {
            return Ok(args);
        }
        let mut parts = self.configured(&typed.options)?;
        if let Some(variable) = &self.csh {
            parts.push(split_variable("PARALLEL_CSH", variable)?);
        }
        if parts.iter().all(Vec::is_empty) {
            return Ok(args);
        }
        let parts = parts
            .into_iter()
            .map(|words| words.into_iter().map(OsString::from_vec).collect());
        join(parts.chain([args]), known)
    }

    /// The words of each place of configuration, when `options` are those of the command line.
    fn configured(&self, options: &[OsString]) -> Result<Vec<Vec<Vec<u8>>>, UsageError> {
        let profiles = options
            .iter()
            .filter_map(|option| option.as_bytes().strip_prefix(b"--profile="));
        let mut parts = Vec::new();
        for name in profiles.clone() {
            parts.push(read(&self.profile(name)?)?);
        }
        if profiles.count() == 0 {
            let files = self.folders.iter().map(|folder| folder.join("config"));
            for file in files.filter(|file| file.is_file()) {
                parts.push(read(&file)?);
            }
        }
        if let Some(variable) = &self.parallel {
            parts.push(split_variable("PARALLEL", variable)?);
        }
        Ok(parts)
    }

    /// The file of the profile called `name`: a path if it begins as one, else in the user's folders.
    fn profile(&self, name: &[u8]) -> Result<PathBuf, UsageError> {
        let path = Path::new(std::ffi::OsStr::from_bytes(name));
        let is_path = [&b"/"[..], b"./", b"../"]
            .iter()
            .any(|start| name.starts_with(start));
        let candidates: Vec<PathBuf> = if is_path {
            vec![path.to_owned()]
        } else {
            let users = self.folders[self.system..].iter().rev();
            users.map(|folder| folder.join(path)).collect()
        };
        let found = candidates
            .iter()
            .find(|file| file.exists() && !file.is_dir());
        found.cloned().ok_or_else(|| {
            let places: Vec<_> = candidates
                .iter()
                .map(|file| file.display().to_string())
                .collect();
            UsageError::Unusable(format!(
                "--profile {} was not found: there is no file {}",
                path.display(),
                places.join(" or ")
            ))
        })
    }
}

/// The words in the value of the variable `name`.
fn split_variable(name: &str, value: &OsString) -> Result<Vec<Vec<u8>>, UsageError> {
    words::split(value.as_bytes())
        .ok_or_else(|| format!("${name} has a quote or a backslash without its counterpart").into())
}

/// The words of a configuration file: each line by itself, but one that ends with a backslash goes on in
/// the next; a line that begins with `#` is a comment.
fn read(file: &Path) -> Result<Vec<Vec<u8>>, UsageError> {
    let cannot = |why| {
        let file = file.display();
        UsageError::Unusable(format!("cannot read the profile {file}: {why}"))
    };
    let text = std::fs::read(file).map_err(|error| cannot(error.to_string()))?;
    let mut words = Vec::new();
    let mut open: Vec<u8> = Vec::new();
    for (index, line) in text.split(|&byte| byte == b'\n').enumerate() {
        if open.is_empty() && line.trim_ascii_start().starts_with(b"#") {
            continue;
        }
        open.extend_from_slice(line);
        // An even number of backslashes is a quoted one.
        let slashes = line.iter().rev().take_while(|&&byte| byte == b'\\').count();
        if slashes % 2 == 1 {
            open.pop();
            continue;
        }
        let unbalanced = || cannot(format!("line {} has an unbalanced quote", index + 1));
        words.extend(words::split(&open).ok_or_else(unbalanced)?);
        open.clear();
    }
    let unbalanced = || cannot("its last line ends with a backslash".to_owned());
    words.extend(words::split(&open).ok_or_else(unbalanced)?);
    Ok(words)
}

/// The options of all `parts`, in order, and then what else each of them has.
fn join(
    parts: impl Iterator<Item = Vec<OsString>>,
    known: &Command,
) -> Result<Vec<OsString>, UsageError> {
    let mut options = Vec::new();
    let mut rest = Vec::new();
    for words in parts {
        let argv = argv::split(words.clone(), known);
        if let Some(option) = argv
            .options
            .last()
            .and_then(|last| without_value(last, known))
        {
            return Err(UsageError::Syntax(format!(
                "Option {option} requires an argument"
            )));
        }
        let left = words_behind_options(&argv);
        let own = words.len() - left.min(words.len());
        rest.extend_from_slice(&words[own..]);
        options.extend(without_end(words[..own].to_vec(), &argv, known));
    }
    options.push("--".into());
    options.extend(rest);
    Ok(options)
}

/// The options `words`, which `argv` has in one form each, without what ends all options: `--`, or the last dash of
/// `-k-`.
fn without_end(mut words: Vec<OsString>, argv: &Argv, known: &Command) -> Vec<OsString> {
    let Some(last) = words.pop() else {
        return words;
    };
    let letters = match last.as_bytes() {
        b"--" => return words,
        [b'-', letters @ .., b'-'] if !letters.is_empty() => letters,
        _ => {
            words.push(last);
            return words;
        }
    };
    let mut shorter = words.clone();
    shorter.push(OsString::from_vec([b"-", letters].concat()));
    if argv::split(shorter.clone(), known).options == argv.options {
        return shorter;
    }
    words.push(last);
    words
}

/// The name of `option`, as [`argv::split`] writes it, if its value is missing: it must not take the next
/// part's first word.
fn without_value<'a>(option: &'a OsString, known: &Command) -> Option<&'a str> {
    let name = option.to_str()?.strip_prefix("--")?;
    let arg = known
        .get_arguments()
        .find(|arg| arg.get_long() == Some(name))?;
    let takes_values = arg.get_action().takes_values();
    let at_least = arg.get_num_args().map_or(1, |range| range.min_values());
    (takes_values && at_least > 0).then_some(name)
}

/// How many of the words that `argv` was made of stand behind its options.
fn words_behind_options(argv: &Argv) -> usize {
    let sources = argv.sources.iter().map(|source| 1 + source.words.len());
    argv.command.len() + sources.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::ConfigSources;
    use crate::cli::flags::Flags;
    use clap::CommandFactory;
    use std::ffi::OsString;
    use std::fs;

    fn complete(around: &ConfigSources, args: &[&str]) -> Result<String, String> {
        let args = args.iter().map(OsString::from).collect();
        let words = around.complete(args, &Flags::command());
        let words = words.map_err(|why| why.to_string())?;
        let words: Vec<_> = words
            .into_iter()
            .map(|word| word.into_string().unwrap())
            .collect();
        Ok(words.join("|"))
    }

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    #[test]
    fn what_ends_the_options_of_one_place_ends_no_others() {
        for typed in ["-k --", "-k-", "-k"] {
            let around = ConfigSources {
                parallel: Some(typed.into()),
                ..ConfigSources::default()
            };
            let words = complete(&around, &["--tag", "x"]).unwrap();
            assert_eq!(words, "-k|--tag|--|x", "{typed}");
        }
    }

    #[test]
    fn the_command_line_has_the_last_word() {
        let system = folder(&[("config", "-j1\n"), ("other", "-t")]);
        let user = folder(&[
            ("config", "# mine\n--tagstring 'a b' nice"),
            ("p", "-j2 \\\n -k\n"),
        ]);
        let around = ConfigSources {
            parallel: Some("-v".into()),
            csh: Some("-k 'a  b'".into()),
            folders: [&system, &user].map(|it| it.path().to_owned()).into(),
            system: 1,
        };
        let typed = ["-j3", "echo", ":::", "a"];
        assert_eq!(
            complete(&around, &typed).unwrap(),
            "-j1|--tagstring|a b|-v|-k|-j3|--|nice|a  b|echo|:::|a"
        );
        assert_eq!(
            complete(&around, &["-Jp", "echo"]).unwrap(),
            "-j2|-k|-v|-k|-Jp|--|a  b|echo"
        );
        assert_eq!(complete(&around, &["--plain", "x"]).unwrap(), "--plain|x");
        let error = complete(&around, &["-J", "other", "echo"]).unwrap_err();
        assert!(error.starts_with("--profile other "), "{error}");
    }

    #[test]
    fn without_anything_elsewhere_nothing_is_touched() {
        let around = ConfigSources::default();
        assert_eq!(complete(&around, &["--", "-weird"]).unwrap(), "--|-weird");
    }

    #[test]
    fn unbalanced_quotes_are_named() {
        let around = ConfigSources {
            parallel: Some("--tag 'x".into()),
            ..ConfigSources::default()
        };
        assert!(complete(&around, &["x"]).unwrap_err().contains("$PARALLEL"));
        let user = folder(&[("p", "-k\n\"x\n")]);
        let around = ConfigSources {
            folders: vec![user.path().to_owned()],
            ..ConfigSources::default()
        };
        let error = complete(&around, &["-Jp", "x"]).unwrap_err();
        assert!(error.contains("line 2"), "{error}");
    }
}
