//! The authority's configuration: every mistake reported at once, before any socket is open.
//!
//! `packaging/authority.toml` shows every key with its default, unit, range and effect; a test loads it and holds its
//! defaults to the ones in here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nix::unistd::{Group, Uid, User};
use twofold_shared::client::DEFAULT_SOCKET;
use twofold_shared::config::{At, Mistakes, Place, Table, load};
use twofold_shared::name::Realm;
use twofold_shared::wire::Language;

use crate::peer::DoorListener;
use crate::policy::Policy;

mod language;
mod policy;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Where an enrolment at a login is offered unless the configuration says otherwise: hosts are known to run the account
/// phase of these.
const ENROL_SERVICES: [&str; 2] = ["sshd", "login"];
/// Groups whose members have power over a host, as Debian and others call them.
const PRIVILEGED: [&str; 2] = ["sudo", "wheel"];

/// The longest path that fits a Unix socket's address, in bytes.
const MAX_SOCKET_PATH: usize = 107;

/// `authority.toml`, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// The folder of the sled database and the reserve.
    pub ledger: PathBuf,
    /// The folder of the keyring.
    pub keys: PathBuf,
    /// This host's name: in the audit trail, and as the place of its local terminals.
    pub host: String,
    /// `issuer`: what authenticator apps call this service. Default `Twofold` and the host's name, so that whoever meets two
    /// of us keeps two entries apart.
    pub issuer: String,
    /// The main socket.
    pub socket: PathBuf,
    /// How long the authority waits without a connection before it leaves, when systemd holds its sockets.
    pub idle_exit: Duration,
    /// The gate, where there is one.
    pub gate: Option<Gate>,
    /// The door listeners.
    pub listeners: Vec<Listener>,
    /// Who must have a second factor.
    pub policy: Policy,
    /// How a first enrolment begins.
    pub enrolment: Enrolment,
    /// Whether operators act at the portal.
    pub operators_at_web: bool,
    /// In which language hosts' doors speak to people.
    pub language: Language,
    /// How long the gate's sessions live.
    pub sessions: Sessions,
    /// How much of the audit trail is kept.
    pub audit: Audit,
    /// What one caller may use up.
    pub limits: Limits,
}

/// The gate: who it is, and for which realms its word about a first factor counts.
#[derive(Clone, Debug)]
pub struct Gate {
    /// Its uid.
    pub uid: u32,
    /// Realms in which it may assert a first factor.
    pub realms: Vec<Realm>,
    /// The portal's origin, for links in invitations.
    pub portal: Option<String>,
}

/// A door listener's socket.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Its path.
    pub path: PathBuf,
    /// What it lets its callers do.
    pub door: Arc<DoorListener>,
}

/// How a first enrolment begins.
#[derive(Clone, Debug)]
pub struct Enrolment {
    /// Who may begin it.
    pub first: FirstEnrolment,
    /// The same for the members of groups, of the ledger or this host; of several the strictest. Those of
    /// `privileged_groups` are among them.
    pub groups: BTreeMap<String, FirstEnrolment>,
    /// Those of them that this host has.
    pub groups_here: Vec<String>,
    /// PAM services at which it may begin while somebody logs in.
    pub services: Vec<String>,
}

/// Who may begin an account's first enrolment, the strictest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FirstEnrolment {
    /// An operator only.
    Invitation,
    /// Its owner, after the first factor at a door.
    Login,
    /// Its owner, also with the command under the own uid.
    Own,
}

/// How long the gate's sessions live.
#[derive(Clone, Copy, Debug)]
pub struct Sessions {
    /// Unused.
    pub idle: Duration,
    /// In all.
    pub absolute: Duration,
}

/// How much of the audit trail is kept; the oldest goes first.
#[derive(Clone, Copy, Debug)]
pub struct Audit {
    /// For how long.
    pub keep: Duration,
    /// How much, in MiB.
    pub keep_mib: u64,
    /// Whether events go to syslog too.
    pub syslog: bool,
}

/// What one caller may use up.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections of one uid at one socket at a time; root and the gate on the main socket may have more.
    pub connections_per_uid: usize,
    /// How long a connection may say nothing.
    pub idle: Duration,
    /// How long a message may take to arrive, a call to be answered, and its answer to be taken: each.
    pub request: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections_per_uid: 256, idle: MINUTE, request: 10 * SECOND }
    }
}

