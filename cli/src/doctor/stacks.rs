//! Stacks of PAM that ask for a code.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::{Finding, error, note, warning};
use crate::rollout::door::{Door, State};
use crate::rollout::journal::Place;
use crate::rollout::pam_file::Phase;
use crate::rollout::pam_stack::{StackError, Step, check, steps};

/// Everything here.
pub fn look(place: &Place) -> Vec<Finding> {
    let mut found = Vec::new();
    for service in services(place) {
        let Some(text) = place.pam_file(&service) else { continue };
        let judged = service_of(place, &service, &text);
        if !judged.is_empty() {
            found.extend(judged);
        }
    }
    found.extend(halves(place));
    found
}

/// Every service whose own file is not one that others include.
fn services(place: &Place) -> Vec<String> {
    let entries = fs::read_dir(place.at("/etc/pam.d")).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> =
        names.filter(|name| !name.starts_with('.') && !name.starts_with("common-")).collect();
    names.sort();
    names
}

fn service_of(place: &Place, service: &str, text: &str) -> Vec<Finding> {
    let read = |name: &str| place.pam_file(name);
    let path = format!("/etc/pam.d/{service}");
    let auth = match steps(service, text, Phase::Auth, &read) {
        Ok(auth) => auth,
        // Others' broken stacks are theirs.
        Err(why) if text.contains("pam_twofold.so") => return vec![broken(&why)],
        Err(_) => return Vec::new(),
    };
    let Some(ours) = auth.iter().find(|step| step.is_ours()) else { return Vec::new() };
    let mut found = Vec::new();
    found.extend(writable(&place.at(&path), &path));
    let account = steps(service, text, Phase::Account, &read).unwrap_or_default();
    for step in auth.iter().chain(&account).filter(|step| step.is_ours()) {
        found.extend(step.arguments().iter().filter_map(|argument| option(step, argument)));
    }
    found.extend(auth.iter().filter(|step| step.is_ours()).filter_map(|step| first_missing(service, step)));
    if let Err(why) = check(service, &auth) {
        found.push(broken(&why));
    }
    if !ours.ends_at_failure() {
        found.push(warning(
            "not_requisite",
            format!("pam_twofold.so in line {} of /etc/pam.d/{} is not `requisite`.", ours.line, ours.file),
            "Somebody who breaks the question off goes on in the stack.",
            "Write `requisite` there, as in /usr/share/doc/twofold/examples/pam.",
        ));
    }
    let needs =
        |step: &Step| step.is_ours() && step.arguments().iter().any(|argument| argument == "need=factor");
    if service == "sshd" && !account.iter().any(needs) {
        found.push(error(
            "key_alone_passes",
            "/etc/pam.d/sshd has no account line `pam_twofold.so need=factor`.",
            "sshd asks no auth line about a public key alone: who has one comes in without a code.",
            "twofold ssh enable, or add: account required pam_twofold.so need=factor",
        ));
    }
    if service == "login" && !account.iter().any(Step::is_ours) {
        found.push(warning(
            "device_never_on",
            "/etc/pam.d/login asks for a code and has no account line `pam_twofold.so`.".to_owned(),
            "Who sets up a second factor while logging in there has to do it again each time.",
            "twofold login disable && twofold login enable, or add: account required pam_twofold.so",
        ));
    }
    found
}

fn broken(why: &StackError) -> Finding {
    let (code, matters) = match why {
        StackError::Bypass(_) => ("way_around", "Somebody comes in without a code."),
        StackError::NoFirstFactor(_) => ("code_before_password", "Strangers can use up the owner's tries."),
        StackError::NobodyPasses(_)
        | StackError::Unreadable { .. }
        | StackError::Missing(_)
        | StackError::Circle(_)
        | StackError::Nothing(..) => ("stack_broken", "Nobody comes in."),
    };
    error(
        code,
        crate::words::sentence(&why.to_string()),
        matters,
        "Mend the line, or take ours out: twofold DOOR disable",
    )
}

/// A line that leaves out what the first factor is. It is right where the code stands in a password's place, as for PostgreSQL.
fn first_missing(service: &str, step: &Step) -> Option<Finding> {
    let says = |argument: &String| argument.starts_with("first=") || argument == "forward_pass";
    if step.arguments().iter().any(says) {
        return None;
    }
    let what = format!("pam_twofold.so in line {} of /etc/pam.d/{} has no `first=`.", step.line, step.file);
    let why = "It asks everybody for a code, whatever policy says: exemptions and grace do not hold, and nobody sets up a \
               second factor there.";
    let is_known = Door::ALL.iter().any(|door| door.services().contains(&service));
    Some(if is_known {
        let fix = "Write first=above behind it, or first=publickey where sshd has verified a key; docs/pam-module.md has both.";
        warning("first_missing", what, why, fix)
    } else {
        let fix = "Nothing, if it is meant, as for PostgreSQL. Below a module that takes the first factor: write first=above.";
        note("first_missing", what, why, fix)
    })
}

