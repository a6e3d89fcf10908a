//! An authority that holds two people in memory and can be told to misbehave.
//!
//! `alice` has a device whose right codes are 111111, then 222222, and so on, each once, and backup codes 8765 4321
//! and 1234 5678. `bob` has a password and nothing else. Their password is `correct horse`. Other names are new at sites, and
//! may join the account that hosts call `alice`.

mod enrolment;

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::traces;

/// How it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// As it should.
    Well,
    /// Accepts and says nothing.
    Silent,
    /// Says what is no JSON.
    Garbage,
    /// Says half and hangs up.
    Half,
    /// Says too much.
    Huge,
    /// Says the right thing too late.
    Late,
    /// Answers another request.
    Other,
    /// Approves with both a yes and a no.
    Both,
    /// Hangs up at once.
    Refusing,
}

#[derive(Clone)]
struct Session {
    name: String,
    /// When the code was given.
    second: Option<u64>,
    /// When it was given instead in the trusted browser that this rests on.
    trusted: Option<u64>,
    portal: Option<String>,
    site: Option<String>,
}

#[derive(Default)]
struct State {
    sessions: HashMap<String, Session>,
    used: HashSet<String>,
    ended: Vec<String>,
    enrolled: HashSet<String>,
    refuse_next: Option<Value>,
    backdate_next: u64,
    calls: HashMap<String, u64>,
    /// By id: the digest, and what the gate is told of it.
    keys: HashMap<String, (String, Value)>,
    key_uses: Vec<Value>,
    /// By the digest of a browser's cookie: whose, and when it was trusted.
    browsers: HashMap<String, (String, u64)>,
    enrolling: enrolment::Enrolling,
    /// Names of sites that joined an account, or were given one.
    joined: HashSet<String>,
}

/// The scripted authority.
pub struct Authority {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    news: Condvar,
    mood: Mutex<Mood>,
    watch: Mutex<bool>,
}

impl Authority {
    /// Starts it at `socket`.
    pub fn start(socket: &Path) -> Self {
        let listener = UnixListener::bind(socket).unwrap();
        let state = State { enrolled: HashSet::from(["alice".to_owned()]), ..State::default() };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            news: Condvar::new(),
            mood: Mutex::new(Mood::Well),
            watch: Mutex::new(true),
        });
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let shared = Arc::clone(&serving);
                thread::spawn(move || shared.serve(&stream.unwrap()));
            }
        });
        Self { shared }
    }

    /// Answers like this from now on; the watch goes on.
    pub fn set_mood(&self, mood: Mood) {
        *self.shared.mood.lock().unwrap() = mood;
    }

    /// Ends the watch and refuses it until told otherwise.
    pub fn set_watch(&self, on: bool) {
        *self.shared.watch.lock().unwrap() = on;
        self.shared.news.notify_all();
    }

    /// Refuses the next password or code like this.
    pub fn refuse_next(&self, refusal: Value) {
        self.shared.state.lock().unwrap().refuse_next = Some(refusal);
    }

    /// Takes the next code for one given so many seconds ago.
    pub fn backdate_next(&self, seconds: u64) {
        self.shared.state.lock().unwrap().backdate_next = seconds;
    }

    /// Gives `name` a second factor.
    pub fn enrol(&self, name: &str) {
        self.shared.state.lock().unwrap().enrolled.insert(name.to_owned());
    }

    /// Ends every session, as an operator would.
    pub fn revoke_all(&self) {
        let mut state = self.shared.state.lock().unwrap();
        let ended: Vec<String> = state.sessions.drain().map(|(digest, _)| digest).collect();
        state.ended.extend(ended);
        self.shared.news.notify_all();
    }

    /// Makes an API key of alice's, with this grant.
    pub fn make_key(&self, id: &str, digest: &str, grant: Value) {
        let view = json!({ "account": "id-alice", "name": "alice", "groups": ["staff", "wiki"], "contacts": {}, "grant": grant });
        self.shared.state.lock().unwrap().keys.insert(id.to_owned(), (digest.to_owned(), view));
    }

    /// Revokes an API key, as its owner would.
    pub fn revoke_key(&self, id: &str) {
        let mut state = self.shared.state.lock().unwrap();
        let (digest, _) = state.keys.remove(id).unwrap();
        state.ended.push(digest);
        self.shared.news.notify_all();
    }

    /// Every use of a key that it was told.
    pub fn key_uses(&self) -> Vec<Value> {
        self.shared.state.lock().unwrap().key_uses.clone()
    }

    /// How often a method was called.
    pub fn calls(&self, method: &str) -> u64 {
        self.shared.state.lock().unwrap().calls.get(method).copied().unwrap_or(0)
    }
}

