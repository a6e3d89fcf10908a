//! The one thread that writes: drain the queue, check what each commit expects, write once, flush once, answer all.
//!
//! A commit is checked against the ledger and against the earlier commits of its batch, so two that expect the same
//! version cannot both pass. Nobody is answered before the flush, not even with a conflict: who reads again at once
//! would still read the old state. When the storage fails nothing more is written, and the process must end.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use twofold_shared::clock::{self, ClockState, Reading};

use super::copy::{self, Copied};
use super::copying::Copying;
use super::keys::Keys;
use super::plan::Plan;
use super::reserve::{Reserve, Room};
use super::retention::{Retention, Sweeper};
use super::sled::Batch;
use super::snapshot::Snapshot;
use super::state::{Settled, State};
use super::witness::Witness;
use super::{Commit, Committed, Core, Key, StoreError, Version, failed, seal};
use crate::audit::{Coalescer, Entry, Event, Outcome, Syslog, line};
use crate::process::words;

/// How many commits may wait before those who bring more must wait themselves.
pub(super) const QUEUE: usize = 1024;
/// The most commits of one batch: bounds what one flush must carry, and the room it can take.
const BATCH: usize = 256;

/// What the writer is asked.
pub(super) enum Job {
    /// Write this and answer.
    Commit(Box<Commit>, Answer),
    /// Have a copy of everything written, as it is after what came before, and answer. The queue learns of its end.
    Copy(oneshot::Sender<Result<Copied, StoreError>>, mpsc::WeakSender<Job>),
    /// The copy has come to its end.
    Copied,
    /// Seal with these keys from now on; the answer comes when what came before is on the drive.
    Keys(Arc<Keys>, oneshot::Sender<Result<(), StoreError>>),
    /// Seal these records anew, and answer how many that were.
    Reseal(Vec<Key>, oneshot::Sender<Result<u64, StoreError>>),
    /// End after what came before.
    Stop(oneshot::Sender<()>),
}

type Answer = oneshot::Sender<Result<Committed, StoreError>>;

/// What is written together.
#[derive(Default)]
struct Gathered {
    commits: Vec<(Commit, Answer)>,
    /// What is done between two batches, in the order in which it came.
    between: Vec<Job>,
    /// Who wants to know of the end.
    stop: Option<oneshot::Sender<()>>,
}

impl Gathered {
    /// Takes what waits, and lets others run as long as that brings more: whoever has just been answered, or has just
    /// connected, then shares this flush instead of waiting for the next. Somebody who is alone waits for nobody.
    fn beginning_with(first: Job, jobs: &mut mpsc::Receiver<Job>) -> Self {
        let mut gathered = Self::default();
        gathered.add(first);
        loop {
            std::thread::yield_now();
            let before = gathered.commits.len();
            while !gathered.is_full()
                && let Ok(job) = jobs.try_recv()
            {
                gathered.add(job);
            }
            if gathered.is_full() || gathered.commits.len() == before {
                return gathered;
            }
        }
    }

    fn add(&mut self, job: Job) {
        match job {
            Job::Commit(commit, answer) => self.commits.push((*commit, answer)),
            Job::Stop(ended) => self.stop = Some(ended),
            Job::Copy(..) | Job::Copied | Job::Keys(..) | Job::Reseal(..) => self.between.push(job),
        }
    }

    fn is_full(&self) -> bool {
        self.stop.is_some() || self.commits.len() >= BATCH
    }
}

/// How long what is fleeting may wait to be synchronised, in milliseconds.
const FLEETING_MS: u64 = 1_000;

/// What lies beside the database, and the database's file once more.
pub(super) struct Disk {
    pub reserve: Reserve,
    pub witness: Witness,
    pub database: File,
    /// When it was last synchronised, in milliseconds since boot.
    pub synchronised_ms: u64,
}

impl Disk {
    /// Whether a batch waits for the drive. sled's flush survives the death of the process; a power cut, only this does.
    fn waits(&self, fleeting: bool, now_ms: u64) -> bool {
        !fleeting || now_ms.saturating_sub(self.synchronised_ms) >= FLEETING_MS
    }

    /// Waits for the drive. Only then is the revision noted: a witness must never know more than the database after a
    /// power cut.
    fn synchronise(&mut self, revision: Version, now_ms: u64) -> Result<(), StoreError> {
        self.database.sync_data().map_err(|error| StoreError::Failed(error.to_string()))?;
        self.synchronised_ms = now_ms;
        if let Err(error) = self.witness.note(revision) {
            log::warn!("{}: {error}", self.witness.path().display());
        }
        Ok(())
    }
}

