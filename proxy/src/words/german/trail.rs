//! The audit trail in German.

use twofold_shared::trail::{Action, By, Door, Why};

use super::German;
use crate::words::Say as _;
use crate::words::trail::{Ended, Tells, Told, label_of_key, named};

impl Tells for German {
    fn done(&self, action: Action, told: &Told<'_>) -> String {
        let key = |ending: &str| match told.factor {
            Some(told) => format!("de{ending} API-Schlüssel {}", label_of_key(told)),
            None if ending == "r" => "ein API-Schlüssel".to_owned(),
            None => format!("eine{ending} API-Schlüssel"),
        };
        let name = || {
            told.name
                .map_or_else(|| "einen Namen".to_owned(), |name| format!("den Namen {}", named(self, name)))
        };
        let device = |what: &str| match told.factor {
            Some(label) => format!("das Gerät {label} {what}"),
            None => format!("ein Gerät {what}"),
        };
        match action {
            Action::Verify => signed_in(told.factor),
            Action::Consult => format!("kein Code verlangt: {}", self.unasked(told.why)),
            Action::PassTrusted => "angemeldet ohne Code, in einem vertrauten Browser".to_owned(),
            Action::SignIn | Action::AssertFirst | Action::PasswordCheck => "Passwort angenommen".to_owned(),
            Action::Spare => "ohne zweiten Faktor weiter, bevor er verlangt wird".to_owned(),
            Action::SiteOpen => "den Dienst geöffnet".to_owned(),
            Action::SignOut => "abgemeldet".to_owned(),
            Action::Join => "einen Code für einen weiteren Namen gegeben".to_owned(),
            Action::ApiKey => format!("{} wurde benutzt", key("r")),
            Action::EnrolBegin => "ein Gerät einzurichten begonnen".to_owned(),
            Action::EnrolConfirm => "den ersten Code eines neuen Geräts gegeben".to_owned(),
            Action::Enrol => device("eingerichtet"),
            Action::EnrolCancel => "ein Gerät doch nicht eingerichtet".to_owned(),
            Action::Invite => "eingeladen, ein Gerät einzurichten".to_owned(),
            Action::InvitationRedeem => "die Einladung benutzt".to_owned(),
            Action::DeviceRename => told.factor.map_or_else(
                || "ein Gerät umbenannt".to_owned(),
                |label| format!("ein Gerät in {label} umbenannt"),
            ),
            Action::DeviceRemove => device("entfernt"),
            Action::BackupCodesRegenerate => "die Ersatzcodes erneuert".to_owned(),
            Action::EmergencyCode => "ein Notfallcode wurde ausgestellt".to_owned(),
            Action::Disable => "den zweiten Faktor ausgeschaltet".to_owned(),
            Action::Reset => "alle Geräte und Codes entfernt".to_owned(),
            Action::PasswordSet => "ein neues Passwort gesetzt".to_owned(),
            Action::SessionRevoke => match told.factor.and_then(Ended::read) {
                Some(Ended::Others) if told.is_own => "alle anderen Sitzungen beendet".to_owned(),
                Some(Ended::Others) => "alle Sitzungen beendet".to_owned(),
                Some(Ended::One { door, browser }) => {
                    format!("eine Sitzung beendet ({}, {})", self.door(door), self.browser(browser))
                }
                None => "Sitzungen beendet".to_owned(),
            },
            Action::BrowserTrust => "einem Browser vertraut".to_owned(),
            Action::BrowserRevoke => "einen Browser vergessen".to_owned(),
            Action::BrowserStolen => {
                "ein altes Cookie eines Browsers kam wieder; der Browser wurde vergessen".to_owned()
            }
            Action::GraceEnd => "ein früher gegebener Code gilt nicht mehr weiter".to_owned(),
            Action::ApiKeyCreate => format!("{} angelegt", key("n")),
            Action::ApiKeySuspend => format!("{} ausgesetzt", key("n")),
            Action::ApiKeyResume => format!("{} fortgesetzt", key("n")),
            Action::ApiKeyRotate => format!("{} ein neues Geheimnis gegeben", key("m")),
            Action::ApiKeyRevoke => format!("{} widerrufen", key("n")),
            Action::AccountAdd => "das Konto wurde angelegt".to_owned(),
            Action::AccountRemove => "das Konto wurde entfernt".to_owned(),
            Action::AccountLock => "das Konto wurde gesperrt".to_owned(),
            Action::AccountUnlock => "das Konto wurde entsperrt".to_owned(),
            Action::AccountReopen => "Codes werden wieder von überall genommen".to_owned(),
            Action::NameLink => format!("{} hinzugefügt", name()),
            Action::NameUnlink => format!("{} getrennt", name()),
            Action::RequirementSet => "geändert, ob ein Code verlangt wird".to_owned(),
            Action::ContactsSet => "Name, E-Mail oder Telefon wurden geändert".to_owned(),
            Action::LanguageSet => "die Sprache im Terminal wurde geändert".to_owned(),
            Action::GroupsSet => "die Gruppen geändert".to_owned(),
            Action::OperatorAdd => "für andere zuständig gemacht".to_owned(),
            Action::OperatorRemove => "für niemanden mehr zuständig".to_owned(),
            Action::Operate => "einen Code gegeben, um für andere zu handeln".to_owned(),
            Action::Acted => "etwas für jemand anderen getan".to_owned(),
            Action::Clock => "die Uhr des Servers wurde geprüft".to_owned(),
            Action::ClockAccept => "die Uhr des Servers wurde für richtig genommen".to_owned(),
            Action::LedgerCopy => "eine Kopie des Bestands wurde gemacht".to_owned(),
            Action::LedgerRestore => "der Bestand wurde aus einer Kopie gemacht".to_owned(),
            Action::KeyAdd => "ein Schlüssel des Bestands kam hinzu".to_owned(),
            Action::KeyCopy => "ein Schlüssel wurde kopiert".to_owned(),
            Action::KeyRetire => "ein Schlüssel des Bestands wurde abgelegt".to_owned(),
            Action::KeyReseal => "der Bestand wurde mit dem neuesten Schlüssel versiegelt".to_owned(),
        }
    }

