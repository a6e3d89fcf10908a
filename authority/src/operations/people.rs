//! Who a `unix` name or a uid is on this host: NSS, which may be slow, hang, or be wrong for a while.
//!
//! It runs on few threads of its own, for at most a second each; no answer is a refusal, never a guess.

use std::ffi::CString;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nix::unistd::{Group, Uid, User, getgrouplist};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

/// How long a look-up may take, and how long one waits for its turn while no other is answered.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long one waits for its turn at most, however many come first: some less than a verification may take.
const LONGEST_WAIT: Duration = Duration::from_secs(3);

/// Look-ups at once. One that hangs keeps its place until it returns, so a dead directory costs four threads.
const AT_ONCE: usize = 4;

/// The first uid that a person may have; below are the system's own (`UID_MIN` in login.defs).
const FIRST_PERSON: u32 = 1000;

/// `nobody`, and the kernel's overflow uid.
const NOBODY: u32 = 65534;

/// NSS gave no answer in time, or an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the host's user database does not answer")]
pub struct NoAnswer;

/// A host's user database. Called on a blocking thread.
pub trait Directory: Send + Sync + 'static {
    /// The uid behind a name.
    ///
    /// # Errors
    /// [`NoAnswer`] when the database failed; an unknown name is `Ok(None)`.
    fn uid_of(&self, name: &str) -> Result<Option<u32>, NoAnswer>;

    /// The name behind a uid.
    ///
    /// # Errors
    /// As [`Directory::uid_of`].
    fn name_of(&self, uid: u32) -> Result<Option<String>, NoAnswer>;

    /// Those of `groups` that `name` is in, by its primary group or as a member.
    ///
    /// # Errors
    /// As [`Directory::uid_of`]; and when there is no such name, or a group that was there before is gone.
    fn groups_of(&self, name: &str, groups: &[String]) -> Result<Vec<String>, NoAnswer>;
}

/// The host's own, through NSS.
#[derive(Debug)]
pub struct Nss;

impl Directory for Nss {
    fn uid_of(&self, name: &str) -> Result<Option<u32>, NoAnswer> {
        let user = User::from_name(name).map_err(|_| NoAnswer)?;
        Ok(user.map(|user| user.uid.as_raw()))
    }

    fn name_of(&self, uid: u32) -> Result<Option<String>, NoAnswer> {
        let user = User::from_uid(Uid::from_raw(uid)).map_err(|_| NoAnswer)?;
        Ok(user.map(|user| user.name))
    }

    fn groups_of(&self, name: &str, groups: &[String]) -> Result<Vec<String>, NoAnswer> {
        let user = User::from_name(name).ok().flatten().ok_or(NoAnswer)?;
        let c_name = CString::new(name).map_err(|_| NoAnswer)?;
        let member_of = getgrouplist(&c_name, user.gid).map_err(|_| NoAnswer)?;
        let mut found = Vec::new();
        for group in groups {
            let gid = Group::from_name(group).ok().flatten().ok_or(NoAnswer)?.gid;
            if member_of.contains(&gid) {
                found.push(group.clone());
            }
        }
        Ok(found)
    }
}

/// A [`Directory`] behind a bound and a deadline.
#[derive(Clone)]
pub struct People {
    directory: Arc<dyn Directory>,
    places: Arc<Semaphore>,
    /// How many look-ups have ended: a directory that is busy is told from one that is dead.
    answered: Arc<AtomicU64>,
}

impl People {
    /// Bounds `directory`.
    pub fn new(directory: impl Directory) -> Self {
        Self {
            directory: Arc::new(directory),
            places: Arc::new(Semaphore::new(AT_ONCE)),
            answered: Arc::default(),
        }
    }

    /// The uid that has `name` on this host.
    ///
    /// # Errors
    /// [`NoAnswer`] after a second, or when the database failed.
    pub async fn uid_of(&self, name: &str) -> Result<Option<u32>, NoAnswer> {
        let name = name.to_owned();
        self.ask(move |directory| directory.uid_of(&name)).await
    }

    /// The name that `uid` has on this host.
    ///
    /// # Errors
    /// As [`People::uid_of`].
    pub async fn name_of(&self, uid: u32) -> Result<Option<String>, NoAnswer> {
        self.ask(move |directory| directory.name_of(uid)).await
    }

