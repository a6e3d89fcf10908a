//! The throttle's promises, one a test.

use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;

use super::*;
use crate::wire::Source;

pub(super) const CODE: Guesses = Guesses { device: true, backup: false };
pub(super) const BACKUP: Guesses = Guesses { device: false, backup: true };
const START: u64 = 1_800_000_000;
pub(super) const DAY: u64 = 24 * 3600;
pub(super) const YEAR: u64 = 365 * DAY;

pub(super) fn at(seconds: u64) -> UnixTime {
    UnixTime(START + seconds)
}

pub(super) fn address(number: u32) -> Origin {
    let source = Source { address: Some(IpAddr::V4(Ipv4Addr::from_bits(number))), ..Source::default() };
    Origin::reported(&source, "web1", "")
}

fn terminal(host: &str) -> Origin {
    let source = Source { terminal: Some("tty1".to_owned()), ..Source::default() };
    Origin::reported(&source, host, "")
}

pub(super) fn known(origin: &Origin) -> Throttle {
    Throttle::default().succeeded(origin, Stage::AfterFirst, at(0))
}

pub(super) fn failed(throttle: &Throttle, origin: &Origin, now: UnixTime) -> Throttle {
    throttle.failed(origin, Stage::AfterFirst, CODE, now)
}

pub(super) fn admit(throttle: &Throttle, origin: &Origin, now: UnixTime) -> Result<Guesses, Throttled> {
    throttle.admit(origin, Stage::AfterFirst, CODE, now)
}

