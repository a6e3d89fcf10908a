//! Operators: who is one, whom they may act on, and what it takes.

use twofold_shared::wire::Word as Said;

use super::*;

const PASSWORD: &str = "correct horse";

/// carol is in charge of the group sales; dave of everybody. bob and erin sell, alice does not.
struct Office {
    world: World,
    carol: Phone,
    dave: Phone,
}

impl Office {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(configure: impl FnOnce(&mut Settings)) -> Self {
        let world = World::with(configure);
        for (name, groups) in [("bob", &["sales"][..]), ("erin", &["sales", "staff"]), ("alice", &["staff"])]
        {
            with_password(&world, name, groups).await;
        }
        for (name, groups) in [("carol", &["sales"][..]), ("dave", &[])] {
            with_password(&world, name, groups).await;
        }
        let carol = world.enrol(&root(), Some("local:carol")).await;
        let dave = world.enrol(&root(), Some("local:dave")).await;
        charge(&world, "local:carol", &["sales"]).await;
        charge(&world, "local:dave", &[]).await;
        Self { world, carol, dave }
    }

    /// A session of one of them in which a code was given just now.
    async fn session(&self, name: &str) -> SessionDigest {
        let phone = if name == "local:carol" { &self.carol } else { &self.dave };
        self.world.session(name.strip_prefix("local:").unwrap(), PASSWORD, Some(phone)).await
    }

    async fn acts<R: Request>(&self, session: SessionDigest, request: R) -> Result<R::Reply, Fault> {
        act(&self.world, session, None, request).await
    }
}

async fn with_password(world: &World, name: &str, groups: &[&str]) {
    let name = format!("local:{name}");
    let groups = groups.iter().map(|&group| group.to_owned()).collect();
    world.ask(&root(), AddAccount { name: name.clone(), groups }).await.unwrap();
    let password = secret_text(PASSWORD);
    world.ask(&root(), SetPassword { account: Some(name), password, code: None }).await.unwrap();
}

async fn charge(world: &World, account: &str, groups: &[&str]) {
    let charge = Charge {
        everybody: groups.is_empty(),
        groups: groups.iter().map(|&group| group.to_owned()).collect(),
    };
    world.ask(&root(), SetCharge { account: account.into(), charge: Some(charge) }).await.unwrap();
}

async fn act<R: Request>(
    world: &World,
    session: SessionDigest,
    code: Option<&str>,
    request: R,
) -> Result<R::Reply, Fault> {
    let call = AsOperator {
        code: code.map(secret_text),
        method: R::METHOD.to_owned(),
        parameters: Opaque::of(&request).unwrap(),
    };
    Ok(world.ask_as(session, None, call).await?.reply.read().unwrap())
}

fn kind<R: std::fmt::Debug>(result: Result<R, Fault>) -> FaultKind {
    result.unwrap_err().kind
}

fn get(account: &str) -> GetAccount {
    GetAccount { account: Some(account.into()) }
}

fn everybody() -> SearchAccounts {
    SearchAccounts { prefix: None, state: None, order: AccountOrder::Name, after: None, limit: 50 }
}

fn names(rows: &AccountRows) -> Vec<&str> {
    rows.accounts.iter().map(|row| row.names[0].as_str()).collect()
}

#[tokio::test]
async fn an_operator_sees_and_acts_on_their_group_and_nobody_else() {
    let office = Office::new().await;
    let carol = office.session("local:carol").await;
    let seen = office.acts(carol, everybody()).await.unwrap();
    assert_eq!(names(&seen), ["local:bob", "local:erin"]);
    assert_eq!(office.acts(carol, get("local:bob")).await.unwrap().names, ["local:bob"]);
    office.acts(carol, lock("local:bob")).await.unwrap();
    assert!(office.world.view("local:bob").await.locked);
    office.acts(carol, UnlockAccount { account: "local:bob".into() }).await.unwrap();
    assert!(!office.world.view("local:bob").await.locked);

    // Somebody else's, another operator, themselves, and nobody: all alike.
    let id = office.world.view("local:alice").await.id;
    for other in ["local:alice", "local:dave", "local:carol", "local:nobody", &format!("id:{id}")] {
        assert_eq!(office.acts(carol, get(other)).await.unwrap_err(), no_such(), "{other}");
        assert_eq!(office.acts(carol, lock(other)).await.unwrap_err(), no_such(), "{other}");
        let reset = ResetAccount { account: other.into() };
        assert_eq!(office.acts(carol, reset).await.unwrap_err(), no_such(), "{other}");
    }
    let dave = office.session("local:dave").await;
    let seen = office.acts(dave, everybody()).await.unwrap();
    assert_eq!(names(&seen), ["local:alice", "local:bob", "local:erin"]);
    assert_eq!(office.acts(dave, lock("local:carol")).await.unwrap_err(), no_such());
}

