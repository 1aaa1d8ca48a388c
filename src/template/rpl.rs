//! Replacement strings that the user defined with groups in them: `--rpl '{%(.*?)} s/$$1$//'`.

use regex::bytes::{Regex, RegexBuilder};

use super::format::{self, Format};
use super::syntax::{Found, What};

/// A replacement string with groups.
#[derive(Clone, Debug)]
pub(super) struct Rpl {
    /// Matches it at the beginning of a text; its first group is the position, if it has one.
    regex: Regex,
    has_position: bool,
    code: Vec<u8>,
    formats: Vec<Format>,
}

impl PartialEq for Rpl {
    fn eq(&self, other: &Self) -> bool {
        let parts = |it: &Self| (it.has_position, it.code.clone(), it.formats.clone());
        self.regex.as_str() == other.regex.as_str() && parts(self) == parts(other)
    }
}

impl Rpl {
    /// The replacement string `tag` for `code`, if there are groups in it. In a group there is a regular
    /// expression; all else is taken as it is.
    pub(super) fn with_groups(tag: &[u8], code: &[u8]) -> Result<Option<Self>, String> {
        let shown = String::from_utf8_lossy(tag);
        let mut pattern = String::from("^");
        let mut rest: &str = &shown;
        let has_position = rest.starts_with('{');
        if has_position {
            rest = &rest[1..];
            pattern += r"\{(?:(-?\d+)\s*)?";
        }
        let mut groups = 0;
        while let Some((group, before, after)) = next_group(rest) {
            pattern += &regex::escape(before);
            pattern += group;
            rest = after;
            groups += 1;
        }
        if groups == 0 {
            return Ok(None);
        }
        pattern += &regex::escape(rest);
        let regex = RegexBuilder::new(&pattern)
            .unicode(false)
            .build()
            .map_err(|_| format!("cannot use '{shown}': its groups must be regular expressions"))?;
        if regex.is_match(b"") {
            return Err(format!(
                "cannot use '{shown}': it matches the empty string, which is everywhere"
            ));
        }
        let (code, formats) = format::split(code);
        Ok(Some(Self {
            regex,
            has_position,
            code: code.to_vec(),
            formats,
        }))
    }

    /// It, at the beginning of `text`.
    pub(super) fn find(&self, text: &[u8]) -> Option<Found> {
        let captures = self.regex.captures(text)?;
        // An empty match, as that of an assertion, would be found at the same place without an end.
        let len = captures.get(0)?.len();
        if len == 0 {
            return None;
        }
        let first = if self.has_position { 2 } else { 1 };
        let group = |group: Option<regex::bytes::Match<'_>>| {
            group.map_or_else(Vec::new, |group| group.as_bytes().to_vec())
        };
        let params = captures.iter().skip(first).map(group).collect();
        let position = captures.get(1).filter(|_| self.has_position);
        Some(Found {
            what: What::expression(&self.code, params, &text[..len]),
            formats: self.formats.clone(),
            position: position.map(|position| position.as_bytes().to_vec()),
            len,
        })
    }
}

/// The first `(…)` in `text`, what is before it and what follows it.
fn next_group(text: &str) -> Option<(&str, &str, &str)> {
    let start = text.find('(')?;
    let mut depth = 0;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(start) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some((&text[start..=at], &text[..start], &text[at + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Rpl, What};

    #[test]
    fn groups_become_parameters() {
        let rpl = Rpl::with_groups(b"{/(.+?)/(.*?)}", b" s/$$1/$$2/")
            .unwrap()
            .unwrap();
        let found = rpl.find(b"{-2/a/b}} x").unwrap();
        assert_eq!((found.position, found.len), (Some(b"-2".to_vec()), 8));
        let What::Perl(expression) = found.what else {
            panic!()
        };
        assert_eq!(expression.params, [b"a", b"b"]);
        assert!(rpl.find(b"x{/a/b}").is_none());
    }

    #[test]
    fn a_tag_without_groups_is_none_and_a_bad_one_an_error() {
        assert!(Rpl::with_groups(b"{x(}", b"").unwrap().is_none());
        assert!(Rpl::with_groups(b"{x(*)}", b"").is_err());
    }

    #[test]
    fn a_tag_never_matches_nothing() {
        for tag in [&b"()"[..], b"(x?)", b"(x*)"] {
            let error = Rpl::with_groups(tag, b"").unwrap_err();
            assert!(error.contains("the empty string"), "{error}");
        }
        let boundary = Rpl::with_groups(br"(\b|x)", b"").unwrap().unwrap();
        assert!(boundary.find(b"a").is_none());
        assert_eq!(boundary.find(b"-").map(|found| found.len), None);
    }
}
