//! Request → reply: what the authority is made of, and which operation answers which method.
//!
//! Nothing is decided here. The table in [`crate::operations::permission`] says who may call; each operation says what
//! it does. A reply leaves only after its operation returned, and an operation returns only after its commit.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use twofold_shared::account::AccountId;
use twofold_shared::wire::{self, Fault, Request as _};

use crate::listen::Service;
use crate::operations::fault::not_permitted;
use crate::operations::hashing::Hashing;
use crate::operations::info::Count;
use crate::operations::keys::Keeper;
use crate::operations::people::{Directory, People};
use crate::operations::permission::{Actor, Role, admit, is_for};
use crate::operations::roster::Roster;
use crate::operations::settings::Settings;
use crate::operations::sweep::sweep_forever;
use crate::operations::turn::Turns;
use crate::operations::watch::Endings;
use crate::peer::Caller;
use crate::store::Store;
use crate::varlink::{Answer, Failure, Reply};

/// The reply to a method of one kind; none where it is of another.
type Given = Result<Option<Reply>, Failure>;

/// How many may wait for one account, in each of its two lines.
const WAITING: usize = 256;

/// All that operations work with. Cheap to share; it keeps nothing that the ledger does not.
pub struct Authority {
    pub(crate) store: Store,
    pub(crate) settings: Settings,
    pub(crate) people: People,
    pub(crate) turns: Arc<Turns<AccountId>>,
    pub(crate) hashing: Hashing,
    pub(crate) endings: Arc<Endings>,
    pub(crate) accounts: Count,
    pub(crate) roster: Arc<Roster>,
    pub(crate) keeper: Arc<Keeper>,
}

impl Authority {
    /// An authority over an open ledger, inside a runtime.
    pub fn new(store: Store, settings: Settings, directory: impl Directory) -> Self {
        let endings = Endings::new(store.clone());
        tokio::spawn(sweep_forever(Arc::downgrade(&endings), settings.sessions));
        let keeper = Keeper::start(store.clone(), settings.keys.clone());
        Self {
            store,
            settings,
            people: People::new(directory),
            turns: Turns::new(1, WAITING),
            hashing: Hashing::new(),
            endings,
            accounts: Count::default(),
            roster: Arc::default(),
            keeper,
        }
    }

    /// The methods that are answered once. Boxed by kind: one state for all of them would be as large as their sum, and a
    /// person's call stands within another.
    async fn answer(&self, actor: &Actor, method: &str, parameters: &RawValue) -> Result<Reply, Failure> {
        if let Some(reply) = Box::pin(self.answer_gate(method, parameters)).await? {
            return Ok(reply);
        }
        if let Some(reply) = Box::pin(self.answer_owner(actor, method, parameters)).await? {
            return Ok(reply);
        }
        let given = Box::pin(self.answer_door_or_root(actor, method, parameters)).await?;
        given.ok_or_else(|| Failure::MethodNotFound(method.to_owned()))
    }

    /// What the gate asks.
    async fn answer_gate(&self, method: &str, parameters: &RawValue) -> Given {
        let given = match method {
            wire::SignIn::METHOD => written(self.sign_in(read(parameters)?).await),
            wire::AssertFirst::METHOD => written(self.assert_first(read(parameters)?).await),
            wire::VerifySession::METHOD => written(self.verify_session(read(parameters)?).await),
            wire::PassTrusted::METHOD => written(self.pass_trusted(read(parameters)?).await),
            wire::VerifyName::METHOD => written(self.verify_name(read(parameters)?).await),
            wire::JoinAccount::METHOD => written(self.join_account(read(parameters)?).await),
            wire::BeginSessionEnrolment::METHOD => {
                written(self.begin_session_enrolment(read(parameters)?).await)
            }
            wire::ConfirmSessionEnrolment::METHOD => {
                written(self.confirm_session_enrolment(read(parameters)?).await)
            }
            wire::CancelSessionEnrolment::METHOD => {
                written(self.cancel_session_enrolment(read(parameters)?).await)
            }
            wire::RedeemInvitation::METHOD => written(self.redeem_invitation(read(parameters)?).await),
            wire::SpareSession::METHOD => written(self.spare_session(read(parameters)?).await),
            wire::OpenSite::METHOD => written(self.open_site(read(parameters)?).await),
            wire::CheckSession::METHOD => written(self.check_session(read(parameters)?).await),
            wire::CheckApiKey::METHOD => written(self.check_api_key(read(parameters)?).await),
            wire::TouchApiKeys::METHOD => written(self.touch_api_keys(read(parameters)?).await),
            wire::TouchSessions::METHOD => written(self.touch_sessions(read(parameters)?).await),
            wire::EndSession::METHOD => written(self.end_session(read(parameters)?).await),
            wire::AsPerson::METHOD => self.as_person(read(parameters)?).await,
            _ => return Ok(None),
        };
        given.map(Some)
    }

