//! A command that gets a part of a file, as a line that a shell can run without fanout.

use std::os::unix::ffi::OsStrExt as _;

use crate::model::{Body, Stdin};
use crate::template::Quoting;

/// `line` behind what reads its part of the file and nothing else; `None` where `stdin` is no part of a file
/// that has a name.
///
/// A header is what the file begins with.
pub(super) fn with_part(line: &[u8], stdin: &Stdin, quoting: Quoting) -> Option<Vec<u8>> {
    let Body::Part {
        name: Some(name),
        range,
        ..
    } = &stdin.body
    else {
        return None;
    };
    let mut from_file = vec![b'<'];
    let at = from_file.len();
    from_file.extend_from_slice(name.as_os_str().as_bytes());
    quoting.quote_tail(&mut from_file, at);
    let mut out = Vec::with_capacity(line.len() + 2 * from_file.len() + 60);
    let header = stdin.header.len();
    if header > 0 {
        out.push(b'(');
        out.extend_from_slice(&from_file);
        out.extend_from_slice(format!(" head -c {header}; ").as_bytes());
    }
    out.extend_from_slice(&from_file);
    if range.start > 0 {
        out.extend_from_slice(format!(" tail -c +{} |", range.start + 1).as_bytes());
    }
    let len = range.end.saturating_sub(range.start);
    out.extend_from_slice(format!(" head -c {len}").as_bytes());
    if header > 0 {
        out.push(b')');
    }
    out.extend_from_slice(b" |(");
    out.extend_from_slice(line);
    out.push(b')');
    Some(out)
}

/// `line` with what has it read `file`, in front of which it is one command.
pub(super) fn with_stdin(line: &[u8], file: &[u8], quoting: Quoting) -> Vec<u8> {
    let mut out = Vec::with_capacity(line.len() + file.len() + 8);
    if line.iter().any(|byte| b";|&\n".contains(byte)) {
        out.push(b'(');
        out.extend_from_slice(line);
        out.push(b')');
    } else {
        out.extend_from_slice(line);
    }
    out.extend_from_slice(b" < ");
    let at = out.len();
    out.extend_from_slice(file);
    quoting.quote_tail(&mut out, at);
    out
}

#[cfg(test)]
mod tests {
    use super::{with_part, with_stdin};
    use crate::model::{Body, Stdin};
    use crate::template::Quoting;
    use std::fs::File;
    use std::ops::Range;
    use std::path::Path;
    use std::sync::Arc;

    #[test]
    fn the_whole_line_reads_the_file() {
        let shown = |line: &[u8]| with_stdin(line, b"a b", Quoting::Posix);
        assert_eq!(shown(b"wc -l"), b"wc -l < 'a b'");
        assert_eq!(shown(b"cat | wc"), b"(cat | wc) < 'a b'");
    }

    fn shown(header: &[u8], name: Option<&str>, range: Range<u64>) -> Option<String> {
        let stdin = Stdin {
            header: Arc::from(header),
            body: Body::Part {
                file: Arc::new(File::open("/dev/null").unwrap()),
                name: name.map(|name| Arc::from(Path::new(name))),
                range,
            },
            counts: false,
        };
        with_part(b"sort", &stdin, Quoting::Posix).map(|line| String::from_utf8(line).unwrap())
    }

    #[test]
    fn a_part_is_read_from_its_file() {
        for (header, name, range, line) in [
            (&b""[..], "f", 0..9, "<f head -c 9 |(sort)"),
            (b"", "a b", 9..12, "<'a b' tail -c +10 | head -c 3 |(sort)"),
            (
                b"h\n",
                "f",
                2..9,
                "(<f head -c 2; <f tail -c +3 | head -c 7) |(sort)",
            ),
        ] {
            assert_eq!(shown(header, Some(name), range).as_deref(), Some(line));
        }
        assert_eq!(shown(b"", None, 0..9), None);
    }
}
