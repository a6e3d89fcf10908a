//! API keys: shown once, kept as a digest, and dead at the gate as soon as somebody says so.

use sha2::{Digest, Sha256};
use twofold_shared::wire::Word as Say;

use super::sessions::news;
use super::*;

const WIKI: &str = "wiki.example.com";

pub(super) fn create(account: Option<&str>) -> CreateApiKey {
    CreateApiKey {
        account: account.map(Into::into),
        label: "backup script".into(),
        grant: ApiKeyGrant { sites: vec![WIKI.into()], ..ApiKeyGrant::default() },
        ends_at: None,
        code: None,
    }
}

/// A key as a program has it.
pub(super) struct Program {
    id: ApiKeyId,
    digest: SessionDigest,
    key: String,
}

impl Program {
    fn of(fresh: &FreshApiKey) -> Self {
        let key = fresh.key.reveal().to_owned();
        Self { id: fresh.api_key.id, digest: SessionDigest::from_bytes(Sha256::digest(&key).into()), key }
    }

    pub(super) async fn new(world: &World, request: CreateApiKey) -> Self {
        Self::of(&world.ask(&root(), request).await.unwrap())
    }

    async fn at(&self, world: &World, site: &str) -> Option<LiveApiKey> {
        check(world, self.id, self.digest, site).await
    }

    pub(super) async fn opens(&self, world: &World) -> bool {
        self.at(world, WIKI).await.is_some()
    }
}

async fn check(world: &World, id: ApiKeyId, digest: SessionDigest, site: &str) -> Option<LiveApiKey> {
    let check = CheckApiKey { nonce: nonce(), id, digest, site: site.into(), source: address("192.0.2.7") };
    let nonce = check.nonce.clone();
    let reply = world.ask(&gate(), check).await.unwrap();
    assert_eq!(reply.nonce, nonce);
    reply.api_key
}

async fn listed(world: &World, account: &str) -> Vec<ApiKeyView> {
    world.ask(&root(), ListApiKeys { account: Some(account.into()) }).await.unwrap().api_keys
}

fn kind<T: std::fmt::Debug>(result: Result<T, Fault>) -> FaultKind {
    result.unwrap_err().kind
}

#[tokio::test]
async fn a_key_is_shown_once_and_only_its_digest_stays() {
    let mut world = World::new();
    world.ask(&root(), AddAccount { name: "local:bot".into(), groups: vec!["ci".into()] }).await.unwrap();
    let request = CreateApiKey { ends_at: Some(NOON + 3600), ..create(Some("local:bot")) };
    let program = Program::new(&world, request).await;
    assert_eq!(twofold_shared::api_key::id_of(program.key.as_bytes()), Some(program.id));
    let live = program.at(&world, WIKI).await.unwrap();
    assert_eq!(
        (live.name.as_str(), live.groups, live.ends_at),
        ("bot", vec!["ci".into()], Some(NOON + 3600))
    );
    assert_eq!(live.grant.sites, [WIKI]);
    world.restart().await;
    assert!(program.opens(&world).await);
    // Nothing that anybody can read later holds the secret.
    let secret = program.key.splitn(3, '_').nth(2).unwrap();
    let key = crate::store::Key::new(crate::store::Space::ApiKey, program.id.to_string());
    let kept = world.authority.store.get(&key).unwrap().unwrap();
    assert!(!kept.value.windows(secret.len()).any(|bytes| bytes == secret.as_bytes()));
    assert!(kept.value.windows(32).any(|bytes| bytes == program.digest.as_bytes()));
    let said = format!("{:?} {:?}", listed(&world, "local:bot").await, world.trail().await);
    assert!(said.contains("backup script") && !said.contains(secret), "{said}");
}