impl Shared {
    fn serve(&self, stream: &UnixStream) {
        let mut message = Vec::new();
        BufReader::new(stream.try_clone().unwrap()).read_until(0, &mut message).unwrap();
        message.pop();
        let Ok(call) = serde_json::from_slice::<Value>(&message) else { return };
        traces::seen_in_message(&call);
        let method = call["method"].as_str().unwrap().rsplit('.').next().unwrap().to_owned();
        if method == "WatchSessions" {
            return self.watch(stream, call["parameters"]["after"].as_u64());
        }
        let mood = *self.mood.lock().unwrap();
        *self.state.lock().unwrap().calls.entry(method.clone()).or_default() += 1;
        match mood {
            Mood::Refusing => {}
            Mood::Silent => thread::sleep(Duration::from_secs(30)),
            Mood::Garbage => say(stream, b"\xff\xfe nothing of sense"),
            Mood::Huge => while (&*stream).write_all(&[b' '; 65_536]).is_ok() {},
            Mood::Well | Mood::Half | Mood::Late | Mood::Other | Mood::Both => {
                let mut reply = self.reply(&method, &call["parameters"]);
                traces::seen_in_message(&reply);
                if mood == Mood::Other {
                    reply["nonce"] = json!("00".repeat(16));
                }
                if mood == Mood::Both {
                    reply["refusal"] = json!({ "word": "wrong" });
                    reply["signed_in"] =
                        json!({ "account": "alice", "name": "local:alice", "enrolled": true });
                    reply["approval"] =
                        json!({ "account": "id-alice", "door": "web portal", "level": "second" });
                }
                if mood == Mood::Late {
                    thread::sleep(Duration::from_secs(9));
                }
                let text = json!({ "parameters": reply }).to_string();
                if mood == Mood::Half {
                    let _ = (&*stream).write_all(&text.as_bytes()[..text.len() / 2]);
                } else {
                    say(stream, text.as_bytes());
                }
            }
        }
    }

    fn watch(&self, stream: &UnixStream, after: Option<u64>) {
        let mut told = after.map_or(usize::MAX, |after| usize::try_from(after).unwrap());
        loop {
            let state = self.state.lock().unwrap();
            if !*self.watch.lock().unwrap() {
                return;
            }
            told = told.min(state.ended.len());
            let text = json!({
                "continues": true,
                "parameters": { "number": state.ended.len(), "ended": &state.ended[told..] },
            });
            told = state.ended.len();
            if (&*stream).write_all(format!("{text}\0").as_bytes()).is_err() {
                return;
            }
            drop(self.news.wait_timeout(state, Duration::from_millis(200)).unwrap());
        }
    }

    fn reply(&self, method: &str, parameters: &Value) -> Value {
        let nonce = &parameters["nonce"];
        match method {
            "SignIn" => self.sign_in(nonce, parameters),
            "AssertFirst" => self.assert_first(nonce, parameters),
            "VerifySession" => self.verify(nonce, parameters),
            "PassTrusted" => self.pass_trusted(nonce, parameters),
            "VerifyName" => self.verify_name(nonce, parameters),
            "JoinAccount" => self.join(nonce, parameters),
            "OpenSite" => self.open(nonce, parameters),
            "CheckSession" => self.check(nonce, parameters),
            "BeginSessionEnrolment" => self.begin_enrolment(nonce, parameters),
            "ConfirmSessionEnrolment" => self.confirm_enrolment(nonce, parameters),
            "CancelSessionEnrolment" => self.cancel_enrolment(parameters),
            "SpareSession" => self.spare(parameters),
            "RedeemInvitation" => self.redeem(nonce, parameters),
            "EndSession" => self.end(parameters),
            "CheckApiKey" => self.check_key(nonce, parameters),
            "AsPerson" => as_person(nonce, &parameters["parameters"]),
            "TouchApiKeys" => {
                let used = parameters["used"].as_array().unwrap().clone();
                self.state.lock().unwrap().key_uses.extend(used);
                json!({})
            }
            _ => json!({}),
        }
    }

