//! The keys that seal the ledger: which there are, a new one, and every record sealed anew with it.
//!
//! Root's command makes and removes key files; the authority only reads them, when it starts and when it is told to. A
//! *look* reads the whole ledger in the background, a piece at a time: it counts which key and which pepper each record
//! needs, and seals anew what the current key has not sealed. Nothing of a look is kept but that it came to its end, so
//! one that was broken off begins again. A key is let go only where the last look found no record that needs it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};
use twofold_shared::backup_code::PepperId;
use twofold_shared::trail::{Action, Door};
use twofold_shared::wire::{
    CheckKeys, Done, FaultKind, KeyKind, KeyReport, KeyView, ListKeys, NoteKeyCopy, ReloadKeys, RetireKeys,
    RetiredKeys,
};

use super::fault::{Outcome, busy, fault, internal, invalid};
use super::permission::Actor;
use super::told::COMMAND;
use crate::audit::{self, Entry};
use crate::authority::Authority;
use crate::keyring::{KeyId, Keyring, Kind, Place, SecretKey};
use crate::store::record::{self, KeyNotes};
use crate::store::{Commit, Key, Looked, Space, Store, StoreError};

/// Records of a piece: what the writer seals anew between two batches.
const PIECE: usize = 128;
/// A look leaves the machine to others for as long as a piece took, but not for longer.
const REST: Duration = Duration::from_millis(200);
/// How long a look waits where the disk has no room for what it writes.
const NO_ROOM: Duration = Duration::from_secs(5);
/// Looks in a row: the one after a change of keys finds all of it done, unless something was written meanwhile.
const MOST_LOOKS: u32 = 4;
/// How long after a new pepper somebody may still be at work with the one before: longer than any call lasts.
const PEPPER_IN_USE: Duration = Duration::from_secs(120);
/// Tries to write down what was found, when others write there too.
const TRIES: u32 = 8;

/// What the last whole look found.
#[derive(Clone, Debug)]
struct Found {
    begun: Instant,
    seals: HashMap<KeyId, u64>,
    peppers: HashMap<PepperId, u64>,
    /// Readable ones that the current key had not sealed.
    stale: u64,
    unreadable: u64,
    problem: Option<String>,
}

/// Looks, past and present.
#[derive(Debug, Default)]
struct Looks {
    /// How often somebody asked for one, and up to which of them they are answered.
    asked: u64,
    answered: u64,
    done: u64,
    total: u64,
    waits: Option<String>,
    found: Option<Found>,
    /// When this process was given its pepper, if not at its start.
    new_pepper: Option<Instant>,
}

/// Looks through the ledger when asked to, and at the start where it is not sure that one key has sealed everything.
pub struct Keeper {
    store: Store,
    folder: PathBuf,
    looks: Mutex<Looks>,
    wake: mpsc::Sender<()>,
    /// One change of keys at a time.
    changing: tokio::sync::Mutex<()>,
}

impl Keeper {
    /// Inside a runtime; it ends with its last handle.
    pub(crate) fn start(store: Store, folder: PathBuf) -> Arc<Self> {
        let (wake, woken) = mpsc::channel(1);
        let (looks, changing) = (Mutex::default(), tokio::sync::Mutex::default());
        let keeper = Arc::new(Self { store, folder, looks, wake, changing });
        tokio::spawn(look_when_asked(Arc::downgrade(&keeper), woken));
        match keeper.is_settled() {
            Ok(true) => {}
            Ok(false) => keeper.ask(),
            Err(error) => log::error!("what the ledger knows of its keys cannot be read: {error}"),
        }
        keeper
    }

    fn looks(&self) -> MutexGuard<'_, Looks> {
        self.looks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_settled(&self) -> Result<bool, StoreError> {
        let (notes, _) = record::load_key_notes(&self.store)?;
        Ok(notes.sealed_with == Some(self.store.keyring().current_sealing_key().id()))
    }

    /// Asks for a look that begins after this.
    fn ask(&self) {
        self.looks().asked += 1;
        // One that waits already is for everybody.
        let _ = self.wake.try_send(());
    }

    /// Looks until nobody's question is open.
    async fn answer(&self) {
        loop {
            let asked = {
                let mut looks = self.looks();
                if looks.answered == looks.asked {
                    return;
                }
                looks.waits = None;
                looks.asked
            };
            if let Err(error) = self.look_until_settled().await {
                log::warn!("the ledger was not looked through to its end: {error}");
            }
            self.looks().answered = asked;
        }
    }

