//! `twofold api-key …`: what programs come in with.

use twofold_shared::wire::{
    self, ApiKeyGrant, ApiKeyView, FreshApiKey, ListApiKeys, ResumeApiKey, RevokeApiKey, RotateApiKey,
    SuspendApiKey,
};
use zeroize::Zeroizing;

use crate::args::{ApiKey, ChangedApiKey, Consent, CreateApiKey, OneApiKey, Whose};
use crate::ask::consent;
use crate::desk::{Desk, called, codes_from};
use crate::failure::Failure;
use crate::output::{table, visible};
use crate::time::Calendar;

/// Does one of the verbs.
pub fn run(desk: &mut Desk, verb: &ApiKey) -> Result<(), Failure> {
    match verb {
        ApiKey::Create(arguments) => create(desk, arguments),
        ApiKey::List(whose) => list(desk, whose),
        ApiKey::Suspend(one) => suspend(desk, one),
        ApiKey::Resume(changed) => resume(desk, changed),
        ApiKey::Rotate(changed) => rotate(desk, changed),
        ApiKey::Revoke { one, consent } => revoke(desk, one, consent),
    }
}

fn create(desk: &mut Desk, arguments: &CreateApiKey) -> Result<(), Failure> {
    let ends_at = desk.calendar.end(&arguments.expires);
    let ends_at = ends_at.map_err(|why| Failure::Usage(format!("--expires: {why}")))?;
    let account = &arguments.whose.account;
    let whose = called(account.as_deref());
    let fresh = desk.change(&whose, codes_from(&arguments.codes), |code| wire::CreateApiKey {
        account: account.clone(),
        label: arguments.label.clone(),
        grant: ApiKeyGrant {
            sites: arguments.sites.clone(),
            paths: arguments.paths.clone(),
            methods: arguments.methods.clone(),
            networks: arguments.networks.clone(),
        },
        ends_at,
        code,
    })?;
    let title = format!("“{}”, an API key of {whose}", visible(&fresh.api_key.label));
    show(desk, &title, &fresh)
}

/// Shows a key, this once.
fn show(desk: &Desk, title: &str, fresh: &FreshApiKey) -> Result<(), Failure> {
    let screen = &desk.screen;
    screen.object(fresh)?;
    let until = match fresh.api_key.ends_at {
        Some(end) => format!("until {}", desk.calendar.exact(end)),
        None => "without an end".to_owned(),
    };
    screen.say(&format!("{title}, {until}, for {}:\n", visible(&granted(&fresh.api_key.grant))))?;
    screen.line(&Zeroizing::new(format!("  {}\n", fresh.key.reveal())))?;
    Ok(screen.say(
        "Give it to its program now: it is not shown again. It goes where a password for HTTP Basic goes, under any name, \
         or into the header “Authorization: Bearer tf_…”.",
    )?)
}

fn list(desk: &Desk, whose: &Whose) -> Result<(), Failure> {
    let api_keys = keys(desk, whose)?;
    for api_key in &api_keys {
        desk.screen.object(api_key)?;
    }
    if api_keys.is_empty() {
        let name = called(whose.account.as_deref());
        return Ok(desk.screen.say(&format!(
            "{name} has no API key. Make one with: twofold api-key create NAME --site HOST"
        ))?);
    }
    let rows: Vec<[String; 6]> = api_keys.iter().map(|api_key| row(api_key, &desk.calendar)).collect();
    Ok(desk.screen.line(&table(["NAME", "ID", "FOR", "UNTIL", "LAST USED", "STATE"], &rows))?)
}

fn row(api_key: &ApiKeyView, calendar: &Calendar) -> [String; 6] {
    let expired = api_key.ends_at.is_some_and(|end| calendar.is_past(end));
    let last = api_key.last_used.as_ref().map_or_else(
        || "never".to_owned(),
        |used| {
            let from = used.source.as_ref().map(|source| format!(" from {source}")).unwrap_or_default();
            format!("{}{from}", calendar.relative(used.at))
        },
    );
    let states = [api_key.suspended.then_some("suspended"), expired.then_some("expired")];
    [
        api_key.label.clone(),
        api_key.id.to_string(),
        granted(&api_key.grant),
        api_key.ends_at.map_or_else(|| "no end".to_owned(), |end| calendar.exact(end)),
        last,
        states.into_iter().flatten().collect::<Vec<_>>().join(", "),
    ]
}

/// `wiki.example.com /export GET from 192.0.2.0/24`.
fn granted(grant: &ApiKeyGrant) -> String {
    let mut parts = vec![grant.sites.join(", ")];
    parts.extend(
        [&grant.paths, &grant.methods]
            .into_iter()
            .filter(|list| !list.is_empty())
            .map(|list| list.join(", ")),
    );
    if !grant.networks.is_empty() {
        parts.push(format!("from {}", grant.networks.join(", ")));
    }
    parts.join(" ")
}

fn suspend(desk: &Desk, one: &OneApiKey) -> Result<(), Failure> {
    let found = find(keys(desk, &one.whose)?, &one.api_key)?;
    let suspended = desk.call(&SuspendApiKey { account: one.whose.account.clone(), id: found.id })?;
    desk.screen.object(&suspended)?;
    let label = visible(&found.label);
    Ok(desk
        .screen
        .say(&format!("“{label}” opens nothing until you resume it: twofold api-key resume {}", found.id))?)
}

