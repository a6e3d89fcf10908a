//! What people change: enrolment, names, devices, codes, locks. Who may is the caller's question; what follows is ours.

use super::{
    Account, AccountId, AccountName, Device, DeviceId, Label, MAX_DEVICES, MAX_NAMES, MAX_NOTICES, Notice,
    Occasion,
};
use crate::backup_code::BackupCodes;
use crate::clock::UnixTime;
use crate::code::Code;
use crate::name::Name;
use crate::throttle::Throttle;
use crate::totp::{Match, Totp, TotpParameters};

/// How long an enrolment waits for its first code, in seconds.
pub const ENROLMENT_SECONDS: u64 = 600;

/// A new device that waits for its first code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingEnrolment {
    /// Whose.
    pub account: AccountId,
    /// The device's number to be.
    pub device: DeviceId,
    /// What its owner calls it.
    pub label: Label,
    /// Its secret and how codes are made.
    pub totp: Totp,
    /// When and where it was begun.
    pub begun: Occasion,
}

impl PendingEnrolment {
    /// When it is void.
    #[must_use]
    pub const fn expires(&self) -> UnixTime {
        self.begun.at.plus(ENROLMENT_SECONDS)
    }

    /// Whether it is void: also when it was begun in a time that has not come.
    #[must_use]
    pub fn expired(&self, now: UnixTime) -> bool {
        now.since(self.begun.at).is_none_or(|age| age >= ENROLMENT_SECONDS)
    }
}

impl PendingEnrolment {
    /// Whether it was begun at this door from this source.
    #[must_use]
    pub fn is_begun_by(&self, by: &Occasion) -> bool {
        self.begun.door == by.door && self.begun.source == by.source
    }

    /// The same device with another way of making codes, because its app does not do as it was asked.
    #[must_use]
    pub fn made_as(mut self, parameters: TotpParameters) -> Self {
        self.totp.parameters = parameters;
        self
    }
}

/// Why a change cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// No such device.
    #[error("there is no such device")]
    NoSuchDevice,
    /// The account does not have this name.
    #[error("the account does not have this name")]
    NoSuchName,
    /// The account has the name already.
    #[error("the account has this name already")]
    NameTaken,
    /// The last name stays.
    #[error("an account keeps its last name; remove the account instead")]
    LastName,
    /// Too many names.
    #[error("too many names")]
    TooManyNames,
    /// Too many devices.
    #[error("an account has at most eight devices; remove one first")]
    TooManyDevices,
    /// The enrolment is void, or another account's.
    #[error("the enrolment has expired; begin again")]
    Expired,
    /// The code is not the new device's.
    #[error("the code is not the new device's; check that the phone's clock is right")]
    WrongCode,
    /// Codes cannot be checked while the clock is in doubt.
    #[error("the clock is in doubt, so codes cannot be checked; an operator must look at it")]
    Clock,
    /// Backup codes go with a device.
    #[error("no second factor is set up; enrol a device first")]
    NotEnrolled,
}

/// The name is known with another uid: another person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this name was first seen with uid {first}, now with uid {now}: another person, until an operator decides"
)]
pub struct OtherPerson {
    /// The uid first seen.
    pub first: u32,
    /// The uid it came with now.
    pub now: u32,
}

impl Account {
    /// Confirms an enrolment with the new device's first code, which is spent by that. `backup_codes` are taken when
    /// the account has none; look at [`Account::backup_codes`] before and after to know whether to show them.
    ///
    /// # Errors
    /// [`ChangeError`]; nothing is counted, for whoever began it knows the secret.
    pub fn confirm(
        &self,
        pending: &PendingEnrolment,
        code: &Code,
        backup_codes: Option<BackupCodes>,
        occasion: &Occasion,
        clock_trusted: bool,
    ) -> Result<(Self, Device), ChangeError> {
        let last_step = self.confirming_step(pending, code, occasion.at, clock_trusted)?;
        self.with_confirmed(pending, last_step, backup_codes, occasion)
    }

