//! What a template's lines are made of, in numbers.

use super::{Body, Template, Token};

/// How much of a line is there whatever the arguments, and how often they come into it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// Bytes that are no replacement strings, not counting the quotes that `-q` puts around them.
    pub literals: usize,
    /// Replacement strings.
    pub replacements: usize,
    /// Words with replacement strings in them.
    pub words: usize,
    /// The literal bytes of those words.
    pub words_literals: usize,
    /// Whether words are quoted as a whole (`-q`).
    pub quoted: bool,
}

impl Template {
    /// The numbers.
    pub fn shape(&self) -> Shape {
        let mut shape = Shape {
            literals: self.bodies.len().saturating_sub(1),
            quoted: self.quote_bodies,
            ..Shape::default()
        };
        self.bodies.iter().for_each(|body| shape.add(body));
        shape
    }
}

impl Shape {
    fn add(&mut self, body: &Body) {
        let mut word = Word::default();
        for token in &body.tokens {
            match token {
                Token::Replace(_) => {
                    self.replacements += 1;
                    word.replaces = true;
                }
                Token::Literal(text) => {
                    self.literals += text.len();
                    for &byte in text {
                        match byte {
                            b' ' => self.end(&mut word),
                            // A single tab before a word belongs to it.
                            b'\t' => {
                                self.end(&mut word);
                                word.literals = 1;
                            }
                            _ => word.literals += 1,
                        }
                    }
                }
            }
        }
        self.end(&mut word);
    }

    fn end(&mut self, word: &mut Word) {
        let Word { literals, replaces } = std::mem::take(word);
        if replaces {
            self.words += 1;
            self.words_literals += literals;
        }
    }
}

#[derive(Default)]
struct Word {
    literals: usize,
    replaces: bool,
}

#[cfg(test)]
mod tests {
    use super::Shape;
    use crate::template::{Syntax, Template};

    #[test]
    fn literals_words_and_replacement_strings_are_counted() {
        let shape =
            |words: &[&str], quote| Template::command(words, quote, &Syntax::default()).shape();
        let got = shape(&["cp", "x{}y{.}", "z {#}", "end"], false);
        let want = Shape {
            literals: 3 + 2 + 1 + 2 + 4,
            replacements: 3,
            words: 2,
            words_literals: 2,
            quoted: false,
        };
        assert_eq!(got, want);
        let got = shape(&["echo"], true);
        assert_eq!((got.literals, got.words, got.quoted), (5, 1, true));
    }
}
