//! An input source as it stands on the command line.

/// An input source given behind the command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceWords {
    /// Whether the words are names of files (`::::`) or values (`:::`).
    pub files: bool,
    /// Whether it is linked to the source before it (`:::+`).
    pub linked: bool,
    /// The words.
    pub words: Vec<Vec<u8>>,
}
