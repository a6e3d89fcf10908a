//! German.

use super::{Doors, News, Words};

pub(super) const WORDS: Words = Words {
    code_for: "Code für {}: ",
    password_and_code_for: "Passwort und Code für {}: ",
    wrong: "Der Code passt nicht. Codes wechseln alle 30 Sekunden: Warten Sie auf den nächsten und geben Sie ihn ohne \
            Leerzeichen ein.",
    used: "Dieser Ersatzcode wurde schon benutzt; nehmen Sie einen anderen.",
    used_until: "Dieser Code wurde schon benutzt; der nächste kommt in {}.",
    wait: "Zu viele Versuche. Warten Sie eine Weile vor dem nächsten.",
    wait_for: "Zu viele Versuche. In {} können Sie es wieder versuchen.",
    clock: "Die Uhr dieses Servers geht wohl falsch, deshalb kann er jetzt keine Codes aus einer App prüfen. Nehmen Sie \
            einen Ersatzcode, und sagen Sie es denen, die ihn betreiben.",
    closed: "Von unbekannten Orten kamen zu viele falsche Codes. Nehmen Sie einen Ersatzcode, oder melden Sie sich von \
             einem Ort an, an dem Sie schon waren.",
    busy: "Gerade ist zu viel los. Versuchen Sie es in ein paar Sekunden wieder.",
    unenrolled: "Dieser Server verlangt einen zweiten Faktor, und Sie haben noch keinen. Richten Sie zuerst einen ein: Wer \
                 diesen Server betreibt, weiß, wo.",
    invitation: "Dieser Server verlangt einen zweiten Faktor, und Sie haben noch keinen. Um einen einzurichten, brauchen \
                 Sie eine Einladung von denen, die diesen Server betreiben.",
    invitation_wanted: "{}, dieser Server verlangt einen zweiten Faktor, und Sie haben noch keinen.\n\
                        Um einen einzurichten, brauchen Sie eine Einladung von denen, die diesen Server betreiben.",
    invitation_wrong: "Diese Einladung gilt nicht. Sie hat 26 Buchstaben und Ziffern und verfällt nach einer Stunde.",
    invitation_code: "Einladungscode: ",
    no_factor: "Dieser Server verlangt einen zweiten Faktor, und bei dieser Art der Anmeldung gibt es keinen. Melden Sie \
                sich mit Ihrem Code an.",
    unavailable: "Dieser Server kann jetzt keine Codes prüfen. Sagen Sie es denen, die ihn betreiben.",
    request: " Anfrage {}",
    units: ["s", "min", "Std."],
    last_backup_code: "Das war Ihr letzter Ersatzcode. Machen Sie neue, solange Sie noch hineinkommen.",
    one_backup_code: "Noch 1 Ersatzcode. Machen Sie neue, solange Sie noch hineinkommen.",
    few_backup_codes: "Noch {} Ersatzcodes. Machen Sie neue, solange Sie noch hineinkommen.",
    backup_codes: "Noch {} Ersatzcodes.",
    doors: Doors {
        authority: "vom Server selbst",
        command: "mit dem Befehl twofold",
        roots_command: "von root mit dem Befehl twofold",
        portal: "am Portal",
        place: "bei {}",
        on: " auf ",
        enrolment: "auf {}",
    },
    browser: ["unbekannter Browser", " unter "],
    device_enrolled: News {
        start: "Neues Gerät",
        called: [" ", " eingerichtet"],
        at: Some(", "),
        from: ", von ",
        on: ", am ",
        end: ". Wenn das nicht Sie waren, sagen Sie es sofort denen, die diesen Server betreiben.",
    },
    browser_ended: News {
        start: "Ein altes Cookie Ihres Browsers",
        called: [" ", " kam wieder"],
        at: None,
        from: ", von ",
        on: ", am ",
        end: ": Es wurde kopiert. Wenn das nicht Sie waren, sagen Sie es sofort denen, die diesen Server betreiben.",
    },
    emergency_code_used: News {
        start: "Jemand kam mit einem Notfallcode in Ihr Konto",
        called: [" ", ""],
        at: Some(", "),
        from: ", von ",
        on: ", am ",
        end: ". Wenn das nicht Sie waren, sagen Sie es sofort denen, die diesen Server betreiben.",
    },
    name_joined: News {
        start: "Ihr Konto bekam mit einem Ihrer Codes einen weiteren Namen:",
        called: [" ", ""],
        at: Some(", "),
        from: ", von ",
        on: ", am ",
        end: ". Wenn das nicht Sie waren, sagen Sie es sofort denen, die diesen Server betreiben.",
    },
    enrol: "{}, dieser Server verlangt einen zweiten Faktor, und Sie haben noch keinen.\n\
            Scannen Sie das mit einer Authenticator-App. Geht nicht? Mit i kommt es umgekehrt.",
    enrol_key: "Oder tippen Sie diesen Schlüssel in die App: {}",
    enrol_code: "Dann der Code, den die App zeigt: ",
    enrol_wrong: "Das ist nicht der Code der App für diesen Schlüssel. Warten Sie auf den nächsten; stimmt die Uhr des \
                  Telefons?\nDer Schlüssel ist: {} (mit i kommt das Bild noch einmal, umgekehrt)",
    enrolled: "Es klappt. Hier sind Ersatzcodes für {}, falls die App nicht da ist.\n\
               Jeder gilt einmal. Sie werden nicht noch einmal gezeigt:",
    put_away: "Heben Sie sie sicher auf, dann drücken Sie Enter: ",
    enrolment_left: "Nichts wurde eingerichtet. Löschen Sie den neuen Eintrag aus der App: Die nächste Anmeldung beginnt \
                     mit einem anderen Schlüssel.",
    not_switched_on: "Ihr zweiter Faktor ließ sich nicht einschalten. Löschen Sie den neuen Eintrag aus der App und melden \
                      Sie sich noch einmal an.",
};
