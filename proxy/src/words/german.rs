//! German.

mod trail;
mod wizard;

use twofold_shared::wire::{AuditEvent, Notice, NoticeKind, Refused, Word};

use super::trail::{self as told, whence};
use super::{Say, Words, account, duration, join, local, people};
use crate::authority::Unfit;
use crate::refusal::Refusal;

/// German.
pub const GERMAN: Words = Words {
    lang: "de",
    name_of_language: "Deutsch",
    mistake: "Fehler",
    help: "Kommen Sie nicht weiter? Fragen Sie die Leute, die diesen Dienst betreiben.",
    sign_in: "Anmelden",
    name: "Name",
    password: "Passwort",
    go_on: "Weiter",
    code: "Code",
    code_lede: "Geben Sie den Code von Ihrem Telefon ein, oder einen Ersatzcode.",
    seconds_left: "noch {} s",
    verify: "Prüfen",
    trust_hint: "Dann wird hier kein Code verlangt. Nicht ankreuzen, wo andere denselben Browser benutzen.",
    lost_device: "Ich habe mein Gerät verloren",
    lost_device_text: "Geben Sie einen Ihrer Ersatzcodes in dasselbe Feld ein; jeder gilt einmal. Haben Sie keinen mehr, \
        dann bitten Sie die Leute, die diesen Dienst betreiben, dass Sie ein neues Gerät einrichten dürfen.",
    not_you: "Sind Sie das nicht?",
    sign_out: "Abmelden",
    start_again: "Neu beginnen",
    enrol_first: "Richten Sie zuerst Ihren zweiten Faktor ein",
    enrol_shell: "Melden Sie sich auf diesem Server mit SSH an? Dann führen Sie dort dies aus; es zeigt einen Code, den Ihr \
        Telefon lesen kann:",
    enrol_ask: "Wenn nicht, oder wenn diese Seite bleibt, dann bitten Sie die Leute, die diesen Dienst betreiben, Sie \
        einzurichten.",
    enrol_done: "Es ist eingerichtet",
    signed_in: "Sie sind angemeldet",
    your_sites: "Von hier aus geht es zu",
    sign_out_text: "Das beendet Ihre Sitzung hier und bei allen Diensten.",
    signed_out: "Sie sind abgemeldet",
    signed_out_text: "Hier und bei allen Diensten. Sie können diese Seite schließen.",
    before_you_go_on: "Bevor es weitergeht",
    name_and_password: "Geben Sie Ihren Namen und Ihr Passwort ein.",
    name_and_code: "Geben Sie Ihren Namen und einen Code ein.",
    directory: "Das Verzeichnis",
    wrong_password: "Name und Passwort passen nicht zusammen. Prüfen Sie beide und geben Sie sie noch einmal ein.",
    stale_form: "Diese Seite war veraltet, deshalb wurde nichts gesendet. Geben Sie es noch einmal ein.",
    one_moment: "Einen Augenblick",
    one_moment_text: "Name und Passwort stimmen. Jetzt kommt der Code von Ihrem Telefon.",
    nobody_gets_in: "Hier kommt niemand hinein",
    not_known_yet: "Sie sind hier noch nicht eingerichtet",
    request: "Anfrage",
    wrong_name_and_code: "Name und Code passen nicht zusammen. Prüfen Sie den Namen. Codes wechseln alle 30 Sekunden: Warten \
        Sie auf den nächsten und geben Sie ihn ohne Leerzeichen ein.",
    account: account::GERMAN,
    join: &join::GERMAN,
    people: &people::GERMAN,
    wizard: &wizard::WIZARD,
    say: &German,
};

#[derive(Debug)]
struct German;

impl Say for German {
    fn to_go_on_to(&self, title: &str) -> String {
        format!("weiter zu {title}")
    }

    fn confirm_for(&self, title: &str) -> String {
        format!("{title} verlangt hier einen frischen Code")
    }

    fn not_held(&self, title: &str) -> String {
        format!(
            "{title} meldet Leute ohne ein neues Sitzungs-Cookie an, deshalb kann kein Code dazwischenkommen. Sagen Sie es \
             den Leuten, die diesen Dienst betreiben; in ihrem Protokoll steht dasselbe."
        )
    }

    fn arrived(&self, title: &str) -> String {
        format!("Sie sind angemeldet. {title} öffnet sich von selbst.")
    }

