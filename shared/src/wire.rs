//! The messages of `org.twofold.Authority`: what crosses the socket, and nothing that is decided with.
//!
//! Varlink: NUL-terminated JSON over a Unix stream socket. `org.twofold.Authority.varlink` beside this file is the
//! interface description that the authority serves; a test holds the two together. What a caller may do follows from
//! the listener and the peer's credentials, never from a field in here.

use serde::Serialize;
use serde::de::DeserializeOwned;

mod account;
mod api_key;
#[cfg(test)]
mod description;
mod door;
mod emergency;
mod enrolment;
mod fault;
mod gate;
mod grace;
mod ids;
mod keys;
mod login_enrolment;
mod opaque;
mod operator;
mod person;
mod policy;
mod session;
mod trail;
mod words;

pub use account::*;
pub use api_key::*;
pub use door::*;
pub use emergency::*;
pub use enrolment::*;
pub use fault::*;
pub use gate::*;
pub use grace::*;
pub use ids::*;
pub use keys::*;
pub use login_enrolment::*;
pub use opaque::*;
pub use operator::*;
pub use person::*;
pub use policy::*;
pub use session::*;
pub use trail::*;
pub use words::*;

/// The interface's name; a method's full name is this, a dot, and [`Request::METHOD`].
pub const INTERFACE: &str = "org.twofold.Authority";

/// The interface description, as a Varlink client reads it.
pub const DESCRIPTION: &str = include_str!("org.twofold.Authority.varlink");

/// The longest message either side accepts, in bytes, the final NUL included.
pub const MAX_MESSAGE: usize = 256 * 1024;

/// A request and the method it calls.
pub trait Request: Serialize + DeserializeOwned {
    /// The method's name within [`INTERFACE`].
    const METHOD: &'static str;
    /// What the authority answers.
    type Reply: Serialize + DeserializeOwned;
}

macro_rules! methods {
    ($($request:ident -> $reply:ty;)*) => {
        $(impl Request for $request {
            const METHOD: &'static str = stringify!($request);
            type Reply = $reply;
        })*
        /// Every method of the interface, in the order of this file.
        pub const METHODS: &[&str] = &[$(stringify!($request)),*];
    };
}

methods! {
    Consult -> ConsultReply;
    Verify -> VerifyReply;
    BeginEnrolmentAtLogin -> BegunEnrolmentAtLogin;
    ConfirmEnrolmentAtLogin -> ConfirmedEnrolmentAtLogin;
    ActivateEnrolmentAtLogin -> ActivatedEnrolmentAtLogin;
    SignIn -> SignInReply;
    AssertFirst -> SignInReply;
    VerifySession -> VerifyReply;
    PassTrusted -> VerifyReply;
    VerifyName -> VerifyReply;
    JoinAccount -> VerifyReply;
    BeginSessionEnrolment -> SessionEnrolment;
    ConfirmSessionEnrolment -> SessionEnrolmentConfirmed;
    CancelSessionEnrolment -> Done;
    RedeemInvitation -> RedeemedInvitation;
    SpareSession -> SparedSession;
    OpenSite -> CheckSessionReply;
    CheckSession -> CheckSessionReply;
    CheckApiKey -> CheckApiKeyReply;
    TouchApiKeys -> Done;
    TouchSessions -> Done;
    EndSession -> Done;
    WatchSessions -> SessionNews;
    AsPerson -> PersonsReply;
    AsOperator -> OperatorsReply;
    SearchAccounts -> AccountRows;
    SetCharge -> Done;
    ListOperators -> OperatorList;
    SetGroups -> Done;
    GetInfo -> Info;
    GetAccount -> AccountView;
    ListAccounts -> AccountPage;
    AddAccount -> AccountView;
    RemoveAccount -> Done;
    LockAccount -> Done;
    UnlockAccount -> Done;
    ReopenAccount -> Done;
    LinkName -> AccountView;
    UnlinkName -> AccountView;
    SetRequirement -> Done;
    SetContacts -> Done;
    SetLanguage -> Done;
    SetPassword -> Done;
    InviteAccount -> Invitation;
    BeginEnrolment -> BegunEnrolment;
    ConfirmEnrolment -> ConfirmedEnrolment;
    RegenerateBackupCodes -> FreshBackupCodes;
    IssueEmergencyCode -> EmergencyCode;
    RenameDevice -> Done;
    RemoveDevice -> Done;
    CreateApiKey -> FreshApiKey;
    ListApiKeys -> ApiKeyList;
    SuspendApiKey -> Done;
    ResumeApiKey -> Done;
    RotateApiKey -> FreshApiKey;
    RevokeApiKey -> Done;
    ListSessions -> SessionList;
    RevokeSessions -> Revoked;
    ListBrowsers -> BrowserList;
    RevokeBrowsers -> Revoked;
    ListGraces -> GraceList;
    EndGraces -> Revoked;
    DisableAccount -> Done;
    ResetAccount -> Done;
    ExplainPolicy -> PolicyExplained;
    ReadAudit -> AuditPage;
    ReadActivity -> ActivityPage;
    AcceptClock -> Done;
    CopyLedger -> LedgerCopy;
    ListKeys -> KeyReport;
    CheckKeys -> Done;
    ReloadKeys -> Done;
    NoteKeyCopy -> Done;
    RetireKeys -> RetiredKeys;
}
