//! What the replacement strings do to an argument.
//!
//! The odd cases are GNU parallel's. A newline ends what counts as a path for `{/}`: of the first
//! line with a slash, everything up to its last slash goes, and all else stays. An extension is what
//! follows the last dot, if no slash does.

use std::borrow::Cow;

use memchr::{memchr, memrchr, memrchr2};

/// Makes the replacement out of an argument.
pub type Transform = fn(&[u8]) -> Cow<'_, [u8]>;

/// `{}`: the argument itself.
pub fn whole(arg: &[u8]) -> Cow<'_, [u8]> {
    Cow::Borrowed(arg)
}

/// `{.}`: without its extension.
pub fn no_extension(arg: &[u8]) -> Cow<'_, [u8]> {
    Cow::Borrowed(&arg[..extension_start(arg)])
}

/// `{/}`: without its directory.
pub fn basename(arg: &[u8]) -> Cow<'_, [u8]> {
    let Some(first_slash) = memchr(b'/', arg) else {
        return Cow::Borrowed(arg);
    };
    let line_start = memrchr(b'\n', &arg[..first_slash]).map_or(0, |newline| newline + 1);
    let line_end = memchr(b'\n', &arg[first_slash..]).map_or(arg.len(), |len| first_slash + len);
    let last_slash = memrchr(b'/', &arg[..line_end]).unwrap_or(first_slash);
    let name = &arg[last_slash + 1..];
    if line_start == 0 {
        return Cow::Borrowed(name);
    }
    Cow::Owned([&arg[..line_start], name].concat())
}

/// `{//}`: only its directory, `.` if it has none.
pub fn dirname(arg: &[u8]) -> Cow<'_, [u8]> {
    let Some(last_slash) = memrchr(b'/', arg) else {
        return Cow::Borrowed(b".");
    };
    let mut dir = &arg[..=last_slash];
    if last_slash + 1 == arg.len() {
        // Nothing follows the slash: the directory is where that which is before it lies, unless
        // that is a name without a directory (`a/` lies in `.`) or nothing at all (`/`).
        let name = without_trailing_slashes(arg);
        match memrchr(b'/', name) {
            Some(_) if name.len() == 1 => return Cow::Borrowed(name),
            Some(slash) => dir = &arg[..=slash],
            None => return Cow::Borrowed(b"."),
        }
    }
    Cow::Borrowed(without_trailing_slashes(dir))
}

/// `{/.}`: without its directory and its extension.
pub fn basename_no_extension(arg: &[u8]) -> Cow<'_, [u8]> {
    match basename(arg) {
        Cow::Borrowed(name) => no_extension(name),
        Cow::Owned(mut name) => {
            name.truncate(extension_start(&name));
            Cow::Owned(name)
        }
    }
}

/// `{..}`: without two extensions; as it is if it has not so many.
pub fn no_two_extensions(arg: &[u8]) -> Cow<'_, [u8]> {
    Cow::Borrowed(&arg[..extensions_start(arg, 2).unwrap_or(arg.len())])
}

/// `{...}`: without three extensions.
pub fn no_three_extensions(arg: &[u8]) -> Cow<'_, [u8]> {
    Cow::Borrowed(&arg[..extensions_start(arg, 3).unwrap_or(arg.len())])
}

/// `{/..}`: without its directory and two extensions.
pub fn basename_no_two_extensions(arg: &[u8]) -> Cow<'_, [u8]> {
    basename_without(arg, 2)
}

/// `{/...}`: without its directory and three extensions.
pub fn basename_no_three_extensions(arg: &[u8]) -> Cow<'_, [u8]> {
    basename_without(arg, 3)
}

/// `{+/}`: what is before the last slash; nothing if there is none.
pub fn path(arg: &[u8]) -> Cow<'_, [u8]> {
    Cow::Borrowed(&arg[..memrchr(b'/', arg).unwrap_or(0)])
}

