//! Whether a door can be made to ask for a code without locking anybody out.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::{Group, User};
use twofold_shared::client::CallError;
use twofold_shared::wire::{
    Ask, AuthMethod, ExplainPolicy, FaultKind, FirstFactor, GetAccount, GetInfo, Info, PolicyExplained,
    Source,
};

use super::door::{Door, First};
use super::journal::Place;
use super::machine::{self, run};
use super::selinux;
use super::sshd_file::{MAIN, overrides};
use crate::desk::Desk;

/// Its members come in through ssh with their key alone.
pub const BREAK_GLASS: &str = "twofold-breakglass";

/// Somebody who can log in at this host.
#[derive(Clone, Debug)]
pub struct Person {
    /// Their name.
    pub name: String,
    uid: u32,
    has_password: bool,
    /// sshd would take a key of theirs.
    pub has_key: bool,
    /// In the group that comes in with a key alone.
    pub is_break_glass: bool,
}

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// The door.
    pub door: Door,
    /// sshd's first factor.
    pub first: First,
    /// Leave other people's `Match` blocks as they are.
    pub keep_match: bool,
    /// Go on where no systemd would take the change back at the next start.
    pub without_systemd: bool,
}

/// Every reason why it is too early.
pub fn problems(desk: &Desk, place: &Place, wanted: &Wanted, people: &[Person]) -> Vec<String> {
    let mut found = Vec::new();
    found.extend(guard(wanted));
    found.extend(module());
    if wanted.door == Door::Ssh {
        found.extend(sshd(place, wanted));
    }
    match desk.call(&GetInfo {}) {
        Err(failure) => found.push(failure.to_string()),
        Ok(info) => {
            found.extend(authority(&info));
            // Now it runs, and the kernel can be asked about it.
            let module = module_file().unwrap_or_default();
            let host = selinux::Host { place, label: &selinux::label };
            found.extend(host.problem(wanted.door, &module, desk.authority.path()));
            let concerned = people.iter().filter(|person| is_concerned(wanted.door, person));
            found.extend(concerned.filter_map(|person| shut_out(desk, wanted, person)));
        }
    }
    found
}

fn guard(wanted: &Wanted) -> Option<String> {
    if wanted.without_systemd {
        return None;
    }
    if !machine::has_systemd() {
        return Some(
            "systemd does not run this host, so that a restart within the time to confirm would leave the change as it is. \
             If you can live with that, say --without-systemd"
                .to_owned(),
        );
    }
    (!machine::boot_guard_is_on()).then(|| {
        "the unit that takes an unconfirmed change back at the next start is not enabled. Say: systemctl enable \
         twofold-rollout.service"
            .to_owned()
    })
}

fn authority(info: &Info) -> Vec<String> {
    let mut found = Vec::new();
    if !info.clock_trusted {
        found.push(
            "the authority doubts this host's clock, so no code would be taken: see `twofold info`"
                .to_owned(),
        );
    }
    if info.disk_full {
        found.push("the authority's disk is full: make room first".to_owned());
    }
    found
}

/// Where the module is.
pub fn module_file() -> Option<PathBuf> {
    let libraries = ["/lib", "/usr/lib", "/lib64", "/usr/lib64"];
    let nested = libraries.iter().flat_map(|folder| fs::read_dir(folder).into_iter().flatten().flatten());
    let folders = nested.map(|entry| entry.path()).chain(libraries.iter().map(PathBuf::from));
    folders.map(|folder| folder.join("security/pam_twofold.so")).find(|file| file.exists())
}

/// Why the module cannot be used.
pub fn module() -> Option<String> {
    let Some(file) = module_file() else {
        return Some("pam_twofold.so is in none of libpam's folders: install it".to_owned());
    };
    let shown = file.display();
    let Ok(found) = fs::metadata(&file) else { return Some(format!("{shown} cannot be read")) };
    if found.uid() != 0 || found.mode() & 0o022 != 0 {
        return Some(format!(
            "{shown} can be written by others than root. Mend it: chown root:root {shown} && chmod 644 {shown}"
        ));
    }
    let loaded = run("ldd", &["-r", &file.to_string_lossy()]);
    let complaint = loaded.output.lines().chain(loaded.complaint.lines());
    let wrong: Vec<&str> =
        complaint.filter(|line| line.contains("not found") || line.contains("undefined symbol")).collect();
    if loaded.good && wrong.is_empty() {
        None
    } else {
        Some(format!(
            "{shown} cannot be loaded on this host: {}",
            wrong.first().unwrap_or(&"ldd refuses it").trim()
        ))
    }
}