pub(super) struct Writer {
    core: Arc<Core>,
    revision: Version,
    disk: Disk,
    room: Room,
    sweeper: Sweeper,
    coalescer: Coalescer,
    syslog: Option<Syslog>,
    copying: Option<Copying>,
    /// What waits for the end of the copy.
    after_copy: Vec<Job>,
}

/// What a written batch changes outside the ledger.
struct Written {
    state: State,
    keys: Vec<Key>,
    told: Vec<Event>,
}

impl Writer {
    pub fn new(
        core: Arc<Core>,
        revision: Version,
        disk: Disk,
        retention: Retention,
        syslog: Option<Syslog>,
    ) -> Self {
        let room = *core.room.borrow();
        let (sweeper, coalescer) = (Sweeper::new(retention), Coalescer::default());
        let (copying, after_copy) = (None, Vec::new());
        Self { core, revision, disk, room, sweeper, coalescer, syslog, copying, after_copy }
    }

    pub fn start(self, jobs: mpsc::Receiver<Job>) -> std::io::Result<()> {
        std::thread::Builder::new().name("ledger".into()).spawn(move || self.run(jobs)).map(drop)
    }

    fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        while let Some(first) = jobs.blocking_recv() {
            let Gathered { commits, between, stop } = Gathered::beginning_with(first, &mut jobs);
            let went_well = (commits.is_empty() || self.batch(commits))
                && between.into_iter().all(|job| self.between(job));
            if let Some(ended) = stop {
                if went_well && let Err(error) = self.disk.synchronise(self.revision, 0) {
                    log::error!("the ledger was not synchronised at its end: {error}");
                }
                // The queue first: a copy that ends just now would wait for room in it.
                drop(jobs);
                // The lock goes with the last reference: whoever waits for the end may open the ledger again.
                drop(self);
                let _ = ended.send(());
                return;
            }
            if !went_well {
                return;
            }
        }
    }

    /// Begins a copy of what is there now.
    fn copy(&mut self, answer: oneshot::Sender<Result<Copied, StoreError>>, queue: mpsc::WeakSender<Job>) {
        if self.room != Room::Plenty {
            let _ = answer.send(Err(StoreError::DiskFull));
            return;
        }
        let folder = self.disk.witness.path().parent().unwrap_or(Path::new("."));
        let snapshot = Snapshot::begin(self.core.tree.clone(), self.core.keys(), self.revision);
        let done = move |copied| {
            let _ = answer.send(copied);
            // No queue, no writer that waits.
            if let Some(queue) = queue.upgrade() {
                let _ = queue.blocking_send(Job::Copied);
            }
        };
        match Copying::start(snapshot, folder.join(copy::NAME), self.disk.reserve.floor(), done) {
            Ok(copying) => self.copying = Some(copying),
            Err(error) => log::error!("no copy is written: {error}"),
        }
    }

    /// The one way for a batch to the ledger: a copy under way learns what was there before.
    fn apply(&self, batch: Batch) -> Result<(), StoreError> {
        if let Some(copying) = &self.copying {
            copying.notes().take(&self.core.tree, batch.keys()).map_err(failed)?;
        }
        self.core.tree.commit(batch).map_err(failed)
    }

    /// What is no commit. False when the storage failed.
    fn between(&mut self, job: Job) -> bool {
        match job {
            // A second copy would take its place. And what is sealed anew is all of the ledger, which would be all noted.
            Job::Copy(..) | Job::Reseal(..) if self.copying.is_some() => self.after_copy.push(job),
            Job::Copy(answer, queue) => self.copy(answer, queue),
            Job::Copied => {
                self.copying = None;
                return std::mem::take(&mut self.after_copy).into_iter().all(|job| self.between(job));
            }
            Job::Keys(keys, answer) => {
                let now_ms = self.core.clock.now().boottime_ms;
                let done = self.disk.synchronise(self.revision, now_ms);
                if done.is_ok() {
                    *self.core.keys.write().unwrap_or_else(std::sync::PoisonError::into_inner) = keys;
                }
                let _ = answer.send(done);
            }
            Job::Reseal(keys, answer) => {
                // A panic of sled's ends the process as it does while a batch is written.
                let done = catch_unwind(AssertUnwindSafe(|| self.reseal(&keys)))
                    .unwrap_or_else(|panic| Err(StoreError::Failed(words(&*panic))));
                if let Err(StoreError::Failed(failure)) = &done {
                    self.fail(failure);
                    let _ = answer.send(done);
                    return false;
                }
                let _ = answer.send(done);
            }
            Job::Commit(..) | Job::Stop(_) => {}
        }
        true
    }

    /// Seals records with the current key, each under the version that it has: to everybody else nothing changes.
    fn reseal(&mut self, records: &[Key]) -> Result<u64, StoreError> {
        self.look_at_the_disk();
        if self.room != Room::Plenty {
            return Err(StoreError::DiskFull);
        }
        let keys = self.core.keys();
        let (mut batch, mut count) = (Batch::default(), 0);
        for key in records {
            // Gone, or sealed with the current key since it was seen.
            let Some(sealed) = self.core.tree.get(key).map_err(failed)? else { continue };
            if seal::key_of(key, &sealed)? == keys.sealer.current() {
                continue;
            }
            // What does not open stays as it is: the look that follows counts it.
            let Ok((version, value)) = keys.sealer.open(key, &sealed) else { continue };
            batch.insert(key, keys.sealer.seal(key, version, &value)?);
            count += 1;
        }
        if count > 0 {
            self.apply(batch)?;
        }
        Ok(count)
    }

    fn fail(&self, failure: &str) {
        log::error!("the ledger failed and nothing more is written: {failure}");
        self.core.failure.send_replace(Some(failure.to_owned()));
    }

    /// Writes one batch and answers. False when the storage failed.
    fn batch(&mut self, commits: Vec<(Commit, Answer)>) -> bool {
        self.look_at_the_disk();
        let (commits, answers): (Vec<_>, Vec<_>) = commits.into_iter().unzip();
        // sled panics over some failures; a panic here must be an answer and an end, not a silence.
        let written = catch_unwind(AssertUnwindSafe(|| self.write(commits)));
        let failure = match written {
            Ok(Ok(results)) => {
                for (answer, result) in answers.into_iter().zip(results) {
                    let _ = answer.send(result);
                }
                return true;
            }
            Ok(Err(error)) => error.to_string(),
            Err(panic) => format!("a panic while writing: {}", words(&*panic)),
        };
        self.fail(&failure);
        for answer in answers {
            let _ = answer.send(Err(StoreError::Failed(failure.clone())));
        }
        false
    }

    fn look_at_the_disk(&mut self) {
        let room = self.disk.reserve.look().unwrap_or_else(|error| {
            log::error!("{}: {error}", self.disk.reserve.path().display());
            Room::Scarce
        });
        if room == self.room {
            return;
        }
        match room {
            Room::Plenty => log::warn!("there is room on the disk again; the reserve is back"),
            Room::Scarce => log::error!(
                "the disk is full: the reserve {} is being given up; codes are checked, everything else is refused; make room",
                self.disk.reserve.path().display()
            ),
            Room::None => {
                log::error!("the disk is full and the reserve is gone: everything is refused; make room")
            }
        }
        if let Some(copying) = self.copying.as_ref().filter(|_| room != Room::Plenty) {
            copying.notes().stop(StoreError::DiskFull);
        }
        self.room = room;
        self.core.room.send_replace(room);
    }

    fn write(&mut self, commits: Vec<Commit>) -> Result<Vec<Result<Committed, StoreError>>, StoreError> {
        let before = self.core.state();
        let reading = self.core.clock.now();
        let now = reading.now();
        let ended = self.coalescer.turn(now);
        let core = Arc::clone(&self.core);
        let mut plan = Plan::new(&core, self.revision, now);
        plan.told = ended;

        let fleeting = commits.iter().all(|commit| commit.fleeting);
        let mut accepted = false;
        let mut results = Vec::with_capacity(commits.len());
        for commit in commits {
            let accept = commit.accept_clock;
            let result = match self.room {
                Room::None => Err(StoreError::DiskFull),
                Room::Scarce if !commit.essential => Err(StoreError::DiskFull),
                Room::Plenty | Room::Scarce => plan.add(commit, &mut self.coalescer),
            };
            accepted |= accept && result.is_ok();
            results.push(result);
        }
        let mut state = self.look_at_the_clock(&before, &reading, accepted, &mut plan)?;
        if !plan.is_empty() || state != *before {
            self.sweep(&mut plan, &state, &reading)?;
            state.audit_bytes =
                state.audit_bytes.saturating_add(plan.audit_grew).saturating_sub(plan.audit_shrank);
            self.revision = plan.next_revision();
            self.apply(plan.batch(&state)?)?;
            if self.disk.waits(fleeting, reading.boottime_ms) {
                self.disk.synchronise(self.revision, reading.boottime_ms)?;
            }
            self.publish(Written { state, keys: plan.changed(), told: plan.told });
        }
        Ok(results)
    }

    /// The clock rule, once a batch: what it finds is in the ledger with everything else.
    fn look_at_the_clock(
        &mut self,
        before: &State,
        reading: &Reading,
        accepted: bool,
        plan: &mut Plan<'_>,
    ) -> Result<State, StoreError> {
        let (mut record, found) = clock::look(&before.clock, reading);
        if accepted {
            record = clock::accept(reading);
        }
        let mut state = State { clock: record, ..before.clone() };
        if accepted || found == ClockState::Settled {
            state.settled = Some(Settled { revision: plan.next_revision(), time: reading.now() });
        }
        if let Some(reason) = worth_telling(before, found, accepted) {
            let mut entry = Entry::new("clock", Outcome::Done, "authority");
            entry.reason = Some(reason);
            plan.add(Commit { audit: vec![entry], ..Commit::default() }, &mut self.coalescer)?;
        }
        Ok(state)
    }

    fn sweep(&mut self, plan: &mut Plan<'_>, state: &State, reading: &Reading) -> Result<(), StoreError> {
        let now = state.clock.trusted.then(|| reading.now());
        let keys = self.core.keys();
        let told_at = |key: &Key, sealed: &[u8]| {
            let (_, value) = keys.sealer.open(key, sealed).ok()?;
            super::record::event(key, &value).ok().map(|(_, event)| event.at)
        };
        let trail = (state.audit_bytes, plan.events);
        let sweep = self.sweeper.sweep(&self.core.tree, trail, now, reading.boottime_ms, told_at);
        plan.remove_events(sweep.map_err(|error| StoreError::Failed(error.to_string()))?);
        Ok(())
    }

    /// After the flush: what is told elsewhere is true.
    fn publish(&self, written: Written) {
        *self.core.state.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(written.state);
        if !written.keys.is_empty() {
            let _ = self.core.changes.send(written.keys.into());
        }
        if let Some(syslog) = &self.syslog {
            for event in &written.told {
                syslog.send(line(event), event.urgency());
            }
        }
    }
}

