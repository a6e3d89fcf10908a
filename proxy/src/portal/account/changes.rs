//! Changes that have a page of their own, which says what will happen and asks for a code or the password.

use http::StatusCode;
use twofold_shared::code::Code;
use twofold_shared::secret::SecretText;
use twofold_shared::wire::{
    AccountView, ApiKeyView, DisableAccount, GetAccount, ListApiKeys, RegenerateBackupCodes, RemoveDevice,
    RenameDevice, Request, RevokeApiKey, RotateApiKey, UnlinkName, Word,
};
use zeroize::Zeroizing;

use super::super::form::Fields;
use super::super::{Portal, Refused, Visit, refused_status};
use super::{Detour, Owner, Turn};
use crate::answer::Answer;
use crate::authority::{Asked, Unfit};
use crate::cookies::{self, PORTAL};
use crate::pages::Action;
use crate::pages::account::{Confirm, Field};
use crate::refusal::Refusal;
use crate::words::Words;

/// The most backup codes, and the longest of them with its blank, that are made a file of.
const MOST_CODES: usize = 20;
const LONGEST_CODE: usize = 20;

/// Why a change's page is shown once more.
pub(super) struct Again<'a> {
    status: StatusCode,
    error: String,
    /// What was wrong.
    at: Field,
    /// The label that was typed.
    label: Option<&'a str>,
}

impl Portal {
    /// The page of a change.
    pub(super) async fn ask_first(
        &self,
        visit: &Visit,
        owner: &Owner,
        (page, id): (&str, &str),
        again: Option<Again<'_>>,
    ) -> Turn<Answer> {
        let account = self.tell(visit, owner, &GetAccount { account: None }).await?;
        let words = self.read_by(visit).words();
        let key = match page {
            "rotate" | "revoke" => self.key_of(visit, owner, id).await?,
            _ => None,
        };
        let asked = question(words, (page, id), &account, key.as_ref());
        let Some(mut confirm) = asked else { return Err(Detour::To(Answer::redirect("/account"))) };
        confirm.has_password = account.has_password;
        let mut status = StatusCode::OK;
        if let Some(again) = again {
            status = again.status;
            confirm.error = Some(again.error);
            confirm.at = again.at;
            confirm.label = confirm.label.map(|label| again.label.unwrap_or(label));
        }
        Ok(self.read_by(visit).confirm(status, &confirm, &owner.token))
    }

    /// The key with this number.
    pub(super) async fn key_of(&self, visit: &Visit, owner: &Owner, id: &str) -> Turn<Option<ApiKeyView>> {
        let keys = self.tell(visit, owner, &ListApiKeys { account: None }).await?.api_keys;
        Ok(keys.into_iter().find(|key| key.id.to_string() == id))
    }

    /// Does what the page asked about.
    pub(super) async fn do_it(
        &self,
        visit: &Visit,
        owner: &Owner,
        (page, id): (&str, &str),
        fields: &Fields,
    ) -> Turn<Answer> {
        if page == "revoke" {
            // It only takes away, so nothing is asked for.
            let Some(key) = self.key_of(visit, owner, id).await? else {
                return Err(Detour::To(Answer::redirect("/account")));
            };
            return self.quietly(visit, owner, &RevokeApiKey { account: None, id: key.id }).await;
        }
        let words = self.read_by(visit).words();
        let label = fields.get("label");
        let again = |status, error: &str, at| Some(Again { status, error: error.to_owned(), at, label });
        let typed = |name| fields.get(name).unwrap_or_default();
        // A password may be there because the browser filled it in: the code is what was typed.
        let (code, password) = match (typed("code").trim(), typed("password")) {
            ("", "") => {
                let status = StatusCode::UNPROCESSABLE_ENTITY;
                let again = again(status, words.account.confirm_first, Field::Password);
                return self.ask_first(visit, owner, (page, id), again).await;
            }
            ("", password) => (None, Some(SecretText::new(password.to_owned()))),
            (code, _) => match Code::parse(code) {
                Ok(code) => (Some(code.into_secret()), None),
                Err(_) => {
                    let again = again(StatusCode::FORBIDDEN, words.account.wrong_confirmation, Field::Code);
                    return self.ask_first(visit, owner, (page, id), again).await;
                }
            },
        };
        let was_password = password.is_some();
        let given = if was_password { Field::Password } else { Field::Code };
        let whole = format!("id:{}", owner.known.account());
        let done = match page {
            "codes" => {
                let request = RegenerateBackupCodes { account: None, code };
                match self.with_proof(visit, owner, password, &request).await? {
                    Asked::Done(fresh) => {
                        return Ok(self.read_by(visit).fresh_codes(&fresh.backup_codes, &owner.token));
                    }
                    other => other.unit(),
                }
            }
            "rename" => {
                let label = label.unwrap_or_default().to_owned();
                let request = RenameDevice { account: None, device: id.to_owned(), label, code };
                self.with_proof(visit, owner, password, &request).await?.unit()
            }
            "remove" => {
                let request = RemoveDevice { account: None, device: id.to_owned(), code };
                self.with_proof(visit, owner, password, &request).await?.unit()
            }
            "part" => {
                let request = UnlinkName { account: whole, name: id.to_owned(), code };
                self.with_proof(visit, owner, password, &request).await?.unit()
            }
            "rotate" => {
                let Some(key) = self.key_of(visit, owner, id).await? else {
                    return Err(Detour::To(Answer::redirect("/account")));
                };
                let request = RotateApiKey { account: None, id: key.id, code };
                match self.with_proof(visit, owner, password, &request).await? {
                    Asked::Done(fresh) => return Ok(self.read_by(visit).fresh_key(&fresh.key)),
                    other => other.unit(),
                }
            }
            "off" => {
                match self.with_proof(visit, owner, password, &DisableAccount { account: None, code }).await?
                {
                    Asked::Done(_) => return Ok(self.turned_off(visit, owner)),
                    other => other.unit(),
                }
            }
            _ => return Err(Refused::because(Refusal::NotFound, "no such change").into()),
        };
        let again = match done {
            Asked::Done(()) => {
                self.sessions.forget_account(owner.known.account());
                return Ok(Answer::redirect("/account"));
            }
            Asked::Refused(said) if was_password && said.word == Word::Wrong => {
                again(StatusCode::FORBIDDEN, words.account.wrong_confirmation, given)
            }
            Asked::Refused(said) => again(refused_status(said.word), &words.say.refused_code(said), given),
            Asked::Unfit(unfit) => {
                let at = if matches!(unfit, Unfit::Label) { Field::Label } else { given };
                again(StatusCode::UNPROCESSABLE_ENTITY, &words.say.unfit(&unfit), at)
            }
            Asked::NeedsCode => {
                return Err(Detour::To(Answer::redirect(&self.begin_for_account(visit, true)?)));
            }
            Asked::Gone | Asked::Missing => {
                self.sessions.forget(&owner.session);
                return Err(Detour::To(Answer::redirect("/account")));
            }
        };
        self.ask_first(visit, owner, (page, id), again).await
    }

