//! Policy as doors and operators meet it.

use twofold_shared::wire::AuthMethod::{Password, Publickey};

use super::*;
use crate::policy::{Passed, Rule};

/// A rule that takes everybody.
pub(super) fn rule(line: usize, require: Requirement) -> Rule {
    Rule {
        line,
        services: Vec::new(),
        groups: Vec::new(),
        networks: Vec::new(),
        ttys: Vec::new(),
        auth: Vec::new(),
        require,
        grace: None,
    }
}

fn world(rules: Vec<Rule>) -> World {
    World::with(|settings| settings.policy.rules = rules)
}

async fn asked(world: &World, caller: &Caller, login: Login) -> Ask {
    let consult = Consult { nonce: nonce(), login };
    world.ask(caller, consult).await.unwrap().ask
}

#[tokio::test]
async fn each_key_of_a_rule_is_asked_of_the_login() {
    let world = world(vec![
        Rule { services: vec!["sudo".into()], ..rule(1, Requirement::Exempt) },
        Rule {
            groups: vec!["alice".into()],
            auth: vec![Passed::Sshd(Publickey)],
            ..rule(2, Requirement::Exempt)
        },
        Rule { networks: vec!["10.0.0.0/8".parse().unwrap()], ..rule(3, Requirement::Exempt) },
        Rule { ttys: vec![crate::policy::Tty::parse("tty*").unwrap()], ..rule(4, Requirement::Exempt) },
        Rule { auth: vec![Passed::Sshd(Password)], ..rule(5, Requirement::Exempt) },
    ]);
    world.enrolled("alice").await;
    world.enrolled("bob").await;
    let from = |text| login("alice", text);
    let at = |terminal: &str| Login {
        source: Source { terminal: Some(terminal.into()), ..Source::default() },
        ..login("alice", "192.0.2.7")
    };
    let by = |name, method| {
        let mut login = login(name, "192.0.2.7");
        login.source.auth = vec![method];
        login
    };
    for (login, ask) in [
        (from("192.0.2.7"), Ask::Code),
        (from("10.1.2.3"), Ask::Exempt),
        (from("::ffff:10.1.2.3"), Ask::Exempt),
        (Login { service: "sudo".into(), ..from("192.0.2.7") }, Ask::Exempt),
        (at("tty1"), Ask::Exempt),
        (at("pts/0"), Ask::Code),
        (by("alice", Publickey), Ask::Exempt),
        (by("bob", Publickey), Ask::Code),
        (by("bob", Password), Ask::Exempt),
        (Login { first: FirstFactor::Publickey, ..from("192.0.2.7") }, Ask::Exempt),
        // Nothing but a code where no first factor holds.
        (Login { first: FirstFactor::None, ..from("10.1.2.3") }, Ask::Code),
    ] {
        assert_eq!(asked(&world, &root(), login.clone()).await, ask, "{login:?}");
    }
}

#[tokio::test]
async fn of_a_doors_users_no_group_is_known_and_the_stricter_answer_holds() {
    let people = || Rule { groups: vec!["people".into()], ..rule(1, Requirement::Exempt) };
    let world = world(vec![people()]);
    world.enrolled("alice").await;
    assert_eq!(asked(&world, &root(), login("alice", "192.0.2.7")).await, Ask::Exempt);
    assert_eq!(asked(&world, &door("unix", false), login("alice", "192.0.2.7")).await, Ask::Code);
    let strict = super::policy::world(vec![
        Rule { require: Requirement::Required, ..people() },
        rule(2, Requirement::Exempt),
    ]);
    strict.enrolled("alice").await;
    assert_eq!(asked(&strict, &door("unix", false), login("alice", "192.0.2.7")).await, Ask::Code);
}

