//! Where a login leads to: the name or the address of a host, and its port.

use std::borrow::Cow;
use std::net::Ipv6Addr;

use super::ranges;

/// The name of a host, or its address without brackets, and a port.
pub type NameAndPort = (Vec<u8>, Option<u16>);

/// Why something is none: the words behind its name.
pub type Why = Cow<'static, str>;

/// Reads where a login leads to: a name or an address, with a port or without; several, where it has ranges.
///
/// # Errors
///
/// When it is none that a host can have.
pub fn read(place: &[u8]) -> Result<Vec<NameAndPort>, Why> {
    if let Some(found) = bracketed_address(place) {
        return Ok(vec![found?]);
    }
    let places = ranges::expand(place)?;
    places.iter().map(|place| name_and_port(place)).collect()
}

/// `[ADDRESS]`, with a port behind it or not; `None`: it is something else.
fn bracketed_address(place: &[u8]) -> Option<Result<NameAndPort, Why>> {
    let (address, behind) = cut(place.strip_prefix(b"[")?, b']')?;
    if !is_ipv6(address) {
        return None;
    }
    let port = match behind {
        b"" => Ok(None),
        [b':' | b'#' | b'p' | b'.', digits @ ..] => port(digits),
        _ => Err("a port follows the address as in [::1]:22".into()),
    };
    Some(port.map(|port| (address.to_vec(), port)))
}

/// `NAME[:PORT]`, `NAME#PORT`, or an address of IPv6 with `pPORT`, `#PORT` or `.PORT` behind it.
fn name_and_port(place: &[u8]) -> Result<NameAndPort, Why> {
    if is_ipv6(place) {
        return Ok((place.to_vec(), None));
    }
    let is_long = place.split(|&byte| byte == b':').nth(2).is_some();
    let separators: &[u8] = if is_long { b"p#." } else { b":#" };
    let at = place.iter().rposition(|byte| separators.contains(byte));
    let (name, port) = match at {
        Some(at) => (&place[..at], port(&place[at + 1..])?),
        None => (place, None),
    };
    if is_long && !is_ipv6(name) {
        return Err("that is no address of IPv6 and has too many colons for a name".into());
    }
    if !is_long {
        check_name(name)?;
    }
    Ok((name.to_vec(), port))
}

/// An address, with the name of a network interface or not.
fn is_ipv6(text: &[u8]) -> bool {
    let (address, zone) = cut(text, b'%').unwrap_or((text, b"0"));
    let of_zone = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.".contains(byte);
    let address = str::from_utf8(address).ok();
    address.is_some_and(|it| it.parse::<Ipv6Addr>().is_ok())
        && !zone.is_empty()
        && zone.iter().all(of_zone)
}

fn port(digits: &[u8]) -> Result<Option<u16>, Why> {
    if digits.is_empty() {
        return Ok(None);
    }
    let number = str::from_utf8(digits).ok().filter(|_| digits[0] != b'+');
    match number.and_then(|number| number.parse::<u16>().ok()) {
        Some(port @ 1..) => Ok(Some(port)),
        _ => Err(format!("{} is no port", String::from_utf8_lossy(digits)).into()),
    }
}

/// Names are for ssh to know; what would be an option of it, or what no host is called, is refused.
fn check_name(name: &[u8]) -> Result<(), Why> {
    const NEVER: &[u8] = b"/\\'\"`$&|;<>()[]{}*?!~^=,%";
    match name
        .iter()
        .find(|&&byte| byte <= b' ' || byte == 127 || NEVER.contains(&byte))
    {
        _ if name.is_empty() => Err("no host is named".into()),
        _ if name[0] == b'-' => Err("no host's name begins with '-'".into()),
        Some(&byte) => Err(format!("no host's name has '{}' in it", byte.escape_ascii()).into()),
        None => Ok(()),
    }
}

/// What is before and behind the first `separator`.
pub fn cut(text: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|&byte| byte == separator)?;
    Some((&text[..at], &text[at + 1..]))
}
