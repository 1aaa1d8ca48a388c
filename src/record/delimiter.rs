//! What ends a record, and how the value of `-d` spells it.

use memchr::memmem;

/// The bytes that end a record; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delimiter(Vec<u8>);

impl Delimiter {
    /// A newline.
    pub fn newline() -> Self {
        Self(vec![b'\n'])
    }

    /// NUL (`-0`).
    pub fn nul() -> Self {
        Self(vec![0])
    }

    /// The value of `-d`.
    ///
    /// As GNU parallel: `\n`, `\r`, `\t`, and a backslash with one or exactly three octal digits (so
    /// `\12` is byte 1 and the digit 2) are escapes; so is `\xHH`, which GNU's manual promises. Any
    /// other backslash is a backslash.
    ///
    /// # Errors
    ///
    /// A sentence without the option's name: when the value is empty or names no byte.
    pub fn parse(value: &[u8]) -> Result<Self, String> {
        if value.is_empty() {
            return Err("the delimiter is empty; use -0 for NUL".to_owned());
        }
        let mut bytes = Vec::with_capacity(value.len());
        let mut rest = value;
        while let [first, tail @ ..] = rest {
            let (byte, used) = if *first == b'\\' {
                escape(tail)?
            } else {
                (*first, 0)
            };
            bytes.push(byte);
            rest = &tail[used..];
        }
        Ok(Self(bytes))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Default for Delimiter {
    fn default() -> Self {
        Self::newline()
    }
}

/// The byte that the text after a backslash stands for, and how much of that text it takes.
fn escape(after: &[u8]) -> Result<(u8, usize), String> {
    let octal = |digit: u8| matches!(digit, b'0'..=b'7').then(|| u32::from(digit - b'0'));
    Ok(match after {
        [b'n', ..] => (b'\n', 1),
        [b'r', ..] => (b'\r', 1),
        [b't', ..] => (b'\t', 1),
        [b'x', digits @ ..] => hex(digits).map_or((b'\\', 0), |(byte, used)| (byte, used + 1)),
        [first, ..] if octal(*first).is_some() => {
            let digits: Vec<u32> = after
                .iter()
                .take(3)
                .map_while(|&digit| octal(digit))
                .collect();
            if let [high, middle, low] = digits[..] {
                let byte = u8::try_from(high * 64 + middle * 8 + low).map_err(|_| {
                    let digits = String::from_utf8_lossy(&after[..3]);
                    format!("\\{digits} is no byte; octal escapes go from \\000 to \\377")
                })?;
                (byte, 3)
            } else {
                (*first - b'0', 1)
            }
        }
        _ => (b'\\', 0),
    })
}

/// One or two hexadecimal digits at the start of `text`.
fn hex(text: &[u8]) -> Option<(u8, usize)> {
    let digits = text
        .iter()
        .take(2)
        .map_while(|&digit| char::from(digit).to_digit(16));
    let (byte, used) = digits.fold((0, 0), |(byte, used), digit| (byte * 16 + digit, used + 1));
    (used > 0).then_some((byte as u8, used))
}

/// A delimiter, prepared for searching.
#[derive(Clone, Debug)]
pub enum Needle {
    /// One byte.
    Byte(u8),
    /// Several.
    Bytes(Box<memmem::Finder<'static>>),
}

impl Needle {
    /// The delimiter that ends a record.
    pub fn new(delimiter: &Delimiter) -> Self {
        match delimiter.as_bytes() {
            [byte] => Self::Byte(*byte),
            bytes => Self::Bytes(Box::new(memmem::Finder::new(bytes).into_owned())),
        }
    }

    /// What ends a paragraph.
    pub fn empty_line() -> Self {
        Self::Bytes(Box::new(memmem::Finder::new(b"\n\n").into_owned()))
    }

    /// Where the first delimiter begins in `bytes`.
    #[inline]
    pub fn find(&self, bytes: &[u8]) -> Option<usize> {
        match self {
            Self::Byte(byte) => memchr::memchr(*byte, bytes),
            Self::Bytes(finder) => finder.find(bytes),
        }
    }

    /// How many bytes it has.
    pub fn width(&self) -> usize {
        match self {
            Self::Byte(_) => 1,
            Self::Bytes(finder) => finder.needle().len(),
        }
    }

    /// The delimiter itself.
    pub fn append_to(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Byte(byte) => bytes.push(*byte),
            Self::Bytes(finder) => bytes.extend_from_slice(finder.needle()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Delimiter;

    fn parsed(value: &str) -> Vec<u8> {
        Delimiter::parse(value.as_bytes())
            .unwrap()
            .as_bytes()
            .to_vec()
    }

    #[test]
    fn reads_escapes_as_gnu_does() {
        for (value, bytes) in [
            (",", &b","[..]),
            (r"\n", b"\n"),
            (r"\t\n", b"\t\n"),
            (r"\r", b"\r"),
            (r"a\tb", b"a\tb"),
            (r"\0", b"\0"),
            (r"\000", b"\0"),
            (r"\00", b"\x000"),
            (r"\101", b"A"),
            (r"\0101", b"\x081"),
            (r"\12", b"\x012"),
            (r"\18", b"\x018"),
            (r"\377", b"\xff"),
            (r"\x41", b"A"),
            (r"\x9z", b"\tz"),
            (r"\x410", b"A0"),
        ] {
            assert_eq!(parsed(value), bytes, "{value}");
        }
    }

    #[test]
    fn leaves_other_backslashes_alone() {
        for value in [r"\", r"\\", r"\e", r"\q", r"\8", r"\x", "$", "%d"] {
            assert_eq!(parsed(value), value.as_bytes(), "{value}");
        }
        assert_eq!(parsed(r"\\n"), b"\\\n");
    }

    #[test]
    fn refuses_what_is_no_delimiter() {
        assert!(Delimiter::parse(b"").unwrap_err().contains("empty"));
        assert!(Delimiter::parse(br"\777").unwrap_err().contains(r"\777"));
    }
}