fn resume(desk: &mut Desk, changed: &ChangedApiKey) -> Result<(), Failure> {
    let ChangedApiKey { one, codes } = changed;
    let found = find(keys(desk, &one.whose)?, &one.api_key)?;
    let account = &one.whose.account;
    let resumed = desk.change(&called(account.as_deref()), codes_from(codes), |code| ResumeApiKey {
        account: account.clone(),
        id: found.id,
        code,
    })?;
    desk.screen.object(&resumed)?;
    Ok(desk.screen.say(&format!("“{}” opens again.", visible(&found.label)))?)
}

fn rotate(desk: &mut Desk, changed: &ChangedApiKey) -> Result<(), Failure> {
    let ChangedApiKey { one, codes } = changed;
    let found = find(keys(desk, &one.whose)?, &one.api_key)?;
    let account = &one.whose.account;
    let fresh = desk.change(&called(account.as_deref()), codes_from(codes), |code| RotateApiKey {
        account: account.clone(),
        id: found.id,
        code,
    })?;
    show(desk, &format!("The old key is dead. “{}”", visible(&found.label)), &fresh)
}

fn revoke(desk: &Desk, one: &OneApiKey, given: &Consent) -> Result<(), Failure> {
    let found = find(keys(desk, &one.whose)?, &one.api_key)?;
    let label = visible(&found.label);
    consent(given.yes, &format!("This removes the API key “{label}” for good: its program is out at once."))?;
    let revoked = desk.call(&RevokeApiKey { account: one.whose.account.clone(), id: found.id })?;
    desk.screen.object(&revoked)?;
    Ok(desk.screen.say(&format!("“{label}” is revoked."))?)
}

fn keys(desk: &Desk, whose: &Whose) -> Result<Vec<ApiKeyView>, Failure> {
    Ok(desk.call(&ListApiKeys { account: whose.account.clone() })?.api_keys)
}

/// The key of this id, or the only one of this name.
fn find(api_keys: Vec<ApiKeyView>, wanted: &str) -> Result<ApiKeyView, Failure> {
    let (mut by_id, mut called) = (None, Vec::new());
    for api_key in api_keys {
        if api_key.id.to_string() == wanted {
            by_id = Some(api_key);
        } else if api_key.label == wanted {
            called.push(api_key);
        }
    }
    match (by_id, called.len()) {
        (Some(api_key), _) => Ok(api_key),
        (None, 0) => Err(Failure::Refused(format!(
            "There is no API key “{}”. See which there are: twofold api-key list",
            visible(wanted)
        ))),
        (None, 1) => called.pop().ok_or_else(|| Failure::Refused("There is no such API key.".to_owned())),
        (None, _) => Err(Failure::Refused(format!(
            "Several API keys are called “{}”. Say which by its id: twofold api-key list",
            visible(wanted)
        ))),
    }
}

#[cfg(test)]
mod tests {
    use twofold_shared::wire::{ApiKeyId, Occasion};

    use super::*;

    fn api_key(id: u8, label: &str) -> ApiKeyView {
        ApiKeyView {
            id: ApiKeyId::from_bytes([id; 8]),
            label: label.into(),
            grant: ApiKeyGrant { sites: vec!["wiki.example.com".into()], ..ApiKeyGrant::default() },
            suspended: false,
            ends_at: None,
            created: Occasion { at: 0, door: "command".into(), source: None },
            rotated_at: None,
            last_used: None,
        }
    }

    #[test]
    fn a_key_is_found_by_id_or_by_a_name_of_its_own() {
        let keys =
            || vec![api_key(1, "ci"), api_key(2, "ci"), api_key(3, "dav"), api_key(4, "0303030303030303")];
        assert_eq!(find(keys(), "dav").unwrap().id, ApiKeyId::from_bytes([3; 8]));
        assert_eq!(find(keys(), "0303030303030303").unwrap().label, "dav", "an id goes before a name");
        assert!(find(keys(), "ci").unwrap_err().to_string().contains("Several"));
        assert!(find(keys(), "x").unwrap_err().to_string().contains("no API key"));
    }

    #[test]
    fn a_row_tells_what_a_key_may_do_and_what_became_of_it() {
        let key = ApiKeyView {
            grant: ApiKeyGrant {
                sites: vec!["a.example.com".into(), "b.example.com".into()],
                paths: vec!["/export".into()],
                methods: vec!["GET".into()],
                networks: vec!["192.0.2.0/24".into()],
            },
            suspended: true,
            ends_at: Some(1),
            ..api_key(1, "ci")
        };
        let [name, id, what, _, last, state] = row(&key, &Calendar::today());
        assert_eq!((name.as_str(), id.as_str(), last.as_str()), ("ci", "0101010101010101", "never"));
        assert_eq!(what, "a.example.com, b.example.com /export GET from 192.0.2.0/24");
        assert_eq!(state, "suspended, expired");
        assert_eq!(row(&api_key(1, "ci"), &Calendar::today())[3..], ["no end", "never", ""]);
    }
}
