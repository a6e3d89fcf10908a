//! Times as people say them. The clock is read once, when the command starts.

use std::str::FromStr;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Zoned};

/// Now, here.
#[derive(Clone, Debug)]
pub struct Calendar(Zoned);

impl Calendar {
    /// This moment in the system's time zone.
    pub fn today() -> Self {
        Self(Timestamp::now().to_zoned(TimeZone::system()))
    }

    /// `2 h ago`, `3 days ago`; the date when it is longer ago, and the full time when it lies ahead.
    pub fn relative(&self, at: u64) -> String {
        let Some(then) = self.moment(at) else { return at.to_string() };
        let seconds = self.0.timestamp().as_second().saturating_sub(then.timestamp().as_second());
        match seconds {
            ..0 => self.exact(at),
            0..60 => "just now".to_owned(),
            60..3600 => format!("{} min ago", seconds / 60),
            3600..172_800 => format!("{} h ago", seconds / 3600),
            172_800..2_592_000 => format!("{} days ago", seconds / 86_400),
            _ => then.strftime("%-d %B %Y").to_string(),
        }
    }

    /// `2026-03-01 09:12:31`, in local time.
    pub fn exact(&self, at: u64) -> String {
        self.moment(at).map_or_else(|| at.to_string(), |then| then.strftime("%Y-%m-%d %H:%M:%S").to_string())
    }

    /// `22 November 2026`.
    pub fn date(&self) -> String {
        self.0.strftime("%-d %B %Y").to_string()
    }

    /// Where `since` begins, in seconds since the epoch; `None`: from the very beginning.
    ///
    /// # Errors
    /// When the calendar does not reach that far.
    pub fn beginning(&self, since: &Since) -> Result<Option<u64>, jiff::Error> {
        let start = match since {
            Since::All => return Ok(None),
            Since::Ago(span) => self.0.checked_sub(*span)?,
            Since::At(when) => when.to_zoned(self.0.time_zone().clone())?,
        };
        Ok(Some(u64::try_from(start.timestamp().as_second()).unwrap_or(0)))
    }

    /// When `until` is, in seconds since the epoch; `None`: never.
    ///
    /// # Errors
    /// When the calendar does not reach that far.
    pub fn end(&self, until: &Until) -> Result<Option<u64>, jiff::Error> {
        let end = match until {
            Until::Never => return Ok(None),
            Until::In(span) => self.0.checked_add(*span)?,
            Until::At(when) => when.to_zoned(self.0.time_zone().clone())?,
        };
        Ok(Some(u64::try_from(end.timestamp().as_second()).unwrap_or(0)))
    }

    /// Whether `at` is over.
    pub fn is_past(&self, at: u64) -> bool {
        i64::try_from(at).is_ok_and(|at| at <= self.0.timestamp().as_second())
    }

    /// Now, in seconds since the epoch.
    fn seconds(&self) -> u64 {
        u64::try_from(self.0.timestamp().as_second()).unwrap_or(0)
    }

    fn moment(&self, at: u64) -> Option<Zoned> {
        let timestamp = Timestamp::from_second(i64::try_from(at).ok()?).ok()?;
        Some(timestamp.to_zoned(self.0.time_zone().clone()))
    }
}

/// This moment, in seconds since the epoch.
pub fn now() -> u64 {
    Calendar::today().seconds()
}

/// How far back to look.
#[derive(Clone, Debug)]
pub enum Since {
    /// Whatever is kept.
    All,
    /// A while ago.
    Ago(Span),
    /// From a local date or time on.
    At(DateTime),
}

impl FromStr for Since {
    type Err = String;

    fn from_str(typed: &str) -> Result<Self, String> {
        if typed == "all" {
            return Ok(Self::All);
        }
        if let Ok(time) = typed.parse::<DateTime>() {
            return Ok(Self::At(time));
        }
        match typed.parse::<Span>() {
            Ok(span) if !span.is_negative() => Ok(Self::Ago(span)),
            _ => Err("write 90min, 7d, 2026-03-01, '2026-03-01 09:00' or all".to_owned()),
        }
    }
}

/// Until when.
#[derive(Clone, Debug)]
pub enum Until {
    /// For ever.
    Never,
    /// For a while from now.
    In(Span),
    /// Until a local date or time.
    At(DateTime),
}

impl FromStr for Until {
    type Err = String;

    fn from_str(typed: &str) -> Result<Self, String> {
        if typed == "never" {
            return Ok(Self::Never);
        }
        if let Ok(time) = typed.parse::<DateTime>() {
            return Ok(Self::At(time));
        }
        match typed.parse::<Span>() {
            Ok(span) if span.is_positive() => Ok(Self::In(span)),
            _ => Err("write 90d, 1y, 2027-03-01, '2027-03-01 09:00' or never".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: u64 = 1_772_366_400; // 2026-03-01 12:00 UTC

    fn noon() -> Calendar {
        Calendar(Timestamp::from_second(NOON as i64).unwrap().to_zoned(TimeZone::UTC))
    }

    #[test]
    fn times_are_said_as_people_say_them() {
        for (ago, said) in [
            (0, "just now"),
            (59, "just now"),
            (61, "1 min ago"),
            (7300, "2 h ago"),
            (3 * 86_400, "3 days ago"),
            (40 * 86_400, "20 January 2026"),
        ] {
            assert_eq!(noon().relative(NOON - ago), said);
        }
        assert_eq!(noon().relative(NOON + 60), "2026-03-01 12:01:00");
        assert_eq!(noon().relative(u64::MAX), u64::MAX.to_string());
    }

    #[test]
    fn since_reads_spans_dates_and_all() {
        let begins = |typed: &str| noon().beginning(&typed.parse().unwrap()).unwrap();
        assert_eq!(begins("all"), None);
        assert_eq!(begins("90min"), Some(NOON - 5400));
        assert_eq!(begins("7d"), Some(NOON - 7 * 86_400));
        assert_eq!(begins("2026-03-01"), Some(NOON - 12 * 3600));
        assert_eq!(begins("2026-03-01 09:00"), Some(NOON - 3 * 3600));
        for wrong in ["", "yesterweek", "-3h", "12"] {
            assert!(wrong.parse::<Since>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn until_reads_spans_dates_and_never() {
        let ends = |typed: &str| noon().end(&typed.parse().unwrap()).unwrap();
        assert_eq!(ends("never"), None);
        assert_eq!(ends("90d"), Some(NOON + 90 * 86_400));
        assert_eq!(ends("2026-03-02"), Some(NOON + 12 * 3600));
        assert!(noon().is_past(NOON) && !noon().is_past(NOON + 1));
        for wrong in ["", "soon", "-3d", "0d", "12"] {
            assert!(wrong.parse::<Until>().is_err(), "{wrong}");
        }
    }
}