    /// The step of an enrolment's first code, where that is right and the device could be switched on.
    ///
    /// # Errors
    /// As [`Account::confirm`].
    pub fn confirming_step(
        &self,
        pending: &PendingEnrolment,
        code: &Code,
        now: UnixTime,
        clock_trusted: bool,
    ) -> Result<u64, ChangeError> {
        self.takes_device(pending, now)?;
        if !clock_trusted {
            return Err(ChangeError::Clock);
        }
        match pending.totp.match_step(code, now, None) {
            Match::Step(step) => Ok(step),
            Match::AlreadyUsed | Match::None => Err(ChangeError::WrongCode),
        }
    }

    /// Switches an enrolment's device on, whose first code was of step `last_step`; `backup_codes` as with
    /// [`Account::confirm`].
    ///
    /// # Errors
    /// [`ChangeError::Expired`] or [`ChangeError::TooManyDevices`].
    pub fn with_confirmed(
        &self,
        pending: &PendingEnrolment,
        last_step: u64,
        backup_codes: Option<BackupCodes>,
        occasion: &Occasion,
    ) -> Result<(Self, Device), ChangeError> {
        self.takes_device(pending, occasion.at)?;
        let device = Device {
            id: pending.device,
            label: pending.label.clone(),
            totp: pending.totp.clone(),
            last_step,
            created: occasion.clone(),
            last_used: None,
        };
        let mut after = self.changed_at(occasion.at);
        after.devices.push(device.clone());
        after.backup_codes = after.backup_codes.or(backup_codes);
        let news = Notice::DeviceEnrolled { label: device.label.clone(), occasion: occasion.clone() };
        Ok((after.with_notice(news), device))
    }

    fn takes_device(&self, pending: &PendingEnrolment, now: UnixTime) -> Result<(), ChangeError> {
        if pending.account != self.id || pending.expired(now) {
            return Err(ChangeError::Expired);
        }
        if self.devices.len() >= MAX_DEVICES {
            return Err(ChangeError::TooManyDevices);
        }
        Ok(())
    }

    /// One more piece of news for its owner; the oldest give way.
    #[must_use]
    pub fn with_notice(mut self, news: Notice) -> Self {
        self.notices.push(news);
        let surplus = self.notices.len().saturating_sub(MAX_NOTICES);
        self.notices.drain(..surplus);
        self
    }

    /// Calls a device something else.
    ///
    /// # Errors
    /// [`ChangeError::NoSuchDevice`].
    pub fn rename_device(&self, id: &DeviceId, label: Label, now: UnixTime) -> Result<Self, ChangeError> {
        let mut after = self.changed_at(now);
        let device =
            after.devices.iter_mut().find(|device| device.id == *id).ok_or(ChangeError::NoSuchDevice)?;
        device.label = label;
        Ok(after)
    }

    /// Removes a device. With the last one two-factor is off: the backup codes go too, for alone they would be a
    /// factor that is used up.
    ///
    /// # Errors
    /// [`ChangeError::NoSuchDevice`].
    pub fn remove_device(&self, id: &DeviceId, now: UnixTime) -> Result<Self, ChangeError> {
        let mut after = self.changed_at(now);
        after.devices.retain(|device| device.id != *id);
        if after.devices.len() == self.devices.len() {
            return Err(ChangeError::NoSuchDevice);
        }
        Ok(if after.devices.is_empty() { after.disabled(now) } else { after })
    }

    /// New backup codes; the old ones are dead.
    ///
    /// # Errors
    /// [`ChangeError::NotEnrolled`] without a device.
    pub fn with_backup_codes(&self, set: BackupCodes, now: UnixTime) -> Result<Self, ChangeError> {
        if !self.enrolled() {
            return Err(ChangeError::NotEnrolled);
        }
        Ok(Self { backup_codes: Some(set), ..self.changed_at(now) })
    }

    /// Two-factor off: devices and backup codes are gone. The throttle stays, or switching off and on would buy guesses.
    #[must_use]
    pub fn disabled(&self, now: UnixTime) -> Self {
        Self { devices: Vec::new(), backup_codes: None, ..self.changed_at(now) }
    }

