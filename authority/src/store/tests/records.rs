//! Every record comes back as it went in, and nothing else does.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use twofold_shared::account::{
    Account, AccountId, AccountName, Charge, Contacts, Device, DeviceId, Group, Label, Lock, LockReason,
    Notice, Occasion, PasswordHash, PendingEnrolment,
};
use twofold_shared::backup_code::{BackupCodes, Cost, PepperId, Salt};
use twofold_shared::browser::{Standing, Value, Values};
use twofold_shared::name::{Name, Realm};
use twofold_shared::throttle::{
    Counter, DayCount, Guesses, KnownSource, RecentFailure, SourceId, SourceKind, Stage, Streak, Throttle,
    Window,
};
use twofold_shared::totp::{Secret, Totp, TotpParameters};
use twofold_shared::trail::Action;
use twofold_shared::wire::{self, Algorithm, Language, Level, Requirement, SessionDigest};

use super::super::record::{self, Browser, BrowserId, EnrolmentId, Session, Trust};
use super::*;

fn time() -> impl Strategy<Value = UnixTime> {
    any::<u64>().prop_map(UnixTime)
}

fn name() -> impl Strategy<Value = Name> {
    ("[a-z][a-z0-9.-]{0,20}", "[a-zäöé日0-9._-]{1,20}")
        .prop_filter_map("a name", |(realm, name)| Name::canonical(&Realm::parse(&realm).ok()?, &name).ok())
}

fn occasion() -> impl Strategy<Value = Occasion> {
    (time(), ".{0,30}", of(".{0,30}")).prop_map(|(at, door, source)| Occasion { at, door, source })
}

fn label() -> impl Strategy<Value = Label> {
    "[a-zA-Z0-9äöü ]{1,30}".prop_filter_map("a label", |text| Label::parse(&text).ok())
}

fn totp() -> impl Strategy<Value = Totp> {
    let algorithm = prop_oneof![Just(Algorithm::Sha1), Just(Algorithm::Sha256), Just(Algorithm::Sha512)];
    (vec(any::<u8>(), 16..=64), algorithm, 6..=8_u8, 15..=120_u64).prop_map(
        |(secret, algorithm, digits, period)| Totp {
            secret: Secret::from_bytes(secret).unwrap(),
            parameters: TotpParameters::new(algorithm, digits, period).unwrap(),
        },
    )
}

fn device() -> impl Strategy<Value = Device> {
    (any::<[u8; 8]>(), label(), totp(), any::<u64>(), occasion(), of(occasion())).prop_map(
        |(id, label, totp, last_step, created, last_used)| Device {
            id: DeviceId(id),
            label,
            totp,
            last_step,
            created,
            last_used,
        },
    )
}

fn backup_codes() -> impl Strategy<Value = BackupCodes> {
    (any::<[u8; 16]>(), any::<[u32; 4]>(), any::<[[u8; 32]; 10]>(), any::<[bool; 10]>(), time()).prop_map(
        |(salt, [pepper, memory_kib, passes, lanes], digests, used, created)| BackupCodes {
            salt: Salt(salt),
            pepper: PepperId(pepper),
            cost: Cost { memory_kib, passes, lanes },
            digests,
            used,
            created,
        },
    )
}

fn streak() -> impl Strategy<Value = Streak> {
    (any::<u32>(), time()).prop_map(|(failures, last)| Streak { failures, last })
}

fn counter() -> impl Strategy<Value = Counter> {
    let day = (any::<u32>(), any::<u32>()).prop_map(|(day, failures)| DayCount { day, failures });
    (streak(), vec(day, 0..5)).prop_map(|(streak, days)| Counter { streak, window: Window { days } })
}

fn source() -> impl Strategy<Value = SourceId> {
    let kind = prop_oneof![
        Just(SourceKind::Browser),
        Just(SourceKind::PublicKey),
        Just(SourceKind::Terminals),
        Just(SourceKind::Address)
    ];
    (kind, any::<[u8; 16]>()).prop_map(|(kind, digest)| SourceId { kind, digest })
}

fn throttle() -> impl Strategy<Value = Throttle> {
    let known = (source(), time(), counter(), counter(), streak()).prop_map(
        |(id, last_success, codes, before_first, passwords)| KnownSource {
            id,
            last_success,
            codes,
            before_first,
            passwords,
        },
    );
    let stage = prop_oneof![Just(Stage::BeforeFirst), Just(Stage::AfterFirst)];
    let recent = (source(), time(), stage, any::<bool>(), any::<bool>()).prop_map(
        |(source, at, stage, device, backup)| RecentFailure {
            source,
            at,
            stage,
            guesses: Guesses { device, backup },
        },
    );
    (vec(known, 0..4), counter(), counter(), counter(), streak(), vec(recent, 0..4)).prop_map(
        |(known, strangers, strangers_backup, before_first, strangers_passwords, recent)| Throttle {
            known,
            strangers,
            strangers_backup,
            before_first,
            strangers_passwords,
            recent,
        },
    )
}

