//! `twofold doctor`: what is wrong on this host, why it matters, and what to do.

use std::cmp::Reverse;

use crate::desk::Desk;
use crate::doctor::{Finding, Severity, denials, files, keys, people, sshd, stacks};
use crate::failure::Failure;
use crate::output::visible_lines;
use crate::rollout::journal::Place;
use crate::rollout::ready;

/// Looks at everything, and prints the worst first.
pub fn run(desk: &Desk) -> Result<(), Failure> {
    super::rollout::only_root("doctor")?;
    let (place, everybody) = (Place::default(), ready::people());
    let mut found = files::look(desk);
    found.extend(denials::look(crate::time::now()));
    found.extend(keys::look(desk));
    found.extend(stacks::look(&place));
    found.extend(sshd::look(&place, &everybody));
    // Without the authority nothing is known about accounts, and that it is away has been found.
    found.extend(people::look(desk, &place, &everybody).unwrap_or_default());
    found.sort_by_key(|finding| Reverse(finding.severity));
    found.dedup();
    for finding in &found {
        desk.screen.object(finding)?;
        desk.screen.line(&visible_lines(&told(finding)))?;
    }
    match found.first().map(|worst| worst.severity.status()) {
        None | Some(0) => Ok(desk.screen.say("Nothing is wrong here, as far as can be seen.")?),
        Some(status) => Err(Failure::Found(status)),
    }
}

fn told(finding: &Finding) -> String {
    let mark = match finding.severity {
        Severity::Error => "ERROR",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    format!("{mark}: {}\n  Why: {}\n  Fix: {}\n", finding.what, finding.why, finding.fix)
}
