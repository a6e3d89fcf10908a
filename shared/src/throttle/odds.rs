//! What the throttle lets through at worst: the numbers that docs quote, computed by letting attackers try whenever a
//! try counts, for years.

use super::tests::{BACKUP, CODE, DAY, YEAR, address, admit, at, failed, known};
use super::*;

/// What one guess at a device of six digits is worth: three steps of a million codes pass.
const GUESS: f64 = 3e-6;

/// An attacker who tries whenever it counts, until `end`: the times at which a guess was looked at.
fn attack(throttle: &mut Throttle, stage: Stage, fits: Guesses, origin: &Origin, end: u64) -> Vec<u64> {
    let (mut now, mut looks) = (0, Vec::new());
    while now < end {
        match throttle.admit(origin, stage, fits, at(now)) {
            Ok(tried) => {
                *throttle = throttle.failed(origin, stage, tried, at(now));
                looks.push(now);
            }
            Err(Throttled::Wait(seconds)) => now += seconds,
            Err(Throttled::Closed) => now += DAY,
        }
    }
    looks
}

/// The most looks within any window of so many seconds.
fn busiest(looks: &[u64], window: u64) -> usize {
    let within =
        |start: usize| looks[start..].iter().take_while(|look| **look < looks[start] + window).count();
    (0..looks.len()).map(within).max().unwrap_or(0)
}

#[test]
fn an_owner_with_a_new_address_each_login_is_never_closed_out() {
    let (mut throttle, mut address_number, mut mistypes) = (Throttle::default(), 0, 0);
    // Xorshift: the same year in every run.
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    for login in 0..8 * 365 {
        address_number += 1;
        let (origin, mut now) = (address(address_number), login * DAY / 8);
        loop {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            assert_eq!(admit(&throttle, &origin, at(now)), Ok(CODE), "login {login} waits for nothing");
            if !state.is_multiple_of(20) {
                break;
            }
            mistypes += 1;
            throttle = failed(&throttle, &origin, at(now));
            now += 30;
        }
        throttle = throttle.succeeded(&origin, Stage::AfterFirst, at(now));
    }
    assert!((100..200).contains(&mistypes), "{mistypes} in {} logins", 8 * 365);
    assert_eq!(throttle.strangers.window.within(at(YEAR), STRANGER_DAYS), 0);
}

#[test]
fn strangers_who_never_stop_get_a_hundred_guesses_a_year_which_is_three_in_ten_thousand() {
    let mut throttle = Throttle::default();
    let looks = attack(&mut throttle, Stage::AfterFirst, CODE, &address(1), 5 * YEAR);
    assert_eq!(busiest(&looks, YEAR), 100);
    assert!((GUESS - crate::odds::of_a_guess(&[6])).abs() < 1e-15);
    // What `twofold doctor` tells an operator.
    let odds = crate::odds::of_a_year(&[6]);
    assert!((odds - 3e-4).abs() < 1e-7, "{odds}");
}

#[test]
fn strangers_guess_backup_codes_once_in_a_hundred_thousand_years() {
    let mut throttle = Throttle::default();
    let looks = attack(&mut throttle, Stage::AfterFirst, BACKUP, &address(1), 5 * YEAR);
    assert_eq!(busiest(&looks, YEAR), 100);
    let odds = 100.0 * 10.0 / 1e8;
    assert!((odds - 1e-5_f64).abs() < 1e-9, "{odds}");
}

#[test]
fn before_a_first_factor_there_are_as_many_guesses_again_and_no_more() {
    let mut throttle = Throttle::default();
    let looks = attack(&mut throttle, Stage::BeforeFirst, CODE, &address(1), 5 * YEAR);
    assert_eq!(busiest(&looks, YEAR), 100);
}

#[test]
fn a_neighbour_at_a_known_address_gets_one_guess_a_day_and_one_for_each_login_of_its_owner() {
    let origin = address(1);
    let mut throttle = known(&origin);
    let (mut looks, logins) = (Vec::new(), 8);
    for login in 0..logins * 365 {
        let (mut now, end) = (login * DAY / logins, (login + 1) * DAY / logins);
        while now < end && throttle.knows(&origin, at(now)) {
            match admit(&throttle, &origin, at(now)) {
                Ok(_) => {
                    throttle = failed(&throttle, &origin, at(now));
                    looks.push(now);
                }
                Err(Throttled::Wait(seconds)) => now += seconds,
                Err(Throttled::Closed) => panic!("a known source is closed"),
            }
        }
        throttle = throttle.succeeded(&origin, Stage::AfterFirst, at(end));
    }
    let most = busiest(&looks, YEAR) as u64;
    assert!(most <= (365 / 30 + 2) * 30 + logins * 365, "{most}");
    // Worst case, with the owner's password, from the owner's address, all year: under one in a hundred.
    assert!(1.0 - (1.0 - GUESS).powi(most as i32) < 0.01, "{most}");
}

#[test]
fn passwords_can_be_guessed_five_times_an_hour_in_the_long_run() {
    let (mut throttle, mut now, mut looks) = (Throttle::default(), 0, 0_u64);
    while now < YEAR {
        match throttle.admit_password(&address(1), at(now)) {
            Ok(()) => {
                throttle = throttle.password_failed(&address(1), at(now));
                looks += 1;
            }
            Err(Throttled::Wait(seconds)) => now += seconds,
            Err(Throttled::Closed) => panic!("passwords close"),
        }
    }
    assert!(looks < 5 * 24 * 365, "{looks}");
}
