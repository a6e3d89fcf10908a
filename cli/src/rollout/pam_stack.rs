//! What a stack of PAM modules lets happen: every way through it is walked.
//!
//! A change to a stack is only proposed after this has found that nobody reaches the question for a code without a first
//! factor, and nobody passes without having been asked.

use std::collections::BTreeSet;

use super::pam_file::{Action, Control, Item, Phase, What, items};

/// How deep files may include each other, as in libpam.
const DEPTH: usize = 32;

/// Modules that say who somebody is by something that only they know, have or are.
const FIRST_FACTORS: [&str; 17] = [
    "pam_extrausers.so",
    "pam_fprintd.so",
    "pam_himmelblau.so",
    "pam_kanidm.so",
    "pam_krb5.so",
    "pam_ldap.so",
    "pam_lwidentity.so",
    "pam_pkcs11.so",
    "pam_radius_auth.so",
    "pam_ssh_agent_auth.so",
    "pam_sss.so",
    "pam_systemd_home.so",
    "pam_tacplus.so",
    "pam_u2f.so",
    "pam_unix.so",
    "pam_userdb.so",
    "pam_winbind.so",
];

/// Our module.
pub const OURS: &str = "pam_twofold.so";

/// A module of a phase, with files included.
#[derive(Clone, Debug)]
pub struct Step {
    /// The service's own file, or the one that it includes.
    pub file: String,
    /// The line there.
    pub line: usize,
    /// The line in the service's own file that it came by.
    pub top: Item,
    control: Control,
    module: String,
    arguments: Vec<String>,
}

impl Step {
    /// `pam_unix.so in line 3 of common-auth`.
    fn place(&self) -> String {
        format!("{} in line {} of /etc/pam.d/{}", self.module, self.line, self.file)
    }

    /// What the line gives the module.
    pub fn arguments(&self) -> &[String] {
        &self.arguments
    }

    /// Whether every failure ends the login at once.
    pub fn ends_at_failure(&self) -> bool {
        self.control.failures().into_iter().all(|answer| self.control.action(answer) == Action::Die)
    }

    /// Whether it is our module.
    pub fn is_ours(&self) -> bool {
        self.module == OURS
    }

    /// Whether the line says that a module above has taken the first factor. Where it doesn't, wrong codes are counted apart
    /// from the owner's tries, or sshd is asked what it has verified.
    fn claims_first_above(&self) -> bool {
        self.is_ours() && self.arguments.iter().any(|argument| argument == "first=above")
    }
}

/// What is wrong with a stack.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StackError {
    /// A file that is included is not there.
    #[error("/etc/pam.d/{0} is included and cannot be read")]
    Missing(String),
    /// A line that libpam cannot read makes it refuse everybody.
    #[error("libpam cannot read line {line} of /etc/pam.d/{file}")]
    Unreadable {
        /// The file.
        file: String,
        /// The line.
        line: usize,
    },
    /// Files that include each other.
    #[error("/etc/pam.d/{0} includes itself")]
    Circle(String),
    /// No rule of a phase.
    #[error("/etc/pam.d/{0} has no {1} rules of its own, so that /etc/pam.d/other decides: write them")]
    Nothing(String, &'static str),
    /// Somebody may be asked for a code who has given no first factor.
    #[error(
        "a code would also be asked of somebody who has given no right password, who could so use up the owner's tries: \
         above the question each module that checks one must be `requisite`, or end in `die` ({0})"
    )]
    NoFirstFactor(String),
    /// Somebody passes who is never asked.
    #[error("{0} lets people in without a code: make it `requisite`, or take it away")]
    Bypass(String),
    /// Nobody passes.
    #[error("nobody could log in any more: no way through /etc/pam.d/{0} ends well")]
    NobodyPasses(String),
}

/// Reads a file by its name in /etc/pam.d.
pub type Reader<'a> = &'a dyn Fn(&str) -> Option<String>;

/// All steps of a phase of `text`, which is the file `name`.
///
/// # Errors
/// [`StackError`].
pub fn steps(name: &str, text: &str, phase: Phase, read: Reader<'_>) -> Result<Vec<Step>, StackError> {
    let mut found = Vec::new();
    for item in items(text) {
        let mut below = Vec::new();
        expand(name, &item, &item, phase, read, 0, &mut below)?;
        found.append(&mut below);
    }
    Ok(found)
}

fn expand(
    file: &str,
    item: &Item,
    top: &Item,
    phase: Phase,
    read: Reader<'_>,
    depth: usize,
    found: &mut Vec<Step>,
) -> Result<(), StackError> {
    let other = match &item.what {
        What::Unreadable => {
            return Err(StackError::Unreadable { file: file.to_owned(), line: item.line });
        }
        What::Module(of, control, module, arguments) => {
            if *of == phase {
                found.push(Step {
                    file: file.to_owned(),
                    line: item.line,
                    top: top.clone(),
                    control: control.clone(),
                    module: module.clone(),
                    arguments: arguments.clone(),
                });
            }
            return Ok(());
        }
        What::Include(of, _) if *of != phase => return Ok(()),
        What::Include(_, other) | What::IncludeAll(other) => other.trim_start_matches("/etc/pam.d/"),
    };
    if depth == DEPTH {
        return Err(StackError::Circle(other.to_owned()));
    }
    let text = read(other).ok_or_else(|| StackError::Missing(other.to_owned()))?;
    for item in items(&text) {
        expand(other, &item, top, phase, read, depth + 1, found)?;
    }
    Ok(())
}