#[tokio::test]
async fn a_group_that_is_gone_and_an_address_that_is_a_name_exempt_nobody() {
    let gone = world(vec![Rule { groups: vec!["gone".into()], ..rule(1, Requirement::Exempt) }]);
    gone.enrolled("alice").await;
    assert_eq!(asked(&gone, &root(), login("alice", "192.0.2.7")).await, Ask::Code);
    let network = vec!["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()];
    let everywhere = world(vec![Rule { networks: network, ..rule(1, Requirement::Exempt) }]);
    everywhere.enrolled("alice").await;
    let nowhere = Login { source: Source::default(), ..login("alice", "192.0.2.7") };
    assert_eq!(asked(&everywhere, &root(), nowhere).await, Ask::Code);
}

#[tokio::test]
async fn what_a_person_says_of_where_they_are_exempts_them_from_nothing() {
    let world = world(vec![
        Rule { networks: vec!["10.0.0.0/8".parse().unwrap()], ..rule(1, Requirement::Exempt) },
        Rule { auth: vec![Passed::Sshd(Publickey)], ..rule(2, Requirement::Exempt) },
    ]);
    world.enrolled("alice").await;
    let mut claim = login("alice", "10.1.2.3");
    claim.source.auth = vec![Publickey];
    assert_eq!(asked(&world, &person(1000), claim.clone()).await, Ask::Code);
    assert_eq!(asked(&world, &root(), claim).await, Ask::Exempt);
}

#[tokio::test]
async fn an_accounts_own_requirement_comes_before_any_rule() {
    let world = world(vec![rule(1, Requirement::Exempt)]);
    world.enrolled("alice").await;
    let require = SetRequirement { account: "alice".into(), requirement: Some(Requirement::Required) };
    world.ask(&root(), require).await.unwrap();
    assert_eq!(asked(&world, &root(), login("alice", "192.0.2.7")).await, Ask::Code);
}

fn explain(name: &str, first: FirstFactor, from: &str) -> ExplainPolicy {
    ExplainPolicy { name: name.into(), service: "sshd".into(), first, source: address(from), groups: None }
}

#[tokio::test]
async fn an_explanation_names_the_rule_and_why_those_before_it_do_not_decide() {
    let world = world(vec![
        Rule { services: vec!["sudo".into()], ..rule(10, Requirement::Exempt) },
        Rule { groups: vec!["bob".into()], ..rule(14, Requirement::Exempt) },
        Rule {
            networks: vec!["10.0.0.0/8".parse().unwrap()],
            grace: Some(Duration::from_secs(28_800)),
            ..rule(18, Requirement::Required)
        },
        rule(22, Requirement::Optional),
    ]);
    world.enrolled("alice").await;
    let told = world.ask(&root(), explain("alice", FirstFactor::Above, "10.0.0.1")).await.unwrap();
    assert_eq!((told.ask, told.decided_by, told.line), (Ask::Code, Decider::Rule, Some(18)));
    assert_eq!((told.requirement, told.grace_seconds), (Requirement::Required, Some(28_800)));
    let why: Vec<_> = told.rules.iter().map(|rule| (rule.line, rule.applies, rule.key.as_deref())).collect();
    assert_eq!(
        why,
        [
            (10, RuleApplies::No, Some("services")),
            (14, RuleApplies::No, Some("groups")),
            (18, RuleApplies::Yes, None)
        ]
    );
    let as_bob = ExplainPolicy {
        groups: Some(vec!["bob".into()]),
        ..explain("alice", FirstFactor::Above, "10.0.0.1")
    };
    assert_eq!(world.ask(&root(), as_bob).await.unwrap().line, Some(14));
}

#[tokio::test]
async fn an_explanation_says_what_comes_before_any_rule_and_leaves_no_trace() {
    let world = world(vec![rule(1, Requirement::Exempt)]);
    world.enrolled("alice").await;
    let before = world.trail().await.len();
    let told = |name: &'static str, first| {
        let question = explain(name, first, "192.0.2.7");
        let world = &world;
        async move { world.ask(&root(), question).await.unwrap() }
    };
    let by = |told: PolicyExplained| (told.ask, told.decided_by);
    assert_eq!(by(told("alice", FirstFactor::None).await), (Ask::Code, Decider::NoFirstFactor));
    assert_eq!(by(told("mallory", FirstFactor::Above).await), (Ask::Code, Decider::UnknownName));
    assert_eq!(by(told("carol", FirstFactor::Above).await), (Ask::Exempt, Decider::Rule));
    assert_eq!(world.trail().await.len(), before);
    let require = SetRequirement { account: "alice".into(), requirement: Some(Requirement::Required) };
    world.ask(&root(), require).await.unwrap();
    assert_eq!(by(told("alice", FirstFactor::Above).await), (Ask::Code, Decider::Account));
    world.ask(&root(), lock("alice")).await.unwrap();
    assert_eq!(by(told("alice", FirstFactor::Above).await), (Ask::Code, Decider::Lock));
}