    /// Looks until a look finds everything sealed with the current key, and writes that down.
    async fn look_until_settled(&self) -> Result<(), StoreError> {
        let mut resealed = 0;
        for _ in 0..MOST_LOOKS {
            let current = self.store.keyring().current_sealing_key().id();
            let (found, sealed) = self.look(current).await?;
            resealed += sealed;
            if found.stale > 0 {
                continue;
            }
            if let Some(problem) = &found.problem {
                log::error!(
                    "{} records of the ledger cannot be read; the first: {problem}",
                    found.unreadable
                );
            }
            let is_whole = found.unreadable == 0;
            self.looks().found = Some(found);
            if is_whole {
                self.settle(current, resealed).await?;
            }
            return Ok(());
        }
        Ok(())
    }

    async fn settle(&self, current: KeyId, resealed: u64) -> Result<(), StoreError> {
        if self.is_settled()? {
            return Ok(());
        }
        let mut entry = Entry::new(Action::KeyReseal, audit::Outcome::Done, Door::Authority);
        entry.factor = self.store.keyring().keys().find(|key| key.id() == current).map(SecretKey::label);
        let told = if resealed > 0 { vec![entry] } else { Vec::new() };
        self.note(|notes| notes.sealed_with = Some(current), told).await
    }

    /// Changes what the ledger remembers of its keys.
    async fn note(&self, change: impl Fn(&mut KeyNotes), audit: Vec<Entry>) -> Result<(), StoreError> {
        for _ in 0..TRIES {
            let (mut notes, expect) = record::load_key_notes(&self.store)?;
            change(&mut notes);
            let writes = vec![record::key_notes_write(&notes, expect)?];
            match self.store.commit(Commit { writes, audit: audit.clone(), ..Commit::default() }).await {
                Err(StoreError::Conflict) => {}
                done => return done.map(drop),
            }
        }
        Err(StoreError::Conflict)
    }

    /// Reads every record once, and has those sealed anew that another key has sealed. Gives what it found before that,
    /// and how many those were.
    async fn look(&self, current: KeyId) -> Result<(Found, u64), StoreError> {
        let store = self.store.clone();
        let total = blocking(move || store.count()).await?;
        {
            let mut looks = self.looks();
            (looks.done, looks.total) = (0, total);
        }
        let (mut found, mut resealed) = (Found::new(), 0);
        for space in Space::ALL {
            let mut after: Option<Key> = None;
            loop {
                let (begun, store) = (Instant::now(), self.store.clone());
                let piece = blocking(move || store.look(space, after.as_ref(), PIECE)).await?;
                let Some(last) = piece.last() else { break };
                after = Some(last.key.clone());
                let looked = piece.len() as u64;
                resealed += self.seal_anew(found.take(piece, current)).await?;
                self.looks().done += looked;
                sleep(begun.elapsed().min(REST)).await;
            }
        }
        Ok((found, resealed))
    }

    async fn seal_anew(&self, records: Vec<Key>) -> Result<u64, StoreError> {
        if records.is_empty() {
            return Ok(0);
        }
        loop {
            match self.store.reseal(records.clone()).await {
                Err(StoreError::DiskFull) => {
                    self.looks().waits = Some("the disk is full".to_owned());
                    sleep(NO_ROOM).await;
                }
                done => {
                    self.looks().waits = None;
                    return done;
                }
            }
        }
    }

    fn report(&self) -> Result<KeyReport, StoreError> {
        let (notes, _) = record::load_key_notes(&self.store)?;
        let keyring = self.store.keyring();
        let looks = self.looks();
        let found = looks.found.as_ref();
        let mut keys: Vec<KeyView> = keyring.keys().map(|key| view(key, &keyring, &notes, found)).collect();
        if let Some(found) = found {
            keys.extend(found.lost(&keyring));
        }
        Ok(KeyReport {
            keys,
            folder: self.folder.display().to_string(),
            credentials: Place::of(&self.folder) == Place::Credentials,
            looking: looks.asked > looks.answered,
            done: looks.done,
            total: looks.total,
            waits: looks.waits.clone(),
            settled: notes.sealed_with == Some(keyring.current_sealing_key().id()),
            unreadable: found.map_or(0, |found| found.unreadable),
            problem: found.and_then(|found| found.problem.clone()),
        })
    }
}

