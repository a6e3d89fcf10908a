//! Enrolment, names, devices, codes, locks.

use super::*;
use crate::name::Realm;

const LATER: UnixTime = UnixTime(NOW + 5);

fn label(text: &str) -> Label {
    Label::parse(text).unwrap()
}

fn name(text: &str) -> AccountName {
    AccountName { name: Name::parse(text).unwrap(), uid: None }
}

fn confirm(
    account: &Account,
    pending: &PendingEnrolment,
    typed: &str,
    seconds: u64,
) -> Result<Account, ChangeError> {
    account
        .confirm(pending, &code(typed), Some(backup_codes()), &at(seconds), true)
        .map(|(account, _)| account)
}

#[test]
fn an_enrolment_is_active_only_after_a_right_code_and_brings_backup_codes() {
    let pending = pending(&alice(), 1, 6, &at(0));
    assert_eq!(confirm(&alice(), &pending, "000000", 0), Err(ChangeError::WrongCode));
    let enrolled = confirm(&alice(), &pending, &device_code_of(&pending, 10), 10).unwrap();
    assert!(enrolled.enrolled());
    assert_eq!(enrolled.backup_codes_left(), 10);
    assert_eq!(enrolled.devices[0].created, at(10));
}

#[test]
fn the_code_that_confirmed_an_enrolment_is_spent() {
    let pending = pending(&alice(), 1, 6, &at(0));
    let first = device_code_of(&pending, 0);
    let account = confirm(&alice(), &pending, &first, 0).unwrap();
    assert_eq!(word(&verify(&account, &first, 0).1).0, Word::Used);
    assert!(approved(&verify(&account, &device_code(&account, 0, 30), 30).1));
}

#[test]
fn an_enrolment_waits_ten_minutes_and_for_its_own_account() {
    let pending = pending(&alice(), 1, 6, &at(0));
    assert!(confirm(&alice(), &pending, &device_code_of(&pending, 599), 599).is_ok());
    assert_eq!(confirm(&alice(), &pending, &device_code_of(&pending, 600), 600), Err(ChangeError::Expired));
    assert!(pending.expired(UnixTime(NOW - 1)), "begun in a time that has not come");
    assert_eq!(pending.expires(), UnixTime(NOW + 600));
    let bob = Account { id: AccountId([2; 16]), ..alice() };
    assert_eq!(confirm(&bob, &pending, &device_code_of(&pending, 0), 0), Err(ChangeError::Expired));
}

#[test]
fn nothing_is_confirmed_while_the_clock_is_in_doubt() {
    let pending = pending(&alice(), 1, 6, &at(0));
    let right = code(&device_code_of(&pending, 0));
    assert_eq!(alice().confirm(&pending, &right, None, &at(0), false), Err(ChangeError::Clock));
}

#[test]
fn a_second_device_leaves_the_backup_codes_alone() {
    let account = verify(&enrolled(&[6]), "00000004", 0).0;
    let pending = pending(&account, 2, 6, &at(0));
    let account = confirm(&account, &pending, &device_code_of(&pending, 0), 0).unwrap();
    assert_eq!((account.devices.len(), account.backup_codes_left()), (2, 9));
}

#[test]
fn an_account_has_at_most_eight_devices() {
    let account = enrolled(&[6; MAX_DEVICES]);
    let pending = pending(&account, 9, 6, &at(0));
    assert_eq!(
        confirm(&account, &pending, &device_code_of(&pending, 0), 0),
        Err(ChangeError::TooManyDevices)
    );
}

#[test]
fn a_device_is_renamed_and_removed_by_its_id() {
    let account = enrolled(&[6, 6]);
    let (one, other) = (account.devices[0].id, account.devices[1].id);
    let renamed = account.rename_device(&other, label("tablet"), LATER).unwrap();
    assert_eq!((renamed.devices[0].label.as_str(), renamed.devices[1].label.as_str()), ("phone", "tablet"));
    assert_eq!(renamed.changed, LATER);
    let removed = renamed.remove_device(&one, LATER).unwrap();
    assert_eq!(removed.devices.len(), 1);
    assert_eq!(removed.backup_codes_left(), 10);
    assert_eq!(removed.remove_device(&one, LATER), Err(ChangeError::NoSuchDevice));
    assert_eq!(removed.rename_device(&one, label("x"), LATER), Err(ChangeError::NoSuchDevice));
}

#[test]
fn with_the_last_device_the_backup_codes_go_too() {
    let account = enrolled(&[6]);
    let removed = account.remove_device(&account.devices[0].id, LATER).unwrap();
    assert_eq!(removed.backup_codes, None);
    assert_eq!(word(&verify(&removed, "00000004", 0).1).0, Word::Unenrolled);
    assert_eq!(removed.with_backup_codes(backup_codes(), LATER), Err(ChangeError::NotEnrolled));
}

#[test]
fn switching_off_and_on_buys_no_guesses_and_a_reset_does() {
    let mut account = enrolled(&[6]);
    for _ in 0..10 {
        account = verify(&account, "000000", 0).0;
    }
    assert_eq!(account.disabled(LATER).throttle, account.throttle);
    let reset = account.reset(LATER);
    assert!(!reset.enrolled());
    assert_eq!((reset.backup_codes, reset.throttle, reset.notices), (None, Throttle::default(), vec![]));
    assert_eq!(reset.names, account.names);
}

