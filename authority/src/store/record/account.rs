//! The account as it is stored.

use serde::{Deserialize, Serialize};
use twofold_shared::account::{
    Account, AccountId, AccountName, Charge, Contacts, Device, DeviceId, Group, Label, Lock, LockReason,
    Notice, Occasion, PasswordHash,
};
use twofold_shared::backup_code::{BackupCodes, CODES, Cost, PepperId, Salt};
use twofold_shared::clock::UnixTime;
use twofold_shared::name::{Name, Realm};
use twofold_shared::totp::{Secret, Totp, TotpError, TotpParameters};
use twofold_shared::wire::{self, Algorithm, Language, Requirement};
use zeroize::Zeroizing;

use super::throttle::StoredThrottle;
use super::{decode as decode_record, decode_beginning, encode as encode_record, invalid};
use crate::store::{Key, StoreError};

#[derive(Serialize, Deserialize)]
struct StoredAccount<'a> {
    id: [u8; 16],
    #[serde(borrow)]
    names: Vec<StoredName<'a>>,
    #[serde(borrow)]
    groups: Vec<&'a str>,
    contacts: StoredContacts,
    locked: bool,
    #[serde(borrow)]
    password: Option<&'a str>,
    #[serde(borrow)]
    devices: Vec<StoredDevice<'a>>,
    backup_codes: Option<StoredBackupCodes>,
    requirement: Option<StoredRequirement>,
    throttle: StoredThrottle,
    #[serde(borrow)]
    notices: Vec<StoredNotice<'a>>,
    created: u64,
    changed: u64,
}

/// What came later, behind what stood there first. Since format 2 an account's language, alone; since 3 all of these.
#[derive(Default, Serialize, Deserialize)]
struct StoredBehind<'a> {
    language: Option<StoredLanguage>,
    #[serde(borrow)]
    lock: Option<StoredLock<'a>>,
    #[serde(borrow)]
    charge: Option<StoredCharge<'a>>,
}

#[derive(Serialize, Deserialize)]
struct StoredLock<'a> {
    at: u64,
    operator: Option<&'a str>,
    reason: Option<&'a str>,
    until: Option<u64>,
}

#[derive(Serialize, Deserialize)]
enum StoredCharge<'a> {
    All,
    #[serde(borrow)]
    Groups(Vec<&'a str>),
}

#[derive(Serialize, Deserialize)]
struct StoredContacts {
    display_name: Option<String>,
    email: Option<String>,
    phone: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct StoredName<'a> {
    realm: &'a str,
    name: &'a str,
    uid: Option<u32>,
}

#[derive(Serialize, Deserialize)]
struct StoredDevice<'a> {
    id: [u8; 8],
    label: &'a str,
    #[serde(borrow)]
    totp: StoredTotp<'a>,
    last_step: u64,
    #[serde(borrow)]
    created: StoredOccasion<'a>,
    #[serde(borrow)]
    last_used: Option<StoredOccasion<'a>>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct StoredTotp<'a> {
    secret: &'a [u8],
    algorithm: StoredAlgorithm,
    digits: u8,
    period_seconds: u64,
}

#[derive(Serialize, Deserialize)]
pub(super) struct StoredOccasion<'a> {
    at: u64,
    door: &'a str,
    source: Option<&'a str>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct StoredBackupCodes {
    salt: [u8; 16],
    pepper: u32,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    digests: [[u8; 32]; CODES],
    used: [bool; CODES],
    created: u64,
}