impl Found {
    fn new() -> Self {
        Self {
            begun: Instant::now(),
            seals: HashMap::new(),
            peppers: HashMap::new(),
            stale: 0,
            unreadable: 0,
            problem: None,
        }
    }

    /// Counts a piece, and gives what of it is to be sealed anew.
    fn take(&mut self, piece: Vec<Looked>, current: KeyId) -> Vec<Key> {
        let mut stale = Vec::new();
        for Looked { key, sealed_with, pepper, problem } in piece {
            if let Some(id) = sealed_with {
                *self.seals.entry(id).or_default() += 1;
            }
            if let Some(pepper) = pepper {
                *self.peppers.entry(pepper).or_default() += 1;
            }
            if let Some(problem) = problem {
                self.unreadable += 1;
                self.problem.get_or_insert(problem);
            } else if sealed_with != Some(current) {
                stale.push(key);
            }
        }
        self.stale += stale.len() as u64;
        stale
    }

    fn records(&self, key: &SecretKey) -> u64 {
        let count = match key.kind() {
            Kind::Seal => self.seals.get(&key.id()),
            Kind::Pepper => self.peppers.get(&key.pepper_id()),
        };
        count.copied().unwrap_or(0)
    }

    /// Keys that records need and the keyring lacks.
    fn lost(&self, keyring: &Keyring) -> Vec<KeyView> {
        let view = |kind, id, records| KeyView {
            kind,
            id,
            name: None,
            current: false,
            records: Some(records),
            copied: None,
        };
        let has = |id: KeyId| keyring.sealing_keys().any(|key| key.id() == id);
        let seals = self.seals.iter().filter(|(id, _)| !has(**id));
        let seals = seals.map(|(id, records)| view(KeyKind::Seal, id.to_string(), *records));
        let peppers = self.peppers.iter().filter(|(id, _)| keyring.pepper(**id).is_none());
        let peppers = peppers.map(|(id, records)| view(KeyKind::Pepper, format!("{:08x}", id.0), *records));
        let mut lost: Vec<KeyView> = seals.chain(peppers).collect();
        lost.sort_by(|one, other| one.id.cmp(&other.id));
        lost
    }
}

fn view(key: &SecretKey, keyring: &Keyring, notes: &KeyNotes, found: Option<&Found>) -> KeyView {
    KeyView {
        kind: match key.kind() {
            Kind::Seal => KeyKind::Seal,
            Kind::Pepper => KeyKind::Pepper,
        },
        id: key.id().to_string(),
        name: Some(key.label()),
        current: keyring.is_current(key),
        records: found.map(|found| found.records(key)),
        copied: notes.copied_at(key.id()).map(|at| at.0),
    }
}

async fn look_when_asked(keeper: Weak<Keeper>, mut woken: mpsc::Receiver<()>) {
    while woken.recv().await.is_some() {
        let Some(keeper) = Weak::upgrade(&keeper) else { return };
        keeper.answer().await;
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let done = spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(StoreError::Failed("reading it broke off".to_owned())))
}

impl Authority {
    /// The keys, and how far the last look is.
    pub(crate) fn list_keys(&self, _: &ListKeys) -> Outcome<KeyReport> {
        self.keeper.report().map_err(|error| self.failed(&error))
    }

    /// Begins a look.
    pub(crate) fn check_keys(&self, _: &CheckKeys) -> Outcome<Done> {
        self.keeper.ask();
        Ok(Done {})
    }

    /// Reads the keyring again, and begins to seal everything with its newest key.
    pub(crate) async fn reload_keys(&self, actor: &Actor, _: &ReloadKeys) -> Outcome<Done> {
        let _one = self.keeper.changing.lock().await;
        let keyring = self.read_keyring().await?;
        let before = self.store.keyring();
        let has = |keyring: &Keyring, id: KeyId| keyring.keys().any(|key| key.id() == id);
        if let Some(gone) = before.keys().find(|key| !has(&keyring, key.id())) {
            return Err(invalid(format!(
                "{} is gone from {}: put it back from a copy, `twofold key import FILE`; or restart twofoldd to do without it",
                gone.file_name(),
                self.keeper.folder.display()
            )));
        }
        let new: Vec<&SecretKey> = keyring.keys().filter(|key| !has(&before, key.id())).collect();
        if new.is_empty() {
            return Ok(Done {});
        }
        let has_pepper = new.iter().any(|key| key.kind() == Kind::Pepper);
        let told = new.iter().map(|key| key_entry(Action::KeyAdd, actor, key)).collect();
        self.store.use_keyring(keyring).await.map_err(|error| self.failed(&error))?;
        {
            let mut looks = self.keeper.looks();
            looks.found = None;
            if has_pepper {
                looks.new_pepper = Some(Instant::now());
            }
        }
        self.keeper.ask();
        let commit = Commit { audit: told, ..Commit::default() };
        self.store.commit(commit).await.map_err(|error| self.failed(&error))?;
        Ok(Done {})
    }