impl Config {
    /// Reads and checks `file`; it must belong to root or to this process's user.
    ///
    /// # Errors
    /// Every [`Mistakes`] in it.
    pub fn load(file: &Path) -> Result<Self, Mistakes> {
        load(file, Self::check)
    }

    fn check(root: &mut Table<'_>) -> Option<Self> {
        let ledger = path_or(root, "ledger", "/var/lib/twofold");
        let keys = path_or(root, "keys", "/etc/twofold/keys");
        if keys.starts_with(&ledger.value) || ledger.starts_with(&keys.value) {
            keys.place.mistake(
                "must not lie inside the ledger nor around it: a copy of one must not bring the other",
            );
        }
        let host = match root.text("host") {
            Some(host) => host.check(host_name),
            None => kernel_host_name(root.place()),
        };
        let issuer = root.text("issuer").and_then(|issuer| issuer.check(issuer_name));
        let socket = path_or(root, "socket", DEFAULT_SOCKET);
        let socket = socket_path(socket);
        let idle_exit = root.duration("idle_exit", SECOND..=DAY).map_or(10 * MINUTE, |value| value.value);
        let gate = root.table("gate").map(|mut table| gate(&mut table));
        let listeners = listeners(root, socket.as_ref(), host.as_ref());
        let policy = policy::policy(root, &listeners);
        let enrolment = enrolment(root);
        let operators_at_web = root.boolean("operators_at_web").is_none_or(|at_web| at_web.value);
        let language = language(root);
        let sessions = sessions(root);
        let audit = audit(root);
        let limits = limits(root);
        let host = host?;
        Some(Self {
            ledger: ledger.value,
            keys: keys.value,
            issuer: issuer.map_or_else(|| format!("Twofold {}", host.value), |issuer| issuer.value),
            host: host.value,
            socket: socket?.value,
            idle_exit,
            gate: gate.flatten(),
            listeners,
            policy,
            enrolment,
            operators_at_web,
            language,
            sessions,
            audit,
            limits,
        })
    }
}

/// The path at `key`; `default` where there is none, or none that can be.
fn path_or(root: &mut Table<'_>, key: &str, default: &str) -> At<PathBuf> {
    let place = root.place().clone();
    root.path(key).unwrap_or_else(|| At { value: PathBuf::from(default), place })
}

fn gate(table: &mut Table<'_>) -> Option<Gate> {
    let user = table.text("user");
    let user = table.need("user", user, "\"twofold-gate\"").and_then(|user| user.check(|user| uid_of(&user)));
    let realms = table.texts("realms").into_iter().filter_map(|realm| assertable_realm(realm, "the gate"));
    let realms = realms.map(|realm| realm.value).collect();
    let portal =
        table.text("portal").and_then(|portal| portal.check(portal_origin)).map(|portal| portal.value);
    Some(Gate { uid: user?.value, realms, portal })
}

fn listeners(root: &mut Table<'_>, socket: Option<&At<PathBuf>>, host: Option<&At<String>>) -> Vec<Listener> {
    let mut listeners: Vec<Listener> = Vec::new();
    for mut table in root.tables("listener") {
        let Some(listener) = listener(&mut table) else { continue };
        if socket.is_some_and(|socket| socket.value == listener.path) {
            table
                .place()
                .mistake("its path is the main socket's: who connects to a door must not meet the main one");
        }
        if listeners.iter().any(|other| other.path == listener.path) {
            table.place().mistake(format!("another listener has the path {}", listener.path.display()));
        }
        if host.is_some_and(|host| host.value == listener.door.host) {
            table.place().mistake(
                "its host is this machine's own: what a door reports would count as seen by this machine; give it another",
            );
        }
        listeners.push(listener);
    }
    listeners
}