#[tokio::test]
async fn an_owner_widens_with_a_fresh_code_and_narrows_without() {
    let world = World::new();
    let phone = world.enrolled("alice").await;
    let alice = person(1000);
    assert_eq!(kind(world.ask(&alice, create(None)).await), FaultKind::NeedsCode);
    let code = |code: &str| Some(secret_text(code));
    let wrong = CreateApiKey { code: code(&phone.wrong(&world)), ..create(None) };
    assert_eq!(kind(world.ask(&alice, wrong).await), FaultKind::Refused);
    let spent = phone.code(&world);
    let request = CreateApiKey { code: code(&spent), ..create(None) };
    let program = Program::of(&world.ask(&alice, request).await.unwrap());
    assert!(program.opens(&world).await);
    let id = program.id;
    let again = ResumeApiKey { account: None, id, code: code(&spent) };
    assert_eq!(world.ask(&alice, again).await.unwrap_err().refusal.unwrap().word, Say::Used);
    for denied in [
        kind(world.ask(&alice, ResumeApiKey { account: None, id, code: None }).await),
        kind(world.ask(&alice, RotateApiKey { account: None, id, code: None }).await),
    ] {
        assert_eq!(denied, FaultKind::NeedsCode);
    }
    world.ask(&alice, SuspendApiKey { account: None, id }).await.unwrap();
    assert!(!program.opens(&world).await);
    world.clock.pass(30);
    let resume = ResumeApiKey { account: None, id, code: code(&phone.code(&world)) };
    world.ask(&alice, resume).await.unwrap();
    assert!(program.opens(&world).await);
    world.clock.pass(30);
    let rotate = RotateApiKey { account: None, id, code: code(&phone.code(&world)) };
    let rotated = Program::of(&world.ask(&alice, rotate).await.unwrap());
    assert_eq!(rotated.id, id);
    assert!(!program.opens(&world).await && rotated.opens(&world).await);
    world.ask(&alice, RevokeApiKey { account: None, id }).await.unwrap();
    assert!(!rotated.opens(&world).await && listed(&world, "alice").await.is_empty());
    assert_eq!(kind(world.ask(&alice, SuspendApiKey { account: None, id }).await), FaultKind::NoSuchApiKey);
}

#[tokio::test]
async fn anothers_key_is_no_key() {
    let world = World::new();
    let phone = world.enrolled("bob").await;
    world.enrolled("alice").await;
    let alices = Program::new(&world, create(Some("alice"))).await;
    let (bob, id) = (person(1001), alices.id);
    let code = || Some(secret_text(&phone.code(&world)));
    for denied in [
        kind(world.ask(&bob, SuspendApiKey { account: None, id }).await),
        kind(world.ask(&bob, RevokeApiKey { account: None, id }).await),
        kind(world.ask(&bob, ResumeApiKey { account: None, id, code: code() }).await),
        kind(world.ask(&bob, RotateApiKey { account: None, id, code: code() }).await),
        kind(world.ask(&root(), RevokeApiKey { account: Some("bob".into()), id }).await),
    ] {
        assert_eq!(denied, FaultKind::NoSuchApiKey);
    }
    let named = RevokeApiKey { account: Some("alice".into()), id };
    assert_eq!(kind(world.ask(&bob, named).await), FaultKind::NotPermitted);
    assert!(alices.opens(&world).await);
    assert_eq!(world.ask(&bob, ListApiKeys { account: None }).await.unwrap().api_keys, []);
}

#[tokio::test]
async fn whatever_ends_a_key_is_told_to_the_gate_in_the_same_commit() {
    let world = World::new();
    world.enrolled("alice").await;
    let (account, whose) = (|| "alice".to_owned(), Some("alice"));
    for what in ["suspend", "rotate", "revoke", "lock", "unlink", "remove"] {
        let program = Program::new(&world, create(whose)).await;
        let id = program.id;
        let mut stream = world.follow(&gate(), WatchSessions { after: None }).await;
        let before = news(&mut stream).await.number;
        match what {
            "suspend" => {
                world.ask(&root(), SuspendApiKey { account: Some(account()), id }).await.unwrap();
            }
            "rotate" => {
                let rotate = RotateApiKey { account: Some(account()), id, code: None };
                world.ask(&root(), rotate).await.unwrap();
            }
            "revoke" => {
                world.ask(&root(), RevokeApiKey { account: Some(account()), id }).await.unwrap();
            }
            "lock" => {
                world.ask(&root(), lock(account())).await.unwrap();
            }
            "unlink" => {
                world.ask(&root(), LinkName { account: account(), name: "local:al".into() }).await.unwrap();
                world
                    .ask(&root(), UnlinkName { account: account(), name: "local:al".into(), code: None })
                    .await
                    .unwrap();
            }
            _ => {
                world.ask(&root(), RemoveAccount { account: account() }).await.unwrap();
            }
        }
        let told = news(&mut stream).await;
        assert!(told.number > before && told.ended.contains(&program.digest), "{what}: {told:?}");
        assert_eq!(program.opens(&world).await, what == "unlink", "{what}");
        if what == "lock" {
            world.ask(&root(), UnlockAccount { account: account() }).await.unwrap();
            assert!(program.opens(&world).await, "a lock is taken back as a whole");
        }
    }
    use crate::store::Space;
    for space in [Space::ApiKey, Space::ApiKeyOf] {
        assert!(world.authority.store.scan(space, b"", None, 10).unwrap().is_empty(), "{space:?}");
    }
}

#[tokio::test]
async fn turning_the_second_factor_off_keeps_the_keys() {
    let world = World::new();
    world.enrolled("alice").await;
    let program = Program::new(&world, create(Some("alice"))).await;
    world.ask(&root(), ResetAccount { account: "alice".into() }).await.unwrap();
    assert!(program.opens(&world).await);
    world.ask(&root(), DisableAccount { account: Some("alice".into()), code: None }).await.unwrap();
    assert!(program.opens(&world).await);
}