fn sshd(place: &Place, wanted: &Wanted) -> Vec<String> {
    let mut found = Vec::new();
    if let Err(complaint) = machine::sshd_accepts() {
        found.push(format!("sshd does not take its configuration as it is now: {complaint}"));
    }
    let text = super::sshd_file::Files::read(place, MAIN).unwrap_or_default();
    if !wanted.keep_match {
        found.extend(overrides(&text, place).iter().map(|setting| {
            format!(
                "{} line {} says `{} {}` for `Match {}`: those logins would not be asked for a code by sshd, and then be \
                 refused by PAM unless policy exempts them. Take it out, or say --keep-match if that is meant",
                setting.file,
                setting.line,
                setting.keyword,
                setting.value,
                setting.within.as_deref().unwrap_or_default()
            )
        }));
    }
    found
}

/// Everybody who can log in: their shell is one, and they are a person or root.
pub fn people() -> Vec<Person> {
    let members = Group::from_name(BREAK_GLASS).ok().flatten().map(|group| group.mem).unwrap_or_default();
    let listed = run("getent", &["passwd"]).output;
    let person = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        let uid: u32 = fields.nth(1)?.parse().ok()?;
        let home = fields.nth(2)?.to_owned();
        let shell = fields.next()?;
        let is_person = uid == 0 || (1000..65534).contains(&uid);
        let has_shell = !shell.is_empty() && !shell.ends_with("/nologin") && !shell.ends_with("/false");
        (is_person && has_shell).then(|| Person {
            has_password: has_password(&name),
            has_key: has_key(Path::new(&home), uid),
            is_break_glass: members.contains(&name),
            name,
            uid,
        })
    };
    listed.lines().filter_map(person).collect()
}

fn has_password(name: &str) -> bool {
    let shadow = run("getent", &["shadow", name]).output;
    shadow.split(':').nth(1).is_some_and(|hash| hash.starts_with('$') || hash.starts_with('_'))
}

/// Whether sshd would take a key of theirs: there is one in the usual file, and nobody else can write it.
fn has_key(home: &Path, uid: u32) -> bool {
    let folder = home.join(".ssh");
    let safe = |path: &Path| {
        fs::metadata(path)
            .is_ok_and(|found| found.mode() & 0o022 == 0 && (found.uid() == uid || found.uid() == 0))
    };
    ["authorized_keys", "authorized_keys2"].iter().map(|name| folder.join(name)).any(|file| {
        [home, &folder, &file].into_iter().all(safe)
            && run("ssh-keygen", &["-l", "-f", &file.to_string_lossy()]).good
    })
}

/// Whether somebody comes in through a door.
pub fn is_concerned(door: Door, person: &Person) -> bool {
    match door {
        Door::Ssh => {
            let root_may = || {
                let settings = machine::sshd_settings(&person.name).unwrap_or_default();
                !settings.lines().any(|line| line == "permitrootlogin no")
                    && (person.has_key || settings.lines().any(|line| line == "permitrootlogin yes"))
            };
            !person.is_break_glass
                && (person.has_password || person.has_key)
                && (person.uid != 0 || root_may())
        }
        Door::Sudo => person.uid != 0 && must_give_a_password(&person.name),
        Door::Su | Door::Login => person.has_password,
    }
}

/// Whether sudo lets them do something for which it asks a password.
fn must_give_a_password(name: &str) -> bool {
    let listed = run("sudo", &["-n", "-l", "-U", name]).output;
    listed.lines().any(|line| line.starts_with("    (") && !line.contains("NOPASSWD:"))
}