    /// Notes that a copy of these keys was made.
    pub(crate) async fn note_key_copy(&self, actor: &Actor, request: &NoteKeyCopy) -> Outcome<Done> {
        let keyring = self.store.keyring();
        let mut copied = Vec::new();
        for id in &request.keys {
            let key = keyring.keys().find(|key| key.id().to_string() == *id);
            copied.push(key.ok_or_else(|| invalid("keys: one of them is not in the keyring"))?);
        }
        let now = self.now().await?.time;
        let told = copied.iter().map(|key| key_entry(Action::KeyCopy, actor, key)).collect();
        let noted = self
            .keeper
            .note(|notes| copied.iter().for_each(|key| notes.note_copy(key.id(), now)), told)
            .await;
        noted.map_err(|error| self.failed(&error))?;
        Ok(Done {})
    }

    /// Lets go of keys that are not current and that no record needs.
    pub(crate) async fn retire_keys(&self, actor: &Actor, request: &RetireKeys) -> Outcome<RetiredKeys> {
        let _one = self.keeper.changing.lock().await;
        let (notes, _) = record::load_key_notes(&self.store).map_err(|error| self.failed(&error))?;
        let keyring = self.store.keyring();
        let (found, new_pepper) = {
            let looks = self.keeper.looks();
            // What was found before the last change of keys says nothing of those that are there now.
            if looks.asked > looks.answered {
                return Err(busy());
            }
            (looks.found.clone(), looks.new_pepper)
        };
        let found = found.filter(|found| found.unreadable == 0).ok_or_else(|| {
            fault(FaultKind::Invalid, "not every record is known to open; run first: twofold key check")
        })?;
        let fresh = new_pepper.is_some_and(|since| found.begun < since + PEPPER_IN_USE);
        let (mut retired, mut kept) = (Vec::new(), Vec::new());
        for key in keyring.keys().filter(|key| !keyring.is_current(key)) {
            let view = view(key, &keyring, &notes, Some(&found));
            let is_in_use = view.records != Some(0) || (key.kind() == Kind::Pepper && fresh);
            if is_in_use || (view.copied.is_none() && !request.uncopied) {
                kept.push(view);
            } else {
                retired.push((key, view));
            }
        }
        if !retired.is_empty() {
            let ids: Vec<KeyId> = retired.iter().map(|(key, _)| key.id()).collect();
            let told = retired.iter().map(|(key, _)| key_entry(Action::KeyRetire, actor, key)).collect();
            // Told first: what is let go is let go for good.
            let commit = Commit { audit: told, ..Commit::default() };
            self.store.commit(commit).await.map_err(|error| self.failed(&error))?;
            let remaining = self.read_keyring().await?.without(&ids);
            self.store.use_keyring(remaining).await.map_err(|error| self.failed(&error))?;
        }
        Ok(RetiredKeys { retired: retired.into_iter().map(|(_, view)| view).collect(), kept })
    }

    async fn read_keyring(&self) -> Outcome<Keyring> {
        let folder = self.keeper.folder.clone();
        let place = Place::of(&folder);
        if place == Place::Credentials {
            return Err(invalid(
                "the keys are credentials of the service: add the new one to its unit, `LoadCredential=seal-2.key:FILE`, and \
                 restart twofoldd; it then seals everything anew by itself",
            ));
        }
        let read = spawn_blocking(move || Keyring::load(&folder, place)).await;
        let read = read.map_err(|_| internal("reading the keyring broke off"))?;
        read.map_err(|error| invalid(error.to_string()))
    }
}

fn key_entry(action: Action, actor: &Actor, key: &SecretKey) -> Entry {
    let entry = Entry::new(action, audit::Outcome::Done, COMMAND);
    Entry { actor: actor.name(), factor: Some(format!("{} {}", key.label(), key.id())), ..entry }
}
