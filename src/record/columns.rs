//! The columns of a line.

use super::pattern::Pattern;
use crate::model::ArgList;

/// How a line is cut into columns.
#[derive(Debug, PartialEq)]
pub enum Columns {
    /// At blanks, those at its ends left out.
    Words,
    /// At matches of a regexp.
    Cut(Pattern),
}

impl Columns {
    /// The columns of `line`.
    ///
    /// # Errors
    ///
    /// When matching takes too long.
    pub fn split(&self, line: &[u8]) -> Result<ArgList, String> {
        match self {
            Self::Words => {
                let words = line.split(|byte| byte.is_ascii_whitespace() || *byte == 0x0b);
                Ok(words.filter(|word| !word.is_empty()).collect())
            }
            Self::Cut(pattern) => {
                let mut columns = ArgList::new();
                pattern.split(line, &mut columns)?;
                Ok(columns)
            }
        }
    }
}