    /// An operator's clean slate: devices, backup codes, news and counters are gone; names, groups, password, lock,
    /// charge and requirement stay.
    #[must_use]
    pub fn reset(&self, now: UnixTime) -> Self {
        Self { throttle: Throttle::default(), notices: Vec::new(), ..self.disabled(now) }
    }

    /// Open to strangers again.
    #[must_use]
    pub fn reopened(&self, now: UnixTime) -> Self {
        Self { throttle: self.throttle.reopened(), ..self.changed_at(now) }
    }

    /// One more name. That it belongs to nobody else is the caller's commit to make sure of.
    ///
    /// # Errors
    /// [`ChangeError::NameTaken`] or [`ChangeError::TooManyNames`].
    pub fn with_name(&self, name: AccountName, now: UnixTime) -> Result<Self, ChangeError> {
        if self.names.iter().any(|ours| ours.name == name.name) {
            return Err(ChangeError::NameTaken);
        }
        if self.names.len() >= MAX_NAMES {
            return Err(ChangeError::TooManyNames);
        }
        let mut after = self.changed_at(now);
        after.names.push(name);
        Ok(after)
    }

    /// One name less; the last one stays. A password goes with the last `local` name.
    ///
    /// # Errors
    /// [`ChangeError::NoSuchName`] or [`ChangeError::LastName`].
    pub fn without_name(&self, name: &Name, now: UnixTime) -> Result<Self, ChangeError> {
        let mut after = self.changed_at(now);
        after.names.retain(|ours| ours.name != *name);
        if after.names.len() == self.names.len() {
            return Err(ChangeError::NoSuchName);
        }
        if after.names.is_empty() {
            return Err(ChangeError::LastName);
        }
        if !after.names.iter().any(|ours| ours.name.realm().is_local()) {
            after.password = None;
        }
        Ok(after)
    }

    /// A `unix` name was presented with a uid: the first one is kept. None when there is nothing to store.
    ///
    /// # Errors
    /// [`OtherPerson`] when it is not the first one.
    pub fn seen_with_uid(&self, name: &Name, uid: u32) -> Result<Option<Self>, OtherPerson> {
        let Some(index) = self.names.iter().position(|ours| ours.name == *name) else {
            return Ok(None);
        };
        match self.names.get(index).and_then(|ours| ours.uid) {
            Some(first) if first == uid => Ok(None),
            Some(first) => Err(OtherPerson { first, now: uid }),
            None => {
                let mut after = self.clone();
                after.names.iter_mut().skip(index).take(1).for_each(|ours| ours.uid = Some(uid));
                Ok(Some(after))
            }
        }
    }

    /// After the clock was settled: what was spent or counted in a time that has not come is brought down to now, so
    /// that codes work again and none up to the current step does. None when there is nothing to store.
    #[must_use]
    pub fn clock_settled(&self, now: UnixTime) -> Option<Self> {
        let mut after = self.clone();
        for device in &mut after.devices {
            // A phone a little ahead may have spent the next step's code: that stays spent.
            let step = device.totp.parameters.step_at(now);
            if device.last_step > step.saturating_add(1) {
                device.last_step = step;
            }
        }
        after.throttle = self.throttle.settled(now);
        (after != *self).then_some(after)
    }

    /// In a ledger that is put back from a copy: what was spent since the copy was made is not known, so no code that a
    /// phone shows now or shows next is taken, and backup codes are gone until new ones are made.
    #[must_use]
    pub fn restored(&self, now: UnixTime) -> Self {
        let mut after = self.clone();
        for device in &mut after.devices {
            let next = device.totp.parameters.step_at(now).saturating_add(1);
            device.last_step = device.last_step.max(next);
        }
        after.backup_codes = None;
        after
    }

    fn changed_at(&self, now: UnixTime) -> Self {
        Self { changed: now, ..self.clone() }
    }
}
