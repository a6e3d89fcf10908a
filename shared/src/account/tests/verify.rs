//! One attempt at a time.

use super::*;

#[test]
fn a_code_is_approved_once_and_the_matched_step_is_stored() {
    let account = enrolled(&[6]);
    let ahead = device_code(&account, 0, 30);
    let (after, verdict) = verify(&account, &ahead, 0);
    assert!(approved(&verdict));
    assert_eq!(after.devices[0].last_step, (NOW + 30) / 30, "the code's step, not the clock's");
    assert_eq!(after.devices[0].last_used, Some(at(0)));
    let (_, verdict) = verify(&after, &ahead, 0);
    assert_eq!(word(&verdict), (Word::Used, Some(60)));
    assert_eq!(reason(&verdict), Reason::UsedCode);
    let (_, verdict) = verify(&after, &device_code(&account, 0, 0), 0);
    assert_eq!(word(&verdict).0, Word::Used, "nor an older one of the window");
}

#[test]
fn a_replayed_code_counts_as_a_failure() {
    let account = enrolled(&[6]);
    let right = device_code(&account, 0, 0);
    let (mut account, _) = verify(&account, &right, 0);
    for _ in 0..6 {
        account = verify(&account, &right, 0).0;
    }
    assert_eq!(word(&verify(&account, &right, 0).1), (Word::Wait, Some(1)));
}

#[test]
fn what_is_made_to_wait_is_not_looked_at() {
    let mut account = enrolled(&[6]);
    for _ in 0..6 {
        account = verify(&account, "000000", 0).0;
    }
    let (after, verdict) = verify(&account, &device_code(&account, 0, 0), 0);
    assert_eq!(reason(&verdict), Reason::Throttled);
    assert_eq!(after, account);
    assert!(approved(&verify(&account, &device_code(&account, 0, 1), 1).1));
}

#[test]
fn every_device_passes_and_each_spends_its_own_steps() {
    let account = enrolled(&[6, 6, 8]);
    for device in 0..3 {
        let (after, verdict) = verify(&account, &device_code(&account, device, 0), 0);
        let Verdict::Approved { factor: Factor::Device { id, .. }, .. } = verdict else {
            panic!("{verdict:?}")
        };
        assert_eq!(id, account.devices[device].id);
        let moved: Vec<_> =
            (0..3).filter(|d| after.devices[*d].last_step != account.devices[*d].last_step).collect();
        assert_eq!(moved, [device]);
    }
}

#[test]
fn a_backup_code_works_once_and_says_how_many_are_left() {
    let account = enrolled(&[6]);
    let (after, verdict) = verify(&account, "0000 0004", 0);
    let told = vec![Notice::BackupCodeUsed { left: 9 }];
    assert_eq!(verdict, Verdict::Approved { factor: Factor::BackupCode, notices: told });
    assert_eq!(after.backup_codes_left(), 9);
    let (again, verdict) = verify(&after, "00000004", 0);
    assert_eq!((word(&verdict), reason(&verdict)), ((Word::Used, None), Reason::UsedBackupCode));
    assert_eq!(again.backup_codes_left(), 9);
    assert!(approved(&verify(&after, "00000005", 0).1));
}

#[test]
fn eight_digits_are_a_devices_first_and_a_backup_codes_then() {
    let account = enrolled(&[8]);
    assert!(approved(&verify(&account, &device_code(&account, 0, 0), 0).1));
    let (after, verdict) = verify(&account, "00000004", 0);
    assert!(approved(&verdict));
    assert_eq!(after.backup_codes_left(), 9);
}

#[test]
fn a_digest_of_codes_replaced_meanwhile_decides_nothing() {
    let account = enrolled(&[6]);
    let old = digest("00000004");
    let other = BackupCodes { salt: Salt([8; 16]), ..backup_codes() };
    let account = account.with_backup_codes(other, UnixTime(NOW)).unwrap();
    assert!(!account.takes(Some(&old)));
    for backup in [Some(&old), None] {
        let (after, verdict) = account.verify(&Attempt {
            code: &code("00000004"),
            backup,
            origin: &origin(1),
            stage: Stage::AfterFirst,
            clock_trusted: true,
            occasion: &at(0),
        });
        assert_eq!((word(&verdict).0, reason(&verdict)), (Word::Busy, Reason::StaleDigest));
        assert_eq!(after, account);
    }
}

#[test]
fn while_the_clock_is_in_doubt_only_backup_codes_work_and_nothing_else_is_counted() {
    let account = enrolled(&[6]);
    let doubtful = |typed: &str| Try { clock_trusted: false, ..Try::of(typed, 0) }.at(&account);
    let right = device_code(&account, 0, 0);
    let (after, verdict) = doubtful(&right);
    assert_eq!((word(&verdict).0, reason(&verdict)), (Word::Clock, Reason::ClockInDoubt));
    assert_eq!(after, account);
    assert!(approved(&doubtful("00000004").1));
    let (after, verdict) = doubtful("99999999");
    assert_eq!(word(&verdict).0, Word::Wrong);
    assert_ne!(after.throttle, account.throttle, "a wrong backup code is");
    let (after, verdict) = Try { clock_trusted: false, ..Try::of("99999999", 0) }.at(&enrolled(&[8]));
    assert_eq!((word(&verdict).0, reason(&verdict)), (Word::Clock, Reason::WrongCode), "perhaps a device's");
    assert_eq!(after.throttle.strangers, account.throttle.strangers, "not looked at as that");
}