/// What has happened on one way through a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Way {
    /// The next step.
    at: usize,
    /// libpam's impression: nothing yet, fine, failed.
    verdict: Verdict,
    /// A first factor was right.
    first: bool,
    /// Our module said yes, or that nobody is to be asked.
    asked: bool,
    /// root, who may become anybody.
    root: bool,
    /// The last step that succeeded, for the message.
    last: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Nothing,
    Fine,
    Failed,
}

/// Walks every way through the auth steps of the service `name`, ours among them. A line of ours with `first=above` must be
/// reached by nobody who has given no first factor.
///
/// # Errors
/// [`StackError`]: the first of them that is found.
pub fn check(name: &str, steps: &[Step]) -> Result<(), StackError> {
    if steps.is_empty() {
        return Err(StackError::Nothing(name.to_owned(), "auth"));
    }
    let mut seen = BTreeSet::new();
    let mut open =
        vec![Way { at: 0, verdict: Verdict::Nothing, first: false, asked: false, root: false, last: None }];
    let mut passes = false;
    while let Some(way) = open.pop() {
        if !seen.insert(way) {
            continue;
        }
        let Some(step) = steps.get(way.at) else {
            passes |= ends(steps, &way)?;
            continue;
        };
        if step.claims_first_above() && !way.first {
            let above = steps.get(way.at.saturating_sub(1)).map_or_else(String::new, Step::place);
            return Err(StackError::NoFirstFactor(above));
        }
        for answer in answers(step) {
            let (next, over) = take(steps.len(), step, way, answer);
            if over {
                passes |= ends(steps, &next)?;
            } else {
                open.push(next);
            }
        }
    }
    if passes { Ok(()) } else { Err(StackError::NobodyPasses(name.to_owned())) }
}

/// Whether a way that has ended lets somebody in as it should.
fn ends(steps: &[Step], way: &Way) -> Result<bool, StackError> {
    if way.verdict != Verdict::Fine {
        return Ok(false);
    }
    if way.asked || way.root {
        return Ok(way.asked);
    }
    let last = way.last.and_then(|index| steps.get(index));
    Err(StackError::Bypass(last.map_or_else(|| "a jump".to_owned(), Step::place)))
}

/// What a module may answer.
fn answers(step: &Step) -> Vec<&str> {
    match step.module.as_str() {
        "pam_permit.so" => vec!["success"],
        "pam_deny.so" => vec!["auth_err"],
        _ => {
            let good = ["success", "new_authtok_reqd", "ignore"].into_iter();
            let all = good.chain(step.control.failures());
            all.filter(|&answer| answer != "ignore" || may_ignore(step)).collect()
        }
    }
}

/// Modules that check a first factor answer yes or no, unless they are told to have no opinion of some.
fn may_ignore(step: &Step) -> bool {
    let told = |argument: &String| argument.starts_with("ignore_") || argument == "nouserok";
    !FIRST_FACTORS.contains(&step.module.as_str()) || step.arguments.iter().any(told)
}

/// The way after a step's answer, and whether it is over.
fn take(length: usize, step: &Step, mut way: Way, answer: &str) -> (Way, bool) {
    let good = answer == "success" || answer == "new_authtok_reqd";
    let module = step.module.as_str();
    way.first |= good && FIRST_FACTORS.contains(&module);
    way.asked |= step.is_ours() && (good || answer == "ignore");
    way.root |= good && module == "pam_rootok.so";
    if good {
        way.last = Some(way.at);
    }
    way.at += 1;
    match step.control.action(answer) {
        Action::Ignore => {}
        Action::Reset => way.verdict = Verdict::Nothing,
        Action::Ok => {
            settle(&mut way, answer, good);
        }
        Action::Done => {
            settle(&mut way, answer, good);
            if way.verdict == Verdict::Fine {
                return (way, true);
            }
        }
        Action::Bad => way.verdict = Verdict::Failed,
        Action::Die => {
            way.verdict = Verdict::Failed;
            return (way, true);
        }
        Action::Jump(count) => {
            way.at += count;
            if way.at > length {
                // libpam refuses a jump beyond the end.
                way.verdict = Verdict::Failed;
                return (way, true);
            }
        }
    }
    (way, false)
}