    fn unknown_here(&self, title: &str) -> String {
        format!(
            "{title} kennt Sie, aber jetzt wird auch ein Code von Ihrem Telefon verlangt, und unter Ihrem Namen gibt es \
             noch kein Konto. Bitten Sie die Leute, die diesen Dienst betreiben, Sie aufzunehmen; sie sagen Ihnen, wie Sie \
             Ihr Telefon einrichten."
        )
    }

    fn signed_in_as(&self, name: &str) -> String {
        format!("Angemeldet als {name}.")
    }

    fn as_somebody(&self, name: &str) -> String {
        format!("als {name}")
    }

    fn not_enrolled(&self, name: &str, title: Option<&str>) -> String {
        let asker = title.unwrap_or("Dieser Ort");
        format!(
            "{asker} verlangt neben Ihrem Passwort einen Code von Ihrem Telefon, und für {name} ist noch keines \
             eingerichtet."
        )
    }

    fn code_lede(&self, digits: u8) -> String {
        format!("Geben Sie die {digits} Ziffern von Ihrem Telefon ein, oder einen Ersatzcode.")
    }

    fn unfit(&self, unfit: &Unfit) -> String {
        match unfit {
            Unfit::Label => {
                "Dieser Name geht nicht. Nehmen Sie 1 bis 64 Buchstaben, Ziffern und Zeichen.".to_owned()
            }
            Unfit::Path(Some(path)) => format!(
                "„{path}“ kann kein Pfad sein. Schreiben Sie jeden wie in einer Adresse, mit einem Schrägstrich vorn und ohne ? \
                 und ;, etwa /api."
            ),
            Unfit::Network(Some(network)) => {
                format!("„{network}“ ist weder eine Adresse noch ein Netz. Schreiben Sie 192.0.2.7 oder 192.0.2.0/24.")
            }
            Unfit::Path(None) | Unfit::Network(None) => "Das sind zu viele Zeilen: höchstens 32.".to_owned(),
            Unfit::Other => "Das geht nicht: Vielleicht gibt es schon so viele, wie es geben kann. Entfernen Sie, was Sie nicht mehr \
                             brauchen, und versuchen Sie es noch einmal."
                .to_owned(),
        }
    }

    fn browser(&self, described: &str) -> String {
        described.replace("unknown browser", "unbekannter Browser").replacen(" on ", " unter ", 1)
    }

    fn refused_code(&self, refused: Refused) -> String {
        match (refused.word, refused.wait_seconds) {
            (Word::Wrong, _) => {
                "Dieser Code passt nicht. Codes wechseln alle 30 Sekunden: Warten Sie auf den nächsten und geben Sie ihn ohne \
                 Leerzeichen ein."
                    .to_owned()
            }
            (Word::Used, None) => {
                "Dieser Ersatzcode wurde schon benutzt: jeder gilt einmal. Nehmen Sie einen anderen.".to_owned()
            }
            (Word::Used, Some(seconds)) => format!(
                "Dieser Code wurde schon benutzt. Warten Sie auf den nächsten ({}).",
                duration(seconds)
            ),
            (Word::Wait, None) => "Zu viele Versuche. Warten Sie ein wenig bis zum nächsten.".to_owned(),
            (Word::Wait, Some(seconds)) => {
                format!("Zu viele Versuche. In {} können Sie es wieder versuchen.", duration(seconds))
            }
            (Word::Clock, _) => {
                "Die Uhr dieses Servers geht anscheinend falsch, deshalb können Codes aus einer App jetzt nicht geprüft \
                 werden. Nehmen Sie einen Ersatzcode, und sagen Sie es denen, die den Server betreiben."
                    .to_owned()
            }
            (Word::Closed, _) => {
                "Zu viele falsche Codes kamen von Orten, die wir nicht kennen. Nehmen Sie einen Ersatzcode, oder melden Sie \
                 sich von einem Ort aus an, an dem Sie schon einmal waren."
                    .to_owned()
            }
            (Word::Busy, _) => "Gerade ist zu viel auf einmal los. Versuchen Sie es gleich noch einmal.".to_owned(),
            (Word::Unenrolled, _) => "Sie haben keinen zweiten Faktor eingerichtet.".to_owned(),
        }
    }