fn notice() -> impl Strategy<Value = Notice> {
    prop_oneof![
        any::<u8>().prop_map(|left| Notice::BackupCodeUsed { left }),
        (label(), occasion()).prop_map(|(label, occasion)| Notice::DeviceEnrolled { label, occasion }),
        (".{0,30}", occasion()).prop_map(|(browser, occasion)| Notice::BrowserEnded { browser, occasion }),
        occasion().prop_map(|occasion| Notice::EmergencyCodeUsed { occasion }),
        (name(), occasion()).prop_map(|(name, occasion)| Notice::NameJoined { name, occasion }),
    ]
}

fn charge() -> impl Strategy<Value = Charge> {
    let groups = vec("[A-Za-z0-9._-]{1,20}", 1..4);
    prop_oneof![Just(None), groups.prop_map(Some)].prop_map(|groups| {
        let everybody = groups.is_none();
        Charge::parse(&wire::Charge { everybody, groups: groups.unwrap_or_default() }).unwrap()
    })
}

fn account() -> impl Strategy<Value = Account> {
    let requirement =
        prop_oneof![Just(Requirement::Required), Just(Requirement::Optional), Just(Requirement::Exempt)];
    let password = Just("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA");
    let who = (
        any::<[u8; 16]>(),
        vec((name(), of(any::<u32>())), 0..4),
        vec("[A-Za-z0-9._-]{1,20}", 0..4),
        (of((time(), of("[a-z:]{1,20}"), of("[a-z]{1,20}"), of(time()))), of(charge())),
        of(password),
        (of("[a-zö]{1,20}"), of("[a-z]{1,9}@[a-z]{1,9}"), of("[+][1-9][0-9]{6,14}")),
    );
    let asked = (of(requirement), of(prop_oneof![Just(Language::English), Just(Language::German)]));
    let what = (vec(device(), 0..4), of(backup_codes()), asked, throttle(), vec(notice(), 0..4));
    (who, what, time(), time()).prop_map(|(who, what, created, changed)| Account {
        id: AccountId(who.0),
        names: who.1.into_iter().map(|(name, uid)| AccountName { name, uid }).collect(),
        groups: who.2.iter().map(|group| Group::parse(group).unwrap()).collect(),
        contacts: {
            let (display_name, email, phone) = who.5;
            Contacts::parse(&wire::Contacts { display_name, email, phone }).unwrap()
        },
        lock: who.3.0.map(|(at, operator, reason, until)| Lock {
            at,
            operator,
            reason: reason.map(|reason| LockReason::parse(&reason).unwrap()),
            until,
        }),
        charge: who.3.1,
        password: who.4.map(|phc| PasswordHash::new(phc.to_owned()).unwrap()),
        devices: what.0,
        backup_codes: what.1,
        requirement: what.2.0,
        language: what.2.1,
        throttle: what.3,
        notices: what.4,
        created,
        changed,
    })
}

fn session() -> impl Strategy<Value = Session> {
    let digest = || any::<[u8; 32]>().prop_map(SessionDigest::from_bytes);
    let level = prop_oneof![Just(Level::First), Just(Level::Second)];
    let trusted = of((any::<[u8; 8]>().prop_map(BrowserId), time()));
    let times = (time(), time(), of((time(), of(any::<[u8; 8]>()))), trusted);
    (digest(), any::<[u8; 16]>(), name(), level, of(".{0,30}"), of(digest()), times, ".{0,60}", of(".{0,30}"))
        .prop_map(
            |(
                digest,
                account,
                name,
                level,
                site,
                parent,
                (created, seen, second, trusted),
                browser,
                source,
            )| {
                Session {
                    digest,
                    account: AccountId(account),
                    name,
                    level,
                    site,
                    parent,
                    created,
                    seen,
                    second_at: second.map(|(at, _)| at),
                    device: second.and_then(|(_, device)| device).map(DeviceId),
                    trusted,
                    browser,
                    source,
                }
            },
        )
}