fn no_such() -> Fault {
    super::super::fault::no_such_account()
}

#[tokio::test]
async fn only_root_makes_operators_and_acts_on_them() {
    let office = Office::new().await;
    let carol = office.session("local:carol").await;
    let give = |account: &str| SetCharge {
        account: account.into(),
        charge: Some(Charge { everybody: true, groups: vec![] }),
    };
    assert_eq!(kind(office.acts(carol, give("local:bob")).await), FaultKind::NotPermitted);
    let groups = SetGroups { account: "local:alice".into(), groups: vec!["sales".into()] };
    assert_eq!(kind(office.acts(carol, groups).await), FaultKind::NotPermitted);
    for caller in [gate(), person(1000), door("unix", false)] {
        assert_eq!(kind(office.world.ask(&caller, give("local:bob")).await), FaultKind::NotPermitted);
        let list = office.world.ask(&caller, ListOperators {}).await;
        assert_eq!(kind(list), FaultKind::NotPermitted);
    }
    office.world.ask(&root(), lock("local:carol")).await.unwrap();
    assert!(office.world.view("local:carol").await.locked);

    let operators = office.world.ask(&root(), ListOperators {}).await.unwrap().operators;
    let told: Vec<_> =
        operators.iter().map(|each| (each.names[0].as_str(), each.charge.everybody, each.enrolled)).collect();
    assert_eq!(told, [("local:carol", false, true), ("local:dave", true, true)]);
    for bad in [(false, vec![]), (true, vec!["sales".to_owned()]), (false, vec!["a b".to_owned()])] {
        let charge = Some(Charge { everybody: bad.0, groups: bad.1.clone() });
        let set = SetCharge { account: "local:bob".into(), charge };
        assert_eq!(kind(office.world.ask(&root(), set).await), FaultKind::Invalid, "{bad:?}");
    }
}

#[tokio::test]
async fn a_charge_that_is_taken_or_given_holds_for_the_very_next_call() {
    let office = Office::new().await;
    let carol = office.session("local:carol").await;
    assert!(office.world.check(carol, None).await.unwrap().operates);
    // Whoever becomes an operator is nobody's but root's from then on.
    charge(&office.world, "local:bob", &["sales"]).await;
    assert_eq!(office.acts(carol, lock("local:bob")).await.unwrap_err(), no_such());
    // A group that an account leaves takes the charge along.
    let left = SetGroups { account: "local:erin".into(), groups: vec!["staff".into()] };
    office.world.ask(&root(), left).await.unwrap();
    assert_eq!(office.acts(carol, get("local:erin")).await.unwrap_err(), no_such());
    assert!(office.acts(carol, everybody()).await.unwrap().accounts.is_empty());

    office.world.ask(&root(), SetCharge { account: "local:carol".into(), charge: None }).await.unwrap();
    assert!(!office.world.check(carol, None).await.unwrap().operates);
    assert_eq!(kind(office.acts(carol, everybody()).await), FaultKind::NotPermitted);
    assert_eq!(kind(office.acts(carol, get("local:bob")).await), FaultKind::NotPermitted);
    // Who is locked acts no more, in no session that is left and by no command.
    let dave = office.session("local:dave").await;
    office.world.ask(&root(), lock("local:dave")).await.unwrap();
    assert_eq!(kind(office.acts(dave, everybody()).await), FaultKind::NoSuchSession);
}