#[test]
fn five_failures_are_free_and_then_delays_double_up_to_a_quarter_of_an_hour() {
    let delays: Vec<u64> = (0..=17).map(delay_seconds).collect();
    assert_eq!(delays, [0, 0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
    assert_eq!(delay_seconds(u32::MAX), 900);
}

#[test]
fn a_delay_is_waited_out_to_the_second() {
    let origin = address(1);
    let mut throttle = known(&origin);
    for _ in 0..8 {
        throttle = failed(&throttle, &origin, at(0));
    }
    assert_eq!(admit(&throttle, &origin, at(0)), Err(Throttled::Wait(4)));
    assert_eq!(admit(&throttle, &origin, at(3)), Err(Throttled::Wait(1)));
    assert_eq!(admit(&throttle, &origin, at(4)), Ok(CODE));
}

#[test]
fn a_storm_of_strangers_never_stops_a_known_source() {
    let owner = address(1);
    let mut throttle = known(&owner);
    for stranger in 0..1000 {
        throttle = failed(&throttle, &address(1000 + stranger), at(u64::from(stranger)));
        throttle =
            throttle.failed(&address(1000 + stranger), Stage::BeforeFirst, CODE, at(u64::from(stranger)));
        throttle = throttle.password_failed(&address(1000 + stranger), at(u64::from(stranger)));
        assert_eq!(admit(&throttle, &owner, at(u64::from(stranger))), Ok(CODE));
        assert_eq!(throttle.admit(&owner, Stage::BeforeFirst, CODE, at(u64::from(stranger))), Ok(CODE));
        assert_eq!(throttle.admit_password(&owner, at(u64::from(stranger))), Ok(()));
    }
    assert_eq!(admit(&throttle, &address(9), at(2 * DAY)), Err(Throttled::Closed));
    assert!(throttle.closed_to_strangers(at(2 * DAY)));
}

#[test]
fn strangers_share_one_delay() {
    let mut throttle = Throttle::default();
    for stranger in 0..7 {
        throttle = failed(&throttle, &address(stranger), at(0));
    }
    assert_eq!(admit(&throttle, &address(99), at(0)), Err(Throttled::Wait(2)));
    assert_eq!(
        admit(&throttle, &Origin::default(), at(0)),
        Err(Throttled::Wait(2)),
        "and so does nobody knows who"
    );
}

#[test]
fn strangers_are_closed_after_a_hundred_failures_in_a_year_and_counted_exactly() {
    let mut throttle = Throttle::default();
    for number in 0..99 {
        throttle = failed(&throttle, &address(number), at(u64::from(number) * DAY));
    }
    assert_eq!(admit(&throttle, &address(0), at(99 * DAY)), Ok(CODE));
    throttle = failed(&throttle, &address(0), at(99 * DAY));
    assert_eq!(throttle.strangers.window.within(at(99 * DAY), STRANGER_DAYS), 100);
    assert_eq!(admit(&throttle, &address(0), at(100 * DAY)), Err(Throttled::Closed));
    assert_eq!(admit(&throttle, &address(0), at(365 * DAY)), Err(Throttled::Closed), "the year is not over");
    assert_eq!(admit(&throttle, &address(0), at(366 * DAY)), Ok(CODE), "the first failure is a year old");
}

#[test]
fn strangers_backup_codes_have_a_budget_of_their_own() {
    let mut throttle = Throttle::default();
    for number in 0..100 {
        throttle = failed(&throttle, &address(number), at(0));
    }
    let both = Guesses { device: true, backup: true };
    assert_eq!(admit(&throttle, &address(0), at(DAY)), Err(Throttled::Closed));
    assert_eq!(throttle.admit(&address(0), Stage::AfterFirst, BACKUP, at(0)), Ok(BACKUP));
    assert_eq!(throttle.admit(&address(0), Stage::AfterFirst, both, at(0)), Ok(BACKUP));
    for number in 0..100 {
        throttle = throttle.failed(&address(number), Stage::AfterFirst, BACKUP, at(0));
    }
    assert_eq!(throttle.admit(&address(0), Stage::AfterFirst, both, at(DAY)), Err(Throttled::Closed));
}

#[test]
fn tries_before_a_first_factor_delay_nobody_else() {
    let mut throttle = known(&address(1));
    for number in 0..1000 {
        for origin in [address(1), address(number)] {
            throttle = throttle.failed(&origin, Stage::BeforeFirst, CODE, at(0));
        }
    }
    assert_eq!(throttle.admit(&address(2), Stage::BeforeFirst, CODE, at(DAY)), Err(Throttled::Closed));
    assert_eq!(admit(&throttle, &address(2), at(0)), Ok(CODE), "a stranger with a first factor");
    assert_eq!(admit(&throttle, &address(1), at(0)), Ok(CODE), "the owner's own address");
}

#[test]
fn a_known_source_that_fails_thirty_times_in_thirty_days_is_a_stranger() {
    let origin = address(1);
    let mut throttle = known(&origin);
    for number in 0..29 {
        throttle = failed(&throttle, &origin, at(number * DAY / 2));
        assert!(throttle.knows(&origin, at(number * DAY / 2)));
    }
    throttle = failed(&throttle, &origin, at(15 * DAY));
    assert!(!throttle.knows(&origin, at(15 * DAY)));
    assert_eq!(throttle.strangers, Counter::default(), "its failures stay its own");
    let success = throttle.succeeded(&origin, Stage::AfterFirst, at(16 * DAY));
    assert!(!success.knows(&origin, at(16 * DAY)), "a login does not wash it");
    assert!(throttle.knows(&origin, at(46 * DAY)), "time does");
}

#[test]
fn failures_long_apart_do_not_demote() {
    let origin = address(1);
    let mut throttle = known(&origin);
    for number in 0..300 {
        throttle = failed(&throttle, &origin, at(number * 2 * DAY));
    }
    assert!(throttle.knows(&origin, at(600 * DAY)));
}

#[test]
fn a_success_ends_its_own_sources_delay_and_no_other() {
    let (one, other) = (terminal("web1"), terminal("web2"));
    let mut throttle = known(&one).succeeded(&other, Stage::AfterFirst, at(0));
    for origin in [&one, &other, &address(7)] {
        for _ in 0..10 {
            throttle = failed(&throttle, origin, at(0));
        }
    }
    throttle = throttle.succeeded(&one, Stage::AfterFirst, at(20));
    assert_eq!(admit(&throttle, &one, at(20)), Ok(CODE));
    assert_eq!(admit(&throttle, &other, at(0)), Err(Throttled::Wait(16)));
    assert_eq!(admit(&throttle, &address(7), at(0)), Err(Throttled::Wait(16)));
}

#[test]
fn a_success_at_a_strangers_address_gives_back_at_most_three_recent_failures_from_there() {
    let owner = address(1);
    let mut throttle = Throttle::default();
    for _ in 0..5 {
        throttle = failed(&throttle, &owner, at(0));
    }
    throttle = failed(&throttle, &address(2), at(0));
    let after = throttle.succeeded(&owner, Stage::AfterFirst, at(900));
    assert_eq!(
        after.strangers.window.within(at(900), STRANGER_DAYS),
        3,
        "two of the owner's and the other's"
    );
    let late = throttle.succeeded(&owner, Stage::AfterFirst, at(901));
    assert_eq!(late.strangers.window.within(at(901), STRANGER_DAYS), 6, "not after a quarter of an hour");
    let again = after.succeeded(&owner, Stage::AfterFirst, at(900));
    assert_eq!(again.strangers, after.strangers, "and once");
}

#[test]
fn what_is_given_back_goes_to_the_counters_that_were_charged() {
    let throttle = Throttle::default()
        .failed(&address(1), Stage::AfterFirst, BACKUP, at(0))
        .failed(&address(1), Stage::BeforeFirst, CODE, at(0))
        .succeeded(&address(1), Stage::AfterFirst, at(1));
    assert_eq!(throttle.strangers_backup.window, Window::default());
    assert_eq!(throttle.before_first.window, Window::default());
}

#[test]
fn wrong_passwords_delay_and_never_close() {
    let mut throttle = known(&address(1));
    let mut now = 0;
    for _ in 0..1000 {
        match throttle.admit_password(&address(2), at(now)) {
            Ok(()) => throttle = throttle.password_failed(&address(2), at(now)),
            Err(Throttled::Wait(seconds)) => now += seconds,
            Err(Throttled::Closed) => panic!("passwords close"),
        }
    }
    assert_eq!(throttle.admit_password(&address(1), at(now)), Ok(()), "the known source");
    assert_eq!(admit(&throttle, &address(2), at(now)), Ok(CODE), "and codes are another counter");
}

#[test]
fn one_failure_in_a_row_is_forgotten_each_hour() {
    let origin = address(1);
    let mut throttle = Throttle::default();
    for day in 0..1000 {
        assert_eq!(throttle.admit_password(&origin, at(day * DAY)), Ok(()), "who mistypes daily never waits");
        throttle = throttle.password_failed(&origin, at(day * DAY));
    }
}

#[test]
fn there_are_sixteen_known_sources_and_addresses_give_way_first_the_least_recent_before_others() {
    let mut throttle = known(&terminal("web1"));
    for number in 1..=15 {
        throttle = throttle.succeeded(&address(number), Stage::AfterFirst, at(u64::from(number)));
    }
    assert_eq!(throttle.known.len(), MAX_KNOWN);
    throttle = throttle.succeeded(&address(1), Stage::AfterFirst, at(50));
    throttle = throttle.succeeded(&address(99), Stage::AfterFirst, at(51));
    assert_eq!(throttle.known.len(), MAX_KNOWN);
    assert!(throttle.knows(&terminal("web1"), at(51)), "older than every address");
    assert!(throttle.knows(&address(1), at(51)), "passed again meanwhile");
    assert!(!throttle.knows(&address(2), at(51)), "the least recent");
    for number in 0..16 {
        throttle =
            throttle.succeeded(&terminal(&format!("host{number}")), Stage::AfterFirst, at(60 + number));
    }
    assert!(!throttle.knows(&address(99), at(100)), "no address is left");
    assert!(!throttle.knows(&terminal("web1"), at(100)), "and then the least recent of the rest");
}

#[test]
fn reopening_lets_strangers_in_and_keeps_known_sources() {
    let mut throttle = known(&address(1));
    for _ in 0..100 {
        throttle = failed(&throttle, &address(2), at(0));
    }
    let reopened = throttle.reopened();
    assert_eq!(admit(&reopened, &address(2), at(0)), Ok(CODE));
    assert!(reopened.knows(&address(1), at(0)));
}

#[test]
fn the_strongest_known_source_pays() {
    let key = SourceId::new(SourceKind::PublicKey, "", b"ssh-ed25519 AAAA");
    let throttle = known(&Origin { sources: vec![key] }).succeeded(&address(1), Stage::AfterFirst, at(0));
    let both = address(1).with(key);
    let mut after = throttle.clone();
    for _ in 0..10 {
        after = failed(&after, &both, at(0));
    }
    assert_eq!(admit(&after, &address(1), at(0)), Ok(CODE), "the address is not charged");
    assert_eq!(admit(&after, &both, at(0)), Err(Throttled::Wait(16)));
}

#[test]
fn what_a_door_reports_counts_only_under_its_own_host() {
    let source = Source { address: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)), ..Source::default() };
    let reported = |reporter| Origin::reported(&source, "web1", reporter);
    let throttle = known(&reported(""));
    assert!(throttle.knows(&reported(""), at(0)));
    assert!(!throttle.knows(&reported("container"), at(0)));
    assert_ne!(reported("container"), reported("other"));
}