#[derive(Serialize, Deserialize)]
enum StoredNotice<'a> {
    BackupCodeUsed { left: u8 },
    DeviceEnrolled { label: &'a str, occasion: StoredOccasion<'a> },
    BrowserEnded { browser: &'a str, occasion: StoredOccasion<'a> },
    EmergencyCodeUsed { occasion: StoredOccasion<'a> },
    NameJoined { realm: &'a str, name: &'a str, occasion: StoredOccasion<'a> },
}

#[derive(Clone, Copy, Serialize, Deserialize)]
enum StoredAlgorithm {
    Sha1,
    Sha256,
    Sha512,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
enum StoredRequirement {
    Required,
    Optional,
    Exempt,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
enum StoredLanguage {
    English,
    German,
}

/// What came later stands behind the rest, where there is any of it: records from before have none.
pub(super) fn encode(key: &Key, account: &Account) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    let stored = StoredAccount {
        id: account.id.0,
        names: account.names.iter().map(store_name).collect(),
        groups: account.groups.iter().map(Group::as_str).collect(),
        contacts: store_contacts(&account.contacts),
        locked: account.lock.is_some(),
        password: account.password.as_ref().map(PasswordHash::reveal),
        devices: account.devices.iter().map(store_device).collect(),
        backup_codes: account.backup_codes.as_ref().map(store_backup_codes),
        requirement: account.requirement.map(store_requirement),
        throttle: StoredThrottle::from(&account.throttle),
        notices: account.notices.iter().map(store_notice).collect(),
        created: account.created.0,
        changed: account.changed.0,
    };
    let behind = StoredBehind {
        language: account.language.map(store_language),
        lock: account.lock.as_ref().map(store_lock),
        charge: account.charge.as_ref().map(store_charge),
    };
    if behind.language.is_none() && behind.lock.is_none() && behind.charge.is_none() {
        return encode_record(key, &stored);
    }
    encode_record(key, &(stored, behind))
}

pub(super) fn decode(key: &Key, value: &[u8]) -> Result<Account, StoreError> {
    let (stored, rest): (StoredAccount<'_>, _) = decode_beginning(key, value)?;
    let behind = behind(key, rest)?;
    let all = |error: Invalid| invalid(key, error.0);
    let lock = lock(&stored, behind.lock.as_ref()).map_err(all)?;
    Ok(Account {
        id: AccountId(stored.id),
        names: stored.names.iter().map(name).collect::<Result<_, _>>().map_err(all)?,
        groups: stored
            .groups
            .into_iter()
            .map(Group::parse)
            .collect::<Result<_, _>>()
            .map_err(Invalid::from)
            .map_err(all)?,
        contacts: contacts(stored.contacts).map_err(all)?,
        lock,
        charge: behind.charge.as_ref().map(charge).transpose().map_err(all)?,
        password: stored
            .password
            .map(|phc| PasswordHash::new(phc.to_owned()))
            .transpose()
            .map_err(Invalid::from)
            .map_err(all)?,
        devices: stored.devices.iter().map(device).collect::<Result<_, _>>().map_err(all)?,
        backup_codes: stored.backup_codes.map(backup_codes),
        requirement: stored.requirement.map(requirement),
        language: behind.language.map(language),
        throttle: stored.throttle.into(),
        notices: stored.notices.iter().map(notice).collect::<Result<_, _>>().map_err(all)?,
        created: UnixTime(stored.created),
        changed: UnixTime(stored.changed),
    })
}

/// What a constructor of the domain said about a stored value.
struct Invalid(String);

impl<E: std::error::Error> From<E> for Invalid {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

fn store_lock(lock: &Lock) -> StoredLock<'_> {
    StoredLock {
        at: lock.at.0,
        operator: lock.operator.as_deref(),
        reason: lock.reason.as_ref().map(LockReason::as_str),
        until: lock.until.map(|until| until.0),
    }
}

/// What stands behind the rest. All of format 3 is longer than the one byte that a language is.
fn behind<'a>(key: &Key, rest: &'a [u8]) -> Result<StoredBehind<'a>, StoreError> {
    match rest {
        [] => Ok(StoredBehind::default()),
        [_] => Ok(StoredBehind { language: Some(decode_record(key, rest)?), ..StoredBehind::default() }),
        _ => decode_record(key, rest),
    }
}

/// The lock; of one from before format 3 nothing is known but that it is there.
fn lock(account: &StoredAccount<'_>, stored: Option<&StoredLock<'_>>) -> Result<Option<Lock>, Invalid> {
    let stored = match (account.locked, stored) {
        (false, None) => return Ok(None),
        (true, None) => {
            let at = UnixTime(account.changed);
            return Ok(Some(Lock { at, operator: None, reason: None, until: None }));
        }
        (true, Some(stored)) => stored,
        (false, Some(_)) => return Err(Invalid("a lock of an account that is not locked".to_owned())),
    };
    Ok(Some(Lock {
        at: UnixTime(stored.at),
        operator: stored.operator.map(ToOwned::to_owned),
        reason: stored.reason.map(LockReason::parse).transpose()?,
        until: stored.until.map(UnixTime),
    }))
}

fn store_charge(charge: &Charge) -> StoredCharge<'_> {
    match charge {
        Charge::All => StoredCharge::All,
        Charge::Groups(groups) => StoredCharge::Groups(groups.iter().map(Group::as_str).collect()),
    }
}

