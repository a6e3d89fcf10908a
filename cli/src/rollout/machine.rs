//! The host that is changed: its processes, its clock since boot, systemd and sshd.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rustix::time::{ClockId, clock_gettime};
use twofold_shared::secret::SecretText;

const SSHD: &str = "/usr/sbin/sshd";
/// The unit that takes a pending change back when the host starts, before sshd.
const BOOT_GUARD: &str = "twofold-rollout.service";
/// The timer that takes it back when it has not been confirmed in time. It comes again until that went well.
const DEADLINE: &str = "twofold-rollout-deadline";
/// How long a program may take, in seconds.
const LIMIT: &str = "30";

/// How a program ended.
#[derive(Debug)]
pub struct Ran {
    /// Whether it ended with 0.
    pub good: bool,
    /// Its standard output.
    pub output: String,
    /// The first lines of what it complained about.
    pub complaint: String,
}

/// Runs a program to its end, half a minute at most, with nothing of ours in its environment but a path.
pub fn run(program: &str, arguments: &[&str]) -> Ran {
    run_with(program, arguments, b"")
}

fn run_with(program: &str, arguments: &[&str], input: &[u8]) -> Ran {
    let failed = |why: String| Ran { good: false, output: String::new(), complaint: why };
    let child = Command::new("/usr/bin/timeout")
        .args([LIMIT, program])
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(why) => return failed(format!("{program}: {why}")),
    };
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not read says why at its end.
        let _ = stdin.write_all(input);
    }
    match child.wait_with_output() {
        Ok(output) => Ran {
            good: output.status.success(),
            output: String::from_utf8_lossy(&output.stdout).into_owned(),
            complaint: String::from_utf8_lossy(&output.stderr).lines().take(5).collect::<Vec<_>>().join("\n"),
        },
        Err(why) => failed(format!("{program}: {why}")),
    }
}

/// How two texts differ, as `diff -u` tells it.
pub fn difference(path: &str, before: &Path, after: &[u8]) -> String {
    let (from, to) = (format!("{path} as it is"), format!("{path} as it will be"));
    let before = before.to_string_lossy();
    run_with("diff", &["-u", "--label", &from, "--label", &to, &before, "-"], after).output
}

/// Whether this is root's password.
pub fn is_roots_password(password: &SecretText) -> bool {
    let mut line = zeroize::Zeroizing::new(password.reveal().as_bytes().to_vec());
    line.push(0);
    run_with("unix_chkpwd", &["root", "nonull"], &line).good
}

/// Milliseconds since boot, sleep included.
pub fn uptime() -> u64 {
    let now = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    seconds * 1000 + u64::try_from(now.tv_nsec).unwrap_or(0) / 1_000_000
}

/// Which boot this is.
pub fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// A process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub id: u32,
    /// Its parent's.
    pub parent: u32,
    /// Its program's name, at most 15 bytes.
    pub name: String,
    /// Whose it is.
    pub uid: u32,
    /// When it began, in clock ticks since boot.
    pub began: u64,
    /// Whether it calls itself a listener, as sshd's first process does.
    pub listens: bool,
}

impl Process {
    /// One by its number.
    pub fn find(id: u32) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let folder = format!("/proc/{id}");
        let uid = fs::metadata(&folder).ok()?.uid();
        let title = fs::read(format!("{folder}/cmdline")).unwrap_or_default();
        let listens = String::from_utf8_lossy(&title).contains("[listener]");
        Some(Self { listens, ..Self::read(id, uid, &fs::read_to_string(format!("{folder}/stat")).ok()?)? })
    }

    /// This one.
    pub fn own() -> Option<Self> {
        Self::find(std::process::id())
    }

    /// A name may hold blanks and brackets; the last bracket ends it.
    fn read(id: u32, uid: u32, stat: &str) -> Option<Self> {
        let (before, after) = stat.rsplit_once(')')?;
        let name = before.split_once('(')?.1.to_owned();
        let mut fields = after.split_whitespace();
        let parent = fields.nth(1)?.parse().ok()?;
        // Field 22; `after` begins with field 3.
        let began = fields.nth(17)?.parse().ok()?;
        Some(Self { id, parent, name, uid, began, listens: false })
    }

    /// When it began, in milliseconds since boot.
    pub fn began_uptime(&self) -> u64 {
        self.began * 1000 / rustix::param::clock_ticks_per_second().max(1)
    }
}

/// Ends a process, if it is still the one that began then. Whether it was.
pub fn end_process((id, began): (u32, u64)) -> bool {
    let is_it = Process::find(id).is_some_and(|process| process.began == began);
    let Ok(number) = i32::try_from(id) else { return false };
    is_it && kill(Pid::from_raw(number), Signal::SIGKILL).is_ok()
}

/// Whether systemd runs this host.
pub fn has_systemd() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