#[test]
fn an_address_is_an_ipv4_address_or_an_ipv6_network() {
    let origin = |text: &str| {
        let source = Source {
            address: Some(text.parse().unwrap()),
            terminal: Some("pts/0".into()),
            ..Source::default()
        };
        Origin::reported(&source, "web1", "")
    };
    assert_eq!(origin("192.0.2.1"), origin("::ffff:192.0.2.1"));
    assert_ne!(origin("192.0.2.1"), origin("192.0.2.2"));
    assert_eq!(origin("2001:db8::1"), origin("2001:db8::ffff:1"));
    assert_ne!(origin("2001:db8::1"), origin("2001:db8:0:1::1"));
    assert!(
        origin("192.0.2.1").sources.iter().all(|source| source.kind == SourceKind::Address),
        "not the terminal"
    );
}

#[test]
fn a_public_key_is_the_same_with_and_without_its_comment() {
    let origin = |key: &str| {
        let source = Source { public_key: Some(key.to_owned()), ..Source::default() };
        Origin::reported(&source, "web1", "")
    };
    assert_eq!(origin("ssh-ed25519 AAAA"), origin("publickey ssh-ed25519 AAAA alice@laptop\n"));
    assert_ne!(origin("ssh-ed25519 AAAA"), origin("ssh-ed25519 BBBB"));
    assert_eq!(origin("nonsense").sources, []);
}