fn browser() -> impl Strategy<Value = Browser> {
    let standing =
        prop_oneof![Just(Standing::New), Just(Standing::Presented), time().prop_map(Standing::Left)];
    let digest = any::<[u8; 32]>().prop_map(SessionDigest::from_bytes);
    let value = (digest, standing).prop_map(|(digest, standing)| Value { digest, standing });
    let trust = (time(), time()).prop_map(|(at, until)| Trust { at, until });
    let what = (vec(value, 0..6), ".{0,60}", of(".{0,30}"), time(), time(), of(trust));
    (any::<[u8; 8]>(), any::<[u8; 16]>(), what).prop_map(
        |(id, account, (values, name, source, created, seen, trust))| Browser {
            id: BrowserId(id),
            account: AccountId(account),
            values: Values::new(values),
            name,
            source,
            created,
            seen,
            trust,
        },
    )
}

fn event() -> impl Strategy<Value = Event> {
    let outcome = prop_oneof![Just(Outcome::Approved), Just(Outcome::Refused), Just(Outcome::Done)];
    let texts = (of(".{0,20}"), of(".{0,20}"), of(".{0,20}"), of(".{0,20}"), of(".{0,20}"), of(".{0,20}"));
    (time(), any::<u64>(), ".{0,20}", outcome, of(any::<[u8; 16]>()), ".{0,20}", texts).prop_map(
        |(at, count, action, outcome, account, door, texts)| Event {
            at,
            count,
            entry: Entry {
                action,
                account: account.map(AccountId),
                name: texts.0,
                source: texts.1,
                factor: texts.2,
                reason: texts.3,
                actor: texts.4,
                request: texts.5,
                ..Entry::new(Action::Verify, outcome, door)
            },
        },
    )
}

/// One ledger for all cases of a property.
fn with_ledger(test: impl FnOnce(&Store, &dyn Fn(Write))) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let ledger = Ledger::new();
    let store = ledger.open();
    test(&store, &|write| {
        let commit = Commit { writes: vec![write], ..Commit::default() };
        runtime.block_on(store.commit(commit)).unwrap();
    });
    runtime.block_on(store.close());
}

#[test]
fn an_account_comes_back_as_it_went_in() {
    with_ledger(|store, write| {
        proptest!(ProptestConfig::with_cases(64), |(account in account())| {
            write(record::account_write(&account, Expect::Any).unwrap());
            let (found, _) = record::load_account(store, &account.id).unwrap().unwrap();
            prop_assert_eq!(found, account);
        });
    });
}

#[test]
fn what_an_account_has_since_formats_two_and_three_stands_behind_what_format_one_wrote() {
    let account = Account::new(
        AccountId([3; 16]),
        AccountName { name: Name::parse("alice").unwrap(), uid: Some(1000) },
        UnixTime(5),
    );
    let lock = Lock { at: UnixTime(5), operator: None, reason: None, until: None };
    with_ledger(|store, write| {
        let value = |account: &Account| record::account_write(account, Expect::Any).unwrap().value.unwrap();
        let read = |value: &[u8]| {
            let whole = record::account_write(&account, Expect::Any).unwrap();
            write(Write { value: Some(value.to_vec().into()), ..whole });
            record::load_account(store, &account.id).unwrap().unwrap().0
        };
        let first = value(&account);
        let spoken = Account { language: Some(Language::German), ..account.clone() };
        assert_eq!(value(&spoken)[..first.len()], first[..]);
        // As format 2 wrote a language: one byte.
        assert_eq!(read(&[&first[..], &[1]].concat()), spoken);
        // As formats 1 and 2 wrote a lock: a yes in the middle, and nothing of it behind.
        let locked = value(&Account { lock: Some(lock.clone()), ..account.clone() });
        assert_eq!(read(&locked[..first.len()]), Account { lock: Some(lock.clone()), ..account.clone() });
        assert_eq!(read(&first), account);
    });
}

#[test]
fn an_unknown_names_counters_come_back_in_its_slot() {
    with_ledger(|store, write| {
        proptest!(ProptestConfig::with_cases(32), |(name in name(), throttle in throttle())| {
            let (mut decoy, expect) = record::load_unknown(store, &name).unwrap();
            decoy.throttle = throttle;
            write(record::unknown_write(&decoy, expect).unwrap());
            prop_assert_eq!(record::load_unknown(store, &name).unwrap().0, decoy);
        });
    });
}