    /// What owners ask, and operators of anybody.
    async fn answer_owner(&self, actor: &Actor, method: &str, parameters: &RawValue) -> Given {
        let given = match method {
            wire::GetAccount::METHOD => written(self.get_account(actor, read(parameters)?).await),
            wire::ReopenAccount::METHOD => written(self.reopen_account(actor, read(parameters)?).await),
            wire::UnlinkName::METHOD => written(self.unlink_name(actor, read(parameters)?).await),
            wire::SetPassword::METHOD => written(self.set_password(actor, read(parameters)?).await),
            wire::BeginEnrolment::METHOD => written(self.begin_enrolment(actor, read(parameters)?).await),
            wire::ConfirmEnrolment::METHOD => written(self.confirm_enrolment(actor, read(parameters)?).await),
            wire::RegenerateBackupCodes::METHOD => {
                written(self.regenerate_backup_codes(actor, read(parameters)?).await)
            }
            wire::RenameDevice::METHOD => written(self.rename_device(actor, read(parameters)?).await),
            wire::RemoveDevice::METHOD => written(self.remove_device(actor, read(parameters)?).await),
            wire::CreateApiKey::METHOD => written(self.create_api_key(actor, read(parameters)?).await),
            wire::ListApiKeys::METHOD => written(self.list_api_keys(actor, read(parameters)?).await),
            wire::SuspendApiKey::METHOD => written(self.suspend_api_key(actor, read(parameters)?).await),
            wire::ResumeApiKey::METHOD => written(self.resume_api_key(actor, read(parameters)?).await),
            wire::RotateApiKey::METHOD => written(self.rotate_api_key(actor, read(parameters)?).await),
            wire::RevokeApiKey::METHOD => written(self.revoke_api_key(actor, read(parameters)?).await),
            wire::ListSessions::METHOD => written(self.list_sessions(actor, read(parameters)?).await),
            wire::RevokeSessions::METHOD => written(self.revoke_sessions(actor, read(parameters)?).await),
            wire::ListBrowsers::METHOD => written(self.list_browsers(actor, read(parameters)?).await),
            wire::RevokeBrowsers::METHOD => written(self.revoke_browsers(actor, read(parameters)?).await),
            wire::ListGraces::METHOD => written(self.list_graces(actor, read(parameters)?).await),
            wire::EndGraces::METHOD => written(self.end_graces(actor, read(parameters)?).await),
            wire::DisableAccount::METHOD => written(self.disable_account(actor, read(parameters)?).await),
            wire::ReadAudit::METHOD => written(self.read_audit(actor, read(parameters)?).await),
            wire::ReadActivity::METHOD => written(self.read_activity(actor, read(parameters)?).await),
            wire::AsOperator::METHOD => self.as_operator(actor, read(parameters)?).await,
            _ => return Ok(None),
        };
        given.map(Some)
    }

