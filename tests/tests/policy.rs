//! Policy with the host's real users and groups, the real libpam, and the command that explains it.

use std::fs;

use twofold_tests::pam::{PamHost, Typing, code};
use twofold_tests::{Authority, Door, Setup, run};

/// The service of [`PamHost`], so that a rule may name it.
fn authority(rules: &str) -> Authority {
    let doors = vec![Door { services: vec!["door".to_owned()], ..Door::of("web1") }];
    Authority::with(Setup { doors, more: rules.to_owned(), ..Setup::default() })
}

const DAEMONS: &str = "[[policy.rule]]\nservices = [\"door\"]\ngroups = [\"daemon\"]\nrequire = \"exempt\"\n";

#[test]
fn a_group_of_the_host_is_asked_of_the_host_and_not_through_a_door() {
    let authority = authority(DAEMONS);
    for name in ["daemon", "games"] {
        authority.enrol(name);
    }
    let here = PamHost::asking(&authority.socket());
    let nothing = Typing::fault("error");
    let daemon = here.logs_in("daemon", &nothing);
    daemon.passed_without_being_asked();
    let games = here.logs_in("games", &nothing);
    assert_eq!((games.one("authenticate"), games.all("asked").len()), (code::CONV_ERR, 1));
    let door = PamHost::asking(&authority.door_socket("web1"));
    let daemon = door.logs_in("daemon", &nothing);
    assert_eq!((daemon.one("authenticate"), daemon.all("asked").len()), (code::CONV_ERR, 1));
}

#[test]
fn the_command_says_which_rule_decides_and_why_the_others_do_not() {
    let rules = format!(
        "[[policy.rule]]\nservices = [\"sshd\"]\nrequire = \"exempt\"\n\n{DAEMONS}\n\
         [[policy.rule]]\nnetworks = [\"192.0.2.0/24\"]\nrequire = \"required\"\ngrace = \"8h\"\n"
    )
    .replace("sshd", "door")
    .replacen("services = [\"door\"]\nrequire", "services = [\"door\"]\nttys = [\"tty1\"]\nrequire", 1);
    let authority = authority(&rules);
    authority.enrol("games");
    let check = |more: &[&str]| {
        let base = ["policy", "check", "--service", "door", "--account", "games"];
        authority.twofold(&[&base[..], more].concat()).expect_success()
    };
    let text = check(&["--address", "192.0.2.7", "--auth", "publickey"]);
    assert!(text.contains("games at door must give a code: `required, grace 8 h`"), "{text}");
    let table = text.split_once("ASKS\n").unwrap().1;
    let applies: Vec<&str> = table.lines().collect();
    let words = ["no: ttys", "no: groups", "yes"];
    assert!(
        applies.len() == 3 && applies.iter().zip(words).all(|(line, word)| line.contains(word)),
        "{text}"
    );
    assert!(
        check(&["--address", "192.0.2.7", "--auth", "above", "--group", "daemon"]).contains("needs no code")
    );
    assert!(check(&["--tty", "/dev/tty1", "--auth", "above"]).contains("needs no code"));
    assert!(check(&["--address", "198.51.100.7", "--auth", "above"]).contains("says the default"));
    assert!(check(&["--address", "192.0.2.7"]).contains("no first factor holds"));
    let json = check(&["--address", "192.0.2.7", "--auth", "publickey", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["ask"], &json["decided_by"]), (&"code".into(), &"rule".into()));
    assert_eq!((&json["rules"][0]["key"], &json["grace_seconds"]), (&"ttys".into(), &28_800.into()));
    // The lines are those of the file.
    let line = usize::try_from(json["line"].as_u64().unwrap()).unwrap();
    let file = fs::read_to_string(authority.configuration()).unwrap();
    assert_eq!(file.lines().nth(line), Some("networks = [\"192.0.2.0/24\"]"));
}

#[test]
fn who_begins_a_first_device_is_said_by_groups_and_explained() {
    let enrolment =
        "[enrolment]\nservices = [\"door\"]\ngroups = { daemon = \"invitation\", games = \"self\" }\n";
    let authority = authority(enrolment);
    let check = |name: &str, more: &[&str]| {
        let base = ["policy", "check", "--service", "door", "--account", name, "--auth", "above"];
        authority.twofold(&[&base[..], &["--address", "192.0.2.7"], more].concat()).expect_success()
    };
    for (name, more, says) in [
        ("daemon", &[][..], "A first device takes an invitation, because they are in the group daemon."),
        ("games", &[], "or `twofold enroll` under their own user, because they are in the group games."),
        (
            "games",
            &["--group", "daemon"],
            "A first device takes an invitation, because they are in the group daemon.",
        ),
        ("news", &[], "A first device takes the first factor at a login, as `[enrolment] first` says."),
    ] {
        let said = check(name, more).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(says), "{name}: {said}");
    }
    authority.enrol("news");
    assert!(!check("news", &[]).contains("A first device"), "there is one");
    let json: serde_json::Value = serde_json::from_str(&check("daemon", &["--json"])).unwrap();
    assert_eq!(json["first_device"]["takes"], "invitation");
    fs::write(
        authority.configuration(),
        fs::read_to_string(authority.configuration()).unwrap().replace("daemon =", "sudo ="),
    )
    .unwrap();
    let mistaken = run(authority.daemon().arg("--check"));
    assert!(
        mistaken.code == 78 && mistaken.stderr.contains("enrolment.groups.sudo: is one of privileged_groups"),
        "{mistaken:?}"
    );
}

#[test]
fn rules_that_cannot_hold_keep_the_authority_from_starting() {
    let authority = authority("");
    let good = fs::read_to_string(authority.configuration()).unwrap();
    let at = good.lines().count() + 1;
    let rule = |lines: &str| format!("[[policy.rule]]\n{lines}\nrequire = \"exempt\"\n");
    for (rules, says) in [
        (
            rule("groups = [\"no-such-group\"]"),
            format!(":{}: policy.rule.1.groups.1: there is no group", at + 1),
        ),
        (rule("services = [\"sshhd\"]"), format!(":{}: policy.rule.1.services.1: nobody has", at + 1)),
        (rule("networks = [\"office.example.com\"]"), format!(":{}: policy.rule.1.networks.1: ", at + 1)),
        (
            rule("services = [\"door\"]") + &rule("services = [\"door\"]\nauth = [\"above\"]"),
            format!(":{}: policy.rule.2: can never decide anything", at + 3),
        ),
    ] {
        fs::write(authority.configuration(), format!("{good}{rules}")).unwrap();
        let check = run(authority.daemon().arg("--check"));
        assert_eq!(check.code, 78, "{check:?}");
        assert!(check.stderr.contains(&says), "{says} in {check:?}");
    }
}
