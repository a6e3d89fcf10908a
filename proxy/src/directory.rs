//! Directories: names and passwords that an LDAP server checks, by a bind over TLS.
//!
//! Everything that speaks LDAP runs on a thread of its own, a few questions at a time and each within its time, so that a
//! slow or hostile directory holds up nobody else. Only a bind that the directory itself answered with success makes
//! somebody right; whatever is anything else than yes or no is [`Away`], and nobody passes on it.

pub mod config;
mod connection;
mod question;
mod template;

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use pingora::tls::load_platform_certs_incl_env_into_store;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use twofold_shared::secret::SecretText;
use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::directory::question::Question;
use crate::directory::template::{DnTemplate, FilterTemplate};
use crate::first_factor::guesses::Guesses;
use crate::key::Key;

/// Questions to one directory at a time; more wait for their turn within its time.
const QUESTIONS: usize = 8;
/// The stack of the thread. Answers are read by recursion; one is at most [`connection::LONGEST`] bytes, and as deep as it
/// could be it needs a fraction of this.
const STACK: usize = 64 << 20;
/// Threads that look up the directories' names.
const LOOKUPS: usize = 4;

/// One directory, as it is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    /// `realm`: of its names.
    pub realm: String,
    /// The host of `url`, which its certificate has to be for.
    pub host: String,
    /// The port of `url`.
    pub port: u16,
    /// How its connections are secured.
    pub security: Security,
    /// How a person's entry is found.
    pub people: People,
    /// `name_attribute`: what of the entry is the person's name.
    pub name_attribute: String,
    /// `timeout`: for one question, from the connection to the answer; 1 s to 30 s, default 5 s.
    pub timeout: Duration,
}

/// How connections to a directory are secured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte: `ldaps://`.
    Tls(Roots),
    /// TLS after StartTLS: `ldap://` with `starttls`.
    StartTls(Roots),
    /// Not at all: `ldap://` to a loopback address.
    Plain,
}

/// The certificates, in DER, of which one has to have signed the directory's; absent: the system's.
pub type Roots = Option<Vec<Vec<u8>>>;

/// How a person's entry is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum People {
    /// By the name alone: `user_dn`.
    Direct(DnTemplate),
    /// By a search.
    Search(Search),
}

/// A search for a person's entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// `base`: below which entry.
    pub base: String,
    /// `filter`: which entries.
    pub filter: FilterTemplate,
    /// `bind_dn`: who searches.
    pub bind_dn: String,
    /// What `bind_password_file` holds.
    pub bind_password: BindPassword,
}

/// The password with which the gate itself searches.
#[derive(Clone, PartialEq, Eq)]
pub struct BindPassword(Arc<Zeroizing<String>>);

impl BindPassword {
    /// Takes over a password.
    #[must_use]
    pub fn new(password: String) -> Self {
        Self(Arc::new(Zeroizing::new(password)))
    }

    fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for BindPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BindPassword(…)")
    }
}

/// What a directory thinks of a name and a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// They are this person's, as the directory writes the name.
    Right(String),
    /// They are nobody's.
    Wrong,
    /// Too many were tried: not asked for so many seconds.
    Wait(u64),
}

/// The directory decided nothing; the reason is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Away;