/// `{+.}`: what follows the last dot; nothing if there is none.
pub fn extension(arg: &[u8]) -> Cow<'_, [u8]> {
    Cow::Borrowed(&arg[memrchr(b'.', arg).map_or(arg.len(), |dot| dot + 1)..])
}

/// `{+..}`: its last two extensions.
pub fn two_extensions(arg: &[u8]) -> Cow<'_, [u8]> {
    Cow::Borrowed(&arg[extensions_start(arg, 2).map_or(arg.len(), |dot| dot + 1)..])
}

/// `{+...}`: its last three extensions.
pub fn three_extensions(arg: &[u8]) -> Cow<'_, [u8]> {
    Cow::Borrowed(&arg[extensions_start(arg, 3).map_or(arg.len(), |dot| dot + 1)..])
}

fn basename_without(arg: &[u8], extensions: usize) -> Cow<'_, [u8]> {
    let end = |name: &[u8]| extensions_start(name, extensions).unwrap_or(name.len());
    match basename(arg) {
        Cow::Borrowed(name) => Cow::Borrowed(&name[..end(name)]),
        Cow::Owned(mut name) => {
            name.truncate(end(&name));
            Cow::Owned(name)
        }
    }
}

/// Where the last `count` extensions begin, dot included, if the base name has so many.
fn extensions_start(arg: &[u8], count: usize) -> Option<usize> {
    let name_start = memrchr(b'/', arg).map_or(0, |slash| slash + 1);
    let mut end = arg.len();
    for _ in 0..count {
        end = name_start + memrchr(b'.', &arg[name_start..end])?;
    }
    Some(end)
}

/// Where the extension begins, dot included; the end if there is none.
fn extension_start(arg: &[u8]) -> usize {
    match memrchr2(b'.', b'/', arg) {
        Some(at) if arg[at] == b'.' => at,
        _ => arg.len(),
    }
}

/// `path` without the slashes at its end; of slashes alone, one stays.
fn without_trailing_slashes(path: &[u8]) -> &[u8] {
    let kept = path.iter().rposition(|&byte| byte != b'/').unwrap_or(0);
    &path[..path.len().min(kept + 1)]
}

#[cfg(test)]
mod tests {
    use super::{
        basename, basename_no_extension, basename_no_two_extensions, dirname, extension,
        no_extension, no_three_extensions, no_two_extensions, path, three_extensions,
        two_extensions,
    };

    /// An argument, and what GNU parallel gives for `{.}`, `{/}`, `{//}`, `{/.}`.
    const FROM_GNU: [[&str; 5]; 42] = [
        ["a.b/c", "a.b/c", "c", "a.b", "c"],
        [".bashrc", "", ".bashrc", ".", ""],
        ["a.tar.gz", "a.tar", "a.tar.gz", ".", "a.tar"],
        ["dir.d/", "dir.d/", "", ".", ""],
        ["/", "/", "", "/", ""],
        ["a", "a", "a", ".", "a"],
        ["/a", "/a", "a", "/", "a"],
        ["a/b/", "a/b/", "", "a", ""],
        ["a/", "a/", "", ".", ""],
        ["", "", "", ".", ""],
        [".", "", ".", ".", ""],
        ["..", ".", "..", ".", "."],
        ["./", "./", "", ".", ""],
        ["../", "../", "", ".", ""],
        ["//", "//", "", "/", ""],
        ["a//b", "a//b", "b", "a", "b"],
        ["a//", "a//", "", ".", ""],
        ["//a", "//a", "a", "/", "a"],
        ["a.", "a", "a.", ".", "a"],
        [".a.", ".a", ".a.", ".", ".a"],
        ["a/.b", "a/", ".b", "a", ""],
        ["a/.b.c", "a/.b", ".b.c", "a", ".b"],
        ["a.b.", "a.b", "a.b.", ".", "a.b"],
        ["a..b", "a.", "a..b", ".", "a."],
        ["a b.c d", "a b", "a b.c d", ".", "a b"],
        ["/.x", "/", ".x", "/", ""],
        ["x/.", "x/", ".", "x", ""],
        ["x/..", "x/.", "..", "x", "."],
        ["a.b/", "a.b/", "", ".", ""],
        ["a.b/.c", "a.b/", ".c", "a.b", ""],
        ["a\n.b", "a\n", "a\n.b", ".", "a\n"],
        ["a.b\n", "a", "a.b\n", ".", "a"],
        ["a/b\n", "a/b\n", "b\n", "a", "b\n"],
        ["a\nb/c.d", "a\nb/c", "a\nc.d", "a\nb", "a\nc"],
        ["a\n/b", "a\n/b", "a\nb", "a\n", "a\nb"],
        ["x.y\nz.w", "x.y\nz", "x.y\nz.w", ".", "x.y\nz"],
        ["a.b\n/c", "a.b\n/c", "a.b\nc", "a.b\n", "a"],
        ["d/a.b\n", "d/a", "a.b\n", "d", "a"],
        ["...", "..", "...", ".", ".."],
        ["..x", ".", "..x", ".", "."],
        ["a/b/c/", "a/b/c/", "", "a/b", ""],
        ["a/b//", "a/b//", "", "a", ""],
    ];