    fn notice(&self, notice: &Notice) -> String {
        match notice.kind {
            NoticeKind::BackupCodeUsed => match notice.left {
                Some(0) => {
                    "Das war Ihr letzter Ersatzcode. Erneuern Sie sie jetzt, solange Sie sich noch anmelden können."
                        .to_owned()
                }
                Some(1) => {
                    "Noch 1 Ersatzcode. Erneuern Sie sie, solange Sie sich noch anmelden können.".to_owned()
                }
                Some(left @ 2..=3) => {
                    format!("Noch {left} Ersatzcodes. Erneuern Sie sie, solange Sie sich noch anmelden können.")
                }
                Some(left) => format!("Sie haben einen Ersatzcode benutzt; {left} sind noch übrig."),
                None => "Sie haben einen Ersatzcode benutzt.".to_owned(),
            },
            NoticeKind::DeviceEnrolled => device_enrolled(notice),
            NoticeKind::BrowserEnded => browser_ended(notice),
            NoticeKind::EmergencyCodeUsed => emergency_code_used(notice),
            NoticeKind::NameJoined => name_joined(notice),
        }
    }

    fn trust_browser(&self, seconds: &u64) -> String {
        let (count, one, more) = match seconds / 3600 {
            0 => (seconds.div_ceil(60), "Minute", "Minuten"),
            hours @ 1..48 => (hours, "Stunde", "Stunden"),
            hours => (hours / 24, "Tag", "Tage"),
        };
        format!("Diesem Browser {count} {} lang vertrauen", if count == 1 { one } else { more })
    }

    fn signed_in(&self, ago: &str) -> String {
        format!("angemeldet: {ago}")
    }

    fn first_seen(&self, ago: &str) -> String {
        format!("zuerst gesehen: {ago}")
    }

    fn last_seen(&self, ago: &str) -> String {
        format!("zuletzt gesehen: {ago}")
    }

    fn ago(&self, at: u64, now: u64) -> String {
        match now.saturating_sub(at) {
            0..60 => "gerade eben".to_owned(),
            seconds @ 60..3600 => format!("vor {} min", seconds / 60),
            seconds @ 3600..172_800 => format!("vor {} h", seconds / 3600),
            seconds @ 172_800..2_592_000 => format!("vor {} Tagen", seconds / 86_400),
            _ => day(at),
        }
    }

    fn moment(&self, at: u64) -> String {
        moment(at)
    }

    fn door(&self, door: &str) -> String {
        told::called(self, door)
    }

    fn place(&self, door: &str, source: Option<&str>) -> String {
        let door = self.door(door);
        whence(source).map_or_else(|| door.clone(), |source| format!("{door} von {source} aus"))
    }

    fn event(&self, event: &AuditEvent) -> String {
        told::event(self, event)
    }

    fn codes_left(&self, left: u8) -> String {
        match left {
            0 => "Keiner mehr übrig. Erneuern Sie sie, solange Sie sich noch anmelden können.".to_owned(),
            1..=3 => {
                format!("{left} von 10 übrig. Erneuern Sie sie, solange Sie sich noch anmelden können.")
            }
            _ => format!("{left} von 10 übrig."),
        }
    }

    fn used(&self, when: &str, place: &str) -> String {
        format!("benutzt {when}, {place}")
    }

    fn remove_device(&self, label: &str, is_last: bool) -> String {
        let last =
            if is_last { " Es ist Ihr letztes, danach ist der zweite Faktor ausgeschaltet." } else { "" };
        format!(
            "Codes von „{label}“ gelten sofort nicht mehr, und Sitzungen, die darauf beruhen, enden.{last}"
        )
    }

    fn part_name(&self, name: &str) -> String {
        format!(
            "{name} sind dann nicht mehr Sie: Sitzungen unter diesem Namen enden, und ein Code von Ihrem Telefon gilt dort \
             nicht mehr."
        )
    }

    fn name_in_realm(&self, realm: &str, name: &str) -> String {
        match realm {
            "unix" => format!("{name} auf diesem Rechner"),
            "local" => name.to_owned(),
            realm => format!("{name} bei {realm}"),
        }
    }

    fn trusted_until(&self, moment: &str) -> String {
        format!("braucht keinen Code bis {moment}")
    }

