//! What SELinux or AppArmor has kept Twofold from doing lately. Both tell it to the kernel's audit, which the journal and
//! auditd keep; as much of it is read as a day or two of a busy host has.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::{Finding, warning};
use crate::output::visible;
use crate::rollout::machine::run;

/// What the authority, the gate and the module are called in such lines, or where their files are.
const OURS: &str = "twofold";
/// auditd's log.
const LOG: &str = "/var/log/audit/audit.log";
/// How much of its end is read.
const TAIL: u64 = 1 << 20;
/// How many of the journal's lines.
const LINES: &str = "--lines=5000";
/// What is longer ago may have been mended since, in seconds.
const LATELY: u64 = 86_400;
/// As much of a line as is shown.
const SHOWN: usize = 300;

/// The last day's denials that concern us. `now` in seconds since the epoch.
pub fn look(now: u64) -> Option<Finding> {
    let journal = run(
        "journalctl",
        &[
            "--quiet",
            "--no-pager",
            "--output=cat",
            "--since=-24h",
            LINES,
            "_TRANSPORT=audit",
            "_TRANSPORT=kernel",
        ],
    );
    let log = tail(Path::new(LOG));
    let mut found: Vec<&str> = journal.output.lines().filter(|line| denies(line).is_some()).collect();
    found.extend(log.lines().filter(|line| is_recent(line, now) && denies(line).is_some()));
    let last = *found.last()?;
    let by = denies(last)?;
    let fix = match by {
        By::AppArmor => {
            "Let it through and see what else comes: aa-complain /usr/sbin/twofoldd; put what is missing into \
                         /etc/apparmor.d/local/usr.sbin.twofoldd."
        }
        By::SeLinux => {
            "Let it through and see what else comes: semanage permissive -a twofold_t; `audit2allow` says what the \
                        policy lacks."
        }
    };
    let shown: String = visible(last).chars().take(SHOWN).collect();
    Some(warning(
        "denied_by_policy",
        format!("{} of the last day, the newest: {shown}", counted(found.len(), by)),
        "What the kernel denies Twofold looks to everybody like a refusal, and nobody may get in.",
        fix,
    ))
}

fn counted(count: usize, by: By) -> String {
    let name = match by {
        By::AppArmor => "AppArmor",
        By::SeLinux => "SELinux",
    };
    if count == 1 {
        format!("One denial by {name}")
    } else {
        format!("{count} denials, by {name} in the end,")
    }
}

/// Who denies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    AppArmor,
    SeLinux,
}

/// Whether a line says that something of ours was denied.
fn denies(line: &str) -> Option<By> {
    if !line.contains(OURS) {
        return None;
    }
    if line.contains("apparmor=\"DENIED\"") {
        return Some(By::AppArmor);
    }
    // Permissive ones were let through.
    let denied = line.contains("avc:") && line.contains(" denied ") && !line.contains("permissive=1");
    denied.then_some(By::SeLinux)
}

/// Whether auditd's line, `… msg=audit(1700000000.123:45): …`, is of the last day.
fn is_recent(line: &str, now: u64) -> bool {
    let at =
        line.split_once("audit(").and_then(|(_, rest)| rest.split(['.', ':']).next()?.parse::<u64>().ok());
    at.is_some_and(|at| at.saturating_add(LATELY) >= now)
}

/// A file's last lines, or nothing where it cannot be read.
fn tail(path: &Path) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let length = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
        let mut bytes = Vec::new();
        file.take(TAIL).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_086_400;

    #[test]
    fn a_denial_of_ours_is_known_and_everything_else_is_not() {
        let apparmor = r#"audit: type=1400 audit(1700000000.123:45): apparmor="DENIED" operation="open" class="file" profile="twofoldd" name="/etc/x" pid=7 comm="twofoldd" requested_mask="r" denied_mask="r" fsuid=0 ouid=0"#;
        let selinux = r#"type=AVC msg=audit(1700000000.123:45): avc:  denied  { connectto } for  pid=7 comm="sshd" path="/run/twofold/authority.sock" scontext=system_u:system_r:sshd_t:s0-s0:c0.c1023 tcontext=system_u:system_r:init_t:s0 tclass=unix_stream_socket permissive=0"#;
        assert_eq!(denies(apparmor), Some(By::AppArmor));
        assert_eq!(denies(selinux), Some(By::SeLinux));
        for other in [
            apparmor.replace("twofold", "cups").as_str(),
            apparmor.replace("DENIED", "ALLOWED").as_str(),
            selinux.replace("permissive=0", "permissive=1").as_str(),
            selinux.replace("twofold", "cups").as_str(),
            selinux.replace("denied", "granted").as_str(),
            "twofoldd: refused",
            "",
        ] {
            assert_eq!(denies(other), None, "{other}");
        }
    }

    #[test]
    fn what_is_longer_ago_than_a_day_is_left_alone() {
        let line = |at: &str| format!("type=AVC msg=audit({at}): avc: denied");
        assert!(is_recent(&line("1700000000.123:45"), NOW));
        assert!(!is_recent(&line("1699999999.999:45"), NOW));
        for strange in ["x", "", "99999999999999999999999.1:1"] {
            assert!(!is_recent(&line(strange), NOW), "{strange}");
        }
        assert!(!is_recent("no stamp", NOW));
    }

    #[test]
    fn of_a_long_log_the_end_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("audit.log");
        assert_eq!(tail(&log), "");
        std::fs::write(&log, "x".repeat(3 << 20) + "\nlast\n").unwrap();
        let read = tail(&log);
        assert!(read.ends_with("\nlast\n") && read.len() as u64 == TAIL, "{}", read.len());
        assert_eq!(tail(folder.path()), "");
    }
}