/// Why a directory cannot be asked at all.
#[derive(Debug, thiserror::Error)]
pub enum CannotAsk {
    /// The system has no roots.
    #[error("the system's certificates cannot be read, and a [[directory]] has no ca: {0}")]
    Roots(Box<pingora::Error>),
    /// A root is none.
    #[error("a root of the directory {0} cannot be used")]
    Root(String),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// There is no thread.
    #[error("no thread for directories: {0}")]
    Thread(#[from] std::io::Error),
}

/// A directory with all that its connections need.
struct Open {
    directory: Directory,
    tls: Option<Arc<ClientConfig>>,
    turns: Arc<Semaphore>,
}

/// A question on its way to the thread.
struct Job {
    question: Question,
    answer: oneshot::Sender<Result<Verdict, Away>>,
    turn: OwnedSemaphorePermit,
}

/// All directories, as the portal asks them.
pub struct Directories {
    all: HashMap<String, Arc<Open>>,
    jobs: mpsc::Sender<Job>,
    shared: Arc<Shared>,
}

/// What all questions have in common.
struct Shared {
    guesses: Guesses,
    key: Arc<Key>,
    clock: Clock,
}

impl Directories {
    /// Starts the thread, where there is a directory. Asks nothing yet.
    ///
    /// # Errors
    /// [`CannotAsk`].
    pub fn start(directories: &[Directory], clock: Clock, key: Arc<Key>) -> Result<Self, CannotAsk> {
        let mut all = HashMap::new();
        for directory in directories {
            let turns = Arc::new(Semaphore::new(QUESTIONS));
            let open = Open { tls: tls(directory)?, directory: directory.clone(), turns };
            all.insert(directory.realm.clone(), Arc::new(open));
        }
        let (jobs, queue) = mpsc::channel(QUESTIONS);
        if !all.is_empty() {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .max_blocking_threads(LOOKUPS)
                .build()?;
            let work = move || runtime.block_on(serve(queue));
            thread::Builder::new().name("directories".to_owned()).stack_size(STACK).spawn(work)?;
        }
        let shared = Arc::new(Shared { guesses: Guesses::default(), key, clock });
        Ok(Self { all, jobs, shared })
    }

    /// Whose name and password these are in the directory of this realm, asked from `address`.
    ///
    /// # Errors
    /// [`Away`].
    pub async fn check(
        &self,
        realm: &str,
        name: &str,
        password: SecretText,
        address: Option<IpAddr>,
    ) -> Result<Verdict, Away> {
        let Some(open) = self.all.get(realm) else {
            return Err(away(realm, "it is not configured"));
        };
        let Some(name) = question::searchable(name) else { return Ok(Verdict::Wrong) };
        // A bind without a password would succeed, as nobody (RFC 4513, 5.1.2); some servers end one at a NUL.
        if password.reveal().is_empty() || password.reveal().contains('\0') {
            return Ok(Verdict::Wrong);
        }
        let (open, shared) = (Arc::clone(open), Arc::clone(&self.shared));
        let turn = tokio::time::timeout(open.directory.timeout, Arc::clone(&open.turns).acquire_owned());
        let Ok(Ok(turn)) = turn.await else { return Err(away(realm, "too many questions at once")) };
        let (answer, answered) = oneshot::channel();
        let question = Question { open, shared, name, password, address };
        if self.jobs.send(Job { question, answer, turn }).await.is_err() {
            return Err(away(realm, "its thread has ended"));
        }
        answered.await.unwrap_or_else(|_| Err(away(realm, "the answer could not be read")))
    }
}

/// The thread's work: each question is a task, so that one that breaks breaks alone.
async fn serve(mut queue: mpsc::Receiver<Job>) {
    while let Some(Job { question, answer, turn }) = queue.recv().await {
        tokio::spawn(async move {
            let verdict = question.ask().await;
            drop(turn);
            // Whoever asked may have left.
            let _ = answer.send(verdict);
        });
    }
}

fn away(realm: &str, why: &str) -> Away {
    log::error!("the directory {realm} decided nothing: {why}");
    Away
}

/// What connections to a directory verify it by; there is no way to do without.
fn tls(directory: &Directory) -> Result<Option<Arc<ClientConfig>>, CannotAsk> {
    let (Security::Tls(own) | Security::StartTls(own)) = &directory.security else { return Ok(None) };
    let mut roots = RootCertStore::empty();
    match own {
        None => load_platform_certs_incl_env_into_store(&mut roots).map_err(CannotAsk::Roots)?,
        Some(own) => {
            for root in own {
                let added = roots.add(CertificateDer::from(root.clone()));
                added.map_err(|_| CannotAsk::Root(directory.realm.clone()))?;
            }
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(Some(Arc::new(config.with_root_certificates(roots).with_no_client_auth())))
}
