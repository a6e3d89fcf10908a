//! One attempt at one account: throttle, devices, backup codes, and then it is consumed or counted.

use std::fmt;

use super::{Account, Device, DeviceId, Label, Notice, Occasion};
use crate::backup_code::{self, BackupCodes, BackupDigest, BackupMatch};
use crate::clock::UnixTime;
use crate::code::Code;
use crate::throttle::{Guesses, Origin, Stage, Throttled};
use crate::totp::{Match, Totp};
use crate::trail::Why;
use crate::wire::{Refused, Word};

/// A code, and everything that decides about it besides the account.
#[derive(Debug)]
pub struct Attempt<'a> {
    /// What was typed.
    pub code: &'a Code,
    /// Its digest under [`Account::backup_digest_parameters`], where it has the length of a backup code.
    pub backup: Option<&'a BackupDigest>,
    /// Where it comes from, for the throttle.
    pub origin: &'a Origin,
    /// Whether a first factor has passed.
    pub stage: Stage,
    /// Whether the clock is believed.
    pub clock_trusted: bool,
    /// Now, the door, and where from in words.
    pub occasion: &'a Occasion,
}

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The code was right, and the account returned beside this has it spent.
    Approved {
        /// What passed.
        factor: Factor,
        /// What its owner should learn now.
        notices: Vec<Notice>,
    },
    /// It was not.
    Refused(Refusal),
}

/// A refusal with its two faces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What the person may be told.
    pub refused: Refused,
    /// What the audit trail says.
    pub reason: Reason,
}

/// What passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Factor {
    /// A device's code.
    Device {
        /// Which.
        id: DeviceId,
        /// What its owner calls it.
        label: Label,
    },
    /// A backup code.
    BackupCode,
    /// An emergency code that an operator has made.
    EmergencyCode,
}

/// The internal reason of a refusal. For the audit trail; a person sees [`Refused`] alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// No device and no backup code matched.
    WrongCode,
    /// A device's code matched, and its step is spent.
    UsedCode,
    /// A backup code matched, and it is spent.
    UsedBackupCode,
    /// No emergency code of the account's, for this door, that is still good.
    WrongEmergencyCode,
    /// Not looked at: too many failures shortly before.
    Throttled,
    /// Not looked at: strangers' guesses are used up.
    ClosedToStrangers,
    /// The clock is in doubt.
    ClockInDoubt,
    /// The account is locked.
    Locked,
    /// The account has no second factor.
    NotEnrolled,
    /// The name came with another uid than it was first seen with.
    OtherPerson,
    /// The password is wrong, or the account has none.
    WrongPassword,
    /// Nobody has this name.
    UnknownName,
    /// The backup codes were replaced between digest and decision: digest again.
    StaleDigest,
}

impl Reason {
    /// Stable, for the audit trail.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WrongCode => Why::WrongCode,
            Self::UsedCode => Why::UsedCode,
            Self::UsedBackupCode => Why::UsedBackupCode,
            Self::WrongEmergencyCode => Why::WrongEmergencyCode,
            Self::Throttled => Why::Throttled,
            Self::ClosedToStrangers => Why::ClosedToStrangers,
            Self::ClockInDoubt => Why::ClockInDoubt,
            Self::Locked => Why::Locked,
            Self::NotEnrolled => Why::NotEnrolled,
            Self::OtherPerson => Why::OtherPerson,
            Self::WrongPassword => Why::WrongPassword,
            Self::UnknownName => Why::UnknownName,
            Self::StaleDigest => Why::StaleDigest,
        }
        .as_str()
    }

    /// Whether such refusals may come as fast as an attacker likes, because nothing was looked at or because names can
    /// be invented: the audit trail tells them by the minute.
    #[must_use]
    pub const fn coalesces(self) -> bool {
        matches!(
            self,
            Self::Throttled
                | Self::ClosedToStrangers
                | Self::ClockInDoubt
                | Self::UnknownName
                | Self::WrongEmergencyCode
        )
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device { label, .. } => label.fmt(f),
            Self::BackupCode => f.write_str("backup code"),
            Self::EmergencyCode => f.write_str("emergency code"),
        }
    }
}

/// What the account's secrets say about a code.
enum Found {
    Device { index: usize, step: u64 },
    Backup { index: usize },
    UsedDevice { seconds: u64 },
    UsedBackup,
    Nothing,
}

