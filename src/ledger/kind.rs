//! What a file is the record of, told by its first line.

use super::joblog::{HEADER, Logged};

/// A kind of record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A joblog, by GNU parallel or fanout.
    Joblog,
    /// A JSON stream of fanout's.
    Json,
    /// A table of results, as `--results x.csv` and its kin write it.
    Rows,
}

/// What every line of a JSON stream begins with.
const JSON: &[u8] = b"{\"v\":";

/// What every table of results begins with: a header, or an object.
const ROWS: [&[u8]; 2] = [SEQ, b"{ \"Seq\": "];

/// The first column of every joblog; the names of later ones have changed.
const SEQ: &[u8] = b"Seq";

/// Whether a record of this `kind` may begin with the line `first`. Where that has no end, a crash may have torn it
/// anywhere.
pub fn begins_as(kind: Kind, first: &[u8]) -> bool {
    match (kind, first.strip_suffix(b"\n")) {
        (Kind::Joblog, Some(line)) => {
            let first = line.split(|byte| *byte == b'\t').next();
            first == Some(SEQ) || Logged::parse(line).is_some()
        }
        (Kind::Joblog, None) => {
            let mut fields = first.split(|byte| *byte == b'\t');
            let number = fields.next().unwrap_or_default();
            let is_number = !number.is_empty() && number.iter().all(u8::is_ascii_digit);
            HEADER.starts_with(first) || (is_number && fields.next().is_some())
        }
        (Kind::Json, Some(line)) => line.starts_with(JSON),
        (Kind::Json, None) => first.starts_with(JSON) || JSON.starts_with(first),
        (Kind::Rows, _) => ROWS
            .iter()
            .any(|begin| first.starts_with(begin) || begin.starts_with(first)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_known_by_their_first_line() {
        let joblog = |line: &str| begins_as(Kind::Joblog, line.as_bytes());
        assert!(begins_as(Kind::Joblog, HEADER));
        for record in [
            "Seq\tHost\tStarttime\tRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n",
            "7\t:\t1.500\t     0.001\t0\t0\t0\t0\techo 1\n",
            "Seq\tHo",
            "12\t:\t1.5",
            "",
        ] {
            assert!(joblog(record), "{record}");
        }
        for other in [
            "root:x:0:0:root:/root:/bin/bash\n",
            "root:x:0:0",
            "\n",
            "12\n",
            "12",
            "1\ttwo\n",
            "{\"v\":1}\n",
        ] {
            assert!(!joblog(other), "{other}");
        }
        let json = |line: &str| begins_as(Kind::Json, line.as_bytes());
        for record in ["{\"v\":1,\"type\":\"run.start\"}\n", "{\"v\":1,\"ty", "{\""] {
            assert!(json(record), "{record}");
        }
        for other in ["{\"a\":1}\n", "[\n", "root:x\n", "{\n", "x", "\n"] {
            assert!(!json(other), "{other}");
        }
    }
}
