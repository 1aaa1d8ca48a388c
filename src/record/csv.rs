//! `--csv`: fields in double quotes, with separators, line ends and doubled quotes in them.
//!
//! Not the `csv` crate: a separator may have several bytes, the end of a record is the run's own
//! delimiter, and quotes that are out of place must be an error, as in GNU parallel.

use memchr::memmem;

use crate::model::ArgList;

/// What one record said.
#[derive(Debug, PartialEq, Eq)]
pub enum Parsed {
    /// All fields were read.
    Whole,
    /// The quoted field that begins here goes on in the next record.
    Unfinished(usize),
    /// Quotes are where they must not be.
    Malformed,
}

/// Appends the fields of `record` that are whole to `into`. A carriage return at the end belongs to the line's end.
pub fn fields(record: &[u8], separator: &[u8], into: &mut ArgList) -> Parsed {
    let mut rest = record;
    loop {
        let after = if let Some(quoted) = rest.strip_prefix(b"\"") {
            let Some((field, after)) = unquote(quoted) else {
                return Parsed::Unfinished(record.len() - rest.len());
            };
            into.push(&field);
            after
        } else {
            let end = memmem::find(rest, separator).unwrap_or(rest.len());
            let (field, after) = rest.split_at(end);
            if memchr::memchr(b'"', field).is_some() {
                return Parsed::Malformed;
            }
            let last = after.is_empty();
            into.push(field.strip_suffix(b"\r").filter(|_| last).unwrap_or(field));
            after
        };
        match after {
            [] | b"\r" => return Parsed::Whole,
            after => match after.strip_prefix(separator) {
                Some(next) => rest = next,
                None => return Parsed::Malformed,
            },
        }
    }
}

/// Whether a quoted field that goes on in `text` does not end in there.
pub fn stays_open(mut text: &[u8]) -> bool {
    while let Some(at) = memchr::memchr(b'"', text) {
        let Some(after) = text[at + 1..].strip_prefix(b"\"") else {
            return false;
        };
        text = after;
    }
    true
}

/// A field up to its closing quote, and what stands behind that.
fn unquote(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut field = Vec::new();
    let mut rest = text;
    loop {
        let at = memchr::memchr(b'"', rest)?;
        field.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
        match rest.strip_prefix(b"\"") {
            Some(after) => {
                field.push(b'"');
                rest = after;
            }
            None => return Some((field, rest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Parsed, fields};
    use crate::model::ArgList;
    use proptest::prelude::*;

    fn parse(record: &[u8], separator: &str) -> (Vec<String>, Parsed) {
        let mut list = ArgList::new();
        let parsed = fields(record, separator.as_bytes(), &mut list);
        let text = |field: &[u8]| field.escape_ascii().to_string();
        (list.iter().map(text).collect(), parsed)
    }

    #[test]
    fn fields_may_be_quoted() {
        for (record, want) in [
            ("", &[""][..]),
            ("a,b", &["a", "b"]),
            (",", &["", ""]),
            ("\"a,b\",c", &["a,b", "c"]),
            ("\"a\"\"b\",\"\"", &["a\\\"b", ""]),
            ("a, b ", &["a", " b "]),
            ("\"a\nb\",c\r", &["a\\nb", "c"]),
            ("a,\"b\"\r", &["a", "b"]),
        ] {
            let (got, parsed) = parse(record.as_bytes(), ",");
            assert_eq!(
                (got, parsed),
                (
                    want.iter().map(ToString::to_string).collect(),
                    Parsed::Whole
                )
            );
        }
        assert_eq!(parse(b"a;;\"b;;c\";;", ";;").0, ["a", "b;;c", ""]);
    }

    #[test]
    fn quotes_out_of_place_are_noticed() {
        for record in ["a\"b,c", " \"x\",y", "\"x\" ,y", "\"a\"b"] {
            assert_eq!(
                parse(record.as_bytes(), ",").1,
                Parsed::Malformed,
                "{record}"
            );
        }
        assert_eq!(parse(b"x,\"y", ",").1, Parsed::Unfinished(2));
        assert_eq!(parse(b"\"y\"\"", ",").1, Parsed::Unfinished(0));
    }

    proptest! {
        #[test]
        fn what_is_quoted_comes_back(row in prop::collection::vec("[a,\"\n\r ]{0,5}", 1..4)) {
            let quoted: Vec<String> =
                row.iter().map(|field| format!("\"{}\"", field.replace('"', "\"\""))).collect();
            let mut list = ArgList::new();
            prop_assert_eq!(fields(quoted.join(",").as_bytes(), b",", &mut list), Parsed::Whole);
            prop_assert_eq!(list, row.iter().collect::<ArgList>());
        }
    }
}
