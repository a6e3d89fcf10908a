//! What the rules promise.

use proptest::prelude::*;

use super::*;

fn any_rule() -> Rule {
    Rule {
        line: 1,
        services: Vec::new(),
        groups: Vec::new(),
        networks: Vec::new(),
        ttys: Vec::new(),
        auth: Vec::new(),
        require: Requirement::Required,
        grace: None,
    }
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|&text| text.to_owned()).collect()
}

fn networks(list: &[&str]) -> Vec<IpNet> {
    list.iter().map(|text| text.parse().unwrap()).collect()
}

fn ttys(list: &[&str]) -> Vec<Tty> {
    list.iter().map(|text| Tty::parse(text).unwrap()).collect()
}

fn at<'a>(place: Place<'a>, groups: Option<&'a [String]>) -> Login<'a> {
    Login { service: "sshd", groups, place, passed: vec![Passed::Sshd(AuthMethod::Publickey)] }
}

fn address(text: &str) -> Place<'_> {
    Place::Address(text.parse().unwrap())
}

const NOBODY: Option<&[String]> = Some(&[]);

#[test]
fn every_key_has_to_fit_and_a_key_that_is_left_out_always_does() {
    let here = at(address("192.0.2.7"), NOBODY);
    assert_eq!(any_rule().applies(&here), Applies::Yes);
    let admins = texts(&["admins"]);
    let mine = at(address("192.0.2.7"), Some(&admins));
    for (rule, login, applies) in [
        (Rule { services: texts(&["sudo", "sshd"]), ..any_rule() }, &here, Applies::Yes),
        (Rule { services: texts(&["sudo"]), ..any_rule() }, &here, Applies::No("services")),
        (Rule { groups: texts(&["wheel", "admins"]), ..any_rule() }, &mine, Applies::Yes),
        (Rule { groups: texts(&["wheel"]), ..any_rule() }, &mine, Applies::No("groups")),
        (Rule { networks: networks(&["192.0.2.0/24"]), ..any_rule() }, &here, Applies::Yes),
        (Rule { networks: networks(&["10.0.0.0/8"]), ..any_rule() }, &here, Applies::No("networks")),
        (Rule { ttys: ttys(&["*", "tty1"][1..]), ..any_rule() }, &here, Applies::No("ttys")),
        (Rule { auth: vec![Passed::Above], ..any_rule() }, &here, Applies::No("auth")),
        (Rule { auth: vec![Passed::Sshd(AuthMethod::Publickey)], ..any_rule() }, &here, Applies::Yes),
    ] {
        assert_eq!(rule.applies(login), applies, "{rule:?}");
    }
    let both = Rule { services: texts(&["sshd"]), networks: networks(&["10.0.0.0/8"]), ..any_rule() };
    assert_eq!(both.applies(&here), Applies::No("networks"));
}

#[test]
fn an_ipv4_address_is_one_however_it_is_written() {
    let rule = Rule { networks: networks(&["192.0.2.0/24"]), ..any_rule() };
    assert_eq!(rule.applies(&at(address("::ffff:192.0.2.7"), NOBODY)), Applies::Yes);
    let everything = Rule { networks: networks(&["::/0"]), ..any_rule() };
    assert_eq!(everything.applies(&at(address("::ffff:192.0.2.7"), NOBODY)), Applies::No("networks"));
}

#[test]
fn a_terminal_is_named_whole_or_by_its_beginning() {
    let rule = |list: &[&str]| Rule { ttys: ttys(list), ..any_rule() };
    let on = |terminal| at(Place::Terminal(terminal), NOBODY);
    assert_eq!(rule(&["/dev/tty1"]).applies(&on("tty1")), Applies::Yes);
    assert_eq!(rule(&["tty1"]).applies(&on("tty10")), Applies::No("ttys"));
    assert_eq!(rule(&["pts/*"]).applies(&on("pts/3")), Applies::Yes);
    assert_eq!(rule(&["pts/*"]).applies(&at(Place::Unknown, NOBODY)), Applies::Unknown("ttys"));
    for odd in ["", "*", "/dev/", "a b", "tty*1", "tty\n", &"x".repeat(65)] {
        assert!(Tty::parse(odd).is_err(), "{odd:?}");
    }
}

#[test]
fn where_it_cannot_be_told_the_stricter_answer_holds() {
    let admins = |require| Rule { groups: texts(&["admins"]), require, ..any_rule() };
    let policy =
        |require, default| Policy { default, services: BTreeMap::new(), rules: vec![admins(require)] };
    let door = at(address("192.0.2.7"), None);
    let decided = policy(Requirement::Required, Requirement::Exempt).decide(&door);
    assert_eq!((decided.require, decided.by), (Requirement::Required, By::Rule(0)));
    let decided = policy(Requirement::Exempt, Requirement::Required).decide(&door);
    assert_eq!((decided.require, decided.by), (Requirement::Required, By::Default));
    assert_eq!(decided.rules, [Applies::Unknown("groups")]);
}

