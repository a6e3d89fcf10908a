//! The authority's files, sockets and units, and the space that is left.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use nix::unistd::{Uid, User};
use twofold_shared::wire::{GetInfo, Info};

use super::{Finding, error, warning};
use crate::desk::Desk;
use crate::rollout::machine::{self, run};
use crate::rollout::ready;

const CONFIGURATION: &str = "/etc/twofold/authority.toml";
const KEYS: &str = "/etc/twofold/keys";
const LEDGER: &str = "/var/lib/twofold";
/// Less than this is little: the reserve alone is a quarter of it.
const LITTLE: u64 = 256 << 20;

/// Everything here.
pub fn look(desk: &Desk) -> Vec<Finding> {
    let mut found = Vec::new();
    found.extend(authority(desk));
    found.extend(units());
    found.extend(socket(desk.authority.path()));
    found.extend(configuration());
    found.extend(keys());
    found.extend(private_folder("ledger_open", Path::new(LEDGER)));
    found.extend(space());
    found.extend(clock());
    found.extend(ready::module().map(|what| {
        error(
            "module",
            what,
            "Stacks that name it let nobody in.",
            "Install the package again, or as README says.",
        )
    }));
    found
}

fn authority(desk: &Desk) -> Vec<Finding> {
    let info = match desk.call(&GetInfo {}) {
        Ok(info) => info,
        Err(failure) => {
            let fix = "systemctl restart twofoldd.socket twofoldd.service; journalctl -u twofoldd says more.";
            return vec![error(
                "authority_away",
                failure.to_string(),
                "No code is taken while it is away.",
                fix,
            )];
        }
    };
    judge(&info)
}

fn judge(info: &Info) -> Vec<Finding> {
    let mut found = Vec::new();
    if !info.clock_trusted {
        found.push(error(
            "clock_doubted",
            "The authority doubts this host's clock.",
            "Codes from apps are refused meanwhile; backup codes are taken.",
            "Compare `date` with a clock you trust; if it is right: twofold clock accept",
        ));
    }
    if info.disk_full {
        found.push(error(
            "disk_full",
            "The authority's disk is full.",
            "Codes go on being checked; nothing else can be done.",
            "Make room where /var/lib/twofold is.",
        ));
    }
    if info.version != env!("CARGO_PKG_VERSION") {
        found.push(warning(
            "versions_differ",
            format!(
                "The authority is of version {}, this command of {}.",
                info.version,
                env!("CARGO_PKG_VERSION")
            ),
            "They may not understand each other.",
            "systemctl restart twofoldd.service",
        ));
    }
    found
}

fn units() -> Vec<Finding> {
    let mut found = Vec::new();
    if !machine::has_systemd() {
        return found;
    }
    let enabled = |unit| run("systemctl", &["is-enabled", "--quiet", unit]).good;
    if !enabled("twofoldd.socket") && !enabled("twofoldd.service") {
        found.push(error(
            "socket_disabled",
            "Neither twofoldd.socket nor twofoldd.service is enabled.",
            "After the next start nobody answers, and nobody gets in.",
            "systemctl enable --now twofoldd.socket",
        ));
    }
    if !machine::boot_guard_is_on() {
        found.push(warning(
            "boot_guard_disabled",
            "twofold-rollout.service is not enabled.",
            "An unconfirmed change of logins would not be taken back at the next start.",
            "systemctl enable twofold-rollout.service",
        ));
    }
    found
}

fn socket(path: &Path) -> Option<Finding> {
    let shown = path.display();
    let found = fs::metadata(path).ok()?;
    if !found.file_type().is_socket() {
        return None;
    }
    (found.mode() & 0o666 != 0o666).then(|| {
        warning(
            "socket_closed",
            format!("{shown} has mode {:04o}.", found.mode() & 0o7777),
            "Programs that are not root, and people with the command, cannot ask the authority.",
            format!("chmod 666 {shown}"),
        )
    })
}