#[test]
fn a_name_an_enrolment_and_a_session_come_back_as_they_went_in() {
    with_ledger(|store, write| {
        proptest!(ProptestConfig::with_cases(32), |(
            name in name(), id in any::<[u8; 16]>(), label in label(), totp in totp(), begun in occasion(),
            session in session(),
        )| {
            write(record::name_write(&name, &AccountId(id), Expect::Any).unwrap());
            prop_assert_eq!(record::load_name(store, &name).unwrap().unwrap().0, AccountId(id));

            let pending = PendingEnrolment { account: AccountId(id), device: DeviceId([1; 8]), label, totp, begun };
            write(record::enrolment_write(&EnrolmentId(id), &pending, Expect::Any).unwrap());
            prop_assert_eq!(record::load_enrolment(store, &EnrolmentId(id)).unwrap().unwrap().0, pending);
            let listed = record::load_enrolments(store, None, 1000).unwrap();
            prop_assert!(listed.iter().any(|(found, _, _)| *found == EnrolmentId(id)));

            write(record::session_write(&session, Expect::Any).unwrap());
            prop_assert_eq!(&record::load_session(store, &session.digest).unwrap().unwrap().0, &session);
            let listed = record::load_sessions(store, None, 1000).unwrap();
            prop_assert!(listed.iter().any(|(found, _)| *found == session));
        });
    });
}

#[test]
fn a_browser_comes_back_as_it_went_in_and_among_its_accounts() {
    with_ledger(|store, write| {
        proptest!(ProptestConfig::with_cases(32), |(browser in browser())| {
            for one in record::browser_writes(&browser, None).unwrap() {
                write(one);
            }
            let of_account = record::load_browsers_of(store, &browser.account).unwrap();
            let all = record::load_browsers(store, None, 1000).unwrap();
            for listed in [of_account, all] {
                prop_assert!(listed.iter().any(|(found, _)| *found == browser));
            }
            for value in browser.values.all() {
                prop_assert_eq!(&record::load_browser_with(store, &value.digest).unwrap().unwrap().0, &browser);
            }
            for one in record::browser_removal(&browser, Expect::Any) {
                write(one);
            }
            for value in browser.values.all() {
                prop_assert!(record::load_browser_with(store, &value.digest).unwrap().is_none());
            }
            prop_assert!(record::load_browsers_of(store, &browser.account).unwrap().is_empty());
        });
    });
}

#[test]
fn news_of_ended_sessions_comes_back_as_it_went_in() {
    with_ledger(|store, write| {
        let (range, expect) = record::load_ended_range(store).unwrap();
        assert_eq!((range.oldest, range.newest), (1, 0));
        let ended = record::Ended {
            sessions: vec![SessionDigest::from_bytes([1; 32]), SessionDigest::from_bytes([2; 32])],
        };
        write(record::ended_write(1, &ended).unwrap());
        write(record::ended_range_write(&record::EndedRange { oldest: 1, newest: 1 }, expect).unwrap());
        assert_eq!(record::load_ended(store, 1).unwrap().unwrap(), ended);
        assert_eq!(record::load_ended_range(store).unwrap().0.newest, 1);
        write(record::ended_removal(1));
        assert_eq!(record::load_ended(store, 1).unwrap(), None);
    });
}

proptest! {
    #[test]
    fn an_event_comes_back_as_it_went_in(event in event(), revision in any::<u64>(), index in any::<u16>()) {
        let position = Position { revision, index };
        let key = Key::new(Space::Audit, position.to_bytes());
        let encoded = record::encode_event(&key, &event).unwrap();
        prop_assert_eq!(record::event(&key, &encoded).unwrap(), (position, event));
    }

    #[test]
    fn bytes_that_are_no_record_are_an_error_and_never_a_panic(bytes in vec(any::<u8>(), 0..300)) {
        let key = Key::new(Space::Audit, [0; 10]);
        let _ = record::event(&key, &bytes);
        let _ = state::State::decode(&bytes);
    }
}

#[test]
fn bytes_after_a_record_are_an_error() {
    let key = Key::new(Space::Audit, [0; 10]);
    let event = Event { at: UnixTime(1), count: 1, entry: refusal("x") };
    let mut encoded = record::encode_event(&key, &event).unwrap();
    encoded.push(0);
    assert!(matches!(record::event(&key, &encoded), Err(StoreError::Record { .. })));
}

#[test]
fn another_accounts_record_is_not_this_ones() {
    with_ledger(|store, write| {
        let account = Account::decoy(AccountId([1; 16]), UnixTime(1));
        let mut forged = record::account_write(&account, Expect::Any).unwrap();
        forged.key = Key::new(Space::Account, AccountId([2; 16]).to_string());
        write(forged);
        assert!(matches!(record::load_account(store, &AccountId([2; 16])), Err(StoreError::Record { .. })));
    });
}
