//! The RFCs' vectors, the window, and what is read and written around them.

use proptest::prelude::*;

use super::*;

fn totp() -> Totp {
    Totp { secret: Secret::generated(*b"12345678901234567890"), parameters: TotpParameters::default() }
}

fn code(totp: &Totp, step: u64) -> Code {
    Code::parse(totp.code_at(step).reveal()).unwrap()
}

/// The lines of a vector file as words.
fn vectors(file: &str) -> impl Iterator<Item = Vec<&str>> {
    file.lines().filter(|line| !line.starts_with('#')).map(|line| line.split_whitespace().collect())
}

#[test]
fn codes_are_those_of_rfc_4226() {
    let mut count = 0;
    for words in vectors(include_str!("../../vectors/rfc4226.txt")) {
        let [key, counter, code] = words[..] else { panic!("three words: {words:?}") };
        let secret = Secret::from_bytes(data_encoding::HEXLOWER.decode(key.as_bytes()).unwrap()).unwrap();
        let totp = Totp { secret, parameters: TotpParameters::default() };
        assert_eq!(totp.code_at(counter.parse().unwrap()).reveal(), code, "counter {counter}");
        count += 1;
    }
    assert_eq!(count, 10);
}

#[test]
fn codes_are_those_of_rfc_6238() {
    let mut count = 0;
    for words in vectors(include_str!("../../vectors/rfc6238.txt")) {
        let [hash, time, expected] = words[..] else { panic!("three words: {words:?}") };
        let (algorithm, length) = match hash {
            "sha1" => (Algorithm::Sha1, 20),
            "sha256" => (Algorithm::Sha256, 32),
            "sha512" => (Algorithm::Sha512, 64),
            other => panic!("unknown hash {other}"),
        };
        let key: Vec<u8> = b"1234567890".iter().copied().cycle().take(length).collect();
        let parameters = TotpParameters::new(algorithm, 8, 30).unwrap();
        let totp = Totp { secret: Secret::from_bytes(key).unwrap(), parameters };
        let now = UnixTime(time.parse().unwrap());
        assert_eq!(totp.code_at(parameters.step_at(now)).reveal(), expected, "{hash} at {time}");
        let typed = Code::parse(expected).unwrap();
        assert_eq!(totp.match_step(&typed, now, None), Match::Step(parameters.step_at(now)));
        count += 1;
    }
    assert_eq!(count, 18);
}

#[test]
fn one_step_either_side_of_now_matches_and_no_further() {
    let (totp, now) = (totp(), UnixTime(30 * 1000 + 7));
    for (step, expected) in [
        (998, Match::None),
        (999, Match::Step(999)),
        (1000, Match::Step(1000)),
        (1001, Match::Step(1001)),
        (1002, Match::None),
    ] {
        assert_eq!(totp.match_step(&code(&totp, step), now, None), expected, "step {step}");
    }
}

#[test]
fn only_a_step_later_than_the_last_one_spent_matches() {
    let (totp, now) = (totp(), UnixTime(30 * 1000));
    for (step, expected) in [(999, Match::AlreadyUsed), (1000, Match::AlreadyUsed), (1001, Match::Step(1001))]
    {
        assert_eq!(totp.match_step(&code(&totp, step), now, Some(1000)), expected, "step {step}");
    }
    assert_eq!(totp.match_step(&code(&totp, 1001), now, Some(1001)), Match::AlreadyUsed);
    assert_eq!(totp.match_step(&code(&totp, 5), now, Some(1001)), Match::None);
}

#[test]
fn the_next_code_comes_with_the_next_step() {
    let totp = totp();
    assert_eq!(totp.seconds_until_next(UnixTime(30_007), 1000), 23);
    assert_eq!(
        totp.seconds_until_next(UnixTime(30_007), 1001),
        53,
        "a code from ahead of its time was spent"
    );
    assert_eq!(totp.seconds_until_next(UnixTime(30_007), 999), 1, "it is on the phone already");
}

#[test]
fn a_code_of_another_length_matches_nothing() {
    let totp = totp();
    let longer = Code::parse(&format!("0{}", totp.code_at(1000).reveal())).unwrap();
    assert_eq!(totp.match_step(&longer, UnixTime(30_000), None), Match::None);
}

#[test]
fn an_app_that_ignores_hash_or_digits_is_found_out() {
    let usual = totp();
    let with = |algorithm, digits| Totp {
        secret: usual.secret.clone(),
        parameters: TotpParameters::new(algorithm, digits, 30).unwrap(),
    };
    let now = UnixTime(30_000);
    let asked = with(Algorithm::Sha256, 8);
    for (algorithm, digits) in [(Algorithm::Sha1, 8), (Algorithm::Sha256, 6), (Algorithm::Sha1, 6)] {
        let shown = with(algorithm, digits);
        assert_eq!(asked.ignored_by(&code(&shown, 1001), now), Some(shown.parameters));
        assert_eq!(asked.ignored_by(&code(&shown, 1002), now), None, "not in the window");
    }
    assert_eq!(asked.ignored_by(&code(&asked, 1000), now), None, "it does as it was asked");
    assert_eq!(usual.ignored_by(&code(&with(Algorithm::Sha256, 8), 1000), now), None);
}