    fn sign_in(&self, nonce: &Value, parameters: &Value) -> Value {
        let mut state = self.state.lock().unwrap();
        if let Some(refusal) = state.refuse_next.take() {
            return json!({ "nonce": nonce, "refusal": refusal });
        }
        let name = parameters["name"].as_str().unwrap().trim().to_lowercase();
        if !["alice", "bob"].contains(&name.as_str()) || parameters["password"] != "correct horse" {
            return json!({ "nonce": nonce, "refusal": { "word": "wrong" } });
        }
        let enrolled = state.enrolled.contains(&name);
        let session = first(&name);
        state.sessions.insert(parameters["session"].as_str().unwrap().to_owned(), session);
        let signed_in =
            json!({ "account": format!("id-{name}"), "name": format!("local:{name}"), "enrolled": enrolled });
        json!({ "nonce": nonce, "signed_in": signed_in })
    }

    fn assert_first(&self, nonce: &Value, parameters: &Value) -> Value {
        let mut state = self.state.lock().unwrap();
        let name = parameters["name"].as_str().unwrap().to_owned();
        let realm = parameters["realm"].as_str().unwrap();
        assert!(["mail.localhost", "git.localhost", "sso"].contains(&realm), "{realm}");
        if let Some(refusal) = state.refuse_next.take() {
            return json!({ "nonce": nonce, "refusal": refusal });
        }
        if parameters["create"] == true {
            state.joined.insert(name.clone());
        }
        if !["alice", "bob"].contains(&name.as_str()) && !state.joined.contains(&name) {
            return json!({ "nonce": nonce, "refusal": { "word": "wrong" }, "newcomer": true });
        }
        let session = first(&name);
        state.sessions.insert(parameters["session"].as_str().unwrap().to_owned(), session);
        let signed_in = json!({ "account": format!("id-{name}"), "name": name, "enrolled": state.enrolled.contains(&name) });
        json!({ "nonce": nonce, "signed_in": signed_in })
    }

    fn verify(&self, nonce: &Value, parameters: &Value) -> Value {
        let mut state = self.state.lock().unwrap();
        if let Some(refusal) = state.refuse_next.take() {
            return json!({ "nonce": nonce, "refusal": refusal });
        }
        let old = parameters["session"].as_str().unwrap();
        let code = parameters["code"].as_str().unwrap().to_owned();
        let is_device = code.len() == 6 && code.bytes().all(|byte| Some(&byte) == code.as_bytes().first());
        let is_backup = ["87654321", "12345678"].contains(&code.as_str());
        let Some(session) = state.sessions.get(old).cloned().filter(|_| is_device || is_backup) else {
            return json!({ "nonce": nonce, "refusal": { "word": "wrong" } });
        };
        if !state.used.insert(code) {
            return json!({ "nonce": nonce, "refusal": { "word": "used", "wait_seconds": 12 } });
        }
        end_with_its_sites(&mut state, old);
        let account = format!("id-{}", session.name);
        let second = Some(now() - std::mem::take(&mut state.backdate_next));
        if parameters["trust_seconds"].is_u64() {
            let browser = parameters["browser"]["next"].as_str().unwrap().to_owned();
            state.browsers.insert(browser, (session.name.clone(), now()));
        }
        let session = Session { second, trusted: None, ..session };
        state.sessions.insert(parameters["next"].as_str().unwrap().to_owned(), session);
        self.news.notify_all();
        let notices = if is_backup { json!([{ "kind": "backup_code_used", "left": 2 }]) } else { json!([]) };
        let approval = json!({ "account": account, "door": "web portal", "level": "second" });
        json!({ "nonce": nonce, "approval": approval, "notices": notices })
    }

