//! One of a job's outputs in JSON: text, or base64 where it is no UTF-8.

use std::borrow::Cow;

use crate::flow::spool::Captured;
use crate::ledger::jsonl::text::exact;
use crate::report::Failure;

/// One of a job's outputs, cut to a limit.
#[derive(Debug)]
pub(super) struct Output<'a> {
    bytes: Cow<'a, [u8]>,
    pub(super) truncated: bool,
}

impl<'a> Output<'a> {
    /// The beginning of `captured`; a character is not cut in two.
    pub(super) fn new(captured: &'a Captured, limit: u64) -> Result<Self, Failure> {
        let mut bytes = match captured.in_memory() {
            Some(bytes) => Cow::from(
                &bytes[..bytes
                    .len()
                    .min(usize::try_from(limit).unwrap_or(usize::MAX))],
            ),
            None => captured
                .head(limit)
                .map_err(|error| Failure::new("the spooled output of a job", error))?
                .into(),
        };
        let truncated = captured.len() > limit;
        if truncated
            && let Err(error) = str::from_utf8(&bytes)
            && error.error_len().is_none()
        {
            match &mut bytes {
                Cow::Borrowed(bytes) => *bytes = &bytes[..error.valid_up_to()],
                Cow::Owned(bytes) => bytes.truncate(error.valid_up_to()),
            }
        }
        Ok(Self { bytes, truncated })
    }

    /// The text, unless the bytes are no UTF-8.
    pub(super) fn text(&self) -> Option<&str> {
        str::from_utf8(&self.bytes).ok()
    }

    /// The base64, if the bytes are no UTF-8.
    pub(super) fn base64(&self) -> Option<String> {
        exact(&self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::spooled;

    #[test]
    fn a_character_is_not_cut_in_two() {
        for captured in [Captured::Memory("aé".into()), spooled("aé".as_bytes())] {
            let output = Output::new(&captured, 2).unwrap();
            assert_eq!((output.text(), output.truncated), (Some("a"), true));
            let output = Output::new(&captured, 3).unwrap();
            assert_eq!((output.text(), output.truncated), (Some("aé"), false));
        }
    }

    #[test]
    fn what_is_no_text_is_base64() {
        let captured = Captured::Memory(b"a\xff\xc3".to_vec());
        let output = Output::new(&captured, 9).unwrap();
        assert_eq!(
            (output.text(), output.base64().as_deref()),
            (None, Some("Yf/D"))
        );
        // An incomplete character at a real end is not cut off.
        let captured = Captured::Memory(b"a\xc3".to_vec());
        assert_eq!(
            Output::new(&captured, 9).unwrap().base64().as_deref(),
            Some("YcM=")
        );
    }
}
