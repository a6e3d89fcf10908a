//! What the authority's configuration promises.

use twofold_shared::config::read;
use twofold_shared::wire::{Language, Requirement};

use super::*;

fn config(text: &str) -> Result<Config, String> {
    read(Path::new("authority.toml"), text, Config::check).map_err(|mistakes| mistakes.to_string())
}

/// The one mistake in `text`.
fn mistake(text: &str) -> String {
    let mistakes = config(text).unwrap_err();
    assert_eq!(mistakes.lines().count(), 1, "{mistakes}");
    mistakes
}

fn listener(changes: &str) -> String {
    let mut text = String::from("host = \"here\"\n[[listener]]\n");
    let keys = [
        ("path", "\"/run/twofold/web1.sock\""),
        ("services", "[\"sshd\", \"sudo\"]"),
        ("host", "\"web1\""),
        ("realm", "\"unix\""),
    ];
    for (key, value) in keys {
        if !changes.lines().any(|line| line.starts_with(key)) {
            text.push_str(&format!("{key} = {value}\n"));
        }
    }
    text + changes
}

#[test]
fn an_empty_file_is_a_whole_configuration() {
    let config = config("host = \"here\"").unwrap();
    assert_eq!(config.ledger, Path::new("/var/lib/twofold"));
    assert_eq!(config.socket, Path::new("/run/twofold/authority.sock"));
    assert!(config.gate.is_none() && config.listeners.is_empty());
    assert_eq!((config.policy.default, config.policy.services.len()), (Requirement::Required, 0));
    assert_eq!(config.enrolment.first, FirstEnrolment::Login);
    assert_eq!(config.enrolment.services, ["sshd", "login"]);
    let invited = |group: &str| (group.to_owned(), FirstEnrolment::Invitation);
    assert_eq!(config.enrolment.groups, ["sudo", "wheel"].map(invited).into());
    assert!(config.operators_at_web);
    assert_eq!(config.issuer, "Twofold here");
}

#[test]
fn what_apps_call_the_service_is_as_written_and_fits_above_a_code() {
    let named = |issuer: &str| format!("host = \"here\"\nissuer = \"{issuer}\"");
    assert_eq!(config(&named(" Example Corp ")).unwrap().issuer, "Example Corp");
    for odd in ["", "  ", "Example: Corp", "a\\nb", &"x".repeat(61)] {
        assert!(
            mistake(&named(odd)).contains("issuer: must have 1 to 60 characters, and no colon"),
            "{odd:?}"
        );
    }
}

#[test]
fn an_invitations_link_and_the_privileged_groups_are_as_written() {
    assert!(
        config("host = \"here\"\n[enrolment]\nprivileged_groups = []").unwrap().enrolment.groups.is_empty()
    );
    for odd in
        ["id.example.com", "https://", "https://id.example.com/", "https://ID.example.com", "https://a b"]
    {
        let text = format!("host = \"here\"\n[gate]\nuser = \"0\"\nportal = \"{odd}\"");
        assert!(mistake(&text).contains("gate.portal: must be the portal's origin"), "{odd}");
    }
    assert!(
        mistake("host = \"here\"\n[enrolment]\nprivileged_groups = [\"a,b c\"]")
            .contains("privileged_groups")
    );
}

#[test]
fn who_begins_a_first_enrolment_is_said_for_groups_too_and_mistakes_there_are_told() {
    let with = |lines: &str| format!("host = \"here\"\n[enrolment]\n{lines}");
    for (lines, says) in [
        (
            "groups = { sales = \"never\" }",
            "authority.toml:3: enrolment.groups.sales: must be one of invitation, login, self",
        ),
        ("groups = { \"a,b c\" = \"self\" }", "enrolment.groups.a,b c: "),
        ("groups = { sudo = \"self\" }", "enrolment.groups.sudo: is one of privileged_groups too"),
        ("groups = [\"sales\"]", "enrolment.groups: expected a table, found a list"),
    ] {
        let found = mistake(&with(lines));
        assert!(found.contains(says), "{found}");
    }
    let config = config(&with("privileged_groups = []\ngroups = { sudo = \"self\" }")).unwrap();
    assert_eq!(config.enrolment.groups, [("sudo".to_owned(), FirstEnrolment::Own)].into());
}