#[test]
fn the_ends_of_time_are_no_trouble() {
    let totp = totp();
    assert_eq!(totp.match_step(&code(&totp, 0), UnixTime(0), None), Match::Step(0));
    let last = UnixTime(u64::MAX);
    let step = totp.parameters.step_at(last);
    assert_eq!(totp.match_step(&code(&totp, step), last, None), Match::Step(step));
}

#[test]
fn secrets_are_read_as_people_have_them() {
    let secret = Secret::generated(*b"12345678901234567890");
    for text in [
        "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
        "gezd gnbv gy3t qojq gezd gnbv gy3t qojq",
        " GEZD-GNBV-GY3T-QOJQ-GEZD-GNBV-GY3T-QOJQ\n",
    ] {
        assert_eq!(Secret::from_base32(text).unwrap(), secret, "{text:?}");
    }
    assert_eq!(Secret::from_base32("GEZDGNBVGY3TQOJQGEZDGNBVGY======").unwrap().as_bytes().len(), 16);
    assert_eq!(secret.to_base32().reveal(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
}

#[test]
fn short_long_and_mistyped_secrets_are_refused() {
    assert_eq!(Secret::from_base32("GEZDGNBVGY3TQOJQGEZDGNBV"), Err(TotpError::TooShort));
    assert_eq!(Secret::from_base32(""), Err(TotpError::TooShort));
    assert_eq!(Secret::from_base32("0189"), Err(TotpError::NotBase32));
    assert_eq!(Secret::from_base32("GEZD=GNBV"), Err(TotpError::NotBase32));
    assert_eq!(Secret::from_bytes([0; 15]), Err(TotpError::TooShort));
    assert!(Secret::from_bytes([0; 16]).is_ok());
    assert_eq!(Secret::from_bytes([0; 129]), Err(TotpError::TooLong));
}

#[test]
fn parameters_outside_their_range_are_refused() {
    for digits in [0, 5, 9, 255] {
        assert_eq!(TotpParameters::new(Algorithm::Sha1, digits, 30), Err(TotpError::Digits));
    }
    for period in [0, 14, 121, u64::MAX] {
        assert_eq!(TotpParameters::new(Algorithm::Sha1, 6, period), Err(TotpError::Period));
    }
}

#[test]
fn a_secret_is_not_printed() {
    assert_eq!(format!("{:?}", totp().secret), "Secret(…)");
}

#[test]
fn the_uri_is_what_apps_read() {
    let uri = |totp: &Totp, account| totp.otpauth_uri("Twofold web1", account).reveal().to_owned();
    assert_eq!(
        uri(&totp(), "alice"),
        "otpauth://totp/Twofold%20web1:alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Twofold%20web1"
    );
    let other = Totp { parameters: TotpParameters::new(Algorithm::Sha256, 8, 60).unwrap(), ..totp() };
    assert!(uri(&other, "alice").ends_with("&issuer=Twofold%20web1&algorithm=SHA256&digits=8&period=60"));
}

#[test]
fn no_name_breaks_out_of_the_uri() {
    for name in ["a&secret=AAAA", "a?b", "a#b", "a:b", "a%2F", "a/../b", "alicé 愛", "a\nb"] {
        let uri = totp().otpauth_uri(name, name);
        let (label, rest) = uri.reveal().strip_prefix("otpauth://totp/").unwrap().split_once('?').unwrap();
        assert_eq!(label.matches(':').count(), 1, "{name:?}");
        assert!(uri.reveal().bytes().all(|byte| byte.is_ascii_graphic()), "{name:?}");
        assert_eq!(rest.matches(['&', '=', '?', '#']).count(), 3, "{name:?}: {rest}");
    }
}

proptest! {
    #[test]
    fn every_code_of_the_window_is_found_under_every_parameter(
        key in proptest::collection::vec(any::<u8>(), MIN_BYTES..=MAX_BYTES),
        algorithm in prop_oneof![Just(Algorithm::Sha1), Just(Algorithm::Sha256), Just(Algorithm::Sha512)],
        digits in 6..=8_u8,
        period in 15..=120_u64,
        now in any::<u64>(),
        side in 0..=2_u64,
    ) {
        let parameters = TotpParameters::new(algorithm, digits, period).unwrap();
        let totp = Totp { secret: Secret::from_bytes(key).unwrap(), parameters };
        let step = (parameters.step_at(UnixTime(now)) + side).saturating_sub(1);
        let found = totp.match_step(&code(&totp, step), UnixTime(now), step.checked_sub(1));
        prop_assert!(matches!(found, Match::Step(found) if found >= step), "{:?}", found);
        prop_assert_eq!(totp.code_at(step).reveal().len(), usize::from(digits));
    }

    #[test]
    fn reading_a_secret_never_panics(text in any::<String>()) {
        let _ = Secret::from_base32(&text);
    }

    #[test]
    fn base32_round_trips(key in proptest::collection::vec(any::<u8>(), MIN_BYTES..=MAX_BYTES)) {
        let secret = Secret::from_bytes(key).unwrap();
        prop_assert_eq!(Secret::from_base32(secret.to_base32().reveal()).unwrap(), secret);
    }
}
