//! German about setting up a device.

use twofold_shared::wire::CodeKind;

use super::super::wizard::{SayWizard, Wizard, hash};

pub(super) const WIZARD: Wizard = Wizard {
    title: "Richten Sie Ihr Telefon ein",
    step_scan: "Schritt 1 von 3 · Scannen",
    step_verify: "Schritt 2 von 3 · Prüfen",
    step_codes: "Schritt 3 von 3 · Ersatzcodes",
    scan: "Öffnen Sie die Authenticator-App auf Ihrem Telefon und scannen Sie dies.",
    any_app: "Jede Authenticator-App ist recht. Haben Sie keine, dann gibt es mehrere im App-Store Ihres Telefons.",
    picture: "QR-Code mit dem Schlüssel darunter",
    type_key: "Scannen geht nicht? Geben Sie diesen Schlüssel ein:",
    copy: "Kopieren",
    copied: "Kopiert",
    on_this_phone: "Auf diesem Telefon?",
    open_app: "Die App öffnen",
    keep_secret: "Behalten Sie den Schlüssel für sich: Wer ihn hat, kann Ihre Codes machen.",
    other_kinds: "Andere Arten von Codes",
    other_kinds_text: "Die meisten Apps machen keine anderen. Ändern Sie dies nur, wenn Ihre es kann.",
    hash: "Hashfunktion",
    digits: "Ziffern",
    new_picture: "Einen neuen QR-Code zeigen",
    next: "Weiter",
    cancel: "Abbrechen",
    label: "Wie nennen Sie dieses Telefon?",
    label_hint: "Unter diesem Namen steht es in der Liste Ihrer Geräte. Sie können ihn weglassen.",
    back: "Zurück zum QR-Code",
    wrong: "Dieser Code passt nicht. Woran es liegen kann, das Wahrscheinlichste zuerst:",
    causes: [
        "Er hat gewechselt, während Sie tippten. Warten Sie auf den nächsten.",
        "Die Uhr Ihres Telefons geht falsch. Lassen Sie es die Zeit selbst einstellen.",
        "Er gehört zu einem anderen Eintrag in der App. Nehmen Sie den neuesten.",
        "Der Schlüssel wurde falsch abgetippt. Löschen Sie den Eintrag und scannen Sie den QR-Code.",
    ],
    replaced: "Inzwischen wurde ein anderer QR-Code gemacht, der frühere gilt nicht mehr. Löschen Sie dessen Eintrag in der App \
        und scannen Sie diesen.",
    expired_title: "Dieser QR-Code gilt nicht mehr",
    expired: "Er galt zehn Minuten, oder jemand war schneller. Mit ihm wurde nichts eingeschaltet: Löschen Sie seinen Eintrag in \
        der App und beginnen Sie neu.",
    backup_codes: "Ihre Ersatzcodes",
    codes: "Der zweite Faktor ist eingeschaltet. Hüten Sie diese Codes wie ein Passwort, und nicht auf dem Telefon. Jeder gilt \
        einmal anstelle eines Codes, bis er benutzt ist oder alle ersetzt sind.",
    codes_stay: "Das Gerät ist eingeschaltet. Die Ersatzcodes, die Sie haben, gelten weiter.",
    download: ".txt herunterladen",
    print: "Drucken",
    kept: "Ich habe sie sicher aufbewahrt",
    keep_first: "Bewahren Sie die Codes auf und kreuzen Sie das Kästchen an: Sie werden nicht noch einmal gezeigt.",
    finish: "Fertig",
    file: "ersatzcodes",
    file_used_on: "benutzt am",
    file_end: "Wenn nur noch wenige übrig sind, machen Sie in Ihrem Konto neue. Dann gelten diese nicht mehr.",
    cancelled: "Nichts wurde eingeschaltet",
    cancelled_text: "Haben Sie den QR-Code schon gescannt, dann löschen Sie seinen Eintrag in der App: Er gilt nicht mehr.",
    set_up: "Einrichten",
    invitation_needed: "Sie brauchen eine Einladung",
    invitation_needed_text: "Das erste Telefon Ihres Kontos einzurichten verlangt eine Einladung. Bitten Sie die Leute, die diesen \
        Dienst betreiben, um eine, öffnen Sie sie in diesem Browser und melden Sie sich wieder an.",
    sign_in_again: "Melden Sie sich noch einmal an",
    sign_in_again_text: "Ein Telefon einzurichten verlangt eine Anmeldung, die höchstens fünf Minuten her ist.",
    too_many: "Mehr Geräte kann es nicht geben",
    too_many_text: "Entfernen Sie erst eines von Ihren.",
    soon: "Richten Sie bald Ihr Telefon ein",
    not_now: "Nicht jetzt",
    invitation: "Sie sind eingeladen, Ihr Telefon einzurichten",
    invitation_text: "Der Knopf braucht die Einladung für diesen Browser auf. Dann melden Sie sich an und scannen einen QR-Code.",
    accept: "Beginnen",
    invitation_over: "Diese Einladung gilt nicht mehr",
    invitation_over_text: "Jede gilt eine Stunde und für einen Browser. Bitten Sie die Leute, die diesen Dienst betreiben, um eine \
        neue. Haben Sie sie nicht benutzt, dann sagen Sie ihnen auch das.",
    invitation_at_login: "Diese Einladung gilt dort, wo Sie sich einloggen",
    invitation_at_login_text: "Ihr Konto hat keine Anmeldung im Web. Loggen Sie sich mit SSH ein und geben Sie den Code der \
        Einladung ein, wenn danach gefragt wird. Sie gilt noch.",
    accepted: "Melden Sie sich jetzt an",
    accepted_text: "Dieser Browser kann eine Stunde lang Ihr Telefon einrichten. Melden Sie sich zuerst an.",
    lost: "Ich habe mein Gerät verloren",
    lost_text: "Mit einem Ersatzcode können Sie ein neues Telefon einrichten. Dann gelten die Codes aller bisherigen Geräte \
        nicht mehr, Sie bekommen neue Ersatzcodes und sind überall sonst abgemeldet.",
    backup_code: "Ersatzcode, 8 Ziffern",
    set_up_anew: "Ein neues Telefon einrichten",
    lost_without: "Kein Ersatzcode mehr? Fragen Sie die Leute, die diesen Dienst betreiben: Sie können den zweiten Faktor für Sie \
        ausschalten und Sie einladen, ihn neu einzurichten.",
    back_to_code: "Ich habe es wieder",
    not_a_backup_code: "Das ist kein Ersatzcode. Sie haben acht Ziffern.",
    say: &GermanWizard,
};