#[test]
fn the_kernels_host_name_is_the_default() {
    assert!(!config("").unwrap().host.is_empty());
}

#[test]
fn every_key_is_read() {
    let text = r#"
        ledger = "/srv/ledger"
        keys = "/srv/keys"
        host = "Bastion"
        socket = "/run/a/authority.sock"
        idle_exit = "5m"
        operators_at_web = false
        language = "de"
        [gate]
        user = "0"
        realms = ["wiki.example.com"]
        portal = "https://id.example.com"
        [[listener]]
        path = "/run/a/web1.sock"
        services = ["sshd", "sudo"]
        host = "web1"
        realm = "wiki"
        enrol = true
        [policy]
        default = "optional"
        services = { cron = "exempt" }
        [enrolment]
        first = "self"
        services = ["sshd", "lightdm"]
        privileged_groups = ["root", "nobody-has-this"]
        groups = { daemon = "login", contractors = "invitation" }
        [sessions]
        idle = "30m"
        absolute = "1d"
        [audit]
        keep = "30d"
        keep_mib = 10
        syslog = false
        [limits]
        connections_per_uid = 10
        idle = "2m"
        request = "20s"
    "#;
    let config = config(text).unwrap();
    assert_eq!(config.host, "bastion");
    assert_eq!(config.idle_exit, 5 * MINUTE);
    assert!(!config.operators_at_web);
    let gate = config.gate.as_ref().unwrap();
    assert_eq!((gate.uid, gate.realms.as_slice()), (0, &[Realm::parse("wiki.example.com").unwrap()][..]));
    let door = &config.listeners[0].door;
    assert_eq!((door.host.as_str(), door.enrol, door.services.len()), ("web1", true, 2));
    assert_eq!(config.policy.services["cron"], Requirement::Exempt);
    assert_eq!(config.policy.default, Requirement::Optional);
    assert_eq!(config.enrolment.first, FirstEnrolment::Own);
    assert_eq!(config.enrolment.services, ["sshd", "lightdm"]);
    assert_eq!(config.language, Language::German);
    let words: Vec<_> =
        config.enrolment.groups.iter().map(|(group, first)| (group.as_str(), *first)).collect();
    let (invitation, login) = (FirstEnrolment::Invitation, FirstEnrolment::Login);
    let all = [
        ("contractors", invitation),
        ("daemon", login),
        ("nobody-has-this", invitation),
        ("root", invitation),
    ];
    assert_eq!(words, all);
    assert_eq!(config.enrolment.groups_here, ["daemon", "root"]);
    assert_eq!(config.gate.unwrap().portal.as_deref(), Some("https://id.example.com"));
    assert_eq!((config.sessions.idle, config.sessions.absolute), (30 * MINUTE, DAY));
    assert_eq!((config.audit.keep, config.audit.keep_mib, config.audit.syslog), (30 * DAY, 10, false));
    assert_eq!(config.limits.connections_per_uid, 10);
    assert_eq!((config.limits.idle, config.limits.request), (2 * MINUTE, 20 * SECOND));
}

#[test]
fn neither_gate_nor_door_can_speak_for_local() {
    let gate = mistake("[gate]\nuser = \"0\"\nrealms = [\"wiki\", \"local\"]");
    assert!(gate.starts_with("authority.toml:3: gate.realms.2: the gate cannot speak for `local`"), "{gate}");
    assert!(mistake(&listener("realm = \"local\"")).contains("a door cannot speak for `local`"));
    assert!(mistake("[gate]\nuser = \"0\"\nrealms = [\"Wiki\"]").contains("lower-case"));
}

#[test]
fn nobody_enrols_unix_users_through_a_door() {
    let found = mistake(&listener("enrol = true"));
    assert!(found.contains("listener.1.enrol: cannot be true with realm \"unix\""), "{found}");
    assert!(config(&listener("realm = \"wiki\"\nenrol = true")).is_ok());
}