fn listener(table: &mut Table<'_>) -> Option<Listener> {
    let path = table.path("path").and_then(socket_path);
    let path = table.need("path", path, "\"/run/twofold/web1.sock\"");
    let mut services: Vec<String> = Vec::new();
    for service in table.texts("services") {
        let Some(service) = service.check(service_name) else { continue };
        if services.contains(&service.value) {
            service.place.mistake("is there twice");
        }
        services.push(service.value);
    }
    let services = table.need("services", (!services.is_empty()).then_some(services), "[\"sshd\", \"sudo\"]");
    let host = table.text("host").and_then(|host| host.check(host_name));
    let host = table.need("host", host, "\"web1\"");
    let realm = table.text("realm").and_then(|realm| assertable_realm(realm, "a door"));
    let realm = table.need("realm", realm, "\"unix\"");
    let enrol = table.boolean("enrol");
    if let (Some(enrol), Some(realm)) = (&enrol, &realm)
        && enrol.value
        && realm.is_unix()
    {
        enrol.place.mistake(
            "cannot be true with realm \"unix\": whoever holds this socket could enrol any user of the hosts",
        );
    }
    Some(Listener {
        path: path?.value,
        door: Arc::new(DoorListener {
            services: services?,
            host: host?.value,
            realm: realm?.value,
            enrol: enrol.is_some_and(|enrol| enrol.value),
        }),
    })
}

fn enrolment(root: &mut Table<'_>) -> Enrolment {
    let choices = [
        ("invitation", FirstEnrolment::Invitation),
        ("login", FirstEnrolment::Login),
        ("self", FirstEnrolment::Own),
    ];
    let mut table = root.table("enrolment");
    let first = table.as_mut().and_then(|table| table.choice("first", &choices));
    let privileged = list_or(table.as_mut(), "privileged_groups", &PRIVILEGED, group_name);
    let invited = |group| (group, FirstEnrolment::Invitation);
    let mut groups: BTreeMap<String, FirstEnrolment> = privileged.into_iter().map(invited).collect();
    if let Some(mut table) = table.as_mut().and_then(|table| table.table("groups")) {
        for group in table.names() {
            let Some(first) = table.choice(&group, &choices) else { continue };
            match group_name(group) {
                Ok(group) if groups.contains_key(&group) => {
                    first.place.mistake("is one of privileged_groups too, which need an invitation");
                }
                Ok(group) => drop(groups.insert(group, first.value)),
                Err(why) => first.place.mistake(why),
            }
        }
    }
    let is_here = |group: &&String| matches!(Group::from_name(group), Ok(Some(_)) | Err(_));
    let groups_here = groups.keys().filter(is_here).cloned().collect();
    let services = list_or(table.as_mut(), "services", &ENROL_SERVICES, service_name);
    let first = first.map_or(FirstEnrolment::Login, |first| first.value);
    Enrolment { first, groups, groups_here, services }
}

/// A list of words; `default` where there is none.
fn list_or(
    table: Option<&mut Table<'_>>,
    key: &str,
    default: &[&str],
    check: fn(String) -> Result<String, String>,
) -> Vec<String> {
    match table.and_then(|table| table.list(key)) {
        None => default.iter().map(|&word| word.to_owned()).collect(),
        Some(words) => {
            words.into_iter().filter_map(|word| word.check(check)).map(|word| word.value).collect()
        }
    }
}

fn language(root: &mut Table<'_>) -> Language {
    let choices = [("en", Language::English), ("de", Language::German)];
    root.choice("language", &choices).map_or_else(language::of_the_system, |language| language.value)
}

fn group_name(group: String) -> Result<String, String> {
    match twofold_shared::account::Group::parse(&group) {
        Ok(_) => Ok(group),
        Err(why) => Err(why.to_string()),
    }
}

/// As a browser has it: scheme, host and port, in small letters.
fn portal_origin(text: String) -> Result<String, String> {
    let odd = || Err("must be the portal's origin as in gate.toml: \"https://id.example.com\"".to_owned());
    let Some(host) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else {
        return odd();
    };
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-:[]".contains(&byte);
    if host.is_empty() || text.len() > 300 || !host.bytes().all(good) { odd() } else { Ok(text) }
}

fn sessions(root: &mut Table<'_>) -> Sessions {
    let mut sessions = Sessions { idle: HOUR, absolute: 12 * HOUR };
    let Some(mut table) = root.table("sessions") else { return sessions };
    let idle = table.duration("idle", MINUTE..=30 * DAY);
    let absolute = table.duration("absolute", MINUTE..=90 * DAY);
    sessions.absolute = absolute.as_ref().map_or(sessions.absolute, |value| value.value);
    sessions.idle = idle.as_ref().map_or(sessions.idle.min(sessions.absolute), |value| value.value);
    if let Some(idle) = idle
        && idle.value > sessions.absolute
    {
        idle.place.mistake("must not be longer than `absolute`");
    }
    sessions
}

