//! Ranges in the names of hosts: `node[01-12,15]`, `10.0.[1-10].[2-254]`.

use std::borrow::Cow;

/// So many hosts one entry can stand for.
const MOST: usize = 1 << 16;

/// Every name that `name` stands for, the last range counting fastest; `name` itself, if it has none.
///
/// A number keeps the zeros in front that the first one of its range has.
///
/// # Errors
///
/// When a range has no end, nothing in it, or numbers that go down, and where the names are too many.
pub fn expand(name: &[u8]) -> Result<Vec<Vec<u8>>, Cow<'static, str>> {
    let mut names = vec![Vec::new()];
    let mut rest = name;
    while let Some(open) = rest.iter().position(|&byte| byte == b'[') {
        let Some(length) = rest[open..].iter().position(|&byte| byte == b']') else {
            return Err("'[' begins a range that ']' does not end".into());
        };
        let items = items(&rest[open + 1..open + length])?;
        if names.len().saturating_mul(items.len()) > MOST {
            return Err(too_many());
        }
        names = names
            .iter()
            .flat_map(|front| {
                let front = [front, &rest[..open]].concat();
                items.iter().map(move |item| [&front[..], item].concat())
            })
            .collect();
        rest = &rest[open + length + 1..];
    }
    for name in &mut names {
        name.extend_from_slice(rest);
    }
    Ok(names)
}

/// Whether `inside` can stand between the brackets of a range, commas and all.
pub fn is_range(inside: &[u8]) -> bool {
    items(inside).is_ok()
}

/// What is between the brackets, written out: numbers and what is `FROM-TO`, with commas between them.
fn items(inside: &[u8]) -> Result<Vec<Vec<u8>>, Cow<'static, str>> {
    let mut items = Vec::new();
    for item in inside.split(|&byte| byte == b',') {
        let mut ends = item.splitn(2, |&byte| byte == b'-');
        let from = ends.next().unwrap_or_default();
        let (first, last) = match (number(from), ends.next().map(number)) {
            (Some(first), None) => (first, first),
            (Some(first), Some(Some(last))) if first <= last => (first, last),
            _ => return Err(no_range(item)),
        };
        if last - first >= MOST as u64 {
            return Err(too_many());
        }
        let width = if from.starts_with(b"0") {
            from.len()
        } else {
            0
        };
        items.extend((first..=last).map(|number| format!("{number:0width$}").into_bytes()));
    }
    Ok(items)
}

fn number(digits: &[u8]) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    str::from_utf8(digits)
        .ok()
        .filter(|_| is_number)?
        .parse()
        .ok()
}

fn no_range(item: &[u8]) -> Cow<'static, str> {
    let item = String::from_utf8_lossy(item);
    format!("'{item}' in brackets is not a range of numbers as in [01-12,15]").into()
}

fn too_many() -> Cow<'static, str> {
    format!("that is more than {MOST} hosts").into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn expanded(name: &str) -> Vec<String> {
        let names = expand(name.as_bytes()).unwrap_or_else(|why| panic!("{name}: {why}"));
        let text = |name: &Vec<u8>| String::from_utf8_lossy(name).into_owned();
        names.iter().map(text).collect()
    }

    #[test]
    fn ranges_are_written_out() {
        for (name, names) in [
            ("h", "h"),
            ("n[1-3]", "n1 n2 n3"),
            ("n[01-03,15]x", "n01x n02x n03x n15x"),
            ("n[9-11]", "n9 n10 n11"),
            ("n[09-11]", "n09 n10 n11"),
            ("n[098-101]", "n098 n099 n100 n101"),
            ("n[0-1]", "n0 n1"),
            ("n[7]", "n7"),
            ("[1-2].[3,5]", "1.3 1.5 2.3 2.5"),
        ] {
            assert_eq!(expanded(name).join(" "), names, "{name}");
        }
    }

    #[test]
    fn a_range_of_numbers_alone_is_one() {
        for name in [
            "n[", "n[]", "n[a-b]", "n[3-1]", "n[1,]", "n[1-2-3]", "n[-1]", "n[1-]",
        ] {
            assert!(expand(name.as_bytes()).is_err(), "{name}");
        }
    }

    #[test]
    fn so_many_hosts_are_too_many() {
        for name in ["[0-65536]", "[0-999].[0-999]", "[0-18446744073709551615]"] {
            let why = expand(name.as_bytes()).unwrap_err();
            assert!(why.contains("65536 hosts"), "{name}: {why}");
        }
        assert_eq!(expand(b"[0-255].[0-255]").unwrap().len(), MOST);
    }

    proptest! {
        #[test]
        fn each_number_of_a_range_comes_once(from in 0_u64..2000, count in 0_u64..50, zeros in 0_usize..6) {
            let name = format!("n[{from:0zeros$}-{}]", from + count);
            let names = expanded(&name);
            prop_assert_eq!(names.len() as u64, count + 1);
            for (name, number) in names.iter().zip(from..) {
                prop_assert_eq!(name[1..].parse::<u64>().unwrap(), number);
            }
        }
    }
}