#[test]
fn one_path_is_one_socket() {
    assert!(mistake(&listener("path = \"/run/twofold/authority.sock\"")).contains("main socket"));
    assert!(mistake(&listener("path = \"/run//twofold/./authority.sock\"")).contains("main socket"));
    let second = "[[listener]]\npath = \"/run/twofold/web1.sock\"\nservices = [\"su\"]\nhost = \"b\"\nrealm = \"unix\"";
    assert!(mistake(&(listener("") + second)).contains("another listener has the path"));
    assert!(mistake("socket = \"run/authority.sock\"").contains("must be an absolute path"));
    assert!(mistake(&format!("socket = \"/{}\"", "x".repeat(107))).contains("too long for a socket"));
    assert!(mistake("ledger = \"/srv/a\"\nkeys = \"/srv/a/keys\"").contains("inside the ledger"));
}

#[test]
fn a_door_is_not_this_machine() {
    assert!(mistake(&listener("host = \"HERE\"")).contains("this machine's own"));
}

#[test]
fn a_door_names_everything_it_grants() {
    for key in ["path", "services", "host", "realm"] {
        let whole = listener("");
        let without: String = whole
            .lines()
            .filter(|line| !line.starts_with(key) || line.contains("here"))
            .map(|line| format!("{line}\n"))
            .collect();
        assert!(mistake(&without).contains(&format!("listener.1.{key}: is missing")), "{without}");
    }
    assert!(mistake(&listener("services = []")).contains("listener.1.services: is missing"));
    assert!(mistake(&listener("services = [\"su\", \"su\"]")).contains("is there twice"));
    assert!(mistake(&listener("services = [\"su do\"]\n")).contains("a service is up to 64"));
}

#[test]
fn the_gates_user_must_exist() {
    assert!(mistake("[gate]\nuser = \"no-such-user-here\"").contains("useradd --system no-such-user-here"));
    assert_eq!(config("[gate]\nuser = \"root\"").unwrap().gate.unwrap().uid, 0);
    assert!(mistake("[gate]\nrealms = []").contains("gate.user: is missing"));
}

/// A rule for sshd at a door, with these lines more.
fn rule(lines: &str) -> String {
    let services = if lines.contains("services =") { "" } else { "services = [\"sshd\"]\n" };
    let require = if lines.contains("require =") { "" } else { "require = \"exempt\"\n" };
    format!("{}\n[[policy.rule]]\n{services}{require}{lines}\n", listener(""))
}

#[test]
fn a_rule_is_read_whole() {
    let text = rule(
        "groups = [\"root\"]\nnetworks = [\"10.0.0.0/8\", \"::ffff:192.0.2.7\", \"2001:db8::/32\"]\n\
         auth = [\"publickey\", \"above\"]\nrequire = \"optional\"",
    );
    let policy = config(&text).unwrap().policy;
    let rule = &policy.rules[0];
    assert_eq!((rule.line, rule.require), (8, Requirement::Optional));
    let networks: Vec<String> = rule.networks.iter().map(ToString::to_string).collect();
    assert_eq!(networks, ["10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32"]);
    assert_eq!((rule.services.len(), rule.groups.len(), rule.auth.len()), (1, 1, 2));
}