    fn refusal(&self, refusal: Refusal<'_>) -> (&'static str, String) {
        let (title, text) = match refusal {
            Refusal::Unclear => (
                "Diese Adresse ist nicht eindeutig",
                "Sie lässt sich auf mehr als eine Art lesen, deshalb wurde sie nicht weitergegeben. Gehen Sie zurück und \
                 folgen Sie dem Link noch einmal, oder geben Sie die Adresse neu ein.",
            ),
            Refusal::NoSuchSite => (
                "Keinen solchen Dienst gibt es hier",
                "Unter diesem Namen ist nichts eingerichtet. Prüfen Sie die Adresse auf einen Tippfehler.",
            ),
            Refusal::Misdirected => (
                "Das kam am falschen Ort an",
                "Die Verbindung wurde für einen anderen Namen als diesen geöffnet, deshalb wurde nichts weitergegeben. \
                 Öffnen Sie die Adresse noch einmal.",
            ),
            Refusal::NotFound => (
                "Hier ist nichts",
                "Unter dieser Adresse gibt es keine Seite. Prüfen Sie sie auf einen Tippfehler.",
            ),
            Refusal::WrongMethod => (
                "Hier gibt es nichts zu tun",
                "Diese Adresse nimmt nicht an, was gesendet wurde. Gehen Sie zurück und versuchen Sie es von der Seite davor.",
            ),
            Refusal::SecondFactor { .. } => {
                ("Melden Sie sich zuerst an", "Das verlangt einen zweiten Faktor.")
            }
            Refusal::Key { .. } => (
                "Dieser API-Schlüssel öffnet hier nichts",
                "Nehmen Sie einen anderen, oder melden Sie sich an.",
            ),
            Refusal::Denied => (
                GERMAN.nobody_gets_in,
                "Eine Regel hält diesen Teil geschlossen. Wenn Sie ihn brauchen, sagen Sie es den Leuten, die diesen Dienst \
                 betreiben.",
            ),
            Refusal::LoginElsewhere => (
                "Melden Sie sich auf der Anmeldeseite an",
                "Ein Name oder ein Passwort kam dort an, wo keines verlangt wird, und wurde nicht weitergegeben. Öffnen Sie \
                 die Anmeldeseite des Dienstes und geben Sie beide dort ein.",
            ),
            Refusal::NotHeld { .. } => (
                "Sie müssen sich zuerst anmelden",
                "Was Sie gerade gesendet haben, wurde nicht weitergegeben und wird hier nicht aufbewahrt. Melden Sie sich an \
                 oder bestätigen Sie, dass Sie es sind; dann gehen Sie mit Ihrem Browser zurück und senden es noch einmal.",
            ),
            Refusal::AsksForPassword => (
                GERMAN.sign_in,
                "Dieser Dienst fragt zuerst nach seinem eigenen Namen und Passwort. Laden Sie die Seite neu, um sie \
                 einzugeben.",
            ),
            Refusal::TooManyTries { seconds } => {
                let text = format!("In {} können Sie es wieder versuchen.", duration(seconds));
                return ("Zu viele Versuche", text);
            }
            Refusal::AppUndecided { host } => {
                let text = format!(
                    "{host} sagt nicht, ob Name und Passwort stimmen, deshalb kommt niemand hinein. Versuchen Sie es gleich \
                     noch einmal; wenn es anhält, sagen Sie es den Leuten, die diesen Dienst betreiben."
                );
                return ("Der Dienst antwortet nicht", text);
            }
            Refusal::SomebodyElse => (
                "Sie sind als jemand anderes angemeldet",
                "Was gesendet wurde, nannte jemand anderen als diese Sitzung. Es wurde nicht weitergegeben, und die Sitzung \
                 ist beendet. Öffnen Sie die Seite noch einmal, um sich anzumelden.",
            ),
            Refusal::NobodyNamed => (
                "Niemand hat gesagt, wer Sie sind",
                "Der Dienst vor diesem nennt die Leute, die sich anmelden, und er hat niemanden genannt. Öffnen Sie die Seite \
                 unter ihrer üblichen Adresse, oder melden Sie sich dort noch einmal an.",
            ),
            Refusal::Undecided => (
                "Anmeldungen können gerade nicht geprüft werden",
                "Der Dienst, der das tut, antwortet nicht, deshalb kommt niemand hinein. Versuchen Sie es gleich noch einmal; \
                 wenn es anhält, sagen Sie es den Leuten, die diesen Dienst betreiben.",
            ),
            Refusal::UpstreamDown { host } => {
                let text = format!(
                    "{host} antwortet nicht. Sie sind angemeldet; versuchen Sie es gleich noch einmal."
                );
                return ("Der Dienst antwortet nicht", text);
            }
            Refusal::Expired => (
                "Diese Anmeldung ist abgelaufen",
                "Jede gilt zehn Minuten und nur in dem Browser, in dem sie begonnen wurde. Nichts ist verloren: Beginnen Sie \
                 neu.",
            ),
            Refusal::Foreign => (
                "Das kam von einer anderen Seite",
                "Ein Formular wurde von anderswo hierher gesendet und deshalb nicht benutzt. Öffnen Sie diese Seite selbst und \
                 versuchen Sie es noch einmal.",
            ),
            Refusal::TooLong => (
                "Das ist zu lang",
                "Was gesendet wurde, ist länger als das, was hier angenommen wird, und wurde deshalb nicht benutzt. Senden Sie \
                 weniger auf einmal, oder fragen Sie die Leute, die diesen Dienst betreiben.",
            ),
            Refusal::TooSlow => (
                "Das hat zu lange gedauert",
                "Der Rest Ihrer Sendung kam nicht rechtzeitig. Versuchen Sie es mit einer besseren Verbindung.",
            ),
            Refusal::Internal => (
                "Bei uns ist etwas kaputtgegangen",
                "Nichts wurde weitergegeben. Versuchen Sie es gleich noch einmal; wenn es anhält, sagen Sie es den Leuten, die \
                 diesen Dienst betreiben.",
            ),
        };
        (title, text.to_owned())
    }
}