    #[test]
    fn odd_arguments_give_what_gnu_parallel_gives() {
        for [arg, no_ext, base, dir, base_no_ext] in FROM_GNU {
            assert_eq!(
                *no_extension(arg.as_bytes()),
                *no_ext.as_bytes(),
                "{{.}} of {arg:?}"
            );
            assert_eq!(
                *basename(arg.as_bytes()),
                *base.as_bytes(),
                "{{/}} of {arg:?}"
            );
            assert_eq!(
                *dirname(arg.as_bytes()),
                *dir.as_bytes(),
                "{{//}} of {arg:?}"
            );
            let got = basename_no_extension(arg.as_bytes());
            assert_eq!(*got, *base_no_ext.as_bytes(), "{{/.}} of {arg:?}");
        }
    }

    /// An argument, and what GNU parallel gives for `{+/}`, `{+.}`, `{+..}`, `{+...}`, `{..}`, `{...}`
    /// and `{/..}`.
    const PLUS_FROM_GNU: [[&str; 8]; 12] = [
        ["a", "", "", "", "", "a", "a", "a"],
        ["a.b", "", "b", "", "", "a.b", "a.b", "a.b"],
        ["a.b.c", "", "c", "b.c", "", "a", "a.b.c", "a"],
        [
            "a.b.c.d.e",
            "",
            "e",
            "d.e",
            "c.d.e",
            "a.b.c",
            "a.b",
            "a.b.c",
        ],
        ["d.e/a", "d.e", "e/a", "", "", "d.e/a", "d.e/a", "a"],
        [
            "d/a.b.c/x",
            "d/a.b.c",
            "c/x",
            "",
            "",
            "d/a.b.c/x",
            "d/a.b.c/x",
            "x",
        ],
        [".b", "", "b", "", "", ".b", ".b", ".b"],
        ["a..", "", "", ".", "", "a", "a..", "a"],
        ["a..b", "", "b", ".b", "", "a", "a..b", "a"],
        ["x/.b.c", "x", "c", "b.c", "", "x/", "x/.b.c", ""],
        ["a/b/", "a/b", "", "", "", "a/b/", "a/b/", ""],
        ["", "", "", "", "", "", "", ""],
    ];

    #[test]
    fn so_do_those_of_plus() {
        for [arg, want @ ..] in PLUS_FROM_GNU {
            let got = [
                path,
                extension,
                two_extensions,
                three_extensions,
                no_two_extensions,
                no_three_extensions,
                basename_no_two_extensions,
            ]
            .map(|transform| transform(arg.as_bytes()).into_owned());
            assert_eq!(got, want.map(|want| want.as_bytes().to_vec()), "{arg:?}");
        }
    }
}