    /// What doors and root ask.
    async fn answer_door_or_root(&self, actor: &Actor, method: &str, parameters: &RawValue) -> Given {
        let given = match method {
            wire::Consult::METHOD => written(self.consult(actor, read(parameters)?).await),
            wire::Verify::METHOD => written(self.verify(actor, read(parameters)?).await),
            wire::BeginEnrolmentAtLogin::METHOD => {
                written(self.begin_enrolment_at_login(actor, read(parameters)?).await)
            }
            wire::ConfirmEnrolmentAtLogin::METHOD => {
                written(self.confirm_enrolment_at_login(actor, read(parameters)?).await)
            }
            wire::ActivateEnrolmentAtLogin::METHOD => {
                written(self.activate_enrolment_at_login(actor, read(parameters)?).await)
            }
            wire::IssueEmergencyCode::METHOD => {
                written(self.issue_emergency_code(actor, read(parameters)?).await)
            }
            wire::GetInfo::METHOD => written(self.get_info(read(parameters)?).await),
            wire::ListAccounts::METHOD => written(self.list_accounts(read(parameters)?).await),
            wire::SearchAccounts::METHOD => written(self.search_accounts(actor, read(parameters)?).await),
            wire::SetCharge::METHOD => written(self.set_charge(actor, read(parameters)?).await),
            wire::ListOperators::METHOD => written(self.list_operators(read(parameters)?).await),
            wire::SetGroups::METHOD => written(self.set_groups(actor, read(parameters)?).await),
            wire::AddAccount::METHOD => written(self.add_account(actor, read(parameters)?).await),
            wire::RemoveAccount::METHOD => written(self.remove_account(actor, read(parameters)?).await),
            wire::LockAccount::METHOD => written(self.lock_account(actor, read(parameters)?).await),
            wire::UnlockAccount::METHOD => written(self.unlock_account(actor, read(parameters)?).await),
            wire::LinkName::METHOD => written(self.link_name(actor, read(parameters)?).await),
            wire::SetRequirement::METHOD => written(self.set_requirement(actor, read(parameters)?).await),
            wire::SetContacts::METHOD => written(self.set_contacts(actor, read(parameters)?).await),
            wire::SetLanguage::METHOD => written(self.set_language(actor, read(parameters)?).await),
            wire::InviteAccount::METHOD => written(self.invite_account(actor, read(parameters)?).await),
            wire::ResetAccount::METHOD => written(self.reset_account(actor, read(parameters)?).await),
            wire::ExplainPolicy::METHOD => written(self.explain_policy(actor, read(parameters)?).await),
            wire::CopyLedger::METHOD => written(self.copy_ledger(actor, read(parameters)?).await),
            wire::AcceptClock::METHOD => written(self.accept_clock(actor, read(parameters)?).await),
            wire::ListKeys::METHOD => written(self.list_keys(&read(parameters)?)),
            wire::CheckKeys::METHOD => written(self.check_keys(&read(parameters)?)),
            wire::ReloadKeys::METHOD => written(self.reload_keys(actor, &read(parameters)?).await),
            wire::NoteKeyCopy::METHOD => written(self.note_key_copy(actor, &read(parameters)?).await),
            wire::RetireKeys::METHOD => written(self.retire_keys(actor, &read(parameters)?).await),
            _ => return Ok(None),
        };
        given.map(Some)
    }
}

impl Authority {
    /// Calls a method as the person of a session.
    async fn as_person(&self, request: wire::AsPerson) -> Result<Reply, Failure> {
        if !is_for(&request.method, Role::Person) {
            return Err(not_permitted().into());
        }
        let actor = Actor::Person(Box::new(self.person(&request).await?));
        let parameters =
            request.parameters.raw().map_err(|_| Failure::InvalidParameter("parameters".into()))?;
        // Boxed: the one call stands within the other.
        let reply = Box::pin(self.answer(&actor, &request.method, parameters)).await?;
        Ok(reply.within(&request.nonce))
    }

    /// Calls a method as an operator.
    async fn as_operator(&self, actor: &Actor, request: wire::AsOperator) -> Result<Reply, Failure> {
        let parameters =
            request.parameters.raw().map_err(|_| Failure::InvalidParameter("parameters".into()))?;
        let operator = Actor::Operator(Box::new(self.operator(actor, &request).await?));
        // Boxed: the one call stands within the other.
        let reply = Box::pin(self.answer(&operator, &request.method, parameters)).await?;
        Ok(reply.of_operators())
    }
}

impl Service for Authority {
    async fn call(&self, caller: &Caller, method: &'static str, parameters: &RawValue, more: bool) -> Answer {
        let Some(actor) = admit(caller, method) else {
            return Answer::One(Err(not_permitted().into()));
        };
        match (method, more) {
            (wire::WatchSessions::METHOD, false) => Answer::One(Err(Failure::ExpectedMore)),
            (wire::WatchSessions::METHOD, true) => {
                stream(read(parameters).map(|request| self.watch_sessions(&request)))
            }
            (wire::ReadAudit::METHOD, true) => match read(parameters) {
                Ok(request) => stream(self.follow_audit(&actor, request).await.map_err(Failure::from)),
                Err(failure) => Answer::One(Err(failure)),
            },
            _ => Answer::One(self.answer(&actor, method, parameters).await),
        }
    }
}

fn stream(messages: Result<mpsc::Receiver<Reply>, Failure>) -> Answer {
    match messages {
        Ok(messages) => Answer::Stream(messages),
        Err(failure) => Answer::One(Err(failure)),
    }
}

/// Reads a call's parameters. Of serde's message only a field's name is passed on: the rest may quote a secret.
fn read<R: DeserializeOwned>(parameters: &RawValue) -> Result<R, Failure> {
    serde_json::from_str(parameters.get()).map_err(|error| {
        let message = error.to_string();
        let field = message.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
        Failure::InvalidParameter(field.unwrap_or("parameters").to_owned())
    })
}

fn written<R: Serialize>(reply: Result<R, Fault>) -> Result<Reply, Failure> {
    Reply::of(&reply?)
        .map_err(|_| Failure::Fault(crate::operations::fault::internal("the reply cannot be written")))
}