/// `ok`: an answer counts unless something failed before; `ignore` never does.
fn settle(way: &mut Way, answer: &str, good: bool) {
    if answer == "ignore" || way.verdict == Verdict::Failed {
        return;
    }
    way.verdict = if good { Verdict::Fine } else { Verdict::Failed };
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMON: &str = "auth [success=1 default=ignore] pam_unix.so nullok\nauth requisite pam_deny.so\n\
                          auth required pam_permit.so\n";

    fn judge(text: &str) -> Result<(), StackError> {
        let read = |name: &str| (name == "common-auth").then(|| COMMON.to_owned());
        check("x", &steps("x", text, Phase::Auth, &read)?)
    }

    const ASK: &str = "auth requisite pam_twofold.so first=above\n";

    #[test]
    fn what_asks_everybody_after_a_password_is_good() {
        for above in [
            "@include common-auth\n",
            "auth include common-auth\n",
            "auth substack common-auth\n",
            "auth sufficient pam_rootok.so\n@include common-auth\n",
            "auth requisite pam_unix.so\n",
            "auth required pam_env.so\nauth [success=ok default=die] pam_sss.so\n",
            "auth optional pam_faildelay.so\nauth requisite pam_nologin.so\n@include common-auth\nauth optional pam_group.so\n",
            "auth [success=2 default=ignore] pam_unix.so\nauth [success=1 default=ignore] pam_ldap.so\n\
             auth requisite pam_deny.so\nauth required pam_permit.so\n",
        ] {
            assert_eq!(judge(&format!("{above}{ASK}")), Ok(()), "{above}");
        }
        let alone = "auth requisite pam_twofold.so first=publickey\nauth sufficient pam_permit.so\n@include common-auth\n";
        assert_eq!(judge(alone), Ok(()));
    }

    #[test]
    fn a_line_that_claims_no_first_factor_may_stand_above_the_password() {
        for text in [
            // PostgreSQL's, and OpenVPN's, of docs/pam-module.md.
            "auth requisite pam_twofold.so socket=/run/x\nauth required pam_permit.so\n",
            "auth requisite pam_twofold.so forward_pass\nauth requisite pam_unix.so use_first_pass\nauth required pam_permit.so\n",
            "auth requisite pam_unix.so\nauth requisite pam_twofold.so\nauth required pam_permit.so\n",
        ] {
            assert_eq!(judge(text), Ok(()), "{text}");
        }
        let around = "auth sufficient pam_unix.so\nauth requisite pam_twofold.so forward_pass\n";
        assert!(matches!(judge(around), Err(StackError::Bypass(_))));
    }

    #[test]
    fn a_code_is_never_asked_before_a_password() {
        for above in [
            "",
            "auth required pam_unix.so\n",
            "auth optional pam_unix.so\n",
            "auth requisite pam_env.so\n",
            "auth required pam_permit.so\n",
            "auth [success=ok user_unknown=ignore default=die] pam_sss.so\n",
            "auth [success=1 default=ignore] pam_unix.so\nauth required pam_deny.so\nauth required pam_permit.so\n",
        ] {
            let judged = judge(&format!("{above}{ASK}"));
            assert!(matches!(judged, Err(StackError::NoFirstFactor(_))), "{above} {judged:?}");
        }
    }

    #[test]
    fn a_way_around_the_code_is_found() {
        for (above, line) in [
            ("auth sufficient pam_wheel.so trust\n@include common-auth\n", "pam_wheel.so in line 1"),
            ("auth sufficient pam_unix.so\nauth requisite pam_sss.so\n", "pam_unix.so in line 1"),
            (
                "auth requisite pam_unix.so\nauth [success=done default=die] pam_tally2.so\n",
                "pam_tally2.so in line 2",
            ),
            (
                "auth requisite pam_unix.so\nauth [success=1 default=ignore] pam_succeed_if.so user ingroup x\n",
                "line",
            ),
        ] {
            let judged = judge(&format!("{above}{ASK}"));
            assert!(
                matches!(&judged, Err(StackError::Bypass(place)) if place.contains(line)),
                "{above} {judged:?}"
            );
        }
    }

    #[test]
    fn what_would_shut_everybody_out_or_cannot_be_read_is_found() {
        let deny = format!("@include common-auth\n{ASK}auth required pam_deny.so\n");
        assert_eq!(judge(&deny), Err(StackError::NobodyPasses("x".to_owned())));
        let far = "auth [success=9 default=die] pam_unix.so\nauth requisite pam_twofold.so first=above\n";
        assert_eq!(judge(far), Err(StackError::NobodyPasses("x".to_owned())));
        assert!(matches!(judge("@include nothing\n"), Err(StackError::Missing(_))));
        assert!(matches!(judge("auth requird pam_unix.so\n"), Err(StackError::Unreadable { line: 1, .. })));
        assert!(matches!(judge("session required pam_unix.so\n"), Err(StackError::Nothing(..))));
        let circle = |_: &str| Some("@include a\n".to_owned());
        assert!(matches!(steps("a", "@include a\n", Phase::Auth, &circle), Err(StackError::Circle(_))));
    }
}
