//! `--match REGEXP`: the groups of a regexp that an argument is matched with are `{SOURCE.GROUP}`.

use std::sync::Arc;

use super::syntax::{Expression, Found, Syntax, What, split_position};

impl Syntax {
    /// Gives each input source a regexp (`--match`), whose groups are `{SOURCE.GROUP}`; `+N` is the regexp
    /// of source N, whether that comes before or after.
    ///
    /// # Errors
    ///
    /// When source N has none.
    pub fn set_matches(&mut self, regexps: &[Vec<u8>]) -> Result<(), String> {
        let regexps = (0..regexps.len()).map(|at| resolve(regexps, at).cloned());
        self.matches = regexps.collect::<Result<_, _>>()?;
        Ok(())
    }

    /// `{2.1}`: the first group of the second source's regexp.
    pub(super) fn find_group(&self, text: &[u8]) -> Option<Found> {
        let inner = text.strip_prefix(b"{")?;
        let inner = &inner[..inner.iter().position(|&byte| byte == b'}')?];
        let typed = &text[..inner.len() + 2];
        let (position, rest) = split_position(inner);
        let (group, rest) = self.split_group(position, rest, typed);
        Some(Found {
            what: What::Perl(Arc::new(group.filter(|_| rest.is_empty())?)),
            formats: Vec::new(),
            position: Some(position.to_vec()),
            len: typed.len(),
        })
    }

    /// The group that `rest` names right after the position of a source, as an expression, and what follows.
    pub(super) fn split_group<'t>(
        &self,
        position: &[u8],
        rest: &'t [u8],
        typed: &[u8],
    ) -> (Option<Expression>, &'t [u8]) {
        let none = (None, rest);
        let Some(source) = number(position).filter(|_| !self.matches.is_empty()) else {
            return none;
        };
        let Some(after_dot) = rest.strip_prefix(b".") else {
            return none;
        };
        let digits = after_dot.iter().take_while(|byte| byte.is_ascii_digit());
        let (digits, rest) = after_dot.split_at(digits.count());
        let Some(group) = number(digits).filter(|&group| group > 0) else {
            return none;
        };
        let regexp = source.checked_sub(1).and_then(|at| self.matches.get(at));
        let expression = Expression {
            code: match regexp {
                Some(_) => format!("$_ = group($_, $$1, {group});").into_bytes(),
                None => format!("BEGIN {{ die \"--match has no regexp for source {source}\\n\" }}")
                    .into_bytes(),
            },
            params: regexp.into_iter().cloned().collect(),
            typed: typed.to_vec(),
        };
        (Some(expression), rest)
    }
}

impl What {
    /// Whether it is a group of `--match`, which exists only where the regexps are.
    pub(super) fn is_group(&self) -> bool {
        matches!(self, Self::Perl(expression) if expression.code.starts_with(b"$_ = group("))
    }
}

impl Expression {
    /// This, and then `code` on what it came to.
    pub(super) fn then(mut self, code: &[u8]) -> Self {
        self.code.extend_from_slice(code);
        self
    }
}

/// The regexp at index `at`, which may be that of another source.
fn resolve(regexps: &[Vec<u8>], mut at: usize) -> Result<&Vec<u8>, String> {
    for _ in regexps {
        let regexp = &regexps[at];
        let Some(source) = regexp.strip_prefix(b"+").and_then(number) else {
            return Ok(regexp);
        };
        at = source
            .checked_sub(1)
            .filter(|&at| at < regexps.len())
            .ok_or_else(|| format!("+{source}: there is no regexp of source {source}"))?;
    }
    let number = at + 1;
    Err(format!(
        "+{number}: the regexp of source {number} is itself"
    ))
}

fn number(digits: &[u8]) -> Option<usize> {
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(digits).ok().filter(|_| is_number)?;
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Syntax, What, resolve};

    #[test]
    fn groups_are_expressions_with_the_regexp_as_parameter() {
        let mut syntax = Syntax::default();
        syntax.set_matches(&[b"(a)".to_vec()]).unwrap();
        for (text, code) in [
            ("{1.2}", "$_ = group($_, $$1, 2);"),
            ("{=1.2 uc=}", "$_ = group($_, $$1, 2); uc"),
        ] {
            let found = syntax.find(text.as_bytes()).unwrap();
            assert_eq!(found.position.as_deref(), Some(&b"1"[..]));
            let What::Perl(expression) = found.what else {
                panic!("{text}")
            };
            assert_eq!(expression.code, code.as_bytes());
            assert_eq!(expression.params, [b"(a)"]);
        }
        let missing = syntax.find(b"{2.1}").unwrap();
        let What::Perl(expression) = missing.what else {
            panic!()
        };
        assert!(expression.code.starts_with(b"BEGIN"));
        assert!(Syntax::default().find(b"{2.1}").is_none());
    }

    #[test]
    fn regexps_of_other_sources_are_found_wherever_they_stand() {
        let owned = |texts: &[&str]| -> Vec<Vec<u8>> {
            texts.iter().map(|text| text.as_bytes().to_vec()).collect()
        };
        let regexps = owned(&["+2", "+3", "x", "+1"]);
        for at in 0..4 {
            assert_eq!(resolve(&regexps, at).unwrap(), b"x");
        }
        for wrong in [&["+2"][..], &["+0"], &["+2", "+1"]] {
            assert!(resolve(&owned(wrong), 0).is_err(), "{wrong:?}");
        }
    }
}