    async fn with_proof<R: Request>(
        &self,
        visit: &Visit,
        owner: &Owner,
        password: Option<SecretText>,
        request: &R,
    ) -> Turn<Asked<R::Reply>> {
        Ok(self.authority.as_person(&visit.visitor()?, owner.session, password, request).await?)
    }

    /// New codes as a file. Its page sends them back: here they are kept by nobody.
    pub(super) fn fresh_codes_file(
        &self,
        visit: &Visit,
        owner: &Owner,
        fields: &Fields,
    ) -> Result<Answer, Refused> {
        let sent = fields.get("codes").unwrap_or_default();
        let codes: Vec<Zeroizing<String>> =
            sent.split(',').map(|code| Zeroizing::new(code.to_owned())).collect();
        let is_code = |code: &Zeroizing<String>| {
            code.len() <= LONGEST_CODE && code.bytes().all(|byte| byte.is_ascii_digit() || byte == b' ')
        };
        if sent.is_empty() || codes.len() > MOST_CODES || !codes.iter().all(is_code) {
            return Err(Refused::because(Refusal::Unclear, "what was sent to be a file are no backup codes"));
        }
        self.codes_as_file(visit, owner.known.name(), self.clock.unix(), &codes)
    }

    fn turned_off(&self, visit: &Visit, owner: &Owner) -> Answer {
        self.sessions.forget_account(owner.known.account());
        let words = self.read_by(visit).words();
        let action = Action { label: words.sign_in, href: "/account".to_owned() };
        let (title, text) = (words.account.turned_off, words.account.turned_off_text);
        let page = self.read_by(visit).message(StatusCode::OK, title, text, Some(action), None);
        page.with_cookie(cookies::unset(PORTAL))
    }
}

/// What a change's page says; none where there is nothing to change.
fn question<'a>(
    words: &'static Words,
    (page, id): (&str, &str),
    account: &'a AccountView,
    key: Option<&ApiKeyView>,
) -> Option<Confirm<'a>> {
    let of = &words.account;
    let device = account.devices.iter().find(|device| device.id == id);
    let (title, text, button, is_danger, label, asks) = match page {
        "codes" => (of.replace_codes, of.replace_text.to_owned(), of.replace, false, None, true),
        "rename" => (of.rename, String::new(), of.rename, false, Some(device?.label.as_str()), true),
        "remove" => {
            let text = words.say.remove_device(&device?.label, account.devices.len() == 1);
            (of.remove_device, text, of.remove, true, None, true)
        }
        "part" => {
            let (realm, name) = account.names.iter().find(|name| *name == id)?.split_once(':')?;
            let text = words.say.part_name(&words.say.name_in_realm(realm, name));
            (of.part_name, text, of.part, true, None, true)
        }
        "rotate" => {
            (of.rotate_key, format!("{}: {}", key?.label, of.rotate_text), of.rotate, false, None, true)
        }
        "revoke" => {
            (of.revoke_key, format!("{}: {}", key?.label, of.revoke_text), of.revoke, true, None, false)
        }
        "off" => (of.turn_off_title, of.turn_off_text.to_owned(), of.turn_off_button, true, None, true),
        _ => return None,
    };
    let action = if id.is_empty() { format!("/account/{page}") } else { format!("/account/{page}/{id}") };
    let at = if label.is_some() { Field::Label } else { Field::Password };
    let (has_password, error) = (false, None);
    Some(Confirm { title, text, button, action, is_danger, label, at, asks, has_password, error })
}