#[test]
fn new_backup_codes_end_the_old_ones() {
    let fresh = BackupCodes { used: [true; 10], ..backup_codes() };
    let account = enrolled(&[6]).with_backup_codes(fresh, LATER).unwrap();
    assert_eq!(account.backup_codes_left(), 0);
}

#[test]
fn names_join_and_leave_and_the_last_one_stays() {
    let account = alice().with_name(name("local:alice"), LATER).unwrap();
    assert_eq!(
        account.with_name(name("local:Alice"), LATER),
        Err(ChangeError::NameTaken),
        "another spelling"
    );
    let unix = Name::canonical(&Realm::unix(), "alice").unwrap();
    let account = account.without_name(&unix, LATER).unwrap();
    assert_eq!(account.without_name(&unix, LATER), Err(ChangeError::NoSuchName));
    assert_eq!(account.without_name(&name("local:alice").name, LATER), Err(ChangeError::LastName));
    let many = (0..MAX_NAMES - 1).fold(alice(), |a, n| a.with_name(name(&format!("s{n}:a")), LATER).unwrap());
    assert_eq!(many.with_name(name("x:a"), LATER), Err(ChangeError::TooManyNames));
}

#[test]
fn a_password_goes_with_the_last_local_name() {
    let mut account = alice().with_name(name("local:alice"), LATER).unwrap();
    account.password = Some(PasswordHash::new("$argon2id$x".to_owned()).unwrap());
    assert!(account.without_name(&name("unix:alice").name, LATER).unwrap().password.is_some());
    assert!(account.without_name(&name("local:alice").name, LATER).unwrap().password.is_none());
}

#[test]
fn the_first_uid_of_a_name_is_kept_and_another_is_another_person() {
    let unix = name("alice").name;
    let seen = alice().seen_with_uid(&unix, 1000).unwrap().unwrap();
    assert_eq!(seen.names[0].uid, Some(1000));
    assert_eq!(seen.seen_with_uid(&unix, 1000), Ok(None));
    assert_eq!(seen.seen_with_uid(&unix, 1001), Err(OtherPerson { first: 1000, now: 1001 }));
    assert_eq!(seen.seen_with_uid(&name("bob").name, 7), Ok(None), "not one of its names");
}

#[test]
fn a_code_of_the_next_step_that_was_spent_stays_spent_when_the_clock_is_settled() {
    let account = enrolled(&[6]);
    let early = device_code(&account, 0, 30);
    let (spent, verdict) = verify(&account, &early, 0);
    assert!(approved(&verdict));
    let settled = spent.clock_settled(UnixTime(NOW)).unwrap_or(spent);
    assert_eq!(word(&verify(&settled, &early, 1).1).0, Word::Used);
}

#[test]
fn after_the_clock_was_settled_codes_work_again_and_none_up_to_now_does() {
    let account = enrolled(&[6]);
    let year = 365 * 24 * 3600;
    let (ahead, verdict) = verify(&account, &device_code(&account, 0, year), year);
    assert!(approved(&verdict));
    assert!(!approved(&verify(&ahead, &device_code(&ahead, 0, 60), 60).1));
    let settled = ahead.clock_settled(UnixTime(NOW + 60)).unwrap();
    assert_eq!(settled.devices[0].last_step, (NOW + 60) / 30);
    assert_eq!(word(&verify(&settled, &device_code(&settled, 0, 60), 60).1).0, Word::Used);
    assert!(approved(&verify(&settled, &device_code(&settled, 0, 90), 90).1));
    assert_eq!(settled.clock_settled(UnixTime(NOW + 60)), None, "nothing to store");
}

#[test]
fn parts_are_checked_when_they_are_made() {
    assert_eq!(Label::parse("  my phone ").unwrap().as_str(), "my phone");
    for text in ["\u{1f4f1}\u{fe0f} phone", "\u{1f469}\u{200d}\u{1f4bb}"] {
        assert_eq!(Label::parse(text).unwrap().as_str(), text);
    }
    for text in ["", "   ", "a\nb", "a\u{202e}b", "\u{200b}", "\u{200d}\u{fe0f}", &"a".repeat(65)] {
        assert_eq!(Label::parse(text), Err(PartError::Label), "{text:?}");
    }
    assert!(Label::parse(&"é".repeat(64)).is_ok());
    for text in ["", "a b", "a,b", "a\nb", "é", &"a".repeat(65)] {
        assert_eq!(Group::parse(text), Err(PartError::Group), "{text:?}");
    }
    assert_eq!(Group::parse("wheel.2_x-y").unwrap().as_str(), "wheel.2_x-y");
    let id = AccountId([0xab; 16]);
    assert_eq!(AccountId::parse(&id.to_string()), Ok(id));
    for text in ["", "ab", "zz", &"ab".repeat(17)] {
        assert_eq!(AccountId::parse(text), Err(PartError::Id), "{text:?}");
    }
    assert_eq!(PasswordHash::new("$2b$12$x".to_owned()), Err(PartError::PasswordHash));
}
