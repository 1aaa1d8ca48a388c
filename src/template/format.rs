//! Formats in a replacement string, as printf has them: `{#:%04d}`, `{:%6s}`, `{2:%8.2f}`, `{= $_ *= 2 :%x=}`.

/// How a value is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Format {
    left: bool,
    zeros: bool,
    /// What stands before a number that is not negative.
    sign: Option<u8>,
    /// `#`: numbers that are not decimal say so.
    prefix: bool,
    width: usize,
    precision: Option<usize>,
    conversion: u8,
}

/// Wider than any line; what is wider is no format.
const WIDEST: usize = 4096;

/// `code`, and the format that stands behind it.
pub(super) fn split(code: &[u8]) -> (&[u8], Vec<Format>) {
    let format = memchr::memmem::rfind(code, b":%")
        .and_then(|colon| Some((colon, Format::parse(code[colon + 2..].trim_ascii_end())?)));
    match format {
        Some((colon, format)) => (&code[..colon], vec![format]),
        None => (code, Vec::new()),
    }
}

impl Format {
    /// The format that `text`, without its `%`, is.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let (flags, rest) =
            text.split_at(text.find(|c| !matches!(c, '-' | '+' | '0' | ' ' | '#'))?);
        let (width, rest) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
        let (precision, rest) = match rest.strip_prefix('.') {
            None => (None, rest),
            Some(rest) => {
                let (digits, rest) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
                (Some(digits), rest)
            }
        };
        let rest = rest.strip_prefix("ll").unwrap_or(rest);
        let rest = rest.strip_prefix(['l', 'h', 'q']).unwrap_or(rest);
        let &[conversion] = rest.as_bytes() else {
            return None;
        };
        if !b"sdiufFeEgGxXobBc".contains(&conversion) {
            return None;
        }
        let number = |digits: &str| match digits {
            "" => Some(0),
            digits => digits.parse().ok().filter(|&number| number <= WIDEST),
        };
        let has = |flag: char| flags.contains(flag);
        Some(Self {
            left: has('-'),
            zeros: has('0'),
            sign: if has('+') {
                Some(b'+')
            } else {
                has(' ').then_some(b' ')
            },
            prefix: has('#'),
            width: number(width)?,
            precision: precision
                .map(number)
                .map_or(Some(None), |number| number.map(Some))?,
            conversion,
        })
    }

    /// Appends it as it is written, its colon in front, to `out`.
    pub(super) fn append_to(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b" :%");
        out.extend(self.left.then_some(b'-'));
        out.extend(self.zeros.then_some(b'0'));
        out.extend(self.sign);
        out.extend(self.prefix.then_some(b'#'));
        if self.width > 0 {
            out.extend_from_slice(self.width.to_string().as_bytes());
        }
        if let Some(precision) = self.precision {
            out.extend_from_slice(format!(".{precision}").as_bytes());
        }
        out.push(self.conversion);
    }

    /// `value`, formatted; for a conversion of numbers, what is none counts as 0, as in Perl.
    pub(super) fn apply(&self, value: &[u8]) -> Vec<u8> {
        let (sign, body) = self.sign_and_body(value);
        let missing = self.width.saturating_sub(sign.len() + body.len());
        // As in C: a whole number that has a precision is filled up with blanks.
        let is_whole = b"diuxXobB".contains(&self.conversion);
        let zeros = self.zeros && !(is_whole && self.precision.is_some());
        match (self.left, zeros) {
            (true, _) => [sign, &body, &vec![b' '; missing]].concat(),
            (false, true) => [sign, &vec![b'0'; missing], &body].concat(),
            (false, false) => [&vec![b' '; missing], sign, &body].concat(),
        }
    }

    fn sign_and_body(&self, value: &[u8]) -> (&[u8], Vec<u8>) {
        let precision = self.precision;
        match self.conversion {
            b's' => {
                let len = precision.unwrap_or(value.len()).min(value.len());
                return (b"", value[..len].to_vec());
            }
            b'c' => {
                let character = u32::try_from(number(value) as i64)
                    .ok()
                    .and_then(char::from_u32);
                return (b"", character.unwrap_or_default().to_string().into_bytes());
            }
            _ => {}
        }
        let number = number(value);
        let whole = number as i64;
        let filled = |digits: String| format!("{digits:0>width$}", width = precision.unwrap_or(0));
        let prefixed = |prefix: &'static [u8], digits: String| {
            let prefix = if self.prefix && whole != 0 {
                prefix
            } else {
                b""
            };
            (prefix, filled(digits).into_bytes())
        };
        match self.conversion {
            b'x' => return prefixed(b"0x", format!("{whole:x}")),
            b'X' => return prefixed(b"0X", format!("{whole:X}")),
            b'o' => return prefixed(b"0", format!("{whole:o}")),
            b'b' => return prefixed(b"0b", format!("{whole:b}")),
            b'B' => return prefixed(b"0B", format!("{whole:b}")),
            b'u' => return (b"", filled((whole as u64).to_string()).into_bytes()),
            _ => {}
        }
        let sign = match self.sign {
            _ if number.is_sign_negative() && number != 0.0 => &b"-"[..],
            Some(b'+') => b"+",
            Some(_) => b" ",
            None => b"",
        };
        let decimals = precision.unwrap_or(6);
        let size = number.abs();
        let body = match self.conversion {
            b'f' | b'F' => format!("{size:.decimals$}"),
            b'e' => exponential(size, decimals),
            b'E' => exponential(size, decimals).to_uppercase(),
            b'g' => shortest(size, decimals),
            b'G' => shortest(size, decimals).to_uppercase(),
            _ => filled(whole.unsigned_abs().to_string()),
        };
        let sign = if whole == 0 && b"di".contains(&self.conversion) && sign == b"-" {
            b""
        } else {
            sign
        };
        (sign, body.into_bytes())
    }
}

