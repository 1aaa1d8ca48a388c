//! Formats in a replacement string, as printf has them: `{#:%04d}`, `{:%6s}`, `{2:%8.2f}`.

/// How a value is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Format {
    left: bool,
    zeros: bool,
    plus: bool,
    width: usize,
    precision: Option<usize>,
    conversion: u8,
}

/// Wider than any line; what is wider is no format.
const WIDEST: usize = 4096;

impl Format {
    /// The format that `text`, without its `%`, is.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let (flags, rest) = text.split_at(text.find(|c| !matches!(c, '-' | '+' | '0'))?);
        let (width, rest) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
        let (precision, rest) = match rest.strip_prefix('.') {
            None => (None, rest),
            Some(rest) => {
                let (digits, rest) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
                (Some(digits), rest)
            }
        };
        let &[conversion @ (b's' | b'd' | b'i' | b'f' | b'x' | b'X' | b'o')] = rest.as_bytes()
        else {
            return None;
        };
        let number = |digits: &str| match digits {
            "" => Some(0),
            digits => digits.parse().ok().filter(|&number| number <= WIDEST),
        };
        Some(Self {
            left: flags.contains('-'),
            zeros: flags.contains('0'),
            plus: flags.contains('+'),
            width: number(width)?,
            precision: match precision {
                Some(digits) => Some(number(digits)?),
                None => None,
            },
            conversion,
        })
    }

    /// `value`, formatted; for a conversion of numbers, what is none counts as 0, as in Perl.
    pub(super) fn apply(&self, value: &[u8]) -> Vec<u8> {
        let body = match self.conversion {
            b's' => value[..self.precision.unwrap_or(value.len()).min(value.len())].to_vec(),
            b'f' => format!("{:.*}", self.precision.unwrap_or(6), number(value)).into_bytes(),
            b'x' => format!("{:x}", number(value) as i64).into_bytes(),
            b'X' => format!("{:X}", number(value) as i64).into_bytes(),
            b'o' => format!("{:o}", number(value) as i64).into_bytes(),
            _ => (number(value) as i64).to_string().into_bytes(),
        };
        let signed = self.plus && matches!(self.conversion, b'd' | b'i' | b'f');
        let body = match body.first() {
            Some(b'-') | None => body,
            _ if signed => [b"+", body.as_slice()].concat(),
            _ => body,
        };
        let missing = self.width.saturating_sub(body.len());
        let sign =
            usize::from(matches!(body.first(), Some(b'+' | b'-')) && self.conversion != b's');
        let (sign, digits) = body.split_at(sign);
        match (self.left, self.zeros) {
            (true, _) => [&body, &vec![b' '; missing][..]].concat(),
            (false, true) => [sign, &vec![b'0'; missing], digits].concat(),
            (false, false) => [&vec![b' '; missing], &body[..]].concat(),
        }
    }
}

/// The number that `value` begins with.
fn number(value: &[u8]) -> f64 {
    let text = std::str::from_utf8(value.trim_ascii()).unwrap_or_default();
    let part_of_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e' | 'E');
    let longest = text.find(|c| !part_of_number(c)).unwrap_or(text.len());
    (1..=longest)
        .rev()
        .find_map(|len| text[..len].parse().ok())
        .unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::Format;

    #[test]
    fn values_are_formatted_as_printf_does() {
        for (format, value, want) in [
            ("04d", "7", "0007"),
            ("4d", "-7", "  -7"),
            ("04d", "-7", "-007"),
            ("-4d", "7", "7   "),
            ("+d", "7", "+7"),
            ("6s", "ab", "    ab"),
            ("-6s", "ab", "ab    "),
            (".1s", "ab", "a"),
            ("8.2f", "3.14159", "    3.14"),
            ("f", "2", "2.000000"),
            ("x", "255", "ff"),
            ("d", "12abc", "12"),
            ("d", "abc", "0"),
        ] {
            let format = Format::parse(format.as_bytes()).unwrap();
            assert_eq!(
                format.apply(value.as_bytes()),
                want.as_bytes(),
                "{format:?}"
            );
        }
    }

    #[test]
    fn other_texts_are_no_formats() {
        for text in ["", "_file", "d ", "5", "99999d", "5.s.", "é"] {
            assert_eq!(Format::parse(text.as_bytes()), None, "{text}");
        }
    }
}