#[test]
fn a_rule_that_names_what_nobody_has_is_refused_with_its_line_and_key() {
    for (lines, key, says) in [
        ("groups = [\"root\", \"no-such-group-here\"]", "groups.2", "there is no group `no-such-group-here`"),
        ("services = [\"no-such-service\"]", "services.1", "nobody has the service"),
        ("services = [\"su do\"]", "services.1", "a service is up to 64"),
        ("networks = [\"localhost\"]", "networks.1", "names are never resolved"),
        ("networks = [\"office.example.com\"]", "networks.1", "names are never resolved"),
        ("networks = [\"10.0.0.1/8\"]", "networks.1", "without bits beyond its prefix"),
        ("networks = [\"::ffff:10.0.0.0/104\"]", "networks.1", "must be an address or a network"),
        ("ttys = [\"*\"]", "ttys.1", "a terminal is a name"),
        ("auth = [\"none\"]", "auth.1", "everybody needs a code"),
        ("auth = [\"public-key\"]", "auth.1", "must be one of publickey"),
        ("auth = [\"above\", \"above\"]", "auth.2", "is there twice"),
        ("require = \"enrol-at-login\"", "require", "must be one of required, optional, exempt"),
        ("grace = \"8h\"", "grace", "means nothing where nobody is asked"),
        ("grace = \"8d\"\nrequire = \"required\"", "grace", "must be between 1m and 7days"),
        ("group = [\"root\"]", "group", "did you mean `groups`?"),
    ] {
        let found = mistake(&rule(lines));
        let start = format!("policy.rule.1.{key}: ");
        assert!(found.contains(&start) && found.contains(says), "{lines}: {found}");
        assert!(found.starts_with("authority.toml:"), "{found}");
    }
    assert!(mistake(&rule("services = []")).contains("services: names nothing"));
    let found = mistake(&rule("networks = [\"10.0.0.0/8\"]\nttys = [\"tty1\"]"));
    assert!(found.contains("policy.rule.1: has networks and ttys"), "{found}");
    let without = format!("{}\n[[policy.rule]]\nservices = [\"sshd\"]\n", listener(""));
    assert!(mistake(&without).contains("policy.rule.1.require: is missing"));
}

#[test]
fn a_rule_that_another_hides_can_never_decide_and_is_refused() {
    let hidden = rule("networks = [\"10.0.0.0/8\"]")
        + "[[policy.rule]]\nservices = [\"sshd\"]\nnetworks = [\"10.1.0.0/16\"]\nrequire = \"required\"\n";
    let found = mistake(&hidden);
    assert!(found.contains("authority.toml:12: policy.rule.2: can never decide anything"), "{found}");
    assert!(found.contains("the rule in line 8 comes first"), "{found}");
    let sooner = rule("networks = [\"10.1.0.0/16\"]")
        + "[[policy.rule]]\nservices = [\"sshd\"]\nnetworks = [\"10.0.0.0/8\"]\nrequire = \"required\"\n";
    assert_eq!(config(&sooner).unwrap().policy.rules.len(), 2);
    let service = rule("") + "[policy.services]\nsshd = \"optional\"\n";
    assert!(mistake(&service).contains("policy.services.sshd: can never decide anything"));
}

#[test]
fn mistakes_in_all_tables_are_reported_together() {
    let text = "ledgr = \"/a\"\n[gate]\nusr = \"0\"\n[policy]\ndefault = \"maybe\"\n[policy.services]\ncron = 1\n\
        [sessions]\nidle = \"2h\"\nabsolute = \"1h\"\n[limits]\nrequest = \"1s\"\n[[listener]]\n";
    let mistakes = config(text).unwrap_err();
    for key in [
        "ledgr",
        "gate.user",
        "gate.usr",
        "policy.default",
        "policy.services.cron",
        "sessions.idle",
        "limits.request",
        "listener.1.path",
        "listener.1.services",
        "listener.1.host",
        "listener.1.realm",
    ] {
        assert!(mistakes.contains(&format!(": {key}: ")), "{key} in\n{mistakes}");
    }
}

#[test]
fn the_packaged_example_is_valid_and_shows_every_default() {
    let text = include_str!("../../../packaging/authority.toml");
    let example = config(text).unwrap();
    let empty = config("").unwrap();
    let defaults = |config: &Config| {
        format!(
            "{:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
            config.ledger,
            config.keys,
            config.socket,
            config.idle_exit,
            config.operators_at_web,
            config.policy,
            config.enrolment,
            config.sessions,
            config.audit,
            config.limits
        )
    };
    assert_eq!(defaults(&example), defaults(&empty));
    // With every commented key switched on it is still valid: no comment lies about a key.
    let whole: String = text
        .lines()
        .map(|line| line.strip_prefix("#:").map_or(line, str::trim_start).to_owned() + "\n")
        .collect();
    let whole = config(&whole.replace("user = \"twofold-gate\"", "user = \"0\"")).unwrap();
    assert!(whole.gate.is_some() && !whole.listeners.is_empty() && !whole.policy.services.is_empty());
    assert!(!whole.policy.rules.is_empty());
}