/// What the audit trail should know of a look at the clock: steps, a doubt when it begins, and its end.
fn worth_telling(before: &State, found: ClockState, accepted: bool) -> Option<String> {
    match found {
        _ if accepted => Some("accepted".to_owned()),
        ClockState::Trusted => None,
        ClockState::Stepped(milliseconds) => Some(format!("stepped by {milliseconds} ms")),
        ClockState::Settled => Some("synchronised again".to_owned()),
        ClockState::Doubtful(_) if !before.clock.trusted => None,
        ClockState::Doubtful(doubt) => Some(format!("not believed: {doubt:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::reserve::ReserveSize;

    #[test]
    fn what_lasts_waits_for_the_drive_and_what_is_fleeting_does_once_a_second() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk {
            reserve: Reserve::open(folder.path(), ReserveSize { reserve: 0, margin: 0 }).unwrap(),
            witness: Witness::open(folder.path()).unwrap(),
            database: tempfile::tempfile().unwrap(),
            synchronised_ms: 5_000,
        };
        assert!(disk.waits(false, 5_000));
        assert!(!disk.waits(true, 5_000 + FLEETING_MS - 1));
        assert!(disk.waits(true, 5_000 + FLEETING_MS));
    }

    #[test]
    fn the_witness_knows_a_revision_once_the_database_is_synchronised() {
        let folder = tempfile::tempdir().unwrap();
        let mut disk = Disk {
            reserve: Reserve::open(folder.path(), ReserveSize { reserve: 0, margin: 0 }).unwrap(),
            witness: Witness::open(folder.path()).unwrap(),
            database: tempfile::tempfile().unwrap(),
            synchronised_ms: 0,
        };
        assert_eq!(disk.witness.noted(), None);
        disk.synchronise(Version(7), 1).unwrap();
        assert_eq!(disk.witness.noted(), Some(Version(7)));
    }
}