    /// Those of `groups` that `name` is in on this host.
    ///
    /// # Errors
    /// As [`People::uid_of`]; and when name or group are not there.
    pub async fn groups_of(&self, name: &str, groups: Vec<String>) -> Result<Vec<String>, NoAnswer> {
        let name = name.to_owned();
        self.ask(move |directory| directory.groups_of(&name, &groups)).await
    }

    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&dyn Directory) -> Result<T, NoAnswer> + Send + 'static,
    ) -> Result<T, NoAnswer> {
        let place = self.place().await?;
        let (directory, answered) = (Arc::clone(&self.directory), Arc::clone(&self.answered));
        let answer = tokio::task::spawn_blocking(move || {
            let answer = question(directory.as_ref());
            answered.fetch_add(1, Ordering::Relaxed);
            drop(place);
            answer
        });
        timeout(PATIENCE, answer).await.map_err(|_| NoAnswer)?.map_err(|_| NoAnswer)?
    }

    /// Waits for a turn, as long as others are answered meanwhile.
    async fn place(&self) -> Result<OwnedSemaphorePermit, NoAnswer> {
        let end = Instant::now() + LONGEST_WAIT;
        let mut place = pin!(Arc::clone(&self.places).acquire_owned());
        loop {
            let answered = self.answered.load(Ordering::Relaxed);
            match timeout_at(end.min(Instant::now() + PATIENCE), &mut place).await {
                Ok(place) => return place.map_err(|_| NoAnswer),
                Err(_) if Instant::now() < end && self.answered.load(Ordering::Relaxed) != answered => {}
                Err(_) => return Err(NoAnswer),
            }
        }
    }
}

/// Whether a uid is the system's own: such accounts never enrol, nor sign in, from the web.
#[must_use]
pub fn is_system(uid: u32) -> bool {
    uid < FIRST_PERSON || uid == NOBODY
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Hanging;

    impl Directory for Hanging {
        fn uid_of(&self, _: &str) -> Result<Option<u32>, NoAnswer> {
            std::thread::sleep(Duration::from_millis(1500));
            Ok(Some(1000))
        }

        fn name_of(&self, uid: u32) -> Result<Option<String>, NoAnswer> {
            Ok((uid == 1000).then(|| "alice".to_owned()))
        }

        fn groups_of(&self, _: &str, _: &[String]) -> Result<Vec<String>, NoAnswer> {
            Err(NoAnswer)
        }
    }

    #[tokio::test]
    async fn root_is_known_to_every_host() {
        let people = People::new(Nss);
        assert_eq!(people.uid_of("root").await, Ok(Some(0)));
        assert_eq!(people.name_of(0).await, Ok(Some("root".to_owned())));
        assert_eq!(people.uid_of("no-such-user-here").await, Ok(None));
        let groups = |names: [&str; 2]| names.map(str::to_owned).to_vec();
        assert_eq!(people.groups_of("root", groups(["root", "nogroup"])).await, Ok(vec!["root".to_owned()]));
        assert_eq!(people.groups_of("root", groups(["root", "no-such-group"])).await, Err(NoAnswer));
        assert_eq!(people.groups_of("no-such-user-here", groups(["root", "nogroup"])).await, Err(NoAnswer));
    }

    #[tokio::test]
    async fn a_directory_that_hangs_is_no_answer() {
        let people = People::new(Hanging);
        assert_eq!(people.uid_of("alice").await, Err(NoAnswer));
        assert_eq!(people.name_of(1000).await, Ok(Some("alice".to_owned())));
    }

    /// Answers after a third of a second.
    struct Slow;

    impl Directory for Slow {
        fn uid_of(&self, _: &str) -> Result<Option<u32>, NoAnswer> {
            std::thread::sleep(Duration::from_millis(330));
            Ok(Some(1000))
        }

        fn name_of(&self, _: u32) -> Result<Option<String>, NoAnswer> {
            Err(NoAnswer)
        }

        fn groups_of(&self, _: &str, _: &[String]) -> Result<Vec<String>, NoAnswer> {
            Err(NoAnswer)
        }
    }

    #[tokio::test]
    async fn who_waits_behind_others_that_are_answered_is_answered() {
        let people = People::new(Slow);
        let asked: Vec<_> = (0..5 * AT_ONCE)
            .map(|_| {
                let people = people.clone();
                tokio::spawn(async move { people.uid_of("alice").await })
            })
            .collect();
        for answer in asked {
            assert_eq!(answer.await.unwrap(), Ok(Some(1000)), "five rounds take more than a second");
        }
    }

    #[tokio::test]
    async fn behind_a_directory_that_is_dead_nobody_waits_longer_than_a_second() {
        let people = People::new(Hanging);
        let hang = |people: People| tokio::spawn(async move { people.uid_of("alice").await });
        let asked: Vec<_> = (0..AT_ONCE).map(|_| hang(people.clone())).collect();
        while people.places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let begun = Instant::now();
        assert_eq!(people.name_of(1000).await, Err(NoAnswer));
        assert!(begun.elapsed() < PATIENCE + Duration::from_millis(400), "{:?}", begun.elapsed());
        for answer in asked {
            assert_eq!(answer.await.unwrap(), Err(NoAnswer));
        }
    }
}