impl Account {
    /// Judges one attempt. The account returned has the code spent, or the failure counted, or is unchanged where
    /// nothing was looked at; it must be stored before the verdict is told.
    #[must_use]
    pub fn verify(&self, attempt: &Attempt<'_>) -> (Self, Verdict) {
        let now = attempt.occasion.at;
        let fits = self.fits(attempt.code);
        let admitted = match self.throttle.admit(attempt.origin, attempt.stage, fits, now) {
            Ok(admitted) => admitted,
            Err(throttled) => {
                return (self.clone(), Verdict::Refused(Refusal::throttled(throttled, attempt.stage)));
            }
        };
        let tried = Guesses { device: admitted.device && attempt.clock_trusted, backup: admitted.backup };
        if !tried.device && !tried.backup {
            return (self.clone(), Verdict::Refused(Refusal::new(Word::Clock, Reason::ClockInDoubt)));
        }
        if tried.backup && !self.takes(attempt.backup) {
            return (self.clone(), Verdict::Refused(Refusal::new(Word::Busy, Reason::StaleDigest)));
        }
        // Always looked at, also where it cannot help, so that time does not tell a locked account from an open one.
        let found = self.find(attempt, tried);
        match found {
            _ if self.is_locked(now) => {
                self.refuse(attempt, tried, Refusal::new(Word::Wrong, Reason::Locked))
            }
            _ if self.is_decoy() => {
                self.refuse(attempt, tried, Refusal::new(Word::Wrong, Reason::UnknownName))
            }
            _ if !self.enrolled() => self.refuse(attempt, tried, Refusal::not_enrolled(attempt.stage)),
            Found::Device { index, step } => self.approve_device(attempt, index, step),
            Found::Backup { index } => self.approve_backup(attempt, index),
            Found::UsedDevice { seconds } => self.refuse(attempt, tried, Refusal::used(seconds)),
            Found::UsedBackup => {
                self.refuse(attempt, tried, Refusal::new(Word::Used, Reason::UsedBackupCode))
            }
            // It was looked at as a backup code, so it counts as one; its owner may have meant it as a device's.
            Found::Nothing if admitted.device && !attempt.clock_trusted => {
                self.refuse(attempt, tried, Refusal::new(Word::Clock, Reason::WrongCode))
            }
            Found::Nothing => self.refuse(attempt, tried, Refusal::new(Word::Wrong, Reason::WrongCode)),
        }
    }

    /// Whether a password may be checked now, before the slow hash is computed.
    ///
    /// # Errors
    /// The refusal, when it may not.
    pub fn may_try_password(&self, origin: &Origin, now: UnixTime) -> Result<(), Refusal> {
        self.throttle
            .admit_password(origin, now)
            .map_err(|throttled| Refusal::throttled(throttled, Stage::BeforeFirst))
    }

    /// Judges a password that was checked: `right` says whether the hash matched. A wrong one is counted; a right one
    /// forgives nothing; a locked account refuses it like a wrong one.
    pub fn password_tried(&self, right: bool, origin: &Origin, now: UnixTime) -> (Self, Result<(), Refusal>) {
        if let Err(refusal) = self.may_try_password(origin, now) {
            return (self.clone(), Err(refusal));
        }
        if right && !self.is_locked(now) {
            return (self.clone(), Ok(()));
        }
        let reason = if right { Reason::Locked } else { Reason::WrongPassword };
        let after = Self { throttle: self.throttle.password_failed(origin, now), ..self.clone() };
        (after, Err(Refusal::new(Word::Wrong, reason)))
    }

    /// What a code may be, by its length. Without a device of eight digits the same for everybody.
    fn fits(&self, code: &Code) -> Guesses {
        let backup = backup_code::fits(code);
        let eight = self
            .devices
            .iter()
            .any(|device| usize::from(device.totp.parameters.digits()) == backup_code::DIGITS);
        Guesses { device: !backup || eight, backup }
    }

    fn find(&self, attempt: &Attempt<'_>, tried: Guesses) -> Found {
        let device = if tried.device { self.find_device(attempt) } else { Found::Nothing };
        let backup = match (&self.backup_codes, attempt.backup) {
            (Some(set), Some(digest)) if tried.backup => find_backup(set, digest),
            _ => Found::Nothing,
        };
        match (device, backup) {
            (device @ Found::Device { .. }, _) => device,
            (_, backup @ Found::Backup { .. }) => backup,
            (Found::Nothing, backup) => backup,
            (device, _) => device,
        }
    }

