//! What is remembered, and until when.

use twofold_shared::wire::{ApiKeyGrant, ApiKeyId, LiveApiKey};

use super::*;
use crate::api_key::Presented;

const DIGEST: SessionDigest = SessionDigest::from_bytes([7; 32]);
const WIKI: Option<&str> = Some("wiki.localhost");

fn view(clock: Clock) -> SessionView {
    SessionView {
        account: "id".to_owned(),
        name: "local:alice".to_owned(),
        realm: "local".to_owned(),
        groups: vec!["staff".to_owned()],
        contacts: twofold_shared::wire::Contacts::default(),
        enrolled: true,
        level: Level::Second,
        second_at: None,
        trusted_at: None,
        ends_at: clock.unix() + 100,
        idle_seconds: 10,
        operates: false,
    }
}

fn news(ended: &[SessionDigest], forget_all: bool) -> SessionNews {
    SessionNews { number: 1, ended: ended.to_vec(), forget_all }
}

fn sessions() -> (Sessions, Clock) {
    let clock = Clock::start();
    (Sessions::new(Duration::from_secs(60), clock), clock)
}

#[test]
fn a_verdict_is_remembered_for_its_own_place_until_taken_back() {
    let (sessions, clock) = sessions();
    sessions.learn(DIGEST, WIKI, view(clock), sessions.before());
    assert!(sessions.recall(&DIGEST, WIKI, sessions.clock.unix()).is_some());
    assert!(sessions.recall(&DIGEST, Some("shop.localhost"), sessions.clock.unix()).is_none());
    assert!(sessions.recall(&DIGEST, None, sessions.clock.unix()).is_none());
    sessions.hear(&news(&[DIGEST], false));
    assert!(sessions.recall(&DIGEST, WIKI, sessions.clock.unix()).is_none());
}

#[test]
fn an_answer_that_crossed_a_revocation_is_not_remembered() {
    let (sessions, clock) = sessions();
    let before = sessions.before();
    sessions.hear(&news(&[DIGEST], false));
    sessions.learn(DIGEST, WIKI, view(clock), before);
    assert!(sessions.recall(&DIGEST, WIKI, sessions.clock.unix()).is_none());
}

#[test]
fn everything_is_forgotten_when_the_authority_says_so() {
    let (sessions, clock) = sessions();
    sessions.learn(DIGEST, WIKI, view(clock), sessions.before());
    sessions.hear(&news(&[], true));
    assert!(sessions.recall(&DIGEST, WIKI, sessions.clock.unix()).is_none());
}

#[test]
fn an_account_that_signed_out_is_forgotten_whole() {
    let (sessions, clock) = sessions();
    let other = SessionDigest::from_bytes([8; 32]);
    sessions.learn(DIGEST, WIKI, view(clock), sessions.before());
    sessions.learn(
        other,
        None,
        SessionView { account: "other".to_owned(), ..view(clock) },
        sessions.before(),
    );
    sessions.forget_account("id");
    assert!(
        sessions.recall(&DIGEST, WIKI, sessions.clock.unix()).is_none()
            && sessions.recall(&other, None, sessions.clock.unix()).is_some()
    );
}

#[test]
fn a_session_ends_at_its_limits() {
    let (_, clock) = sessions();
    let now = clock.unix();
    let known = Known::new(view(clock), WIKI, now).unwrap();
    assert!(!known.is_over(now + 9) && known.is_over(now + 10));
    known.touch(now + 95);
    assert!(!known.is_over(now + 99) && known.is_over(now + 100));
    let (sessions, _) = self::sessions();
    let ended = SessionView { ends_at: now, ..view(clock) };
    assert!(matches!(sessions.learn(DIGEST, WIKI, ended, 0), Verdict::Nobody));
}

