//! What the roster knows of accounts, laid together by what is asked for: a page is read off, whoever else there is.
//!
//! Accounts of whom the same is known lie on one stack, by name and by last use. Whatever is looked for is a few whole
//! stacks, merged from the place where the page begins.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Bound;
use std::sync::Arc;

use itertools::{Either, Itertools};
use twofold_shared::account::{Account, AccountId, Charge, Group};
use twofold_shared::clock::UnixTime;
use twofold_shared::wire::{AccountOrder, AccountState};

use super::{FEW_CODES, Wanted, texts_of};
use crate::operations::people::is_system;

/// See [`View::sorted`].
const SORTED: usize = 1_000;

// What is known of an account besides its name. Lock and closing may be over by now; nothing else changes by itself.
pub(super) const ENROLLED: u8 = 1;
pub(super) const LOCKED: u8 = 1 << 1;
pub(super) const CLOSED: u8 = 1 << 2;
pub(super) const FEW: u8 = 1 << 3;
/// It is in charge of others.
const OPERATOR: u8 = 1 << 4;
/// It is the system's.
pub(super) const SYSTEM: u8 = 1 << 5;
/// Of the names that it stands under, this is the first.
const FIRST: u8 = 1 << 6;

/// Where an account stands: under a name, in small letters and without its realm.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Under {
    pub text: Arc<str>,
    pub id: AccountId,
}

/// When an account was last used, in seconds since the epoch, 0 for never; and which.
pub(super) type Used = (u32, AccountId);

/// What is known of an account.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    texts: Box<[Arc<str>]>,
    groups: Arc<[Group]>,
    used: u32,
    flags: u8,
}

#[derive(Debug, Default)]
pub(super) struct Rows {
    accounts: HashMap<AccountId, Row>,
    everybody: Stacks,
    /// Those in groups whose operators have asked.
    groups: HashMap<Group, Stacks>,
    /// Every list of groups that an account has had, once.
    lists: HashSet<Arc<[Group]>>,
}

impl Rows {
    /// Enters an account, or what is new about it.
    pub fn put(&mut self, account: &Account, now: UnixTime) {
        let texts: Box<[Arc<str>]> = texts_of(account).into_iter().map(Arc::from).collect();
        let used = account.devices.iter().filter_map(|device| device.last_used.as_ref());
        let used = used.map(|used| used.at.0).max().unwrap_or(0);
        let row = Row {
            texts,
            groups: self.list_of(&account.groups),
            used: u32::try_from(used).unwrap_or(u32::MAX),
            flags: flags_of(account, now),
        };
        if self.accounts.get(&account.id) == Some(&row) {
            return;
        }
        self.strike(account.id);
        self.each_of(&row.groups, |stacks| stacks.lay(account.id, &row));
        self.accounts.insert(account.id, row);
    }

    /// Strikes an account out.
    pub fn strike(&mut self, id: AccountId) {
        if let Some(row) = self.accounts.remove(&id) {
            self.each_of(&row.groups, |stacks| stacks.take(id, &row));
        }
    }

    /// Those in charge of others, by name.
    pub fn operators(&self) -> impl Iterator<Item = &Under> {
        let kind = Kind { must: OPERATOR, must_not: 0 }.once();
        self.everybody.of(kind).map(|stack| stack.by_name.iter()).kmerge()
    }

    /// Looks for what is wanted. For an operator of groups their members are laid together first, once.
    pub fn look<'r>(&'r mut self, wanted: &'r Wanted) -> View<'r> {
        let groups = match &wanted.charge {
            None | Some(Charge::All) => &[][..],
            Some(Charge::Groups(groups)) => groups,
        };
        for group in groups.iter().filter(|group| !self.groups.contains_key(group)).collect::<Vec<_>>() {
            let mut members = Stacks::default();
            for (id, row) in self.accounts.iter().filter(|(_, row)| row.groups.contains(group)) {
                members.lay(*id, row);
            }
            self.groups.insert(group.clone(), members);
        }
        let stacks = match wanted.charge {
            None | Some(Charge::All) => vec![&self.everybody],
            Some(Charge::Groups(_)) => groups.iter().filter_map(|group| self.groups.get(group)).collect(),
        };
        View { accounts: &self.accounts, stacks, wanted, sorted: SORTED }
    }