fn audit(root: &mut Table<'_>) -> Audit {
    let mut audit = Audit { keep: 400 * DAY, keep_mib: 1024, syslog: true };
    let Some(mut table) = root.table("audit") else { return audit };
    audit.keep = table.duration("keep", DAY..=3660 * DAY).map_or(audit.keep, |value| value.value);
    audit.keep_mib = table.number("keep_mib", 1..=1024 * 1024).map_or(audit.keep_mib, |value| value.value);
    audit.syslog = table.boolean("syslog").map_or(audit.syslog, |value| value.value);
    audit
}

fn limits(root: &mut Table<'_>) -> Limits {
    let mut limits = Limits::default();
    let Some(mut table) = root.table("limits") else { return limits };
    if let Some(connections) = table.number("connections_per_uid", 4..=4096) {
        limits.connections_per_uid = usize::try_from(connections.value).unwrap_or(limits.connections_per_uid);
    }
    limits.idle = table.duration("idle", SECOND..=HOUR).map_or(limits.idle, |value| value.value);
    // Below the verification's own deadline of five seconds every burst would be cut.
    limits.request =
        table.duration("request", 6 * SECOND..=MINUTE).map_or(limits.request, |value| value.value);
    limits
}

/// A realm for which a door's or the gate's word about the first factor may count.
fn assertable_realm(realm: At<String>, whose: &str) -> Option<At<Realm>> {
    realm.check(|realm| {
        let realm = Realm::parse(&realm).map_err(|why| why.to_string())?;
        if realm.is_local() {
            return Err(format!(
                "{whose} cannot speak for `local`: the authority checks those passwords itself"
            ));
        }
        Ok(realm)
    })
}

fn socket_path(path: At<PathBuf>) -> Option<At<PathBuf>> {
    path.check(|path| {
        if path.as_os_str().len() > MAX_SOCKET_PATH {
            return Err(format!("is too long for a socket: at most {MAX_SOCKET_PATH} bytes"));
        }
        if path.file_name().is_none() {
            return Err("names no file".to_owned());
        }
        Ok(path)
    })
}

fn service_name(service: String) -> Result<String, String> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if !service.is_empty() && service.len() <= 64 && service.bytes().all(good) {
        Ok(service)
    } else {
        Err("a service is up to 64 letters, digits, dots, underscores and hyphens".to_owned())
    }
}

fn host_name(host: String) -> Result<String, String> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if !host.is_empty() && host.len() <= 253 && host.bytes().all(good) {
        Ok(host.to_ascii_lowercase())
    } else {
        Err("a host is up to 253 letters, digits, dots, underscores and hyphens".to_owned())
    }
}

/// What an app shows above the codes; a colon would end it there.
fn issuer_name(issuer: String) -> Result<String, String> {
    let issuer = issuer.trim();
    let fits = (1..=60).contains(&issuer.chars().count());
    if fits && !issuer.chars().any(|character| character.is_control() || character == ':') {
        Ok(issuer.to_owned())
    } else {
        Err("must have 1 to 60 characters, and no colon".to_owned())
    }
}

fn kernel_host_name(place: &Place) -> Option<At<String>> {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    match host_name(name) {
        Ok(value) => Some(At { value, place: place.clone() }),
        Err(why) => {
            place.mistake(format!("host: is missing, and the kernel's host name cannot serve: {why}"));
            None
        }
    }
}

/// A user by name or number.
fn uid_of(user: &str) -> Result<u32, String> {
    if let Ok(uid) = user.parse::<u32>() {
        return Ok(Uid::from_raw(uid).as_raw());
    }
    match User::from_name(user) {
        Ok(Some(user)) => Ok(user.uid.as_raw()),
        Ok(None) => Err(format!("there is no user `{user}`; run: useradd --system {user}")),
        Err(why) => Err(format!("cannot look up the user `{user}`: {why}")),
    }
}

#[cfg(test)]
mod tests;