fn charge(stored: &StoredCharge<'_>) -> Result<Charge, Invalid> {
    let (everybody, groups) = match stored {
        StoredCharge::All => (true, Vec::new()),
        StoredCharge::Groups(groups) => (false, groups.iter().map(|&group| group.to_owned()).collect()),
    };
    Ok(Charge::parse(&wire::Charge { everybody, groups })?)
}

fn store_contacts(contacts: &Contacts) -> StoredContacts {
    let wire::Contacts { display_name, email, phone } = contacts.to_wire();
    StoredContacts { display_name, email, phone }
}

fn contacts(stored: StoredContacts) -> Result<Contacts, Invalid> {
    let StoredContacts { display_name, email, phone } = stored;
    Ok(Contacts::parse(&wire::Contacts { display_name, email, phone })?)
}

fn store_name(name: &AccountName) -> StoredName<'_> {
    StoredName { realm: name.name.realm().as_str(), name: name.name.name(), uid: name.uid }
}

fn name(stored: &StoredName<'_>) -> Result<AccountName, Invalid> {
    let name = Name::canonical(&Realm::parse(stored.realm)?, stored.name)?;
    // Another spelling than the canonical one was never written by us.
    if name.name() != stored.name {
        return Err(Invalid("a name is not in its canonical form".to_owned()));
    }
    Ok(AccountName { name, uid: stored.uid })
}

fn store_device(device: &Device) -> StoredDevice<'_> {
    StoredDevice {
        id: device.id.0,
        label: device.label.as_str(),
        totp: store_totp(&device.totp),
        last_step: device.last_step,
        created: store_occasion(&device.created),
        last_used: device.last_used.as_ref().map(store_occasion),
    }
}

fn device(stored: &StoredDevice<'_>) -> Result<Device, Invalid> {
    Ok(Device {
        id: DeviceId(stored.id),
        label: Label::parse(stored.label)?,
        totp: totp(&stored.totp)?,
        last_step: stored.last_step,
        created: occasion(&stored.created),
        last_used: stored.last_used.as_ref().map(occasion),
    })
}

pub(super) fn store_totp(totp: &Totp) -> StoredTotp<'_> {
    StoredTotp {
        secret: totp.secret.as_bytes(),
        algorithm: match totp.parameters.algorithm() {
            Algorithm::Sha1 => StoredAlgorithm::Sha1,
            Algorithm::Sha256 => StoredAlgorithm::Sha256,
            Algorithm::Sha512 => StoredAlgorithm::Sha512,
        },
        digits: totp.parameters.digits(),
        period_seconds: totp.parameters.period_seconds(),
    }
}

pub(super) fn totp(stored: &StoredTotp<'_>) -> Result<Totp, TotpError> {
    let algorithm = match stored.algorithm {
        StoredAlgorithm::Sha1 => Algorithm::Sha1,
        StoredAlgorithm::Sha256 => Algorithm::Sha256,
        StoredAlgorithm::Sha512 => Algorithm::Sha512,
    };
    Ok(Totp {
        secret: Secret::from_bytes(stored.secret)?,
        parameters: TotpParameters::new(algorithm, stored.digits, stored.period_seconds)?,
    })
}