#[tokio::test]
async fn a_key_opens_its_sites_until_it_expires() {
    let world = World::new();
    world.enrolled("alice").await;
    let past = CreateApiKey { ends_at: Some(NOON), ..create(Some("alice")) };
    assert_eq!(kind(world.ask(&root(), past).await), FaultKind::Invalid);
    let end = world.clock.now().now().0 + 600;
    let program = Program::new(&world, CreateApiKey { ends_at: Some(end), ..create(Some("alice")) }).await;
    assert!(program.opens(&world).await && program.at(&world, "shop.example.com").await.is_none());
    world.clock.pass(599);
    assert!(program.opens(&world).await);
    world.clock.pass(1);
    assert!(!program.opens(&world).await);
    let rotate = RotateApiKey { account: Some("alice".into()), id: program.id, code: None };
    assert_eq!(kind(world.ask(&root(), rotate).await), FaultKind::Invalid);
    let reasons: Vec<_> = world.trail().await.into_iter().filter_map(|event| event.reason).collect();
    assert_eq!(reasons, ["other_site", "expired"]);
}

#[tokio::test]
async fn networks_paths_and_methods_reach_the_gate_as_they_were_granted() {
    let world = World::new();
    world.enrolled("alice").await;
    let grant = ApiKeyGrant {
        sites: vec!["Wiki.Example.com".into(), "shop.example.com".into()],
        paths: vec!["/api".into(), "/**/feed".into()],
        methods: vec!["GET".into()],
        networks: vec!["192.0.2.0/24".into(), "2001:db8::1".into()],
    };
    let program = Program::new(&world, CreateApiKey { grant, ..create(Some("alice")) }).await;
    for site in [WIKI, "shop.example.com"] {
        let granted = program.at(&world, site).await.unwrap().grant;
        assert_eq!(granted.paths, ["/api", "/**/feed"]);
        assert_eq!(
            (granted.methods, granted.networks),
            (vec!["GET".into()], vec!["192.0.2.0/24".into(), "2001:db8::1/128".into()])
        );
    }
    for (list, entry) in
        [("sites", "https://wiki"), ("paths", "/a/../b"), ("methods", "get"), ("networks", "10.0.0.1/8")]
    {
        let mut request = create(Some("alice"));
        match list {
            "sites" => request.grant.sites = vec![entry.into()],
            "paths" => request.grant.paths = vec![entry.into()],
            "methods" => request.grant.methods = vec![entry.into()],
            _ => request.grant.networks = vec![entry.into()],
        }
        let fault = world.ask(&root(), request).await.unwrap_err();
        assert!(fault.kind == FaultKind::Invalid && fault.detail.starts_with(list), "{fault:?}");
    }
}

#[tokio::test]
async fn an_unknown_key_and_a_wrong_secret_are_answered_and_told_alike() {
    let world = World::new();
    world.enrolled("alice").await;
    let program = Program::new(&world, create(Some("alice"))).await;
    let before = world.trail().await.len();
    for n in 0..20 {
        let id = if n % 2 == 0 { program.id } else { ApiKeyId::from_bytes([n; 8]) };
        assert_eq!(check(&world, id, digest(), WIKI).await, None);
    }
    assert_eq!(
        check(&world, ApiKeyId::from_bytes([7; 8]), SessionDigest::from_bytes([0; 32]), WIKI).await,
        None
    );
    let told = world.trail().await.split_off(before);
    assert_eq!((told.len(), told[0].count, told[0].reason.as_deref()), (1, 21, Some("unknown_key")));
    assert_eq!((&told[0].account, &told[0].factor), (&None, &None), "nor does the trail say which exist");
    assert!(program.opens(&world).await, "nobody was locked out");
}