#[test]
fn a_locked_account_answers_as_if_the_code_were_wrong() {
    let account = enrolled(&[6]).with_lock(lock(), UnixTime(NOW));
    let (wrong, refusal) = verify(&account, "000000", 0);
    for typed in [device_code(&account, 0, 0), "00000004".to_owned()] {
        let (after, verdict) = verify(&account, &typed, 0);
        assert_eq!(word(&verdict), word(&refusal));
        assert_eq!(reason(&verdict), Reason::Locked);
        assert_eq!(
            (&after.devices, &after.backup_codes),
            (&wrong.devices, &wrong.backup_codes),
            "nothing is spent"
        );
        assert_ne!(after.throttle, account.throttle, "and it is counted alike");
    }
}

/// As an unknown name is tried.
fn nobody() -> Account {
    Account::decoy(AccountId([9; 16]), UnixTime(NOW)).weighing_as_most(PepperId(1))
}

#[test]
fn what_nobody_has_opens_nothing() {
    let nobody = nobody();
    let right = device_code(&nobody, 0, 0);
    for typed in [right.as_str(), "00000004", "99999999"] {
        let (after, verdict) = verify(&nobody, typed, 0);
        assert_eq!((word(&verdict).0, reason(&verdict)), (Word::Wrong, Reason::UnknownName), "{typed}");
        assert_eq!((&after.devices, &after.backup_codes), (&nobody.devices, &nobody.backup_codes));
        assert_ne!(after.throttle, nobody.throttle);
    }
}

#[test]
fn nobodys_name_is_refused_like_a_wrong_code() {
    for stage in [Stage::BeforeFirst, Stage::AfterFirst] {
        let (mut decoy, mut known) = (nobody(), enrolled(&[6]));
        for round in 0..200 {
            for typed in ["000000", "99999999", "1234567"] {
                let attempt = Try { stage, ..Try::of(typed, round * 100) };
                let (unknown_verdict, known_verdict);
                (decoy, unknown_verdict) = attempt.at(&decoy);
                (known, known_verdict) = attempt.at(&known);
                assert_eq!(word(&unknown_verdict), word(&known_verdict), "{typed} in round {round}");
            }
        }
        assert_eq!(decoy.throttle, known.throttle);
    }
}

#[test]
fn that_nothing_is_set_up_is_said_only_after_a_first_factor() {
    assert_eq!(word(&verify(&alice(), "000000", 0).1).0, Word::Unenrolled);
    let before = Try { stage: Stage::BeforeFirst, ..Try::of("000000", 0) }.at(&alice()).1;
    assert_eq!(word(&before).0, Word::Wrong);
}

#[test]
fn closed_is_said_only_after_a_first_factor() {
    let mut account = enrolled(&[6]);
    for failure in 0..100 {
        for stage in [Stage::BeforeFirst, Stage::AfterFirst] {
            account = Try { stage, ..Try::of("000000", failure * 1000) }.at(&account).0;
        }
    }
    assert_eq!(word(&verify(&account, "000000", 200_000).1).0, Word::Closed);
    let (after, before) = Try { stage: Stage::BeforeFirst, ..Try::of("000000", 200_000) }.at(&account);
    assert_eq!((word(&before).0, reason(&before)), (Word::Wrong, Reason::ClosedToStrangers));
    assert_eq!(after, account);
    assert!(approved(&verify(&account, "00000004", 200_000).1), "a backup code still opens");
    let reopened = account.reopened(UnixTime(NOW));
    assert!(approved(&verify(&reopened, &device_code(&reopened, 0, 200_000), 200_000).1));
}

#[test]
fn a_new_device_is_told_once_to_who_passes_next() {
    let account = enrolled(&[6]);
    let pending = pending(&account, 9, 6, &at(0));
    let first = device_code_of(&pending, 0);
    let (account, _) = account.confirm(&pending, &code(&first), None, &at(0), true).unwrap();
    let (account, verdict) = verify(&account, &device_code(&account, 0, 60), 60);
    let expected = vec![Notice::DeviceEnrolled { label: Label::parse("phone").unwrap(), occasion: at(0) }];
    assert!(matches!(verdict, Verdict::Approved { notices, .. } if notices == expected));
    let (_, verdict) = verify(&account, &device_code(&account, 0, 90), 90);
    assert!(matches!(verdict, Verdict::Approved { notices, .. } if notices.is_empty()));
}

#[test]
fn a_password_that_is_wrong_is_counted_apart_from_codes_and_a_right_one_forgives_nothing() {
    let mut account = enrolled(&[6]);
    for _ in 0..6 {
        let verdict;
        (account, verdict) = account.password_tried(false, &origin(1), UnixTime(NOW));
        assert_eq!(verdict.unwrap_err().reason, Reason::WrongPassword);
    }
    let refusal = account.may_try_password(&origin(1), UnixTime(NOW)).unwrap_err();
    assert_eq!(refusal.refused, Refused { word: Word::Wait, wait_seconds: Some(1) });
    let (same, verdict) = account.password_tried(true, &origin(1), UnixTime(NOW));
    assert_eq!((verdict, &same), (Err(refusal), &account), "not looked at");
    let (after, verdict) = account.password_tried(true, &origin(1), UnixTime(NOW + 1));
    assert_eq!((verdict, &after), (Ok(()), &account));
    assert!(approved(&verify(&account, &device_code(&account, 0, 0), 0).1), "codes are not delayed");
    let locked = account.with_lock(lock(), UnixTime(NOW));
    let refusal = locked.password_tried(true, &origin(1), UnixTime(NOW + 1)).1.unwrap_err();
    assert_eq!((refusal.refused.word, refusal.reason), (Word::Wrong, Reason::Locked));
}

#[test]
fn nothing_secret_is_printed() {
    let mut account = enrolled(&[6]);
    account.password =
        Some(PasswordHash::new("$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA".to_owned()).unwrap());
    let printed = format!("{account:?}");
    for secret in ["argon2id", "[7, 7", "[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}