pub(super) fn store_occasion(occasion: &Occasion) -> StoredOccasion<'_> {
    StoredOccasion { at: occasion.at.0, door: &occasion.door, source: occasion.source.as_deref() }
}

pub(super) fn occasion(stored: &StoredOccasion<'_>) -> Occasion {
    Occasion {
        at: UnixTime(stored.at),
        door: stored.door.to_owned(),
        source: stored.source.map(ToOwned::to_owned),
    }
}

pub(super) fn store_backup_codes(codes: &BackupCodes) -> StoredBackupCodes {
    StoredBackupCodes {
        salt: codes.salt.0,
        pepper: codes.pepper.0,
        memory_kib: codes.cost.memory_kib,
        passes: codes.cost.passes,
        lanes: codes.cost.lanes,
        digests: codes.digests,
        used: codes.used,
        created: codes.created.0,
    }
}

pub(super) fn backup_codes(stored: StoredBackupCodes) -> BackupCodes {
    BackupCodes {
        salt: Salt(stored.salt),
        pepper: PepperId(stored.pepper),
        cost: Cost { memory_kib: stored.memory_kib, passes: stored.passes, lanes: stored.lanes },
        digests: stored.digests,
        used: stored.used,
        created: UnixTime(stored.created),
    }
}

fn store_requirement(requirement: Requirement) -> StoredRequirement {
    match requirement {
        Requirement::Required => StoredRequirement::Required,
        Requirement::Optional => StoredRequirement::Optional,
        Requirement::Exempt => StoredRequirement::Exempt,
    }
}

fn requirement(stored: StoredRequirement) -> Requirement {
    match stored {
        StoredRequirement::Required => Requirement::Required,
        StoredRequirement::Optional => Requirement::Optional,
        StoredRequirement::Exempt => Requirement::Exempt,
    }
}

fn store_language(language: Language) -> StoredLanguage {
    match language {
        Language::English => StoredLanguage::English,
        Language::German => StoredLanguage::German,
    }
}

fn language(stored: StoredLanguage) -> Language {
    match stored {
        StoredLanguage::English => Language::English,
        StoredLanguage::German => Language::German,
    }
}

fn store_notice(notice: &Notice) -> StoredNotice<'_> {
    match notice {
        Notice::BackupCodeUsed { left } => StoredNotice::BackupCodeUsed { left: *left },
        Notice::DeviceEnrolled { label, occasion } => {
            StoredNotice::DeviceEnrolled { label: label.as_str(), occasion: store_occasion(occasion) }
        }
        Notice::BrowserEnded { browser, occasion } => {
            StoredNotice::BrowserEnded { browser, occasion: store_occasion(occasion) }
        }
        Notice::EmergencyCodeUsed { occasion } => {
            StoredNotice::EmergencyCodeUsed { occasion: store_occasion(occasion) }
        }
        Notice::NameJoined { name, occasion } => StoredNotice::NameJoined {
            realm: name.realm().as_str(),
            name: name.name(),
            occasion: store_occasion(occasion),
        },
    }
}

fn notice(stored: &StoredNotice<'_>) -> Result<Notice, Invalid> {
    Ok(match stored {
        StoredNotice::BackupCodeUsed { left } => Notice::BackupCodeUsed { left: *left },
        StoredNotice::DeviceEnrolled { label, occasion: when } => {
            Notice::DeviceEnrolled { label: Label::parse(label)?, occasion: occasion(when) }
        }
        StoredNotice::BrowserEnded { browser, occasion: when } => {
            Notice::BrowserEnded { browser: (*browser).to_owned(), occasion: occasion(when) }
        }
        StoredNotice::EmergencyCodeUsed { occasion: when } => {
            Notice::EmergencyCodeUsed { occasion: occasion(when) }
        }
        StoredNotice::NameJoined { realm, name, occasion: when } => Notice::NameJoined {
            name: Name::canonical(&Realm::parse(realm)?, name)?,
            occasion: occasion(when),
        },
    })
}
