//! How likely somebody is to guess their way in who never stops: what an operator is told, from the numbers that limit it.
//!
//! The throttle lets strangers try [`GUESSES`] times within [`DAYS`] at an account; a test of the throttle attacks it for
//! years and holds it to that.

/// Codes that strangers may get wrong at an account before it closes to them.
pub const GUESSES: u32 = 100;
/// The days in which they are counted.
pub const DAYS: u32 = 365;
/// Codes of one device that are right at any moment: the current one, and one step either side.
pub const RIGHT_CODES: u32 = 3;

/// The chance of one guess at an account with devices of so many digits each. A guess has one length, and whoever guesses
/// chooses the best.
#[must_use]
pub fn of_a_guess(digits: &[u8]) -> f64 {
    let of_length = |length: u8| {
        let devices = digits.iter().filter(|&&each| each == length).count() as f64;
        devices * f64::from(RIGHT_CODES) / 10_f64.powi(i32::from(length))
    };
    digits.iter().map(|&length| of_length(length)).fold(0.0, f64::max).min(1.0)
}

/// The chance that somebody who has the first factor, and tries from unknown places whenever a try counts, is right once
/// within a year.
#[must_use]
pub fn of_a_year(digits: &[u8]) -> f64 {
    at_least_once(of_a_guess(digits), f64::from(GUESSES))
}

/// The chance of at least one success in so many tries. Exact also where the chance is tiny.
fn at_least_once(chance: f64, tries: f64) -> f64 {
    -(tries * (-chance).ln_1p()).exp_m1()
}

/// The chance that it happens to one or more of these accounts, each given by its own chance.
#[must_use]
pub fn of_any(chances: &[f64]) -> f64 {
    -chances.iter().map(|chance| (-chance).ln_1p()).sum::<f64>().exp_m1()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64) {
        assert!((found / expected - 1.0).abs() < 1e-3, "{found} is not {expected}");
    }

    #[test]
    fn a_phone_is_guessed_three_times_in_ten_thousand_years() {
        near(of_a_guess(&[6]), 3e-6);
        near(of_a_year(&[6]), 3e-4);
        near(of_a_year(&[8]), 3e-6);
        near(of_a_year(&[6, 6, 6]), 9e-4);
        near(of_a_year(&[6, 8]), 3e-4);
        assert!(of_a_year(&[]).abs() < f64::EPSILON);
    }

    #[test]
    fn many_accounts_are_as_weak_as_their_sum_while_that_is_small() {
        near(of_any(&[3e-4; 10]), 2.996e-3);
        near(of_any(&[3e-4; 100_000]), 1.0);
        assert!(of_any(&[]).abs() < f64::EPSILON);
    }
}