/// A gate in other hands has every session that it sees, and nothing of an operator's phone.
#[tokio::test]
async fn a_session_without_the_operators_own_fresh_code_changes_nothing() {
    let office = Office::new().await;
    let world = &office.world;
    let bob = world.enrol(&root(), Some("local:bob")).await;
    let first = world.session("carol", PASSWORD, None).await;
    let fresh = office.session("local:carol").await;
    world.clock.pass(301);
    let others = world.session("bob", PASSWORD, Some(&bob)).await;
    let site = world.open(fresh, "wiki.example.com").await.unwrap();
    for session in [first, site, digest()] {
        let asked = office.acts(session, lock("local:erin")).await;
        assert_eq!(kind(asked), FaultKind::NoSuchSession);
        assert_eq!(kind(office.acts(session, everybody()).await), FaultKind::NoSuchSession);
    }
    // Another person's session, with a fresh code of theirs: they are no operator.
    assert_eq!(kind(office.acts(others, lock("local:erin")).await), FaultKind::NotPermitted);
    assert_eq!(kind(office.acts(others, get("local:erin")).await), FaultKind::NotPermitted);
    // The operator's own session with a stale code may look, and change nothing.
    assert!(office.acts(fresh, get("local:erin")).await.is_ok());
    for _ in 0..2 {
        assert_eq!(kind(office.acts(fresh, lock("local:erin")).await), FaultKind::NeedsCode);
    }
    // Neither with their password, nor with a code of the person's or of another operator's.
    let call = AsOperator {
        code: None,
        method: "LockAccount".into(),
        parameters: Opaque::of(&lock("local:erin")).unwrap(),
    };
    let by_password = world.ask_as(fresh, Some(PASSWORD), call).await;
    assert_eq!(kind(by_password), FaultKind::NeedsCode);
    let dave = office.dave.code(world);
    for code in [office.carol.wrong(world), bob.code(world), dave] {
        let asked = act(world, fresh, Some(&code), lock("local:erin")).await;
        assert_eq!(asked.unwrap_err().refusal.unwrap().word, Said::Wrong);
    }
    assert!(!world.view("local:erin").await.locked);
    // Her own does, once.
    let code = office.carol.code(world);
    act(world, fresh, Some(&code), lock("local:erin")).await.unwrap();
    assert!(world.view("local:erin").await.locked);
    let again = act(world, fresh, Some(&code), UnlockAccount { account: "local:erin".into() }).await;
    assert_eq!(again.unwrap_err().refusal.unwrap().word, Said::Used);
}

#[tokio::test]
async fn no_code_is_spent_where_there_is_nothing_to_change() {
    let office = Office::new().await;
    let carol = office.session("local:carol").await;
    office.world.clock.pass(600);
    let code = office.carol.code(&office.world);
    let other = act(&office.world, carol, Some(&code), lock("local:alice")).await;
    assert_eq!(other.unwrap_err(), no_such());
    assert_eq!(
        kind(act(&office.world, carol, Some(&code), give_all("local:bob")).await),
        FaultKind::NotPermitted
    );
    act(&office.world, carol, Some(&code), lock("local:bob")).await.unwrap();
}

fn give_all(account: &str) -> SetCharge {
    SetCharge { account: account.into(), charge: Some(Charge { everybody: true, groups: vec![] }) }
}

/// Every method of the interface, on somebody in one's charge.
#[tokio::test]
async fn an_operator_may_call_nothing_that_tells_a_secret_or_speaks_for_the_person() {
    let office = Office::new().await;
    let carol = office.session("local:carol").await;
    let may = [
        "SearchAccounts",
        "GetAccount",
        "LockAccount",
        "UnlockAccount",
        "ReopenAccount",
        "SetRequirement",
        "InviteAccount",
        "RevokeSessions",
        "ResetAccount",
    ];
    let parameters = serde_json::json!({
        "account": "local:bob", "label": "mine", "digits": 6, "period_seconds": 30, "device": "0".repeat(16),
        "password": "whatever it may be", "groups": [], "contacts": {}, "name": "wiki.example.com:bob", "limit": 1,
        "door": "web", "id": "0".repeat(16), "service": "sshd", "first": "above", "source": {},
        "grant": {"sites": ["wiki.example.com"]}, "nonce": nonce(), "login": {"name": "bob", "service": "sshd",
        "first": "above", "source": {}}, "code": "000000",
    });
    for method in METHODS.iter().filter(|method| !may.contains(method)) {
        let call = AsOperator {
            code: None,
            method: (*method).to_owned(),
            parameters: Opaque::of(&parameters).unwrap(),
        };
        let asked = office.world.ask_as(carol, None, call).await;
        assert_eq!(kind(asked), FaultKind::NotPermitted, "{method}");
    }
}