    fn deed(&self, action: Action, whom: &str) -> String {
        match action {
            Action::Invite => format!("{whom} eingeladen, ein Gerät einzurichten"),
            Action::Reset => format!("alle Geräte und Codes von {whom} entfernt"),
            Action::AccountLock => format!("{whom} gesperrt"),
            Action::AccountUnlock => format!("{whom} entsperrt"),
            Action::AccountReopen => format!("Codes von {whom} werden wieder von überall genommen"),
            Action::RequirementSet => format!("geändert, ob von {whom} ein Code verlangt wird"),
            Action::SessionRevoke => format!("alle Sitzungen von {whom} beendet"),
            other => format!("{whom}: {}", self.done(other, &Told::default())),
        }
    }

    fn refused(&self, key: Option<&str>, why: &str) -> String {
        match key {
            Some(key) => format!("abgelehnt: der API-Schlüssel {key}, denn {why}"),
            None => format!("abgelehnt: {why}"),
        }
    }

    fn why(&self, why: Option<Why>) -> &'static str {
        match why {
            Some(Why::WrongCode) => "falscher Code",
            Some(Why::UsedCode) => "ein schon benutzter Code",
            Some(Why::UsedBackupCode) => "ein schon benutzter Ersatzcode",
            Some(Why::WrongEmergencyCode) => "falscher Notfallcode",
            Some(Why::Throttled) => "zu viele Versuche",
            Some(Why::ClosedToStrangers) => "zu viele falsche Codes von unbekannten Orten",
            Some(Why::ClockInDoubt) => "die Uhr des Servers ging anscheinend falsch",
            Some(Why::Locked) => "das Konto ist gesperrt",
            Some(Why::NotEnrolled) => "kein zweiter Faktor eingerichtet",
            Some(Why::OtherPerson) => "der Name gehört jetzt jemand anderem",
            Some(Why::WrongPassword) => "falsches Passwort",
            Some(Why::UnknownName) => "niemand hat diesen Namen",
            Some(Why::StaleDigest) => "die Ersatzcodes wurden inzwischen erneuert",
            Some(Why::SystemAccount) => "es ist ein Konto des Systems",
            Some(Why::UnknownKey) => "es gibt keinen solchen API-Schlüssel",
            Some(Why::Suspended) => "er ist ausgesetzt",
            Some(Why::Expired) => "er ist abgelaufen",
            Some(Why::OtherSite) => "er ist für andere Dienste",
            Some(Why::UnknownInvitation) => "es gibt keine solche Einladung",
            Some(Why::InvitationTaken) => "die Einladung wurde in einem anderen Browser benutzt",
            Some(why @ (Why::Exempt | Why::Grace | Why::Optional)) => self.unasked(Some(why)),
            None => "ohne Angabe eines Grundes",
        }
    }

    fn unasked(&self, why: Option<Why>) -> &'static str {
        match why {
            Some(Why::Exempt) => "hier ist keiner nötig",
            Some(Why::Grace) => "vor Kurzem wurde einer gegeben",
            Some(Why::Optional) => "es ist kein zweiter Faktor eingerichtet",
            Some(_) | None => "es war keiner nötig",
        }
    }

    fn times(&self, count: u64) -> String {
        format!(" ({count} Mal)")
    }

    fn by(&self, by: By<'_>) -> Option<String> {
        match by {
            By::Root => Some("durch root".to_owned()),
            By::Uid(uid) => Some(format!("durch den eigenen Benutzer des Dienstes ({uid})")),
            By::Operator(name) => Some(format!("durch {}", named(self, name))),
            By::Host(host) => Some(format!("durch {host}")),
            By::Gate => None,
        }
    }

    fn called(&self, door: Door<'_>) -> String {
        match door {
            Door::Authority => "der Server selbst".to_owned(),
            Door::Command => "Befehl twofold".to_owned(),
            Door::RootsCommand => "Befehl twofold von root".to_owned(),
            Door::Portal => "Portal".to_owned(),
            Door::Site(host) => host.to_owned(),
            Door::Service { service, host } => format!("{service} auf {host}"),
            Door::Enrolment(host) => format!("Einrichtung auf {host}"),
        }
    }

    fn at(&self, door: Door<'_>) -> String {
        match door {
            Door::Authority => "vom Server selbst".to_owned(),
            Door::Command => "mit dem Befehl twofold".to_owned(),
            Door::RootsCommand => "von root mit dem Befehl twofold".to_owned(),
            Door::Portal => "am Portal".to_owned(),
            Door::Enrolment(host) => format!("auf {host}"),
            Door::Site(_) | Door::Service { .. } => format!("bei {}", self.called(door)),
        }
    }
}

fn signed_in(factor: Option<&str>) -> String {
    match factor {
        Some("backup code") => "angemeldet mit einem Ersatzcode".to_owned(),
        Some("emergency code") => "angemeldet mit einem Notfallcode".to_owned(),
        Some(device) => format!("angemeldet mit einem Code von {device}"),
        None => "angemeldet".to_owned(),
    }
}