    fn list_of(&mut self, groups: &[Group]) -> Arc<[Group]> {
        if let Some(list) = self.lists.get(groups) {
            return Arc::clone(list);
        }
        let list: Arc<[Group]> = groups.into();
        self.lists.insert(Arc::clone(&list));
        list
    }

    /// Every place where somebody in these groups lies.
    fn each_of(&mut self, groups: &[Group], change: impl Fn(&mut Stacks)) {
        change(&mut self.everybody);
        for group in groups {
            if let Some(members) = self.groups.get_mut(group) {
                change(members);
            }
        }
    }
}

/// Accounts by everything that is known of them: one stack for each combination of flags that there is.
#[derive(Debug, Default)]
struct Stacks(BTreeMap<u8, Stack>);

#[derive(Debug, Default)]
struct Stack {
    by_name: BTreeSet<Under>,
    /// Only of first names, so that each account is there once.
    by_use: BTreeSet<Used>,
}

impl Stacks {
    fn lay(&mut self, id: AccountId, row: &Row) {
        for (text, flags) in row.places() {
            let stack = self.0.entry(flags).or_default();
            stack.by_name.insert(Under { text: Arc::clone(text), id });
            if flags & FIRST != 0 {
                stack.by_use.insert((row.used, id));
            }
        }
    }

    fn take(&mut self, id: AccountId, row: &Row) {
        for (text, flags) in row.places() {
            let Some(stack) = self.0.get_mut(&flags) else { continue };
            stack.by_name.remove(&Under { text: Arc::clone(text), id });
            stack.by_use.remove(&(row.used, id));
            if stack.by_name.is_empty() {
                self.0.remove(&flags);
            }
        }
    }

    fn of(&self, kind: Kind) -> impl Iterator<Item = &Stack> {
        self.0.iter().filter(move |(flags, _)| kind.has(**flags)).map(|(_, stack)| stack)
    }
}

impl Row {
    /// Its names, and what is known of it under each.
    fn places(&self) -> impl Iterator<Item = (&Arc<str>, u8)> {
        let firsts = std::iter::once(FIRST).chain(std::iter::repeat(0));
        self.texts.iter().zip(firsts.map(|first| self.flags | first))
    }
}

/// What is wanted of the flags.
#[derive(Clone, Copy)]
struct Kind {
    must: u8,
    must_not: u8,
}

impl Kind {
    fn of(wanted: &Wanted) -> Self {
        let (must, must_not) = match wanted.state {
            None => (0, 0),
            Some(AccountState::Enrolled) => (ENROLLED, 0),
            Some(AccountState::NotEnrolled) => (0, ENROLLED),
            Some(AccountState::Locked) => (LOCKED, 0),
            Some(AccountState::Closed) => (CLOSED, 0),
            Some(AccountState::FewCodes) => (FEW, 0),
        };
        let hidden = if wanted.charge.is_some() { OPERATOR | SYSTEM } else { 0 };
        Self { must, must_not: must_not | hidden }
    }

    /// Of each account one name alone: the first.
    fn once(self) -> Self {
        Self { must: self.must | FIRST, ..self }
    }

    fn has(self, flags: u8) -> bool {
        flags & self.must == self.must && flags & self.must_not == 0
    }
}

/// Those who may be what is wanted: the ledger is asked of each before it is told.
pub(super) struct View<'r> {
    accounts: &'r HashMap<AccountId, Row>,
    stacks: Vec<&'r Stacks>,
    wanted: &'r Wanted,
    /// Up to so many names with a beginning are put in the order of use; among more, that order is searched for them.
    sorted: usize,
}