/// Why somebody could not log in any more, and what to do.
pub fn shut_out(desk: &Desk, wanted: &Wanted, person: &Person) -> Option<String> {
    let name = &person.name;
    if wanted.door == Door::Ssh && wanted.first == First::Publickey && !person.has_key {
        return Some(format!(
            "{name} has a password and no key that sshd would take, and would be asked for a key: add one to \
             ~/.ssh/authorized_keys, or say --first password"
        ));
    }
    let asked = match desk.authority.call(&question(wanted, name)) {
        Err(error) => return Some(format!("{name}: {}", crate::failure::Failure::from(error))),
        Ok(PolicyExplained { ask, .. }) => ask,
    };
    match asked {
        // The last set one up at the login itself.
        Ask::Exempt | Ask::Optional | Ask::Grace | Ask::Enrol => return None,
        Ask::Code | Ask::Unenrolled | Ask::Invitation => {}
    }
    let add = match desk.authority.call(&GetAccount { account: Some(name.clone()) }) {
        Ok(account) if account.enrolled => return None,
        Ok(_) => String::new(),
        Err(CallError::Fault(fault)) if fault.kind == FaultKind::NoSuchAccount => {
            format!("twofold account add {name} && ")
        }
        Err(error) => return Some(format!("{name}: {}", crate::failure::Failure::from(error))),
    };
    if asked == Ask::Invitation {
        return Some(format!(
            "{name} must give a code, has nothing to make one with, and sets it up only by invitation. Say: {add}twofold \
             invite {name}, and have them use it before, or: {add}twofold enroll --account {name}"
        ));
    }
    Some(format!(
        "{name} must give a code and has nothing to make one with. Say: {add}twofold enroll --account {name}, or: \
         {add}twofold account require {name} exempt"
    ))
}

/// What policy would be asked about somebody's login.
pub fn question(wanted: &Wanted, name: &str) -> ExplainPolicy {
    let key = wanted.door == Door::Ssh && wanted.first == First::Publickey;
    let service = wanted.door.services().first().copied().unwrap_or_default();
    ExplainPolicy {
        name: name.to_owned(),
        service: service.to_owned(),
        first: if key { FirstFactor::Publickey } else { FirstFactor::Above },
        source: Source {
            auth: if key { vec![AuthMethod::Publickey] } else { Vec::new() },
            ..Source::default()
        },
        groups: None,
    }
}

/// A way in beside the door that is changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WayIn {
    /// Somebody who comes in through ssh with a key alone.
    BreakGlass(String),
    /// root at the console, whose password is still to be tried.
    Console,
    /// None.
    Nothing,
}

/// What is there.
pub fn way_in(door: Door, people: &[Person]) -> WayIn {
    // Through the other doors they would have to be root already.
    let fits =
        |person: &&Person| person.is_break_glass && person.has_key && (door == Door::Ssh || person.uid == 0);
    if let Some(person) = people.iter().find(fits) {
        return WayIn::BreakGlass(person.name.clone());
    }
    let root = User::from_name("root").ok().flatten();
    let has_console = door != Door::Login && root.is_some() && has_password("root");
    if has_console { WayIn::Console } else { WayIn::Nothing }
}

/// Whether sshd's configuration, as it is on disk now, asks everybody concerned as it should.
///
/// # Errors
/// Who is not, and what sshd says of them.
pub fn sshd_asks(wanted: &Wanted, people: &[Person]) -> Result<(), String> {
    machine::sshd_accepts()?;
    if wanted.keep_match {
        return Ok(());
    }
    let methods = match wanted.first {
        First::Publickey => "authenticationmethods publickey,keyboard-interactive",
        First::Password => "authenticationmethods keyboard-interactive",
    };
    for person in people.iter().filter(|person| is_concerned(Door::Ssh, person)) {
        let settings = machine::sshd_settings(&person.name)
            .ok_or_else(|| format!("sshd cannot say what it would ask of {}", person.name))?;
        for wanted in [methods, "kbdinteractiveauthentication yes", "usepam yes"] {
            if !settings.lines().any(|line| line == wanted) {
                return Err(format!(
                    "sshd would treat {} otherwise: it does not say `{wanted}`",
                    person.name
                ));
            }
        }
    }
    Ok(())
}
