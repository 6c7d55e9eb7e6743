//! Points in time, in milliseconds.
//!
//! Storage holds the number of milliseconds since 1970. The wire has ISO 8601 in UTC. It always has
//! 24 characters, because a [`Timestamp`] is limited to the years 0 to 9999.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

/// The first millisecond of the year 0.
const MIN_MILLIS: i64 = -62_167_219_200_000;
/// The last millisecond of the year 9999.
const MAX_MILLIS: i64 = 253_402_300_799_999;
/// Maximum length in bytes of a date that is stored unchanged: RFC 3339 with nanoseconds.
const MAX_DATE_BYTES: usize = "2021-11-03T05:53:57.123456789Z".len();

/// The number of milliseconds since the Unix epoch, within the years 0 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "i64", into = "i64")]
pub struct Timestamp(i64);

impl Timestamp {
    /// Returns the timestamp `millis` after the Unix epoch, clamped to the years 0 to 9999.
    pub fn from_millis(millis: i64) -> Self {
        Self(millis.clamp(MIN_MILLIS, MAX_MILLIS))
    }

    /// Returns the number of milliseconds since the Unix epoch.
    pub fn as_millis(self) -> i64 {
        self.0
    }

    /// Returns the whole seconds since an earlier time. They are negative if the other time is later.
    pub fn seconds_since(self, earlier: Self) -> i64 {
        self.as_millis().saturating_sub(earlier.as_millis()) / 1000
    }

    /// Returns the timestamp `seconds` later.
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self::from_millis(self.0.saturating_add(seconds.saturating_mul(1000)))
    }

    /// Returns whether this timestamp is less than `seconds` before `now`. A timestamp after `now`,
    /// which clock skew can cause, is within any period.
    pub fn is_within(self, seconds: i64, now: Self) -> bool {
        now < self.plus_seconds(seconds)
    }
}

impl From<i64> for Timestamp {
    fn from(millis: i64) -> Self {
        Self::from_millis(millis)
    }
}

impl From<Timestamp> for i64 {
    fn from(timestamp: Timestamp) -> Self {
        timestamp.0
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(date: DateTime<Utc>) -> Self {
        Self::from_millis(date.timestamp_millis())
    }
}

impl fmt::Display for Timestamp {
    /// Formats as ISO 8601 in UTC with milliseconds: `2021-11-03T05:53:57.546Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = DateTime::from_timestamp_millis(self.0).unwrap_or_default();
        f.write_str(&date.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

/// Returns the date of a log record in the form in which an event contains it, or `None` if it is
/// not an RFC 3339 date.
///
/// A date in UTC is returned unchanged. A date with another offset, a leap second, a lowercase
/// letter, or a space instead of the `T` is converted, because some parsers reject these.
pub fn utc_date(date: &str) -> Option<String> {
    let parsed = DateTime::parse_from_rfc3339(date).ok()?;
    let is_common_form = date.contains('T') && date.ends_with('Z') && !date.contains(":60");
    // RFC 3339 does not limit the digits of a fraction.
    if is_common_form && date.len() <= MAX_DATE_BYTES {
        return Some(date.to_owned());
    }
    Some(Timestamp::from(parsed.to_utc()).to_string())
}

/// Parses an RFC 3339 date.
pub fn parse_rfc3339(date: &str) -> Option<Timestamp> {
    let parsed = DateTime::parse_from_rfc3339(date).ok()?;
    Some(parsed.to_utc().into())
}

/// Serializes a timestamp as ISO 8601: `#[serde(with = "iso8601")]`.
pub mod iso8601 {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use super::{Timestamp, parse_rfc3339};

    /// Serializes a timestamp.
    ///
    /// # Errors
    ///
    /// The serializer's error.
    pub fn serialize<S: Serializer>(
        timestamp: &Timestamp,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(timestamp)
    }

    /// Deserializes a timestamp.
    ///
    /// # Errors
    ///
    /// The deserializer's error if the value is not an RFC 3339 date.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        let date = String::deserialize(deserializer)?;
        parse_rfc3339(&date).ok_or_else(|| D::Error::custom("not an RFC 3339 date"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_is_formatted_in_utc_with_milliseconds() {
        assert_eq!(
            Timestamp::from_millis(1_635_918_837_546).to_string(),
            "2021-11-03T05:53:57.546Z"
        );
        assert_eq!(
            Timestamp::from_millis(0).to_string(),
            "1970-01-01T00:00:00.000Z"
        );
    }

    #[test]
    fn a_timestamp_outside_the_years_0_to_9999_is_clamped() {
        assert_eq!(
            Timestamp::from_millis(i64::MAX).to_string(),
            "9999-12-31T23:59:59.999Z"
        );
        assert_eq!(
            Timestamp::from_millis(i64::MIN).to_string(),
            "0000-01-01T00:00:00.000Z"
        );
    }

    #[test]
    fn a_record_date_in_utc_is_unchanged() {
        for date in ["2021-11-03T05:53:57.546Z", "2021-11-03T05:53:57Z"] {
            assert_eq!(utc_date(date).as_deref(), Some(date));
        }
    }

    #[test]
    fn a_record_date_with_too_many_digits_is_shortened() {
        let date = format!("2021-11-03T05:53:57.5{}Z", "0".repeat(100_000));
        assert_eq!(utc_date(&date).as_deref(), Some("2021-11-03T05:53:57.500Z"));
    }

    #[test]
    fn a_record_date_with_an_offset_is_converted_to_utc() {
        assert_eq!(
            utc_date("2021-11-03T07:53:57.5+02:00").as_deref(),
            Some("2021-11-03T05:53:57.500Z")
        );
    }

    #[test]
    fn a_record_date_in_an_uncommon_form_is_converted() {
        for (date, common_form) in [
            ("2021-11-03 05:53:57Z", "2021-11-03T05:53:57.000Z"),
            ("2021-11-03t05:53:57z", "2021-11-03T05:53:57.000Z"),
            ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(utc_date(date).as_deref(), Some(common_form));
        }
    }

    #[test]
    fn an_invalid_record_date_is_none() {
        for date in ["", "yesterday", "2021-13-03T05:53:57Z", "Z"] {
            assert_eq!(utc_date(date), None, "{date}");
        }
    }
}