fn writable(file: &Path, path: &str) -> Option<Finding> {
    let found = fs::metadata(file).ok()?;
    (found.mode() & 0o022 != 0 || found.uid() != 0).then(|| {
        error(
            "stack_writable",
            format!("{path} can be written by others than root."),
            "Whoever can write it decides who comes in.",
            format!("chown root:root {path} && chmod 644 {path}"),
        )
    })
}

/// A misspelt option refuses every login.
fn option(step: &Step, argument: &str) -> Option<Finding> {
    let name = argument.trim_start_matches('[').split('=').next().unwrap_or_default();
    let known = matches!(argument, "first=above" | "first=publickey" | "need=factor")
        || matches!(name, "socket" | "timeout" | "lang" | "prompt" | "echo" | "tries")
        || matches!(argument, "forward_pass" | "use_first_pass" | "try_first_pass");
    if !known {
        return Some(error(
            "option_unknown",
            format!("pam_twofold.so in line {} of /etc/pam.d/{} has `{argument}`.", step.line, step.file),
            "An option that the module does not know refuses every login.",
            "Take it away; docs/pam-module.md has the options.",
        ));
    }
    let socket = argument.strip_prefix("socket=")?;
    (!Path::new(socket).exists()).then(|| {
        error(
            "socket_absent",
            format!(
                "pam_twofold.so in line {} of /etc/pam.d/{} asks at {socket}, which is not there.",
                step.line, step.file
            ),
            "Nobody comes in.",
            "Take the option away, or name the authority's socket.",
        )
    })
}

/// `sudo` asks and `sudo -i` does not.
fn halves(place: &Place) -> Vec<Finding> {
    let mut found = Vec::new();
    for door in Door::ALL {
        let states = place.states(door);
        let asks = |state: State| state != State::Off;
        if states.iter().any(|&(_, state)| asks(state)) {
            found.extend(states.iter().filter(|&&(_, state)| !asks(state)).map(|(service, _)| {
                error(
                    "half_a_door",
                    format!("{} asks for a code, and /etc/pam.d/{service} does not.", door.word()),
                    "Somebody comes in without a code, by `sudo -i` or `su -`.",
                    format!("twofold {0} disable && twofold {0} enable", door.word()),
                )
            }));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::*;

    /// What is found where these files are in /etc/pam.d, but who owns them.
    fn found(files: &[(&str, &str)]) -> Vec<(Severity, &'static str)> {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("etc/pam.d")).unwrap();
        for (name, text) in files {
            fs::write(folder.path().join("etc/pam.d").join(name), text).unwrap();
        }
        let found = look(&Place::below(folder.path()));
        found
            .iter()
            .map(|finding| (finding.severity, finding.code))
            .filter(|(_, code)| *code != "stack_writable")
            .collect()
    }

    const ACCOUNT: &str = "account required pam_twofold.so need=factor\naccount required pam_unix.so\n";

    #[test]
    fn a_stack_that_does_not_say_what_its_first_factor_is_is_found() {
        let password = "auth requisite pam_unix.so\nauth requisite pam_twofold.so";
        for (service, severity) in [("sshd", Severity::Warning), ("imap", Severity::Note)] {
            let text = |word: &str| format!("{password}{word}\nauth required pam_permit.so\n{ACCOUNT}");
            assert_eq!(found(&[(service, &text(""))]), [(severity, "first_missing")]);
            assert_eq!(found(&[(service, &text(" first=above"))]), []);
            assert_eq!(found(&[(service, &text(" first=publickey"))]), []);
        }
        // One of ours that says it does not speak for another.
        let two = format!("{password} first=above\nauth requisite pam_twofold.so\n{ACCOUNT}");
        assert_eq!(found(&[("sshd", &two)]), [(Severity::Warning, "first_missing")]);
    }

    #[test]
    fn the_documented_stacks_are_good_ones() {
        let socket = tempfile::NamedTempFile::new().unwrap();
        let postgres = format!(
            "auth requisite pam_twofold.so socket={}\nauth required pam_permit.so\naccount required pam_permit.so\n",
            socket.path().display()
        );
        assert_eq!(found(&[("postgresql", &postgres)]), [(Severity::Note, "first_missing")]);
        let vpn = format!(
            "auth requisite pam_twofold.so forward_pass\nauth requisite pam_unix.so use_first_pass\n\
             auth required pam_permit.so\n{ACCOUNT}"
        );
        assert_eq!(found(&[("openvpn", &vpn)]), []);
        // A claim that does not hold lets strangers use up the owner's tries.
        let claimed = postgres.replace(" socket=", " first=above socket=");
        assert_eq!(found(&[("postgresql", &claimed)]), [(Severity::Error, "code_before_password")]);
    }
}