    fn pass_trusted(&self, nonce: &Value, parameters: &Value) -> Value {
        let mut state = self.state.lock().unwrap();
        let old = parameters["session"].as_str().unwrap();
        let presented = parameters["browser"]["presented"].as_str().unwrap_or_default();
        let taken = parameters["trust_seconds"].as_u64().unwrap();
        let session = state.sessions.get(old).cloned();
        let browser = state.browsers.get(presented).cloned();
        let (Some(session), Some((name, at))) = (session, browser) else {
            return json!({ "nonce": nonce, "refusal": { "word": "wrong" } });
        };
        if name != session.name || session.second.is_some() || now() - at > taken {
            return json!({ "nonce": nonce, "refusal": { "word": "wrong" } });
        }
        end_with_its_sites(&mut state, old);
        let next = parameters["browser"]["next"].as_str().unwrap().to_owned();
        state.browsers.insert(next, (name.clone(), at));
        let session = Session { trusted: Some(at), ..session };
        state.sessions.insert(parameters["next"].as_str().unwrap().to_owned(), session);
        self.news.notify_all();
        let approval =
            json!({ "account": format!("id-{name}"), "door": "web wiki.localhost", "level": "second" });
        json!({ "nonce": nonce, "approval": approval })
    }

    /// The session is the site's own, as the real one's is.
    fn verify_name(&self, nonce: &Value, parameters: &Value) -> Value {
        let mut state = self.state.lock().unwrap();
        if let Some(refusal) = state.refuse_next.take() {
            return json!({ "nonce": nonce, "refusal": refusal });
        }
        assert_eq!(parameters["realm"], "mail.localhost");
        let name = parameters["name"].as_str().unwrap().trim().to_lowercase();
        let code = parameters["code"].as_str().unwrap().to_owned();
        let is_device = code.len() == 6 && code.bytes().all(|byte| Some(&byte) == code.as_bytes().first());
        let is_backup = ["87654321", "12345678"].contains(&code.as_str());
        if !state.enrolled.contains(&name) || !(is_device || is_backup) {
            return json!({ "nonce": nonce, "refusal": { "word": "wrong" } });
        }
        if !state.used.insert(code) {
            return json!({ "nonce": nonce, "refusal": { "word": "used", "wait_seconds": 12 } });
        }
        let second = Some(now() - std::mem::take(&mut state.backdate_next));
        let site = parameters["site"].as_str().map(str::to_owned);
        let session = Session { name: name.clone(), second, portal: None, site, trusted: None };
        state.sessions.insert(parameters["session"].as_str().unwrap().to_owned(), session);
        let notices = if is_backup { json!([{ "kind": "backup_code_used", "left": 2 }]) } else { json!([]) };
        let approval =
            json!({ "account": format!("id-{name}"), "door": "web mail.localhost", "level": "second" });
        json!({ "nonce": nonce, "approval": approval, "notices": notices })
    }

    /// Names join alice's account, whom hosts call so.
    fn join(&self, nonce: &Value, parameters: &Value) -> Value {
        let mut state = self.state.lock().unwrap();
        if let Some(refusal) = state.refuse_next.take() {
            return json!({ "nonce": nonce, "refusal": refusal });
        }
        let code = parameters["code"].as_str().unwrap().to_owned();
        let is_device = code.len() == 6 && code.bytes().all(|byte| Some(&byte) == code.as_bytes().first());
        if parameters["account"] != "unix:alice" || !is_device {
            return json!({ "nonce": nonce, "refusal": { "word": "wrong" } });
        }
        if !state.used.insert(code) {
            return json!({ "nonce": nonce, "refusal": { "word": "used", "wait_seconds": 12 } });
        }
        state.joined.insert(parameters["name"].as_str().unwrap().to_owned());
        let session = Session { second: Some(now()), ..first("alice") };
        state.sessions.insert(parameters["session"].as_str().unwrap().to_owned(), session);
        let approval = json!({ "account": "id-alice", "door": "web mail.localhost", "level": "second" });
        json!({ "nonce": nonce, "approval": approval, "notices": [] })
    }