fn device_enrolled(notice: &Notice) -> String {
    let label = notice.label.as_deref().unwrap_or("Ein neues Gerät");
    let mut text = format!("„{label}“ wurde");
    if let Some(at) = notice.at {
        text.push_str(&format!(" am {}", moment(at)));
    }
    if let Some(door) = &notice.door {
        text.push_str(&format!(" {}", told::at(&German, door)));
    }
    if let Some(source) = whence(notice.source.as_deref()) {
        text.push_str(&format!(" von {source} aus"));
    }
    text.push_str(
        " als Ihr zweiter Faktor eingerichtet. Wenn Sie das nicht waren, sagen Sie es jetzt den Leuten, die diesen Dienst \
         betreiben.",
    );
    text
}

fn name_joined(notice: &Notice) -> String {
    let name =
        notice.label.as_deref().map_or_else(|| "Ein Name".to_owned(), |name| told::named(&German, name));
    let mut text = format!("{name} wurde mit einem Ihrer Codes ein Name Ihres Kontos");
    if let Some(at) = notice.at {
        text.push_str(&format!(", am {}", moment(at)));
    }
    if let Some(source) = whence(notice.source.as_deref()) {
        text.push_str(&format!(", von {source} aus"));
    }
    text.push_str(
        ". Wenn das nicht Sie waren, trennen Sie ihn auf der Seite Ihres Kontos, und sagen Sie es jetzt den Leuten, die \
         diesen Dienst betreiben.",
    );
    text
}

fn emergency_code_used(notice: &Notice) -> String {
    let mut text = String::from("Jemand kam");
    if let Some(at) = notice.at {
        text.push_str(&format!(" am {}", moment(at)));
    }
    if let Some(source) = whence(notice.source.as_deref()) {
        text.push_str(&format!(" von {source} aus"));
    }
    text.push_str(" mit einem Notfallcode in Ihr Konto");
    if let Some(door) = &notice.door {
        text.push_str(&format!(", {}", told::at(&German, door)));
    }
    text.push_str(". Wenn das nicht Sie waren, sagen Sie es jetzt den Leuten, die diesen Dienst betreiben.");
    text
}

fn browser_ended(notice: &Notice) -> String {
    let browser =
        notice.label.as_deref().map_or_else(|| "ein Browser".to_owned(), |name| German.browser(name));
    let mut text = String::from("Jemand kam");
    if let Some(at) = notice.at {
        text.push_str(&format!(" am {}", moment(at)));
    }
    if let Some(source) = whence(notice.source.as_deref()) {
        text.push_str(&format!(" von {source} aus"));
    }
    text.push_str(&format!(
        " mit einem alten Cookie Ihres Browsers „{browser}“. Es wurde kopiert, deshalb ist dieser Browser nicht mehr bekannt \
         und braucht einen Code. Wenn Sie es nicht selbst kopiert haben, ändern Sie Ihr Passwort und sagen Sie es jetzt den \
         Leuten, die diesen Dienst betreiben."
    ));
    text
}

fn moment(at: u64) -> String {
    local(at).map_or_else(String::new, |time| format!("{} um {}", day(at), time.strftime("%H:%M")))
}

const MONTHS: [&str; 12] = [
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
];

fn day(at: u64) -> String {
    local(at).map_or_else(String::new, |at| {
        let month = usize::try_from(at.month() - 1).ok().and_then(|month| MONTHS.get(month)).unwrap_or(&"");
        format!("{}. {month} {}", at.day(), at.year())
    })
}