#[tokio::test]
async fn what_root_said_of_somebody_no_operator_takes_back() {
    let office = Office::new().await;
    let world = &office.world;
    let carol = office.session("local:carol").await;
    let set = |requirement| SetRequirement { account: "local:bob".into(), requirement };
    // That somebody need not have a second factor is root's to say.
    for less in [None, Some(Requirement::Optional), Some(Requirement::Exempt)] {
        assert_eq!(kind(office.acts(carol, set(less)).await), FaultKind::NotPermitted);
    }
    world.ask(&root(), set(Some(Requirement::Exempt))).await.unwrap();
    assert_eq!(kind(office.acts(carol, set(Some(Requirement::Required))).await), FaultKind::Invalid);
    world.ask(&root(), set(Some(Requirement::Optional))).await.unwrap();
    office.acts(carol, set(Some(Requirement::Required))).await.unwrap();
    assert_eq!(world.view("local:bob").await.requirement, Some(Requirement::Required));

    world.ask(&root(), lock("local:bob")).await.unwrap();
    let unlock = || UnlockAccount { account: "local:bob".into() };
    assert_eq!(kind(office.acts(carol, unlock()).await), FaultKind::Invalid);
    assert_eq!(kind(office.acts(carol, lock("local:bob")).await), FaultKind::Invalid);
    assert!(world.view("local:bob").await.locked);
    // What an operator locked another one of the same charge unlocks, and so does root.
    world.ask(&root(), unlock()).await.unwrap();
    office.acts(carol, lock("local:bob")).await.unwrap();
    let dave = office.session("local:dave").await;
    office.acts(dave, unlock()).await.unwrap();
    assert!(!world.view("local:bob").await.locked);
}

#[tokio::test]
async fn somebody_who_lost_everything_comes_back_and_the_trail_says_who_helped() {
    let office = Office::new().await;
    let world = &office.world;
    let bob = world.enrol(&root(), Some("local:bob")).await;
    let session = world.session("bob", PASSWORD, Some(&bob)).await;
    let carol = office.session("local:carol").await;
    let seen = office.acts(carol, get("local:bob")).await.unwrap();
    assert_eq!((seen.devices.len(), seen.backup_codes_left, seen.sessions), (1, 10, Some(1)));
    // Invited is who has no second factor.
    let invite = || InviteAccount { account: "local:bob".into() };
    assert_eq!(kind(office.acts(carol, invite()).await), FaultKind::Invalid);
    office.acts(carol, ResetAccount { account: "local:bob".into() }).await.unwrap();
    assert_eq!(world.check(session, None).await, None, "all sessions have ended");
    let invited = office.acts(carol, invite()).await.unwrap();
    assert!(invited.link.starts_with("https://id.example.com/invitation/"), "{}", invited.link);

    let revoke = || RevokeSessions { account: Some("local:bob".into()), id: None, code: None };
    let first = world.session("bob", PASSWORD, None).await;
    assert_eq!(office.acts(carol, revoke()).await.unwrap().count, 1);
    assert_eq!(world.check(first, None).await, None);
    let own = world.check(carol, None).await;
    assert!(own.is_some(), "whoever ends others' sessions keeps their own");

    let id = world.view("local:bob").await.id;
    let events = world.trail().await;
    let told: Vec<_> = events
        .iter()
        .filter(|event| {
            event.account.as_ref() == Some(&id) && event.actor.as_deref() == Some("operator local:carol")
        })
        .map(|event| (event.action.as_str(), event.door.as_str(), event.source.as_deref()))
        .collect();
    let at = ("web portal", Some("192.0.2.7"));
    let expected = ["reset", "invite", "session_revoke"].map(|action| (action, at.0, at.1));
    assert_eq!(told, expected);
    // Whoever did it has it in their own activity, too.
    let latest = ReadActivity { account: None, before: None, limit: 20 };
    let own = world.ask_as(carol, None, latest).await.unwrap().events;
    let acted: Vec<_> = own.iter().rev().filter(|event| event.action == "acted").collect();
    let deeds: Vec<_> = acted.iter().filter_map(|event| event.factor.as_deref()).collect();
    assert_eq!(deeds, ["reset local:bob", "invite local:bob", "session_revoke local:bob"]);
    for event in acted {
        assert_eq!((event.name.as_deref(), event.actor.as_deref()), (Some("local:carol"), None));
        assert_eq!((event.door.as_str(), event.source.as_deref()), at);
    }
}

#[tokio::test]
async fn a_lock_says_why_and_until_when_and_ends_by_itself() {
    let office = Office::new().await;
    let world = &office.world;
    let carol = office.session("local:carol").await;
    let until = world.clock.now().now().0 + 3600;
    let lock = |until, reason: &str| LockAccount {
        account: "local:bob".into(),
        reason: Some(reason.into()),
        until: Some(until),
    };
    for bad in [lock(until - 7200, "too late"), lock(until, ""), lock(until, "a\nb")] {
        assert_eq!(kind(office.acts(carol, bad).await), FaultKind::Invalid);
    }
    office.acts(carol, lock(until, "laptop stolen")).await.unwrap();
    let seen = office.acts(carol, get("local:bob")).await.unwrap();
    let told = seen.lock.unwrap();
    assert_eq!(
        (told.operator.as_deref(), told.reason.as_deref()),
        (Some("local:carol"), Some("laptop stolen"))
    );
    assert_eq!(told.until, Some(until));
    let wanted = SearchAccounts { state: Some(AccountState::Locked), ..everybody() };
    assert_eq!(names(&office.acts(carol, wanted.clone()).await.unwrap()), ["local:bob"]);
    let reply = world.ask(&gate(), sign_in("bob", PASSWORD, digest())).await.unwrap();
    assert_eq!(reply.refusal.unwrap().word, Said::Wrong);
    world.clock.pass(3600);
    let reply = world.ask(&gate(), sign_in("bob", PASSWORD, digest())).await.unwrap();
    assert!(reply.signed_in.is_some());
    let carol = office.session("local:carol").await;
    assert!(office.acts(carol, wanted).await.unwrap().accounts.is_empty(), "it is over");
    assert_eq!(office.acts(carol, get("local:bob")).await.unwrap().lock, None);
}

