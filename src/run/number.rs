//! Numbers as options have them: with units, and calculated as in Perl.

/// The number that `text` comes to: `1.5`, `64K`, `2+2`, `0.5*3k`, `3*log(55)`. Blanks do not matter.
pub fn evaluate(text: &str) -> Option<f64> {
    let mut rest = text.trim();
    let value = sum(&mut rest)?;
    (rest.is_empty() && value.is_finite()).then_some(value)
}

/// Whether one of `signs` comes next; takes it off, if it does.
fn next_of(rest: &mut &str, signs: &[&'static str]) -> Option<&'static str> {
    *rest = rest.trim_start();
    let sign = signs.iter().find(|sign| rest.starts_with(**sign))?;
    *rest = rest[sign.len()..].trim_start();
    Some(sign)
}

fn sum(rest: &mut &str) -> Option<f64> {
    let mut value = product(rest)?;
    while let Some(sign) = next_of(rest, &["+", "-"]) {
        let other = product(rest)?;
        value += if sign == "+" { other } else { -other };
    }
    Some(value)
}

fn product(rest: &mut &str) -> Option<f64> {
    let mut value = signed(rest)?;
    loop {
        // A percent sign at the end is no operator.
        let before = *rest;
        match next_of(rest, &["*", "/", "%"]) {
            Some("*") => value *= signed(rest)?,
            Some("/") => value /= signed(rest)?,
            Some(_) if !rest.is_empty() => value = value.trunc() % signed(rest)?.trunc(),
            Some(_) => {
                *rest = before;
                return Some(value);
            }
            None => return Some(value),
        }
    }
}

fn signed(rest: &mut &str) -> Option<f64> {
    match next_of(rest, &["+", "-"]) {
        Some("-") => signed(rest).map(|value| -value),
        Some(_) => signed(rest),
        None => power(rest),
    }
}

fn power(rest: &mut &str) -> Option<f64> {
    let base = atom(rest)?;
    match next_of(rest, &["**"]) {
        Some(_) => signed(rest).map(|exponent| base.powf(exponent)),
        None => Some(base),
    }
}

fn atom(rest: &mut &str) -> Option<f64> {
    type Function = (&'static str, fn(f64) -> f64);
    const FUNCTIONS: [Function; 7] = [
        ("log", f64::ln),
        ("sqrt", f64::sqrt),
        ("exp", f64::exp),
        ("int", f64::trunc),
        ("abs", f64::abs),
        ("sin", f64::sin),
        ("cos", f64::cos),
    ];
    let called = FUNCTIONS
        .iter()
        .find_map(|(name, function)| Some((rest.strip_prefix(name)?, *function)));
    if let Some((after, function)) = called {
        *rest = after;
        return atom(rest).map(function);
    }
    if next_of(rest, &["("]).is_some() {
        let value = sum(rest)?;
        return next_of(rest, &[")"]).map(|_| value);
    }
    let is_digit = |c: char| c.is_ascii_digit() || c == '.';
    let len = rest.find(|c| !is_digit(c)).unwrap_or(rest.len());
    let (digits, after) = rest.split_at(len);
    let number: f64 = digits.parse().ok()?;
    let (unit, after) = unit(after);
    *rest = after;
    Some(number * unit)
}

/// What the unit at the beginning of `text` stands for, and what follows: `K`, `M` … are powers of 1024 and `k`,
/// `m` … of 1000; an `i` after it does nothing.
fn unit(text: &str) -> (f64, &str) {
    const LETTERS: &str = "kmgtpe";
    let letter = text.chars().next().unwrap_or(' ');
    let Some(power) = LETTERS.find(letter.to_ascii_lowercase()) else {
        return (1.0, text);
    };
    let base: f64 = if letter.is_ascii_lowercase() {
        1000.0
    } else {
        1024.0
    };
    let after = &text[1..];
    let after = after.strip_prefix(['i', 'I']).unwrap_or(after);
    (base.powi(power as i32 + 1), after)
}

#[cfg(test)]
mod tests {
    use super::evaluate;

    #[test]
    fn numbers_have_units_and_are_calculated() {
        for (text, value) in [
            ("10", 10.0),
            (" 2 ", 2.0),
            (".5", 0.5),
            ("0.01k", 10.0),
            ("1K", 1024.0),
            ("2Mi", 2_097_152.0),
            ("2T", 2_199_023_255_552.0),
            ("2+2", 4.0),
            ("0.002k+2", 4.0),
            ("2-3*2", -4.0),
            ("-2", -2.0),
            ("(1+2)*3", 9.0),
            ("2**3**2", 512.0),
            ("7%4", 3.0),
            ("int(7/2)", 3.0),
            ("sqrt(16)", 4.0),
            ("2*-3", -6.0),
        ] {
            assert_eq!(evaluate(text), Some(value), "{text}");
        }
        assert!((evaluate("3*log(55)").unwrap() - 12.02).abs() < 0.01);
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in [
            "", "k", "1x", "1.2.3", "1+", "(1", "1)", "1 2", "1/0", "log(0)", "log", "%", "5%",
            "é", "nan",
        ] {
            assert_eq!(evaluate(text), None, "{text}");
        }
    }
}
