//! `--results`: where a job's output files are.

use crate::model::ArgList;
use crate::template::Template;

/// How the place of a job's output files is made from the job.
#[derive(Clone, Debug)]
pub enum Results {
    /// What the template becomes.
    Template(Template),
    /// A directory below `root` for each argument: its name and its value.
    Tree {
        /// The directory of the run.
        root: Vec<u8>,
        /// The names of arguments, as far as a header gave any; the others have numbers.
        names: Vec<Vec<u8>>,
        /// After so many arguments names and numbers begin again; 0: they do not.
        sources: usize,
        /// What else there is to know of the arguments.
        naming: Naming,
    },
}

/// What directories are named after, one for each argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// The arguments.
    Arguments,
    /// Arguments that stand for nothing: `-N0`.
    NoArguments,
    /// The arguments of pieces of one input, as far as they have any.
    Pieces,
}

/// The most bytes that a file's name has on Linux.
const LONGEST_NAME: usize = 255;

/// Stands for an argument that is none, as with GNU parallel.
const NO_ARGUMENT: &[u8] = br"\0noarg";

/// The directory for a job with `args` below `root`.
pub(super) fn directory(
    root: &[u8],
    names: &[Vec<u8>],
    sources: usize,
    naming: Naming,
    args: &ArgList,
) -> Vec<u8> {
    let mut path = root.to_vec();
    if naming == Naming::Pieces && args.iter().all(<[u8]>::is_empty) {
        path.push(b'/');
        return path;
    }
    if args.is_empty() {
        path.extend([b"/1/", NO_ARGUMENT, b"/"].concat());
        return path;
    }
    for (place, arg) in args.iter().enumerate() {
        let place = if sources > 0 { place % sources } else { place };
        path.push(b'/');
        match names.get(place).filter(|name| !name.is_empty()) {
            // As GNU parallel: a name may have slashes.
            Some(name) => path.extend(name),
            None => path.extend((place + 1).to_string().bytes()),
        }
        path.push(b'/');
        match naming {
            Naming::NoArguments => path.extend(NO_ARGUMENT),
            Naming::Arguments | Naming::Pieces => push_name(&mut path, arg),
        }
    }
    path.push(b'/');
    path
}

/// Appends `value` as the name of a file. As GNU parallel: what cannot be in a name or would make it hard
/// to read is escaped, and the end of a name that is too long is cut off.
fn push_name(path: &mut Vec<u8>, value: &[u8]) {
    let start = path.len();
    for &byte in value {
        match byte {
            b'\\' => path.extend(br"\\"),
            b'\t' => path.extend(br"\t"),
            b'/' => path.extend(br"\_"),
            0 => path.extend(br"\0"),
            _ => path.push(byte),
        }
    }
    path.truncate(start + LONGEST_NAME);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_become_directories() {
        let dir = |names: &[&[u8]], sources, args: &[&str]| {
            let names: Vec<_> = names.iter().map(|name| name.to_vec()).collect();
            let args = args.iter().copied().collect();
            let path = directory(b"out", &names, sources, Naming::Arguments, &args);
            String::from_utf8(path).unwrap()
        };
        assert_eq!(dir(&[], 2, &["a", "b"]), "out/1/a/2/b/");
        assert_eq!(dir(&[], 1, &["a", "b"]), "out/1/a/1/b/");
        assert_eq!(dir(&[], 0, &["a", "b"]), "out/1/a/2/b/");
        assert_eq!(dir(&[b"x"], 2, &["a", "b"]), "out/x/a/2/b/");
        assert_eq!(dir(&[], 1, &["c/d\\\t"]), r"out/1/c\_d\\\t/");
        assert_eq!(dir(&[], 1, &[&"x".repeat(300)]).len(), 6 + 255 + 1);
    }

    #[test]
    fn what_is_no_argument_has_a_name_too() {
        let dir = |naming, args: &[&str]| {
            let args = args.iter().copied().collect();
            String::from_utf8(directory(b"out", &[], 2, naming, &args)).unwrap()
        };
        assert_eq!(dir(Naming::Arguments, &[]), r"out/1/\0noarg/");
        assert_eq!(
            dir(Naming::NoArguments, &["", ""]),
            r"out/1/\0noarg/2/\0noarg/"
        );
        assert_eq!(dir(Naming::Pieces, &[""]), "out/");
        assert_eq!(dir(Naming::Pieces, &["a"]), "out/1/a/");
    }
}