#[test]
fn the_gate_is_dark_until_it_hears_and_grows_blind() {
    let (sessions, _) = sessions();
    assert_eq!(sessions.sight(), Sight::Dark);
    sessions.hear(&news(&[], false));
    assert_eq!(sessions.sight(), Sight::Clear);
    sessions.heard.store(1, Ordering::Release);
    let quick = Sessions { blind: 5, ..sessions };
    std::thread::sleep(Duration::from_millis(SILENCE + 10));
    assert_eq!(quick.sight(), Sight::Dark);
    let patient = Sessions { blind: 60_000, ..quick };
    assert_eq!(patient.sight(), Sight::Blind);
}

#[test]
fn uses_are_told_once() {
    let (sessions, clock) = sessions();
    sessions.learn(DIGEST, WIKI, view(clock), sessions.before());
    assert_eq!(sessions.uses().len(), 1);
    assert!(sessions.uses().is_empty());
}

#[test]
fn a_name_that_cannot_stand_in_a_header_is_refused() {
    let (sessions, clock) = sessions();
    for name in ["local:", "local:a\nb", "\0"] {
        let odd = SessionView { name: name.to_owned(), ..view(clock) };
        assert!(matches!(sessions.learn(DIGEST, WIKI, odd, 0), Verdict::Undecided), "{name:?}");
    }
    let comma = SessionView { groups: vec!["a,wheel".to_owned()], ..view(clock) };
    assert!(matches!(sessions.learn(DIGEST, WIKI, comma, 0), Verdict::Undecided));
}

fn live_key(ends_at: Option<u64>) -> LiveApiKey {
    LiveApiKey {
        account: "id".to_owned(),
        name: "alice".to_owned(),
        groups: Vec::new(),
        contacts: twofold_shared::wire::Contacts::default(),
        grant: ApiKeyGrant { sites: vec!["wiki.localhost".to_owned()], ..ApiKeyGrant::default() },
        ends_at,
    }
}

const KEY: Presented = Presented { id: ApiKeyId::from_bytes([7; 8]), digest: DIGEST };

#[test]
fn a_key_is_remembered_until_it_is_taken_back_and_is_no_session() {
    let (sessions, _) = sessions();
    sessions.learn_key(KEY, live_key(None), sessions.before());
    assert!(sessions.recall_key(&DIGEST, sessions.clock.unix()).is_some());
    assert!(
        sessions.recall(&DIGEST, WIKI, sessions.clock.unix()).is_none()
            && sessions.recall(&DIGEST, None, sessions.clock.unix()).is_none()
    );
    sessions.hear(&news(&[DIGEST], false));
    assert!(sessions.recall_key(&DIGEST, sessions.clock.unix()).is_none());
    let before = sessions.before();
    sessions.hear(&news(&[DIGEST], false));
    sessions.learn_key(KEY, live_key(None), before);
    assert!(
        sessions.recall_key(&DIGEST, sessions.clock.unix()).is_none(),
        "an answer that crossed a revocation"
    );
    sessions.learn(DIGEST, WIKI, view(Clock::start()), sessions.before());
    assert!(sessions.recall_key(&DIGEST, sessions.clock.unix()).is_none(), "nor is a session a key");
}

#[test]
fn a_key_ends_when_its_time_is_over() {
    let (sessions, clock) = sessions();
    let now = clock.unix();
    let known = Known::of_key(KEY.id, live_key(Some(now + 5)), now).unwrap();
    assert!(!known.is_over(now + 4) && known.is_over(now + 5));
    assert!(matches!(sessions.learn_key(KEY, live_key(Some(now)), 0), Verdict::Nobody));
    let endless = Known::of_key(KEY.id, live_key(None), now).unwrap();
    assert!(!endless.is_over(now + 599) && endless.is_over(now + 600), "asked again after ten minutes");
}

#[test]
fn a_keys_uses_are_told_once_and_apart_from_sessions() {
    let (sessions, _) = sessions();
    sessions.learn_key(KEY, live_key(None), sessions.before());
    assert!(sessions.uses().is_empty());
    let uses = sessions.key_uses();
    assert_eq!((uses.len(), uses[0].id), (1, KEY.id));
    assert!(sessions.key_uses().is_empty());
}
