//! Timestamps: RFC 3339, UTC, microseconds.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use serde::de::{Error as _, Unexpected};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::text::Text;

/// `2025-11-23T02:16:20.123456Z`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp([u8; 27]);

impl Stamp {
    fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The moment; `None` where the text is none.
    pub fn time(&self) -> Option<SystemTime> {
        self.as_str()
            .parse::<Timestamp>()
            .ok()
            .map(SystemTime::from)
    }
}

impl Serialize for Stamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Stamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(deserializer)?;
        let bytes = text.as_bytes().try_into();
        bytes.map(Self).map_err(|_| {
            let expected = "a time such as 2025-11-23T02:16:20.123456Z";
            D::Error::invalid_value(Unexpected::Str(&text), &expected)
        })
    }
}

/// Makes timestamps; the calendar is consulted once per second only.
#[derive(Debug)]
pub struct Calendar {
    second: u64,
    /// The timestamp of the beginning of `second`.
    stamp: Stamp,
}

impl Default for Calendar {
    fn default() -> Self {
        Self {
            second: 0,
            stamp: Stamp(*b"1970-01-01T00:00:00.000000Z"),
        }
    }
}

impl Calendar {
    /// The timestamp of the moment `at`.
    pub fn stamp(&mut self, at: SystemTime) -> Stamp {
        let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
        if since.as_secs() != self.second {
            self.turn_to(since.as_secs());
        }
        let Stamp(mut text) = self.stamp;
        let mut micros = since.subsec_micros();
        for digit in text[20..26].iter_mut().rev() {
            *digit = b'0' + (micros % 10) as u8;
            micros /= 10;
        }
        Stamp(text)
    }

    fn turn_to(&mut self, second: u64) {
        // Beyond the year 9999 the clock is broken anyway.
        let Ok(timestamp) = Timestamp::from_second(second as i64) else {
            return;
        };
        let text = timestamp.to_string();
        if let Some(date) = text.as_bytes().get(..19) {
            self.stamp.0[..19].copy_from_slice(date);
            self.second = second;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Calendar;
    use proptest::prelude::*;
    use std::time::{Duration, UNIX_EPOCH};

    proptest! {
        #[test]
        fn reads_back_as_the_same_moment(moments in prop::collection::vec(0u64..250_000_000_000_000_000, 1..5)) {
            let mut calendar = Calendar::default();
            for micros in moments {
                let stamp = calendar.stamp(UNIX_EPOCH + Duration::from_micros(micros));
                let back: jiff::Timestamp = stamp.as_str().parse().unwrap();
                prop_assert_eq!(back.as_microsecond(), micros as i64);
                prop_assert!(stamp.as_str().ends_with('Z'));
                prop_assert_eq!(stamp.time(), Some(UNIX_EPOCH + Duration::from_micros(micros)));
                let text = serde_json::to_string(&stamp).unwrap();
                prop_assert_eq!(serde_json::from_str::<super::Stamp>(&text).unwrap(), stamp);
            }
        }
    }
}
