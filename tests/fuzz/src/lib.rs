//! What the fuzz targets share: how bytes become choices, files without a name, and what shells make of a line.

pub mod file;
pub mod shell;
pub mod words;

/// Choices from the front of a fuzzer's input: every input is a valid one, and small changes to it are small
/// changes to what is tried.
#[derive(Debug)]
pub struct Choices<'a>(&'a [u8]);

/// Has `any` look at any bytes at all, or `made` at what it makes itself: the first of `data` says which.
pub fn any_or_made(data: &[u8], any: impl FnOnce(&[u8]), made: impl FnOnce(Choices)) {
    let mut choices = Choices::new(data);
    if choices.flip() {
        any(choices.rest());
    } else {
        made(choices);
    }
}

impl<'a> Choices<'a> {
    /// Choices from `data`.
    pub fn new(data: &'a [u8]) -> Self {
        Self(data)
    }

    /// A number below `count`; 0 when there is nothing left.
    pub fn below(&mut self, count: u8) -> u8 {
        self.byte() % count
    }

    /// Whether or not.
    pub fn flip(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// The next byte; 0 when there is nothing left.
    pub fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    /// The next bytes, up to a NUL, which is dropped.
    pub fn text(&mut self) -> &'a [u8] {
        let end = self.0.iter().position(|&byte| byte == 0);
        let text = &self.0[..end.unwrap_or(self.0.len())];
        self.0 = &self.0[end.map_or(self.0.len(), |end| end + 1)..];
        text
    }

    /// All that is left.
    pub fn rest(self) -> &'a [u8] {
        self.0
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