impl<'r> View<'r> {
    /// In the order of names. Without a beginning everybody once, under their first.
    pub fn by_name(&self) -> impl Iterator<Item = &'r Under> {
        let Wanted { prefix, after, .. } = self.wanted;
        let start = match after {
            Some(after) => Bound::Excluded(Under { text: after.by.as_str().into(), id: after.id }),
            None => Bound::Included(Under { text: prefix.as_str().into(), id: AccountId([0; 16]) }),
        };
        self.names_from(start)
    }

    /// In the order of use, each once under whatever name.
    pub fn by_use(&self) -> Box<dyn Iterator<Item = Used> + 'r> {
        let recent = self.wanted.order == AccountOrder::Recent;
        let is_before = move |one: &Used, other: &Used| if recent { one > other } else { one < other };
        let after = self.wanted.after.as_ref().and_then(|after| Some((after.by.parse().ok()?, after.id)));
        if let Some(mut few) = self.few_by_use() {
            few.retain(|used| after.is_none_or(|after| is_before(&after, used)));
            if recent {
                few.reverse();
            }
            return Box::new(few.into_iter());
        }
        let kind = Kind::of(self.wanted).once();
        let from = match (recent, after) {
            (_, None) => (Bound::Unbounded, Bound::Unbounded),
            (true, Some(after)) => (Bound::Unbounded, Bound::Excluded(after)),
            (false, Some(after)) => (Bound::Excluded(after), Bound::Unbounded),
        };
        let ranges = self.stacks.iter().flat_map(|stacks| stacks.of(kind)).map(|stack| {
            let range = stack.by_use.range(from).copied();
            if recent { Either::Left(range.rev()) } else { Either::Right(range) }
        });
        let (accounts, prefix) = (self.accounts, &self.wanted.prefix);
        Box::new(ranges.kmerge_by(is_before).dedup().filter(move |(_, id)| {
            accounts.get(id).is_some_and(|row| row.texts.iter().any(|text| text.starts_with(prefix.as_str())))
        }))
    }

    /// Those with the beginning of a name, longest unused first; none where there are many, or no beginning.
    fn few_by_use(&self) -> Option<Vec<Used>> {
        let prefix = self.wanted.prefix.as_str();
        if prefix.is_empty() {
            return None;
        }
        let start = Bound::Included(Under { text: prefix.into(), id: AccountId([0; 16]) });
        let names: Vec<&Under> = self.names_from(start).take(self.sorted + 1).collect();
        if names.len() > self.sorted {
            return None;
        }
        let used = names.into_iter().filter_map(|under| Some((self.accounts.get(&under.id)?.used, under.id)));
        Some(used.sorted().dedup().collect())
    }

    fn names_from(&self, start: Bound<Under>) -> impl Iterator<Item = &'r Under> {
        let kind = Kind::of(self.wanted);
        let prefix = self.wanted.prefix.as_str();
        let kind = if prefix.is_empty() { kind.once() } else { kind };
        let stacks = self.stacks.iter().flat_map(|stacks| stacks.of(kind));
        let ranges = stacks.map(|stack| stack.by_name.range((start.clone(), Bound::Unbounded)));
        ranges.kmerge().dedup().take_while(move |under| under.text.starts_with(prefix))
    }
}

pub(super) fn flags_of(account: &Account, now: UnixTime) -> u8 {
    let system = account.names.iter().any(|name| {
        name.name.realm().is_unix() && (name.name.name() == "root" || name.uid.is_some_and(is_system))
    });
    let all = [
        (ENROLLED, account.enrolled()),
        (LOCKED, account.is_locked(now)),
        (CLOSED, account.throttle.closed_to_strangers(now)),
        (FEW, account.enrolled() && account.backup_codes_left() <= FEW_CODES),
        (OPERATOR, account.charge.is_some()),
        (SYSTEM, system),
    ];
    all.into_iter().filter(|(_, is_so)| *is_so).fold(0, |flags, (flag, _)| flags | flag)
}
