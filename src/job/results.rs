//! `--results`: where a job's output files are.
//!
//! What comes from an input names something below the place that was asked for, and nothing else: as components of a
//! path, `.`, `..` and the empty value are written as names that no other value is written as.

use std::ops::Range;

use crate::model::ArgList;
use crate::template::{Style, Template, Values};

/// How the place of a job's output files is made from the job.
#[derive(Clone, Debug, PartialEq)]
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
    for (place, arg) in in_order(names, sources, args) {
        path.push(b'/');
        match names.get(place).filter(|name| !name.is_empty()) {
            // As GNU parallel: a name may have slashes.
            Some(name) => {
                let parts = name.split(|&byte| byte == b'/');
                let parts: Vec<_> = parts.map(|part| instead_of(part).unwrap_or(part)).collect();
                path.extend(parts.join(&b'/'));
            }
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

/// The arguments, each with its place in its record. As GNU parallel: those that have names go by these, the names
/// that are numbers behind the others.
fn in_order<'a>(
    names: &[Vec<u8>],
    sources: usize,
    args: &'a ArgList,
) -> impl Iterator<Item = (usize, &'a [u8])> {
    let width = if sources > 0 {
        sources
    } else {
        args.len().max(1)
    };
    let mut order: Vec<usize> = (0..width).collect();
    if names.iter().any(|name| !name.is_empty()) {
        let key = |place: &usize| match names.get(*place).filter(|name| !name.is_empty()) {
            Some(name) => (leading_number(name), name.clone()),
            None => (place + 1, (place + 1).to_string().into_bytes()),
        };
        order.sort_by_cached_key(key);
    }
    (0..args.len().div_ceil(width)).flat_map(move |record| {
        let places = order.clone().into_iter();
        places.filter_map(move |place| Some((place, args.get(record * width + place)?)))
    })
}

/// The number that `name` begins with, as Perl reads one.
fn leading_number(name: &[u8]) -> usize {
    let digits = name.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let digits = std::str::from_utf8(&name[..digits]).unwrap_or_default();
    digits.parse().unwrap_or(0)
}

/// Appends `value` as the name of a file. As GNU parallel 20260522: `/` is `+z` and `+` is `++`, and the end of a
/// name that is too long is cut off.
fn push_name(path: &mut Vec<u8>, value: &[u8]) {
    if let Some(name) = instead_of(value) {
        return path.extend(name);
    }
    let start = path.len();
    for &byte in value {
        match byte {
            b'+' => path.extend(b"++"),
            b'\t' => path.extend(b"+t"),
            b'/' => path.extend(b"+z"),
            0 => path.extend(b"+0"),
            _ => path.push(byte),
        }
    }
    path.truncate(start + LONGEST_NAME);
}

/// The name for a value that has a meaning of its own as a component of a path; no other value has such a name.
fn instead_of(value: &[u8]) -> Option<&'static [u8]> {
    match value {
        b"" => Some(b"+e"),
        b"." => Some(b"+."),
        b".." => Some(b"+.."),
        _ => None,
    }
}

/// The path that `template` becomes with `values`.
///
/// Slashes in a value are those of the path. A value that begins the template is a path that was asked for as a whole,
/// so that one may lead upwards.
pub(super) fn path(template: &Template, values: Values<'_>, style: Style) -> Vec<u8> {
    let (mut rendered, mut replaced) = (Vec::new(), Vec::new());
    template.render_noting(values, style, &mut rendered, Some(&mut replaced));
    let is_own_value = |part: &[u8]| values.args.iter().any(|arg| arg == part);
    let leading = replaced.first().filter(|value| value.start == 0);
    let mut path = Vec::with_capacity(rendered.len());
    let mut start = 0;
    for part in rendered.split(|&byte| byte == b'/') {
        let range = start..start + part.len();
        let is_last = range.end == rendered.len();
        start = range.end + 1;
        let is_value = replaced.contains(&range);
        let changes = match part {
            // What an input becomes may be nothing, as in `r/{//}/{/}`.
            b"" | b"." => is_value && (is_last || is_own_value(part)),
            b".." if is_value && leading == Some(&range) => is_last || is_own_value(part),
            b".." => {
                let leads = leading.is_some_and(|value| range.end < value.end);
                is_value || (overlaps(&replaced, &range) && !leads)
            }
            _ => false,
        };
        path.extend(instead_of(part).filter(|_| changes).unwrap_or(part));
        path.extend((!is_last).then_some(b'/'));
    }
    path
}

/// Whether any byte of `part` comes from a value.
fn overlaps(replaced: &[Range<usize>], part: &Range<usize>) -> bool {
    let overlap = |value: &Range<usize>| value.start < part.end && part.start < value.end;
    replaced.iter().any(overlap)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Syntax;

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
        assert_eq!(dir(&[], 1, &["c/d\\\t+"]), r"out/1/c+zd\+t++/");
        assert_eq!(
            dir(&[], 1, &["", ".", "..", "..."]),
            "out/1/+e/1/+./1/+../1/.../"
        );
        assert_eq!(dir(&[b"../a//b/."], 1, &["x"]), "out/+../a/+e/b/+./x/");
        assert_eq!(dir(&[], 1, &[&"x".repeat(300)]).len(), 6 + 255 + 1);
    }

    #[test]
    fn values_in_a_template_stay_below_it() {
        let path = |text: &str, args: &[&str]| {
            let args = args.iter().copied().collect();
            let values = Values {
                args: &args,
                seq: 1,
                slot: 1,
                total: 1,
                slots: 1,
                evaluated: &[],
            };
            let template = Template::text(text.as_bytes(), &Syntax::default());
            String::from_utf8(path(&template, values, Style::default())).unwrap()
        };
        for (template, args, expected) in [
            ("r/{}", &["../x"][..], "r/+../x"),
            ("r/{}", &["a/../../x"], "r/a/+../+../x"),
            ("r/{}", &["."], "r/+."),
            ("r/{}", &[".."], "r/+.."),
            ("r/{}", &[""], "r/+e"),
            ("r/{}/", &[""], "r/+e/"),
            ("{}/", &[""], "+e/"),
            ("r/{1}/{2}", &[".", "a"], "r/+./a"),
            ("r/{1}/{2}", &["", "a"], "r/+e/a"),
            ("r/{1}{2}/x", &[".", "."], "r/+../x"),
            ("r/.{}/x", &["."], "r/+../x"),
            ("../r/{}", &["a"], "../r/a"),
            ("./r//{}", &["./a/b/"], "./r//./a/b/"),
            ("r/{//}/{/}", &["a"], "r/./a"),
            ("r/{}.log", &[".."], "r/...log"),
            ("r/{}.log", &["../x"], "r/+../x.log"),
            // Beside the inputs.
            ("{}.log", &["../../x"], "../../x.log"),
            ("{//}/{/.}.log", &["../x.gz"], "../x.log"),
            ("{}/{}", &[".."], "+../+.."),
            ("{}.log", &["/a/../x"], "/a/../x.log"),
            ("{}", &[".."], "+.."),
        ] {
            assert_eq!(path(template, args), expected, "{template} {args:?}");
        }
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
