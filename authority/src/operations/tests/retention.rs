//! What is over is removed, of every kind, and what is not over stays.

use super::policy::rule;
use super::*;
use crate::policy::Rule;
use crate::store::Space;

const PASSWORD: &str = "correct horse";
const DAY: u64 = 24 * 3600;

/// Kinds of records that end by themselves, and how many there are of each.
fn ending(world: &World) -> Vec<(Space, usize)> {
    let spaces = [
        Space::Enrolment,
        Space::LoginEnrolment,
        Space::Emergency,
        Space::Invitation,
        Space::InvitationOf,
        Space::Session,
        Space::SessionOf,
        Space::Browser,
        Space::BrowserValue,
        Space::Grace,
        Space::ApiKey,
        Space::ApiKeyOf,
    ];
    let count = |space| world.authority.store.scan(space, b"", None, 100).unwrap().len();
    spaces.into_iter().map(|space| (space, count(space))).collect()
}

async fn sweep(world: &World) {
    super::super::sweep::sweep(&world.authority.endings, world.settings.sessions).await.unwrap();
}

/// One of each kind.
async fn everything(world: &World) {
    let phone = world.enrolled("alice").await;
    let link = LinkName { account: "alice".into(), name: "local:alice".into() };
    world.ask(&root(), link).await.unwrap();
    let set = SetPassword { account: Some("alice".into()), password: secret_text(PASSWORD), code: None };
    world.ask(&root(), set).await.unwrap();
    let first = world.session("alice", PASSWORD, None).await;
    world.clock.pass(30);
    let browser_value = BrowserValue { presented: None, next: digest() };
    let raised = VerifySession { browser: Some(browser_value), ..raise(first, digest(), &phone.code(world)) };
    assert_eq!(word_of(&world.ask(&gate(), raised).await.unwrap()), None);
    world.clock.pass(30);
    let mut at_ssh = login("alice", "192.0.2.7");
    at_ssh.source.public_key = Some("ssh-ed25519 AAAA".to_owned());
    let code = secret_text(&phone.code(world));
    let with_grace = Verify { nonce: nonce(), login: at_ssh, code };
    assert_eq!(word_of(&world.ask(&root(), with_grace).await.unwrap()), None);
    let end = world.clock.now().now().0 + DAY;
    let key = CreateApiKey { ends_at: Some(end), ..super::api_keys::create(Some("alice")) };
    world.ask(&root(), key).await.unwrap();
    let emergency = IssueEmergencyCode { account: "alice".into(), door: EmergencyDoor::Host };
    world.ask(&root(), emergency).await.unwrap();
    world.ask(&root(), begin(Some("alice"))).await.unwrap();
    world.ask(&root(), AddAccount { name: "carol".into(), groups: vec![] }).await.unwrap();
    world.ask(&root(), InviteAccount { account: "carol".into() }).await.unwrap();
    let at_login =
        BeginEnrolmentAtLogin { nonce: nonce(), login: login("bob", "192.0.2.8"), invitation: None };
    world.ask(&root(), at_login).await.unwrap();
}

#[tokio::test]
async fn whatever_ends_by_itself_is_removed_when_it_is_over_and_no_sooner() {
    let world = World::with(|settings| {
        settings.policy.rules = vec![Rule {
            services: vec!["sshd".into()],
            grace: Some(Duration::from_secs(3600)),
            ..rule(1, Requirement::Required)
        }];
    });
    everything(&world).await;
    let all = ending(&world);
    assert!(all.iter().all(|(_, count)| *count > 0), "{all:?}");
    sweep(&world).await;
    assert_eq!(ending(&world), all, "nothing is over yet");
    let accounts = world.authority.store.scan(Space::Account, b"", None, 100).unwrap().len();
    world.clock.pass(500 * DAY);
    sweep(&world).await;
    let left: Vec<_> = ending(&world).into_iter().filter(|(_, count)| *count > 0).collect();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(world.authority.store.scan(Space::Account, b"", None, 100).unwrap().len(), accounts);
}
