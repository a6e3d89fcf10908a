//! What people do with their devices and backup codes, and what the host's door makes of it afterwards, through the real
//! libpam.

use twofold_shared::wire::{Algorithm, BeginEnrolment};
use twofold_tests::pam::{PamHost, Typing, code};
use twofold_tests::{Authority, Enrolled, traces};

/// alice's further device.
fn device(
    authority: &Authority,
    label: &str,
    algorithm: Algorithm,
    digits: u8,
    period_seconds: u64,
) -> Enrolled {
    authority.enrol_with(&BeginEnrolment {
        account: Some("alice".to_owned()),
        label: label.to_owned(),
        algorithm,
        digits,
        period_seconds,
        import: None,
        code: None,
    })
}

fn passes(host: &PamHost, code: &str) {
    host.logs_in("alice", &Typing::text(code)).passed();
}

fn is_refused(host: &PamHost, code: &str) {
    host.logs_in("alice", &Typing::text(code)).is_refused_with(code::AUTH_ERR);
}

#[test]
fn devices_of_every_length_and_hash_open_the_hosts_door_once_a_code() {
    let authority = Authority::start();
    authority.add("alice");
    let host = PamHost::asking(&authority.socket());
    for (algorithm, digits, period) in [
        (Algorithm::Sha1, 6, 30),
        (Algorithm::Sha1, 7, 30),
        (Algorithm::Sha256, 6, 60),
        (Algorithm::Sha256, 8, 30),
        (Algorithm::Sha512, 8, 30),
        (Algorithm::Sha512, 6, 15),
    ] {
        let label = format!("{algorithm:?} {digits} {period}");
        let phone = device(&authority, &label, algorithm, digits, period).phone;
        let code = phone.fresh();
        assert_eq!(code.len(), usize::from(digits), "{label}");
        passes(&host, &code);
        is_refused(&host, &code);
    }
}

#[test]
fn of_several_named_devices_each_opens_the_door_until_it_is_removed() {
    let authority = Authority::start();
    authority.add("alice");
    let [phone, tablet] =
        ["phone", "tablet"].map(|label| device(&authority, label, Algorithm::Sha1, 6, 30).phone);
    let host = PamHost::asking(&authority.socket());
    passes(&host, &phone.fresh());
    passes(&host, &tablet.fresh());
    authority.twofold(&["device", "rename", "tablet", "old tablet", "--account", "alice"]).expect_success();
    passes(&host, &tablet.fresh());
    authority.twofold(&["device", "remove", "old tablet", "--yes", "--account", "alice"]).expect_success();
    is_refused(&host, &tablet.fresh());
    passes(&host, &phone.fresh());
}

#[test]
fn new_backup_codes_end_the_old_ones_and_leave_the_phone_alone() {
    let authority = Authority::start();
    let alice = authority.enrol("alice");
    let host = PamHost::asking(&authority.socket());
    let made = authority.twofold(&["--json", "backup-codes", "--regenerate", "--account", "alice"]);
    let made: serde_json::Value = serde_json::from_str(&made.expect_success()).unwrap();
    let new: Vec<&str> =
        made["backup_codes"].as_array().unwrap().iter().map(|code| code.as_str().unwrap()).collect();
    new.iter().for_each(|code| traces::issued("backup code", code));
    is_refused(&host, &alice.backup_codes[0]);
    passes(&host, new[0]);
    is_refused(&host, new[0]);
    passes(&host, &alice.phone.fresh());
}

#[test]
fn a_locked_account_is_kept_out_and_unlocked_comes_in_with_the_phone_it_had() {
    let authority = Authority::start();
    let alice = authority.enrol("alice");
    let host = PamHost::asking(&authority.socket());
    passes(&host, &alice.phone.fresh());
    authority.twofold(&["account", "lock", "alice"]).expect_success();
    is_refused(&host, &alice.phone.fresh());
    is_refused(&host, &alice.backup_codes[0]);
    authority.twofold(&["account", "unlock", "alice"]).expect_success();
    passes(&host, &alice.phone.fresh());
    passes(&host, &alice.backup_codes[0]);
}