/// `1.500000e+03`.
fn exponential(size: f64, decimals: usize) -> String {
    let text = format!("{size:.decimals$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    format!("{digits}e{sign}{exponent:0>2}")
}

/// The shorter of the two ways to write a number, with so many digits at most and no zeros at the end.
fn shortest(size: f64, digits: usize) -> String {
    let digits = digits.max(1);
    let exponential = exponential(size, digits - 1);
    let exponent = exponential
        .split_once('e')
        .and_then(|(_, exponent)| exponent.parse().ok());
    let exponent: i64 = exponent.unwrap_or(0);
    let without_zeros = |text: &str| {
        if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            text.to_owned()
        }
    };
    match usize::try_from(digits as i64 - 1 - exponent) {
        Ok(decimals) if exponent >= -4 => without_zeros(&format!("{size:.decimals$}")),
        _ => {
            let (number, exponent) = exponential.split_once('e').unwrap_or((&exponential, "+00"));
            format!("{}e{exponent}", without_zeros(number))
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
    use super::{Format, split};

    #[test]
    fn values_are_formatted_as_printf_does() {
        for (format, value, want) in [
            ("04d", "7", "0007"),
            ("4d", "-7", "  -7"),
            ("04d", "-7", "-007"),
            ("-4d", "7", "7   "),
            ("+d", "7", "+7"),
            (" d", "7", " 7"),
            ("5.3d", "7", "  007"),
            ("05.3d", "-7", " -007"),
            ("d", "-0.5", "0"),
            ("6s", "ab", "    ab"),
            ("-6s", "ab", "ab    "),
            ("06s", "ab", "0000ab"),
            (".1s", "ab", "a"),
            ("8.2f", "3.14159", "    3.14"),
            ("f", "2", "2.000000"),
            ("x", "255", "ff"),
            ("#x", "255", "0xff"),
            ("#06X", "255", "0X00FF"),
            ("08b", "5", "00000101"),
            ("o", "8", "10"),
            ("c", "65", "A"),
            ("e", "1500", "1.500000e+03"),
            (".1E", "0.00015", "1.5E-04"),
            ("g", "1500", "1500"),
            ("g", "0.00001", "1e-05"),
            ("g", "12345678", "1.23457e+07"),
            ("g", "0", "0"),
            (".3g", "3.14159", "3.14"),
            ("d", "12abc", "12"),
            ("d", "abc", "0"),
            ("ld", "7", "7"),
        ] {
            let parsed = Format::parse(format.as_bytes()).unwrap();
            assert_eq!(
                parsed.apply(value.as_bytes()).escape_ascii().to_string(),
                want,
                "{format}"
            );
        }
    }

    #[test]
    fn other_texts_are_no_formats() {
        for text in ["", "_file", "d ", "5", "99999d", "5.s.", "é", "h"] {
            assert_eq!(Format::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn code_may_have_one_behind_it_and_it_is_written_as_it_was() {
        for format in ["04d", "-8.2f", "+#x", ".0s", "s"] {
            let code = format!(" $_ = seq() :%{format} ");
            let (code, formats) = split(code.as_bytes());
            assert_eq!(code, b" $_ = seq() ");
            let mut out = Vec::new();
            formats[0].append_to(&mut out);
            assert_eq!(out, format!(" :%{format}").as_bytes());
        }
        for none in [" $_ = 1 ? 2 :%h ", "s/:%s/x/", ""] {
            assert_eq!(split(none.as_bytes()), (none.as_bytes(), Vec::new()));
        }
    }
}
