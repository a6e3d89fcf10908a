//! sshd's configuration, as it comes to for everybody who can log in.

use super::{Finding, error, warning};
use crate::rollout::door::{Door, State};
use crate::rollout::journal::Place;
use crate::rollout::machine;
use crate::rollout::ready::{Person, is_concerned};
use crate::rollout::sshd_file::{Files, MAIN, overrides};

/// Everything here, where sshd's stack asks for a code.
pub fn look(place: &Place, people: &[Person]) -> Vec<Finding> {
    if place.states(Door::Ssh).iter().all(|&(_, state)| state == State::Off) {
        return Vec::new();
    }
    if let Err(complaint) = machine::sshd_accepts() {
        return vec![error(
            "sshd_broken",
            format!("sshd does not take its configuration: {complaint}"),
            "It will not start again, and refuses to be reloaded.",
            "Mend the line that it names, then: sshd -t",
        )];
    }
    let mut found: Vec<Finding> = overrides(&Files::read(place, MAIN).unwrap_or_default(), place)
        .into_iter()
        .map(|setting| {
            warning(
                "match_says_otherwise",
                format!(
                    "{} line {} says `{} {}` for `Match {}`.",
                    setting.file,
                    setting.line,
                    setting.keyword,
                    setting.value,
                    setting.within.unwrap_or_default()
                ),
                "Those logins are asked otherwise than all others.",
                "Take it out, unless it is meant.",
            )
        })
        .collect();
    for person in people.iter().filter(|person| is_concerned(Door::Ssh, person)) {
        found.extend(settings(person));
    }
    found
}

fn settings(person: &Person) -> Vec<Finding> {
    let name = &person.name;
    let Some(settings) = machine::sshd_settings(name) else { return Vec::new() };
    let value = |keyword: &str| {
        settings.lines().find_map(|line| line.strip_prefix(keyword)?.strip_prefix(' ')).unwrap_or_default()
    };
    let fix = "twofold ssh disable && twofold ssh enable writes a file that sshd reads first.";
    let mut found = Vec::new();
    if value("usepam") != "yes" {
        found.push(error(
            "no_pam",
            format!("sshd does not ask PAM about {name}."),
            "Nobody is asked for a code.",
            fix,
        ));
    }
    if value("kbdinteractiveauthentication") != "yes" {
        found.push(error(
            "no_question",
            format!("sshd has keyboard-interactive turned off for {name}."),
            "Without it sshd cannot ask for a code, and who must give one does not come in.",
            fix,
        ));
    }
    let ways: Vec<&str> = value("authenticationmethods").split_whitespace().collect();
    let short =
        ways.iter().find(|way| !way.split(',').any(|method| method.starts_with("keyboard-interactive")));
    if let Some(way) = short {
        found.push(error(
            "way_without_question",
            format!("sshd would let {name} in by `{way}`, without a question."),
            "PAM's account line refuses it unless policy exempts them; without that line they are in.",
            fix,
        ));
    }
    if value("passwordauthentication") == "yes" {
        found.push(warning(
            "password_method",
            format!("sshd offers {name} its `password` method."),
            "It can ask one question only, so that a password is tried and then refused.",
            fix,
        ));
    }
    found
}