#[derive(Debug)]
struct GermanWizard;

impl SayWizard for GermanWizard {
    fn enter_first(&self, digits: u8) -> String {
        format!("Geben Sie die {digits} Ziffern ein, die die App jetzt zeigt.")
    }

    fn ignored(&self, makes: CodeKind) -> String {
        format!(
            "Ihre App macht Codes auf ihre übliche Art ({}), was immer man von ihr verlangt. Sie sind auch gut: Um sie zu \
             nehmen, geben Sie den nächsten Code ein.",
            self.unusual(makes)
        )
    }

    fn unusual(&self, kind: CodeKind) -> String {
        format!("{}, {} Ziffern", hash(kind.algorithm), kind.digits)
    }

    fn required_from(&self, title: &str, from: u64, left: u32) -> String {
        let times = match left {
            0 => "Dies ist das letzte Mal, dass Sie sich ohne anmelden können.".to_owned(),
            1 => "Sie können sich noch einmal ohne anmelden.".to_owned(),
            left => format!("Sie können sich noch {left} Mal ohne anmelden."),
        };
        format!(
            "Ab dem {} verlangt {title} neben Ihrem Passwort einen Code von Ihrem Telefon. {times}",
            self.day(from)
        )
    }

    fn day(&self, at: u64) -> String {
        super::day(at)
    }

    fn file_head(&self, product: &str, name: &str) -> String {
        format!("{product}: Ersatzcodes von {name}")
    }

    fn file_made(&self, day: &str) -> String {
        format!("Gemacht am {day}. Jeder gilt einmal anstelle eines Codes vom Telefon.")
    }
}
