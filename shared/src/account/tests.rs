//! What an account promises: people and codes for the tests beside this file.

mod change;
mod charge;
mod properties;
mod verify;

use super::*;
use crate::backup_code::{self, BackupCodes, BackupDigest, Cost, PepperId, Salt};
use crate::code::Code;
use crate::name::Name;
use crate::throttle::{Origin, SourceId, SourceKind, Stage};
use crate::totp::{Secret, Totp, TotpParameters};
use crate::wire::{Algorithm, Refused, Word};

const NOW: u64 = 1_800_000_000;
const QUICK: Cost = Cost { memory_kib: 8, passes: 1, lanes: 1 };
const SALT: Salt = Salt([7; 16]);

fn at(seconds: u64) -> Occasion {
    Occasion {
        at: UnixTime(NOW + seconds),
        door: "sshd on web1".to_owned(),
        source: Some("192.0.2.1".to_owned()),
    }
}

fn origin(number: u8) -> Origin {
    Origin { sources: vec![SourceId::new(SourceKind::Address, "", &[number])] }
}

fn lock() -> Option<Lock> {
    Some(Lock { at: UnixTime(NOW), operator: None, reason: None, until: None })
}

fn code(text: &str) -> Code {
    Code::parse(text).unwrap()
}

fn totp(key: u8, digits: u8) -> Totp {
    let parameters = TotpParameters::new(Algorithm::Sha1, digits, 30).unwrap();
    Totp { secret: Secret::generated([key; 20]), parameters }
}

fn digest(digits: &str) -> BackupDigest {
    backup_code::digest(digits, SALT, b"pepper", QUICK).unwrap()
}

fn backup_codes() -> BackupCodes {
    let digests: Vec<_> = (0..10).map(|number| digest(&format!("{number:08}"))).collect();
    BackupCodes::new(SALT, PepperId(1), QUICK, &digests, UnixTime(NOW)).unwrap()
}

fn alice() -> Account {
    let name = AccountName { name: Name::parse("alice").unwrap(), uid: None };
    Account::new(AccountId([1; 16]), name, UnixTime(NOW))
}

fn pending(account: &Account, key: u8, digits: u8, occasion: &Occasion) -> PendingEnrolment {
    PendingEnrolment {
        account: account.id,
        device: DeviceId([key; 8]),
        label: Label::parse("phone").unwrap(),
        totp: totp(key, digits),
        begun: occasion.clone(),
    }
}

/// Alice with a device of each number of digits, confirmed long ago, and backup codes.
fn enrolled(digits: &[u8]) -> Account {
    let mut account = alice();
    let long_ago = Occasion { at: UnixTime(NOW - 3000), ..at(0) };
    for (key, digits) in (1..).zip(digits) {
        let pending = pending(&account, key, *digits, &long_ago);
        let first = pending.totp.code_at(long_ago.at.0 / 30);
        let confirmed =
            account.confirm(&pending, &code(first.reveal()), Some(backup_codes()), &long_ago, true);
        account = confirmed.unwrap().0;
    }
    account.notices.clear();
    account
}

/// What is typed, and everything else as usual.
struct Try<'a> {
    typed: &'a str,
    seconds: u64,
    stage: Stage,
    clock_trusted: bool,
    origin: u8,
}

impl<'a> Try<'a> {
    fn of(typed: &'a str, seconds: u64) -> Self {
        Self { typed, seconds, stage: Stage::AfterFirst, clock_trusted: true, origin: 1 }
    }

    fn at(&self, account: &Account) -> (Account, Verdict) {
        let code = code(self.typed);
        let (salt, cost) = account.backup_digest_parameters();
        let backup = backup_code::fits(&code).then(|| {
            backup_code::digest(code.digits(), salt, b"pepper", if salt == SALT { cost } else { QUICK })
                .unwrap()
        });
        account.verify(&Attempt {
            code: &code,
            backup: backup.as_ref(),
            origin: &origin(self.origin),
            stage: self.stage,
            clock_trusted: self.clock_trusted,
            occasion: &at(self.seconds),
        })
    }
}

fn verify(account: &Account, typed: &str, seconds: u64) -> (Account, Verdict) {
    Try::of(typed, seconds).at(account)
}

fn device_code(account: &Account, device: usize, seconds: u64) -> String {
    let totp = &account.devices[device].totp;
    totp.code_at(totp.parameters.step_at(UnixTime(NOW + seconds))).reveal().to_owned()
}

fn word(verdict: &Verdict) -> (Word, Option<u64>) {
    match verdict {
        Verdict::Refused(Refusal { refused: Refused { word, wait_seconds }, .. }) => (*word, *wait_seconds),
        Verdict::Approved { .. } => panic!("approved"),
    }
}

fn reason(verdict: &Verdict) -> Reason {
    match verdict {
        Verdict::Refused(refusal) => refusal.reason,
        Verdict::Approved { .. } => panic!("approved"),
    }
}

fn approved(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Approved { .. })
}

fn device_code_of(pending: &PendingEnrolment, seconds: u64) -> String {
    pending.totp.code_at((NOW + seconds) / 30).reveal().to_owned()
}