    /// Every device is asked, whichever matches; nobody's device is asked where there is none.
    fn find_device(&self, attempt: &Attempt<'_>) -> Found {
        let now = attempt.occasion.at;
        let mut found = Found::Nothing;
        for (index, device) in self.devices.iter().enumerate() {
            found = match (device.totp.match_step(attempt.code, now, Some(device.last_step)), found) {
                (_, best @ Found::Device { .. }) => best,
                (Match::Step(step), _) => Found::Device { index, step },
                (Match::AlreadyUsed, Found::Nothing) => {
                    Found::UsedDevice { seconds: device.totp.seconds_until_next(now, device.last_step) }
                }
                (Match::AlreadyUsed | Match::None, other) => other,
            };
        }
        if self.devices.is_empty() {
            let _ = std::hint::black_box(Totp::nobodys().match_step(attempt.code, now, None));
        }
        found
    }

    fn approve_device(&self, attempt: &Attempt<'_>, index: usize, step: u64) -> (Self, Verdict) {
        let mut after = self.clone();
        let Some(device) = after.devices.get_mut(index) else {
            return self.refuse(attempt, Guesses { device: true, backup: false }, Refusal::wrong());
        };
        device.last_step = step;
        device.last_used = Some(attempt.occasion.clone());
        let factor = factor_of(device);
        after.approve(attempt, factor, None)
    }

    fn approve_backup(&self, attempt: &Attempt<'_>, index: usize) -> (Self, Verdict) {
        let mut after = self.clone();
        after.backup_codes = self.backup_codes.as_ref().map(|set| set.spend(index));
        let left = after.backup_codes_left();
        after.approve(attempt, Factor::BackupCode, Some(Notice::BackupCodeUsed { left }))
    }

    fn approve(mut self, attempt: &Attempt<'_>, factor: Factor, news: Option<Notice>) -> (Self, Verdict) {
        self.throttle = self.throttle.succeeded(attempt.origin, attempt.stage, attempt.occasion.at);
        let mut notices = std::mem::take(&mut self.notices);
        notices.extend(news);
        (self, Verdict::Approved { factor, notices })
    }

    fn refuse(&self, attempt: &Attempt<'_>, tried: Guesses, refusal: Refusal) -> (Self, Verdict) {
        let throttle = self.throttle.failed(attempt.origin, attempt.stage, tried, attempt.occasion.at);
        (Self { throttle, ..self.clone() }, Verdict::Refused(refusal))
    }
}

impl Refusal {
    /// A refusal in a word.
    #[must_use]
    pub const fn new(word: Word, reason: Reason) -> Self {
        Self { refused: Refused { word, wait_seconds: None }, reason }
    }

    const fn wrong() -> Self {
        Self::new(Word::Wrong, Reason::WrongCode)
    }

    fn used(seconds: u64) -> Self {
        let refused = Refused { word: Word::Used, wait_seconds: Some(seconds) };
        Self { refused, reason: Reason::UsedCode }
    }

    fn not_enrolled(stage: Stage) -> Self {
        let word = match stage {
            Stage::BeforeFirst => Word::Wrong,
            Stage::AfterFirst => Word::Unenrolled,
        };
        Self::new(word, Reason::NotEnrolled)
    }

    /// Before a first factor nobody learns that strangers' guesses are used up.
    fn throttled(throttled: Throttled, stage: Stage) -> Self {
        match (throttled, stage) {
            (Throttled::Wait(seconds), _) => {
                let refused = Refused { word: Word::Wait, wait_seconds: Some(seconds) };
                Self { refused, reason: Reason::Throttled }
            }
            (Throttled::Closed, Stage::AfterFirst) => Self::new(Word::Closed, Reason::ClosedToStrangers),
            (Throttled::Closed, Stage::BeforeFirst) => Self::new(Word::Wrong, Reason::ClosedToStrangers),
        }
    }
}

fn find_backup(set: &BackupCodes, digest: &BackupDigest) -> Found {
    match set.find(digest) {
        BackupMatch::Unused(index) => Found::Backup { index },
        BackupMatch::AlreadyUsed => Found::UsedBackup,
        BackupMatch::None => Found::Nothing,
    }
}

fn factor_of(device: &Device) -> Factor {
    Factor::Device { id: device.id, label: device.label.clone() }
}