/// Whether a pending change is taken back when the host starts.
pub fn boot_guard_is_on() -> bool {
    run("systemctl", &["is-enabled", "--quiet", BOOT_GUARD]).good
}

/// Has a pending change taken back after so long, whatever becomes of this process.
///
/// # Errors
/// When nobody would do it.
pub fn arm(after: Duration) -> Result<(), String> {
    let own = std::env::current_exe().map_err(|why| why.to_string())?;
    let own = own.to_string_lossy();
    if has_systemd() {
        disarm();
        let (unit, on) = (format!("--unit={DEADLINE}"), format!("--on-active={}ms", after.as_millis()));
        let again = "--on-unit-active=15s";
        let exact = "--timer-property=AccuracySec=200ms";
        let ran = run(
            "systemd-run",
            &["--quiet", "--collect", &unit, &on, again, exact, &own, "rollout", "revert", "--due"],
        );
        return if ran.good { Ok(()) } else { Err(ran.complaint) };
    }
    // A session of its own, with nothing of ours open: it outlives the login that starts it, and nobody waits for it.
    let begun = Command::new("setsid")
        .args(["--fork", &*own, "rollout", "revert", "--due", "--wait"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    match begun {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("setsid: {status}")),
        Err(why) => Err(format!("setsid: {why}")),
    }
}

/// Nothing is to be taken back any more.
pub fn disarm() {
    if has_systemd() {
        let timer = format!("{DEADLINE}.timer");
        let _ = run("systemctl", &["--quiet", "stop", &timer]);
        let _ = run("systemctl", &["--quiet", "reset-failed", &timer]);
    }
}

/// Whether sshd takes its configuration.
///
/// # Errors
/// What it complains about.
pub fn sshd_accepts() -> Result<(), String> {
    let ran = run(SSHD, &["-t"]);
    if ran.good { Ok(()) } else { Err(ran.complaint) }
}

/// What sshd's configuration comes to for somebody: lines of `keyword value`, the keywords in small letters.
pub fn sshd_settings(user: &str) -> Option<String> {
    let ran = run(SSHD, &["-T", "-C", &format!("user={user},host=localhost,addr=127.0.0.1")]);
    ran.good.then(|| in_small_letters(&ran.output))
}

/// Older ones write `usepam yes`, newer ones `UsePAM yes`. A value's letters are its own.
fn in_small_letters(settings: &str) -> String {
    let line = |line: &str| match line.split_once(' ') {
        Some((keyword, value)) => format!("{} {value}\n", keyword.to_ascii_lowercase()),
        None => format!("{}\n", line.to_ascii_lowercase()),
    };
    settings.lines().map(line).collect()
}

/// Has a running sshd read its configuration again.
///
/// # Errors
/// When it runs and does not.
pub fn reload_sshd() -> Result<(), String> {
    if has_systemd() {
        // The boot guard's unit is ordered before sshd's: a reload waits for its end, so it must not wait for the reload.
        let guard = run("systemctl", &["is-active", BOOT_GUARD]);
        let wait = if guard.output.trim() == "activating" { "--no-block" } else { "--quiet" };
        for unit in ["ssh.service", "sshd.service"] {
            if run("systemctl", &["is-active", "--quiet", unit]).good {
                let ran = run("systemctl", &[wait, "reload", unit]);
                return if ran.good { Ok(()) } else { Err(ran.complaint) };
            }
        }
        return Ok(());
    }
    let id = fs::read_to_string("/run/sshd.pid").ok().and_then(|text| text.trim().parse::<u32>().ok());
    let Some(process) = id.and_then(Process::find).filter(|process| process.name == "sshd") else {
        return Ok(());
    };
    let id = i32::try_from(process.id).map_err(|why| why.to_string())?;
    kill(Pid::from_raw(id), Signal::SIGHUP).map_err(|why| why.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sshds_settings_are_read_however_their_keywords_are_written() {
        let older =
            "usepam yes\nauthenticationmethods publickey,keyboard-interactive\nforcecommand /A b\nx\n";
        let newer =
            "UsePAM yes\nAuthenticationMethods publickey,keyboard-interactive\nForceCommand /A b\nX\n";
        assert_eq!(in_small_letters(older), older);
        assert_eq!(in_small_letters(newer), older);
    }

    #[test]
    fn a_process_is_known_by_its_number_and_its_beginning() {
        let stat = "12 (a (b) c) S 7 12 12 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987 1 2";
        let process = Process::read(12, 5, stat).unwrap();
        assert_eq!((process.parent, process.name.as_str(), process.began), (7, "a (b) c", 987));
        let own = Process::own().unwrap();
        assert!(own.began_uptime() <= uptime());
        assert!(!end_process((own.id, own.began + 1)));
        assert!(!end_process((u32::MAX, 0)));
    }
}
