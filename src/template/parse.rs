//! From text to tokens, and from tokens to words.

use memchr::memmem;

use super::syntax::Found;
use super::{Group, Replace, Syntax, Token, What, Which, transforms};

/// What is appended to a command without replacement strings.
pub(super) const ALL_ARGUMENTS: Token = Token::Replace(Replace {
    which: Which::All,
    what: What::Arg(transforms::whole),
    formats: Vec::new(),
});

/// Literal bytes and replacement strings in turn; no literal is empty or follows another.
pub(super) fn tokens(text: &[u8], syntax: &Syntax) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut literal = Vec::new();
    let text = syntax.with_positions(text);
    let mut rest = &*text;
    while let Some((&first, after)) = rest.split_first() {
        if let Some(found) = syntax.find(rest) {
            if !literal.is_empty() {
                tokens.push(Token::Literal(std::mem::take(&mut literal)));
            }
            rest = &rest[found.len..];
            tokens.push(Token::Replace(replace(found)));
        } else {
            literal.push(first);
            rest = after;
        }
    }
    if !literal.is_empty() {
        tokens.push(Token::Literal(literal));
    }
    tokens
}

/// Adds literal bytes to `tokens`.
pub(super) fn append(tokens: &mut Vec<Token>, text: &[u8]) {
    match tokens.last_mut() {
        Some(Token::Literal(before)) => before.extend_from_slice(text),
        _ if text.is_empty() => {}
        _ => tokens.push(Token::Literal(text.to_vec())),
    }
}

/// `words`, of which those that a Perl expression goes over are one, with spaces between them. As GNU parallel: one that
/// is not closed goes to the end.
pub(super) fn whole_words<W: AsRef<[u8]>>(words: &[W], syntax: &Syntax) -> Vec<Vec<u8>> {
    let mut whole: Vec<Vec<u8>> = Vec::with_capacity(words.len());
    let mut is_open = false;
    for word in words {
        match whole.last_mut().filter(|_| is_open) {
            Some(last) => {
                last.push(b' ');
                last.extend_from_slice(word.as_ref());
            }
            None => whole.push(word.as_ref().to_vec()),
        }
        is_open = whole.last().is_some_and(|last| opens(last, syntax));
    }
    whole
}

/// Whether a Perl expression begins in `text` that does not end there.
fn opens(text: &[u8], syntax: &Syntax) -> bool {
    let (open, close) = &syntax.parens;
    let mut rest = text;
    while let Some(at) = memmem::find(rest, open) {
        let inside = &rest[at + open.len()..];
        match memmem::find(inside, close) {
            Some(end) => rest = &inside[end + close.len()..],
            None => return true,
        }
    }
    false
}

pub(super) fn replace(found: Found) -> Replace {
    let which = match found.position.as_deref() {
        None | Some(b"0") => Which::All,
        // A position that no job can have is as good as one that is too big.
        Some(digits) => Which::At(
            std::str::from_utf8(digits)
                .ok()
                .and_then(|digits| digits.parse().ok())
                .unwrap_or(0),
        ),
    };
    // As GNU parallel: numbers are there at every position that is zero.
    let which = match which {
        Which::At(0) if found.what.is_number() => Which::All,
        which => which,
    };
    Replace {
        which,
        what: found.what,
        formats: found.formats,
    }
}

/// Whether a replacement string comes before the first space, tab or newline.
pub(super) fn replaces_in_first_word(tokens: &[Token]) -> bool {
    match tokens {
        [Token::Replace(_), ..] => true,
        [Token::Literal(text), Token::Replace(_), ..] => !text
            .iter()
            .any(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'=')),
        _ => false,
    }
}

/// The tokens, literals cut where words end, and the groups that they form.
///
/// The words are those of GNU parallel's context replace: spaces and tabs are between words, and a
/// single tab right before a word belongs to it.
pub(super) fn group_words(tokens: Vec<Token>) -> (Vec<Token>, Vec<Group>) {
    let mut grouping = Grouping::default();
    for token in tokens {
        match token {
            Token::Literal(text) => grouping.literal(&text),
            Token::Replace(replace) => {
                grouping.repeats |= replace.which == Which::All && replace.what.is_of_arguments();
                grouping.tokens.push(Token::Replace(replace));
            }
        }
    }
    grouping.end_word();
    (grouping.tokens, grouping.groups)
}

#[derive(Default)]
struct Grouping {
    tokens: Vec<Token>,
    groups: Vec<Group>,
    /// Whether the word that is being collected has `{}` in it.
    repeats: bool,
}

impl Grouping {
    fn literal(&mut self, text: &[u8]) {
        let between_words = |byte: &u8| matches!(byte, b' ' | b'\t');
        let Some(first) = text.iter().position(between_words) else {
            self.push(text);
            return;
        };
        let last = text.iter().rposition(between_words).unwrap_or(first);
        // The separators, and words without replacement strings.
        let next_word = if text[last] == b'\t' { last } else { last + 1 };
        self.push(&text[..first]);
        self.end_word();
        self.push(&text[first..next_word]);
        self.end_word();
        self.push(&text[next_word..]);
    }

    fn push(&mut self, text: &[u8]) {
        if !text.is_empty() {
            self.tokens.push(Token::Literal(text.to_vec()));
        }
    }

    fn end_word(&mut self) {
        let start = self.groups.last().map_or(0, |group| group.tokens.end);
        let tokens = start..self.tokens.len();
        let repeats = std::mem::take(&mut self.repeats);
        // Neighbours that do not repeat are rendered in one go.
        match self.groups.last_mut() {
            Some(before) if !repeats && !before.repeats => before.tokens.end = tokens.end,
            _ if tokens.is_empty() => {}
            _ => self.groups.push(Group { tokens, repeats }),
        }
    }
}