#[test]
fn grace_is_the_deciding_rules_and_never_longer_than_a_rule_allows_that_may_apply() {
    let hours = |hours: u64| Some(Duration::from_secs(hours * 3600));
    let doubtful = |require, grace| Rule { groups: texts(&["admins"]), require, grace, ..any_rule() };
    let last = Rule { grace: hours(8), ..any_rule() };
    let grace = |first: Rule| {
        let policy = Policy {
            default: Requirement::Required,
            services: BTreeMap::new(),
            rules: vec![first, last.clone()],
        };
        policy.decide(&at(address("192.0.2.7"), None)).grace
    };
    assert_eq!(grace(doubtful(Requirement::Exempt, None)), hours(8));
    assert_eq!(grace(doubtful(Requirement::Required, None)), None);
    assert_eq!(grace(doubtful(Requirement::Required, hours(2))), hours(2));
    assert_eq!(grace(doubtful(Requirement::Required, hours(9))), hours(8));
}

#[test]
fn a_rule_covers_what_it_applies_to_and_no_more() {
    let ssh = Rule { services: texts(&["sshd", "sudo"]), ..any_rule() };
    assert!(any_rule().covers(&ssh) && ssh.covers(&ssh) && !ssh.covers(&any_rule()));
    let wide = Rule { networks: networks(&["10.0.0.0/8"]), ..any_rule() };
    let narrow = Rule { networks: networks(&["10.1.0.0/16"]), ..any_rule() };
    assert!(wide.covers(&narrow) && !narrow.covers(&wide));
    let all = Rule { ttys: ttys(&["tty*"]), ..any_rule() };
    let one = Rule { ttys: ttys(&["tty1"]), ..any_rule() };
    assert!(all.covers(&one) && !one.covers(&all));
}

fn some<T: Clone + std::fmt::Debug + 'static>(of: Vec<T>) -> impl Strategy<Value = Vec<T>> {
    let most = of.len().min(2);
    proptest::sample::subsequence(of, 0..=most)
}

fn require() -> impl Strategy<Value = Requirement> {
    prop_oneof![Just(Requirement::Exempt), Just(Requirement::Optional), Just(Requirement::Required)]
}

fn passed() -> Vec<Passed> {
    vec![Passed::Above, Passed::Sshd(AuthMethod::Publickey), Passed::Sshd(AuthMethod::Password)]
}

fn rule() -> impl Strategy<Value = Rule> {
    (
        some(texts(&["sshd", "sudo", "su"])),
        some(texts(&["admins", "staff"])),
        some(networks(&["10.0.0.0/8", "10.1.0.0/16", "2001:db8::/32"])),
        some(ttys(&["tty*", "tty1", "pts/*"])),
        some(passed()),
        require(),
        proptest::option::of(60_u64..600_000),
    )
        .prop_map(|(services, groups, networks, ttys, auth, require, grace)| Rule {
            line: 1,
            services,
            groups,
            networks,
            ttys,
            auth,
            require,
            grace: grace.map(Duration::from_secs).filter(|_| require != Requirement::Exempt),
        })
}

fn policy() -> impl Strategy<Value = Policy> {
    (proptest::collection::vec(rule(), 0..6), require(), proptest::option::of(require())).prop_map(
        |(rules, default, sshd)| {
            let services = sshd.map(|sshd| ("sshd".to_owned(), sshd)).into_iter().collect();
            Policy { default, services, rules }
        },
    )
}

/// A login: service, groups, place and what has passed, where all of it is known.
fn login() -> impl Strategy<Value = (&'static str, Vec<String>, Place<'static>, Vec<Passed>)> {
    let places = prop_oneof![
        Just(address("10.1.2.3")),
        Just(address("2001:db8::1")),
        Just(address("192.0.2.7")),
        Just(Place::Terminal("tty1")),
        Just(Place::Terminal("pts/0")),
    ];
    (prop_oneof![Just("sshd"), Just("sudo")], some(texts(&["admins", "staff"])), places, some(passed()))
}

proptest! {
    #[test]
    fn the_first_rule_that_applies_decides(policy in policy(), (service, groups, place, passed) in login()) {
        let login = Login { service, groups: Some(&groups), place, passed };
        let decision = policy.decide(&login);
        let first = policy.rules.iter().find(|rule| rule.applies(&login) == Applies::Yes);
        match first {
            Some(rule) => prop_assert_eq!((decision.require, decision.grace), (rule.require, rule.grace)),
            None => prop_assert_eq!(
                (decision.require, decision.grace),
                (policy.services.get(service).copied().unwrap_or(policy.default), None)
            ),
        }
    }

    /// Whatever the truth is that cannot be told: the answer is never weaker than the deciding rule's would be.
    #[test]
    fn the_answer_is_never_weaker_than_the_deciding_rules(
        policy in policy(), (service, groups, place, passed) in login(), hidden in (any::<bool>(), any::<bool>())
    ) {
        let truth = Login { service, groups: Some(&groups), place, passed };
        let mut seen = truth.clone();
        if hidden.0 { seen.groups = None; }
        if hidden.1 { seen.place = Place::Unknown; }
        let (truth, seen) = (policy.decide(&truth), policy.decide(&seen));
        prop_assert!(strictness(seen.require) >= strictness(truth.require), "{:?} {:?}", seen, truth);
        if truth.require != Requirement::Exempt {
            prop_assert!(seen.grace.unwrap_or_default() <= truth.grace.unwrap_or_default(), "{:?} {:?}", seen, truth);
        }
    }

    #[test]
    fn a_covered_rule_never_decides(one in rule(), other in rule(), (service, groups, place, passed) in login()) {
        if one.covers(&other) {
            let login = Login { service, groups: Some(&groups), place, passed };
            if other.applies(&login) == Applies::Yes {
                prop_assert_eq!(one.applies(&login), Applies::Yes);
            }
        }
    }
}