#[tokio::test]
async fn operators_stay_away_from_the_web_where_the_configuration_says_so() {
    let office = Office::with(|settings| settings.operators_at_web = false).await;
    let dave = office.session("local:dave").await;
    assert!(!office.world.check(dave, None).await.unwrap().operates);
    assert_eq!(kind(office.acts(dave, everybody()).await), FaultKind::NotPermitted);
    assert_eq!(kind(office.acts(dave, lock("local:bob")).await), FaultKind::NotPermitted);
}

#[tokio::test]
async fn an_operator_with_a_shell_acts_with_their_own_code_in_the_call() {
    let office = Office::with(|settings| settings.operators_at_web = false).await;
    let world = &office.world;
    world.ask(&root(), LinkName { account: "local:carol".into(), name: "carol".into() }).await.unwrap();
    let call = |code: Option<&str>, method: &str, parameters: Opaque| AsOperator {
        code: code.map(secret_text),
        method: method.to_owned(),
        parameters,
    };
    let own = person(1002);
    let search = || call(None, "SearchAccounts", Opaque::of(&everybody()).unwrap());
    let rows: AccountRows = world.ask(&own, search()).await.unwrap().reply.read().unwrap();
    assert_eq!(names(&rows), ["local:bob", "local:erin"]);
    let locked = |code| call(code, "LockAccount", Opaque::of(&lock("local:bob")).unwrap());
    assert_eq!(kind(world.ask(&own, locked(None)).await), FaultKind::NeedsCode);
    let code = office.carol.code(world);
    world.ask(&own, locked(Some(&code))).await.unwrap();
    let trail = world.trail().await;
    let [.., event, own] = trail.as_slice() else { panic!("{trail:?}") };
    assert_eq!((event.action.as_str(), event.door.as_str()), ("account_lock", "command"));
    assert_eq!(event.actor.as_deref(), Some("operator local:carol"));
    assert_eq!((own.action.as_str(), own.factor.as_deref()), ("acted", Some("account_lock local:bob")));
    // Another's shell, and one whose account is nobody's operator.
    for other in [person(1000), person(4711), root(), gate()] {
        assert_eq!(kind(world.ask(&other, search()).await), FaultKind::NotPermitted);
    }
}

#[tokio::test]
async fn the_systems_accounts_are_nobodys_but_roots() {
    let office = Office::new().await;
    for name in ["root", "daemon"] {
        office.world.ask(&root(), AddAccount { name: name.into(), groups: vec![] }).await.unwrap();
    }
    let dave = office.session("local:dave").await;
    let seen = office.acts(dave, everybody()).await.unwrap();
    assert_eq!(names(&seen), ["local:alice", "local:bob", "local:erin"]);
    for name in ["root", "daemon"] {
        assert_eq!(office.acts(dave, lock(name)).await.unwrap_err(), no_such(), "{name}");
    }
    let all = office.world.ask(&root(), everybody()).await.unwrap();
    assert_eq!(all.accounts.len(), 7, "root sees everybody");
}

#[tokio::test]
async fn an_operators_first_device_takes_an_invitation_of_roots() {
    let world = World::new();
    with_password(&world, "erin", &[]).await;
    charge(&world, "local:erin", &[]).await;
    let session = world.session("erin", PASSWORD, None).await;
    let begin = BeginSessionEnrolment {
        nonce: nonce(),
        session,
        site: None,
        source: Source::default(),
        algorithm: Algorithm::Sha1,
        digits: 6,
        again: false,
        anew: false,
        invitation: None,
    };
    let begun = world.ask(&gate(), begin).await.unwrap();
    assert_eq!(begun.refusal, Some(EnrolmentRefusal::Invitation));
}
