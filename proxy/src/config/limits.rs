//! How long and how much: what a client may take of the gate before it is let go.

use std::ops::RangeInclusive;
use std::time::Duration;

use twofold_shared::config::Table;

/// The limits that hold for every connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `header_timeout`: within this time a connection's first request has to have a whole head. 1 s to 5 min, default
    /// 30 s.
    pub header: Duration,
    /// `body_timeout`: how long a client may send nothing of a body, or take nothing of an answer. 1 s to 1 h, default
    /// 1 min.
    pub body: Duration,
    /// `idle_timeout`: how long a connection is kept for its next request, whose head has to be whole by then. 1 s to
    /// 1 h, default 75 s.
    pub idle: Duration,
    /// `max_connections`: how many clients' connections are held at one time; further ones are closed at once. 1 to a
    /// million, default 16384.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header: Duration::from_secs(30),
            body: Duration::from_secs(60),
            idle: Duration::from_secs(75),
            connections: 16_384,
        }
    }
}

const SECOND: Duration = Duration::from_secs(1);
const MINUTES: RangeInclusive<Duration> = SECOND..=Duration::from_secs(300);
const HOUR: RangeInclusive<Duration> = SECOND..=Duration::from_secs(3600);

/// `max_body` of a site that says nothing: more than forms and most uploads have.
pub const MAX_BODY: u64 = 1 << 30;

impl Limits {
    /// Reads them.
    pub fn read(table: &mut Table<'_>) -> Self {
        let usual = Self::default();
        Self {
            header: table.duration("header_timeout", MINUTES).map_or(usual.header, |at| at.value),
            body: table.duration("body_timeout", HOUR).map_or(usual.body, |at| at.value),
            idle: table.duration("idle_timeout", HOUR).map_or(usual.idle, |at| at.value),
            connections: table
                .number("max_connections", 1..=1_000_000)
                .and_then(|at| usize::try_from(at.value).ok())
                .unwrap_or(usual.connections),
        }
    }
}

/// `max_body`: the longest body of a request to a site, in bytes; `None` is without end.
pub fn max_body(table: &mut Table<'_>) -> Option<u64> {
    let written = table.text("max_body").and_then(|text| text.check(|text| size(&text)));
    written.map_or(Some(MAX_BODY), |at| at.value)
}

/// `"512 KiB"`, `"1 GiB"`, `"unlimited"`.
fn size(text: &str) -> Result<Option<u64>, String> {
    if text == "unlimited" {
        return Ok(None);
    }
    let number = text.trim_end_matches(|character: char| !character.is_ascii_digit());
    let factor = match text.get(number.len()..).unwrap_or_default().trim() {
        "KiB" => Some(1 << 10),
        "MiB" => Some(1 << 20),
        "GiB" => Some(1 << 30),
        "TiB" => Some(1_u64 << 40),
        _ => None,
    };
    let bytes =
        number.parse::<u64>().ok().zip(factor).and_then(|(number, factor)| number.checked_mul(factor));
    match bytes {
        Some(bytes) if bytes > 0 => Ok(Some(bytes)),
        _ => Err("must be a size such as \"512 KiB\", \"100 MiB\" or \"1 GiB\", or \"unlimited\"".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_carries_its_unit() {
        assert_eq!(size("512 KiB"), Ok(Some(512 * 1024)));
        assert_eq!(size("1GiB"), Ok(Some(MAX_BODY)));
        assert_eq!(size("unlimited"), Ok(None));
        for odd in ["", "1", "1 GB", "0 MiB", "-1 MiB", "1.5 GiB", "MiB", "20000000 TiB", "1 MiB 2", "é MiB"]
        {
            assert!(size(odd).is_err(), "{odd}");
        }
    }
}
