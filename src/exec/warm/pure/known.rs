//! What is known of builtins and variables of shells.

use crate::exec::shell::environ;

/// The builtins that a pure line may call.
pub(super) const BUILTINS: [&[u8]; 9] = [
    b"echo", b"printf", b":", b"true", b"false", b"test", b"[", b"local", b"return",
];

/// Variables that shells change by themselves, or that change how they work.
const CHANGING: [&[u8]; 13] = [
    b"_",
    b"COLUMNS",
    b"COPROC",
    b"FANOUT_JOB",
    b"IFS",
    b"LINENO",
    b"LINES",
    b"MAPFILE",
    b"OPTARG",
    b"OPTIND",
    b"PATH",
    b"PPID",
    b"REPLY",
];

/// Whether a variable can be called `name`.
pub(super) fn is_identifier(name: &[u8]) -> bool {
    !name.first().is_none_or(u8::is_ascii_digit)
        && name
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

/// Whether the variable `name` may have another value in each job.
pub(super) fn is_changing(name: &[u8]) -> bool {
    CHANGING.contains(&name) || environ::is_special_to_bash(name)
}

/// Whether a format of `printf` has only conversions and escapes that all shells have, and no width that
/// makes its output much longer than its arguments.
pub(super) fn is_bounded_format(format: &[u8]) -> bool {
    let mut rest = format;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'\\' {
            let Some((b'n' | b't' | b'\\' | b'r', after)) = rest.split_first() else {
                return false;
            };
            rest = after;
        }
        if byte == b'%' {
            let digits = rest
                .iter()
                .take_while(|byte| byte.is_ascii_digit() || b".-+ ".contains(byte))
                .count();
            let kind = rest.get(digits);
            if digits > 4 || !kind.is_some_and(|kind| b"diouxXcsfeEgG%".contains(kind)) {
                return false;
            }
            let longest = rest[..digits]
                .split(|byte| !byte.is_ascii_digit())
                .map(<[u8]>::len)
                .max();
            if longest > Some(2) {
                return false;
            }
            rest = &rest[digits + 1..];
        }
    }
    true
}
