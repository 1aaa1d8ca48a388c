//! The key of a piece of work: equal for equal work, whatever its place in the input.

use xxhash_rust::xxh3::xxh3_128;

/// What standard input is to jobs that are given none.
pub const NO_STDIN: &[u8] = b"/dev/null";

/// The hash of a command line, the directory it runs in, and what its standard input is. `scratch` is a
/// buffer to work in.
pub fn key(line: &[u8], cwd: &[u8], stdin: &[u8], scratch: &mut Vec<u8>) -> u128 {
    scratch.clear();
    // None of the three can contain a NUL.
    for part in [line, cwd, stdin] {
        scratch.extend_from_slice(part);
        scratch.push(0);
    }
    xxh3_128(scratch)
}