fn configuration() -> Vec<Finding> {
    let mut found = Vec::new();
    for path in ["/etc/twofold", CONFIGURATION] {
        let Ok(metadata) = fs::symlink_metadata(path) else { continue };
        let mode = if metadata.is_dir() { "755" } else { "644" };
        if metadata.is_symlink() || metadata.mode() & 0o022 != 0 || metadata.uid() != 0 {
            found.push(error(
                "configuration_open",
                format!("{path} is a link, or somebody else than root can write it."),
                "Whoever can write it decides who is asked for a code.",
                format!("chown root:root {path} && chmod {mode} {path}"),
            ));
        }
    }
    let daemon =
        ["/usr/sbin/twofoldd", "/usr/local/sbin/twofoldd"].into_iter().find(|path| Path::new(path).exists());
    let judged = daemon.map(|daemon| run(daemon, &["--config", CONFIGURATION, "--check"]));
    if let Some(judged) = judged.filter(|judged| !judged.good) {
        found.push(error(
            "configuration_wrong",
            format!("The authority would not start again: {}", judged.complaint),
            "It runs with an older configuration until it is restarted, or not at all.",
            format!("Mend {CONFIGURATION}, then: twofoldd --check"),
        ));
    }
    found
}

/// The user that the authority runs as.
fn owner() -> Option<Uid> {
    User::from_name("twofold").ok().flatten().map(|user| user.uid)
}

fn private_folder(code: &'static str, folder: &Path) -> Option<Finding> {
    let shown = folder.display();
    let found = fs::symlink_metadata(folder).ok()?;
    let owners = [Some(Uid::from_raw(0)), owner()];
    let good =
        found.is_dir() && found.mode() & 0o077 == 0 && owners.contains(&Some(Uid::from_raw(found.uid())));
    (!good).then(|| {
        error(
            code,
            format!("{shown} is open to others than the authority."),
            "It holds, or opens, every secret; the authority refuses to start with it.",
            format!("chown twofold {shown} && chmod 700 {shown}"),
        )
    })
}

fn keys() -> Vec<Finding> {
    let folder = Path::new(KEYS);
    let mut found: Vec<Finding> = private_folder("keys_open", folder).into_iter().collect();
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
        if !metadata.is_file() || metadata.mode() & 0o077 != 0 {
            let shown = path.display();
            found.push(error(
                "key_open",
                format!("{shown} is no plain file, or others can read it."),
                "Whoever has it opens copies of the ledger; the authority refuses to start with it.",
                format!("chmod 400 {shown}; if somebody may have read it, think of its secrets as known"),
            ));
        }
    }
    found
}

fn space() -> Option<Finding> {
    let held = rustix::fs::statvfs(LEDGER).ok()?;
    let left = held.f_bavail.saturating_mul(held.f_frsize);
    (left < LITTLE).then(|| {
        warning(
            "little_space",
            format!("{} MiB are left where {LEDGER} is.", left >> 20),
            "When it is full, codes are checked from a reserve and nothing else can be done.",
            "Make room there.",
        )
    })
}

/// A container has its host's clock.
fn clock() -> Option<Finding> {
    if run("systemd-detect-virt", &["--container", "--quiet"]).good {
        return None;
    }
    let told = run("timedatectl", &["show", "--property=NTPSynchronized", "--value"]);
    (told.good && told.output.trim() == "no").then(|| {
        warning(
            "clock_unsynchronised",
            "Nothing keeps this host's clock right.",
            "A clock that is a minute off refuses everybody's codes from apps.",
            "Install chrony or systemd-timesyncd.",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::*;

    #[test]
    fn what_the_authority_says_of_its_clock_disk_and_version_is_found() {
        let good = || Info {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            clock_trusted: true,
            disk_full: false,
            accounts: 1,
        };
        assert_eq!(judge(&good()), []);
        for (info, code, severity) in [
            (Info { clock_trusted: false, ..good() }, "clock_doubted", Severity::Error),
            (Info { disk_full: true, ..good() }, "disk_full", Severity::Error),
            (Info { version: "0.0.0".to_owned(), ..good() }, "versions_differ", Severity::Warning),
        ] {
            let found = judge(&info);
            let told: Vec<_> = found.iter().map(|finding| (finding.code, finding.severity)).collect();
            assert_eq!(told, [(code, severity)]);
        }
    }
}