#[test]
fn a_settled_clock_leaves_no_failure_in_the_future() {
    let origin = address(1);
    let mut throttle = known(&origin);
    for _ in 0..10 {
        throttle = failed(&throttle, &origin, at(YEAR));
        throttle = failed(&throttle, &address(2), at(YEAR));
    }
    assert_eq!(admit(&throttle, &origin, at(0)), Ok(CODE), "a failure that lies ahead delays nobody");
    let settled = throttle.settled(at(0));
    assert_eq!(admit(&settled, &origin, at(0)), Err(Throttled::Wait(16)));
    assert_eq!(settled.strangers.window.within(at(0), STRANGER_DAYS), 10);
    assert_eq!(settled.strangers.window.within(at(366 * DAY), STRANGER_DAYS), 0);
}

#[derive(Clone, Debug)]
enum Event {
    Try { origin: Origin, stage: Stage, fits: Guesses, right: bool },
    Password { origin: Origin },
    Pass { seconds: u64 },
    Settle { back: u64 },
}

fn event() -> impl Strategy<Value = Event> {
    let origin = prop_oneof![
        (0..30_u32).prop_map(address),
        (0..20_u32).prop_map(|host| terminal(&host.to_string())),
        (0..30_u32, 0..4_u8).prop_map(|(number, key)| address(number).with(SourceId::new(
            SourceKind::PublicKey,
            "",
            &[key]
        ))),
        Just(Origin::default()),
    ];
    let stage = prop_oneof![Just(Stage::BeforeFirst), Just(Stage::AfterFirst)];
    let fits = prop_oneof![Just(CODE), Just(BACKUP), Just(Guesses { device: true, backup: true })];
    prop_oneof![
        8 => (origin.clone(), stage, fits, proptest::bool::weighted(0.2))
            .prop_map(|(origin, stage, fits, right)| Event::Try { origin, stage, fits, right }),
        2 => origin.prop_map(|origin| Event::Password { origin }),
        3 => prop_oneof![0..1000_u64, 0..40 * DAY, Just(u64::MAX)].prop_map(|seconds| Event::Pass { seconds }),
        1 => (0..DAY).prop_map(|back| Event::Settle { back }),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_the_record_stays_small_and_every_failure_is_counted(
        events in proptest::collection::vec(event(), 0..300),
    ) {
        let (mut throttle, mut now) = (Throttle::default(), at(0));
        for event in events {
            match event {
                Event::Try { origin, stage, fits, right } => {
                    let Ok(tried) = throttle.admit(&origin, stage, fits, now) else { continue };
                    prop_assert!((tried.device, tried.backup) <= (fits.device, fits.backup));
                    if right {
                        throttle = throttle.succeeded(&origin, stage, now);
                    } else {
                        let before = throttle.clone();
                        throttle = throttle.failed(&origin, stage, tried, now);
                        prop_assert_ne!(&before, &throttle);
                    }
                }
                Event::Password { origin } => throttle = throttle.password_failed(&origin, now),
                Event::Pass { seconds } => now = now.plus(seconds),
                Event::Settle { back } => {
                    now = UnixTime(now.0.saturating_sub(back));
                    throttle = throttle.settled(now);
                }
            }
            prop_assert!(throttle.known.len() <= MAX_KNOWN);
            prop_assert!(throttle.recent.len() <= MAX_RECENT);
            for shared in [&throttle.strangers, &throttle.strangers_backup, &throttle.before_first] {
                prop_assert!(shared.window.days.iter().map(|day| day.failures).sum::<u32>() <= 2 * STRANGER_FAILURES);
                prop_assert!(shared.window.days.is_sorted_by_key(|day| day.day));
            }
        }
    }
}
