//! The scripted authority's part of setting up a device. The first code of one is 777777; an app that ignores what is asked
//! of it shows 666666.

use serde_json::{Value, json};

use super::{Session, Shared, end_with_its_sites, now};

/// What waits, and what has happened.
#[derive(Default)]
pub struct Enrolling {
    /// By the session's digest: the number and the kind.
    waiting: std::collections::HashMap<String, (String, Value)>,
    begun: usize,
    refuse: Option<&'static str>,
    spared: std::collections::HashMap<String, u64>,
    spared_in: std::collections::HashSet<String>,
    holder: Option<String>,
}

impl super::Authority {
    /// Refuses to begin a device like this, or not.
    pub fn refuse_enrolment(&self, refusal: Option<&'static str>) {
        self.shared.state.lock().unwrap().enrolling.refuse = refusal;
    }

    /// What waits is void.
    pub fn void_enrolments(&self) {
        self.shared.state.lock().unwrap().enrolling.waiting.clear();
    }
}

impl Shared {
    pub(super) fn begin_enrolment(&self, nonce: &Value, parameters: &Value) -> Value {
        let mut state = self.state.lock().unwrap();
        let session = parameters["session"].as_str().unwrap().to_owned();
        assert!(state.sessions.contains_key(&session));
        if let Some(refusal) = state.enrolling.refuse {
            return json!({ "nonce": nonce, "refusal": refusal });
        }
        let name = state.sessions[&session].name.clone();
        if state.enrolled.contains(&name) && state.sessions[&session].second.is_none() {
            return json!({ "nonce": nonce, "refusal": "second_factor" });
        }
        let is_new = parameters["again"] == true || !state.enrolling.waiting.contains_key(&session);
        if is_new {
            state.enrolling.begun += 1;
            let number = format!("{:032x}", state.enrolling.begun);
            let kind = json!({ "algorithm": parameters["algorithm"], "digits": parameters["digits"] });
            state.enrolling.waiting.insert(session.clone(), (number, kind));
        }
        let first = !state.enrolled.contains(&name);
        let (number, kind) = state.enrolling.waiting[&session].clone();
        let secret = format!(
            "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PX{}",
            char::from(b'A' + u8::try_from(state.enrolling.begun).unwrap())
        );
        json!({ "nonce": nonce, "waiting": {
            "enrolment": number, "secret": secret, "uri": format!("otpauth://totp/Twofold%20here:{name}?secret={secret}&issuer=Twofold%20here"),
            "algorithm": kind["algorithm"], "digits": kind["digits"], "first": first,
            "expires_seconds": if is_new { 600 } else { 590 },
        } })
    }

    pub(super) fn confirm_enrolment(&self, nonce: &Value, parameters: &Value) -> Value {
        let mut state = self.state.lock().unwrap();
        let old = parameters["session"].as_str().unwrap().to_owned();
        let (_, kind) = state.enrolling.waiting[&old].clone();
        let code = parameters["code"].as_str().unwrap();
        let usual = json!({ "algorithm": "sha1", "digits": 6 });
        let as_shown = code == "666666" && kind != usual;
        if as_shown && parameters["makes"] != usual {
            return json!({ "nonce": nonce, "refusal": { "word": "wrong" }, "makes": usual });
        }
        if code != "777777" && !as_shown {
            return json!({ "nonce": nonce, "refusal": { "word": "wrong" } });
        }
        state.enrolling.waiting.remove(&old);
        let session = state.sessions[&old].clone();
        end_with_its_sites(&mut state, &old);
        let is_first = state.enrolled.insert(session.name.clone());
        let raised = Session { second: Some(now()), trusted: None, ..session };
        state.sessions.insert(parameters["next"].as_str().unwrap().to_owned(), raised);
        self.news.notify_all();
        let codes: Vec<String> = (0..10).map(|number| format!("{:08}", 10_203_040 + number)).collect();
        let fresh = is_first || parameters["anew"] == true;
        let device = json!({
            "id": "0011223344556677", "label": parameters["label"], "algorithm": "sha1", "digits": 6, "period_seconds": 30,
            "created": { "at": now(), "door": "web portal" },
        });
        let backup_codes = if fresh { codes } else { Vec::new() };
        json!({ "nonce": nonce, "confirmed": { "device": device, "backup_codes": backup_codes } })
    }

    pub(super) fn cancel_enrolment(&self, parameters: &Value) -> Value {
        let mut state = self.state.lock().unwrap();
        state.enrolling.waiting.remove(parameters["session"].as_str().unwrap());
        json!({})
    }

    pub(super) fn spare(&self, parameters: &Value) -> Value {
        let mut state = self.state.lock().unwrap();
        let session = parameters["session"].as_str().unwrap().to_owned();
        let name = state.sessions[&session].name.clone();
        let most = parameters["most"].as_u64().unwrap();
        let count = state.enrolling.spared.get(&name).copied().unwrap_or(0);
        if !state.enrolling.spared_in.contains(&session) {
            if count >= most {
                return json!({});
            }
            state.enrolling.spared.insert(name.clone(), count + 1);
            state.enrolling.spared_in.insert(session);
        }
        json!({ "left": most - state.enrolling.spared[&name] })
    }

    /// `good-code` is an invitation; `at-login` is one for nobody at the web.
    pub(super) fn redeem(&self, nonce: &Value, parameters: &Value) -> Value {
        let mut state = self.state.lock().unwrap();
        let holder = parameters["holder"].as_str().unwrap().to_owned();
        let outcome = match parameters["code"].as_str().unwrap() {
            "at-login" => "at_login",
            "good-code" if state.enrolling.holder.as_ref().is_none_or(|own| *own == holder) => {
                state.enrolling.holder = Some(holder);
                "redeemed"
            }
            _ => "unknown",
        };
        let realms = if outcome == "redeemed" { json!(["local"]) } else { json!([]) };
        json!({ "nonce": nonce, "outcome": outcome, "realms": realms })
    }
}