    fn open(&self, nonce: &Value, parameters: &Value) -> Value {
        let mut state = self.state.lock().unwrap();
        let portal = parameters["portal"].as_str().unwrap().to_owned();
        let Some(parent) = state.sessions.get(&portal).cloned() else { return json!({ "nonce": nonce }) };
        let site = parameters["site"].as_str().map(str::to_owned);
        let trusted = parent.trusted.filter(|_| parameters["trust_seconds"].is_u64());
        let session = Session { portal: Some(portal), site, trusted, ..parent };
        let view = view(&session, &state.enrolled);
        state.sessions.insert(parameters["session"].as_str().unwrap().to_owned(), session);
        json!({ "nonce": nonce, "session": view })
    }

    fn check(&self, nonce: &Value, parameters: &Value) -> Value {
        let state = self.state.lock().unwrap();
        let session = state.sessions.get(parameters["session"].as_str().unwrap());
        let here = session.filter(|session| session.site.as_deref() == parameters["site"].as_str());
        json!({ "nonce": nonce, "session": here.map(|session| view(session, &state.enrolled)) })
    }

    fn check_key(&self, nonce: &Value, parameters: &Value) -> Value {
        let state = self.state.lock().unwrap();
        let key = state.keys.get(parameters["id"].as_str().unwrap());
        let right = key.filter(|(digest, _)| parameters["digest"] == digest.as_str());
        let here = right
            .filter(|(_, view)| view["grant"]["sites"].as_array().unwrap().contains(&parameters["site"]));
        json!({ "nonce": nonce, "api_key": here.map(|(_, view)| view) })
    }

    fn end(&self, parameters: &Value) -> Value {
        let mut state = self.state.lock().unwrap();
        let given = parameters["session"].as_str().unwrap().to_owned();
        let top = state.sessions.get(&given).and_then(|session| session.portal.clone()).unwrap_or(given);
        end_with_its_sites(&mut state, &top);
        self.news.notify_all();
        json!({})
    }
}

/// Alice is in charge of bob, and of somebody else of whom it cannot tell.
fn as_person(nonce: &Value, call: &Value) -> Value {
    if call["method"] != "SearchAccounts" || call["parameters"]["after"].is_string() {
        return json!({});
    }
    let bob = json!({
        "id": "b0".repeat(16), "names": ["local:bob"], "groups": [], "devices": 0, "backup_codes_left": 0,
        "closed_to_strangers": false, "created": 1_772_000_000,
    });
    json!({ "nonce": nonce, "reply": { "reply": { "accounts": [bob], "next": "b0.bob" } } })
}

fn view(session: &Session, enrolled: &HashSet<String>) -> Value {
    json!({
        "account": format!("id-{}", session.name),
        "name": format!("local:{}", session.name),
        "realm": "local",
        "groups": ["staff", "wiki"],
        "contacts": {},
        "enrolled": enrolled.contains(&session.name),
        "level": if session.second.or(session.trusted).is_some() { "second" } else { "first" },
        "second_at": session.second,
        "trusted_at": session.trusted,
        "ends_at": 4_000_000_000_u64,
        "idle_seconds": 3600,
        "operates": session.name == "alice",
    })
}

fn first(name: &str) -> Session {
    Session { name: name.to_owned(), second: None, trusted: None, portal: None, site: None }
}

/// Ends a portal session and those of the sites under it.
fn end_with_its_sites(state: &mut State, portal: &str) {
    let is_under =
        |digest: &str, session: &Session| digest == portal || session.portal.as_deref() == Some(portal);
    let ended = state.sessions.iter().filter(|(digest, session)| is_under(digest, session));
    let ended: Vec<String> = ended.map(|(digest, _)| digest.clone()).collect();
    for digest in ended {
        state.sessions.remove(&digest);
        state.ended.push(digest);
    }
}

fn now() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "the real gate has the real clock")]
    let now = std::time::SystemTime::now();
    now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

fn say(stream: &UnixStream, text: &[u8]) {
    let _ = (&*stream).write_all(text).and_then(|()| (&*stream).write_all(&[0]));
}