#[tokio::test]
async fn the_last_use_is_kept_with_its_place() {
    let world = World::new();
    world.enrolled("alice").await;
    let program = Program::new(&world, create(Some("alice"))).await;
    assert!(listed(&world, "alice").await[0].last_used.is_none());
    assert!(program.opens(&world).await);
    let now = world.clock.now().now().0;
    let used = |at, address: &str| {
        let address = Some(address.parse::<IpAddr>().unwrap());
        TouchApiKeys { used: vec![ApiKeyUse { id: program.id, at, site: WIKI.into(), address }] }
    };
    let last = async || listed(&world, "alice").await[0].last_used.clone().unwrap();
    assert_eq!((last().await.at, last().await.source.as_deref()), (now, Some("192.0.2.7")));
    world.clock.pass(60);
    world.ask(&gate(), used(now + 40, "198.51.100.9")).await.unwrap();
    let told = last().await;
    assert_eq!(
        (told.at, told.door.as_str(), told.source.as_deref()),
        (now + 40, "web wiki.example.com", Some("198.51.100.9"))
    );
    world.ask(&gate(), used(now + 10, "198.51.100.1")).await.unwrap();
    assert_eq!(last().await, told, "an older use tells nothing new");
    world.ask(&gate(), used(now * 2, "198.51.100.1")).await.unwrap();
    assert_eq!(last().await.at, now + 60, "nor has anybody used it in a time to come");
    // A key that is gone is not made again by its last use.
    world.ask(&root(), RevokeApiKey { account: Some("alice".into()), id: program.id }).await.unwrap();
    world.ask(&gate(), used(now + 60, "198.51.100.1")).await.unwrap();
    assert!(listed(&world, "alice").await.is_empty());
}

#[tokio::test]
async fn accounts_of_the_system_have_no_keys() {
    let world = World::new();
    for name in ["root", "daemon"] {
        world.ask(&root(), AddAccount { name: name.into(), groups: vec![] }).await.unwrap();
        assert_eq!(kind(world.ask(&root(), create(Some(name))).await), FaultKind::Invalid, "{name}");
    }
    world.enrolled("alice").await;
    let program = Program::new(&world, create(Some("alice"))).await;
    world.ask(&root(), RemoveAccount { account: "root".into() }).await.unwrap();
    world.ask(&root(), LinkName { account: "alice".into(), name: "root".into() }).await.unwrap();
    assert!(!program.opens(&world).await, "what was opened before does not outlive it");
}

#[tokio::test]
async fn there_are_so_many_keys_and_no_more() {
    let world = World::new();
    world.enrolled("alice").await;
    for _ in 0..64 {
        Program::new(&world, create(Some("alice"))).await;
    }
    assert_eq!(kind(world.ask(&root(), create(Some("alice"))).await), FaultKind::Invalid);
    assert_eq!(listed(&world, "alice").await.len(), 64);
}

#[tokio::test]
async fn changes_to_keys_and_their_use_are_told() {
    let world = World::new();
    world.ask(&root(), AddAccount { name: "local:bot".into(), groups: vec![] }).await.unwrap();
    let program = Program::new(&world, create(Some("local:bot"))).await;
    let (id, account) = (program.id, || Some("local:bot".to_owned()));
    for _ in 0..3 {
        assert!(program.opens(&world).await);
    }
    world.ask(&root(), SuspendApiKey { account: account(), id }).await.unwrap();
    assert!(!program.opens(&world).await);
    world.ask(&root(), ResumeApiKey { account: account(), id, code: None }).await.unwrap();
    world.ask(&root(), RotateApiKey { account: account(), id, code: None }).await.unwrap();
    world.ask(&root(), RevokeApiKey { account: account(), id }).await.unwrap();
    let factor = format!("API key backup script ({id})");
    let told: Vec<_> = world.trail().await.into_iter().skip(1).collect();
    assert!(told.iter().all(|event| event.factor.as_deref() == Some(&factor)), "{told:?}");
    let told: Vec<_> =
        told.iter().map(|event| (event.action.as_str(), event.outcome.as_str(), event.count)).collect();
    let expected = [
        ("api_key_create", "done", 1),
        ("api_key", "approved", 3),
        ("api_key_suspend", "done", 1),
        ("api_key", "refused", 1),
        ("api_key_resume", "done", 1),
        ("api_key_rotate", "done", 1),
        ("api_key_revoke", "done", 1),
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_key_whose_end_is_long_over_is_removed_and_others_stay() {
    let world = World::new();
    world.enrolled("alice").await;
    let end = world.clock.now().now().0 + 3600;
    let expiring = CreateApiKey { label: "ends".into(), ends_at: Some(end), ..create(Some("alice")) };
    world.ask(&root(), expiring).await.unwrap();
    let lasting = CreateApiKey { label: "stays".into(), ..create(Some("alice")) };
    world.ask(&root(), lasting).await.unwrap();
    let labels = async || {
        super::super::sweep::sweep(&world.authority.endings, world.settings.sessions).await.unwrap();
        let listed = world.ask(&root(), ListApiKeys { account: Some("alice".into()) }).await.unwrap();
        let mut labels: Vec<String> = listed.api_keys.into_iter().map(|key| key.label).collect();
        labels.sort();
        labels
    };
    world.clock.pass(3600 + 29 * 24 * 3600);
    assert_eq!(labels().await, ["ends", "stays"], "its owner sees why it opens nothing");
    world.clock.pass(2 * 24 * 3600);
    assert_eq!(labels().await, ["stays"]);
}
