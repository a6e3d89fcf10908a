//! What the account page says.

/// The labels of the account page in one language.
#[derive(Debug)]
pub struct AccountWords {
    /// A title, and the way there.
    pub account: &'static str,
    /// The state.
    pub is_on: &'static str,
    /// The state.
    pub is_off: &'static str,
    /// What that means.
    pub is_off_text: &'static str,
    /// The same where nothing opens without it.
    pub is_off_required: &'static str,
    /// The same where it is not set up here.
    pub is_off_here: &'static str,
    /// A button.
    pub turn_on: &'static str,
    /// What people call them.
    pub display_name: &'static str,
    /// Where they are reached.
    pub email: &'static str,
    /// Where they are reached.
    pub phone: &'static str,
    /// What to do about it.
    pub check_contacts: &'static str,
    /// A heading.
    pub devices: &'static str,
    /// A link.
    pub add_device: &'static str,
    /// The kind of a device.
    pub authenticator: &'static str,
    /// Of a device or a key.
    pub never_used: &'static str,
    /// A link and a button.
    pub rename: &'static str,
    /// A field.
    pub label: &'static str,
    /// A link and a button.
    pub remove: &'static str,
    /// A title.
    pub remove_device: &'static str,
    /// A heading.
    pub backup_codes: &'static str,
    /// A link and a button.
    pub replace: &'static str,
    /// A title.
    pub replace_codes: &'static str,
    /// What it does.
    pub replace_text: &'static str,
    /// A title.
    pub new_codes: &'static str,
    /// Above new codes.
    pub new_codes_text: &'static str,
    /// A heading.
    pub sessions: &'static str,
    /// Beside the session that reads it.
    pub this_browser: &'static str,
    /// Of a session that rests on a trusted browser.
    pub without_code: &'static str,
    /// A button.
    pub end: &'static str,
    /// A button.
    pub end_others: &'static str,
    /// A heading.
    pub browsers: &'static str,
    /// Where there is none.
    pub no_browsers: &'static str,
    /// A button.
    pub forget: &'static str,
    /// A button.
    pub forget_all: &'static str,
    /// A heading.
    pub api_keys: &'static str,
    /// Where there is none.
    pub no_api_keys: &'static str,
    /// A link and a title.
    pub new_key: &'static str,
    /// What keys are for.
    pub new_key_text: &'static str,
    /// A field.
    pub key_label: &'static str,
    /// A group of boxes.
    pub key_sites: &'static str,
    /// A field.
    pub key_paths: &'static str,
    /// Below it.
    pub key_paths_hint: &'static str,
    /// A box.
    pub key_read_only: &'static str,
    /// A field.
    pub key_networks: &'static str,
    /// Below it.
    pub key_networks_hint: &'static str,
    /// A field.
    pub key_days: &'static str,
    /// Below it.
    pub key_days_hint: &'static str,
    /// Where it is no such number.
    pub key_days_odd: &'static str,
    /// Beside a key, with the moment for `{}`.
    pub key_ends: &'static str,
    /// A button.
    pub make_key: &'static str,
    /// A title.
    pub your_key: &'static str,
    /// Below a new key.
    pub your_key_text: &'static str,
    /// A state.
    pub suspended: &'static str,
    /// A state.
    pub expired: &'static str,
    /// A button.
    pub suspend: &'static str,
    /// A button.
    pub resume: &'static str,
    /// A link and a button.
    pub rotate: &'static str,
    /// A title.
    pub rotate_key: &'static str,
    /// What it does.
    pub rotate_text: &'static str,
    /// A link and a button.
    pub revoke: &'static str,
    /// A title.
    pub revoke_key: &'static str,
    /// What it does.
    pub revoke_text: &'static str,
    /// A heading and a title.
    pub activity: &'static str,
    /// A link.
    pub older: &'static str,
    /// Where there is nothing.
    pub no_activity: &'static str,
    /// A heading.
    pub names: &'static str,
    /// What several names mean.
    pub names_text: &'static str,
    /// A link and a button.
    pub part: &'static str,
    /// A title.
    pub part_name: &'static str,
    /// A link.
    pub turn_off: &'static str,
    /// A title.
    pub turn_off_title: &'static str,
    /// What it does.
    pub turn_off_text: &'static str,
    /// A button.
    pub turn_off_button: &'static str,
    /// A title.
    pub turned_off: &'static str,
    /// What has happened.
    pub turned_off_text: &'static str,
    /// The account is closed to strangers.
    pub closed: &'static str,
    /// A button.
    pub reopen: &'static str,
    /// A field, where there is a password.
    pub own_password: &'static str,
    /// The field below it.
    pub or_a_code: &'static str,
    /// A field, where there is none.
    pub code_alone: &'static str,
    /// The password with a change was refused.
    pub wrong_confirmation: &'static str,
    /// Nothing was typed.
    pub confirm_first: &'static str,
    /// A key needs a site.
    pub choose_a_site: &'static str,
    /// A link to the list of sites.
    pub sites: &'static str,
    /// A link back.
    pub back: &'static str,
    /// A link away.
    pub cancel: &'static str,
}

/// English.
pub const ENGLISH: AccountWords = AccountWords {
    account: "Your account",
    is_on: "Two-factor is on.",
    is_off: "Two-factor is off",
    is_off_text: "Your password alone opens what is open to you. With two-factor on, whoever learns it still can't get in.",
    is_off_required: "Your password alone opens nothing here: a code from your phone is asked for as well. Setting it up takes two minutes.",
    is_off_here: "It isn't set up on this page. Log in with SSH and run twofold enroll, or ask the people who run this service.",
    turn_on: "Turn on two-factor",
    display_name: "Called",
    email: "E-mail",
    phone: "Phone",
    check_contacts: "Not right? Tell the people who run this service.",
    devices: "Devices",
    add_device: "Add a device",
    authenticator: "authenticator",
    never_used: "not used yet",
    rename: "Rename",
    label: "What you call it",
    remove: "Remove",
    remove_device: "Remove a device",
    backup_codes: "Backup codes",
    replace: "Replace",
    replace_codes: "Replace your backup codes",
    replace_text: "You get ten new codes. The old ones stop working at once, printed or not.",
    new_codes: "Your new backup codes",
    new_codes_text: "Keep these like a password. Each works once, until used or replaced. They are shown this once.",
    sessions: "Sessions",
    this_browser: "this one",
    without_code: "trusted, no code given",
    end: "End",
    end_others: "End all others",
    browsers: "Browsers you have used",
    no_browsers: "None yet. A browser is known once a code was given in it.",
    forget: "Forget",
    forget_all: "Forget all",
    api_keys: "API keys",
    no_api_keys: "None. A program that should get in without you needs one.",
    new_key: "Make an API key",
    new_key_text: "A key opens what you choose here and nothing else. Choose no more than the program needs.",
    key_label: "What is it for?",
    key_sites: "Sites",
    key_paths: "Paths",
    key_paths_hint: "One on each line, such as /api. A path opens everything below it. Empty: all of them.",
    key_read_only: "Only read (GET and HEAD)",
    key_networks: "Addresses",
    key_networks_hint: "One address or network on each line, such as 192.0.2.0/24. Empty: from anywhere.",
    key_days: "Days until it ends",
    key_days_hint: "Empty: it doesn't end by itself.",
    key_days_odd: "The days are a whole number from 1 to 36500, or nothing for a key that doesn't end by itself.",
    key_ends: "ends on {}",
    make_key: "Make the key",
    your_key: "Your API key",
    your_key_text: "Copy it now: it is shown this once. Use it as a bearer token, or as the password of HTTP Basic.",
    suspended: "suspended",
    expired: "ended",
    suspend: "Suspend",
    resume: "Resume",
    rotate: "New secret",
    rotate_key: "Give the key a new secret",
    rotate_text: "The old secret stops working at once. What the key may do stays as it is.",
    revoke: "Revoke",
    revoke_key: "Revoke an API key",
    revoke_text: "It stops working at once and can't be brought back.",
    activity: "Activity",
    older: "Older",
    no_activity: "Nothing yet. What happens at SSH, at sudo and here will be told in this place.",
    names: "Names",
    names_text: "All of these are you: one second factor serves them all.",
    part: "Part",
    part_name: "Part a name from your account",
    turn_off: "Turn off two-factor…",
    turn_off_title: "Turn off two-factor",
    turn_off_text: "Your devices and backup codes stop working at once, everywhere: here, on every site, at SSH and sudo. All \
        your sessions end. Turning it on again starts from a new QR code.",
    turn_off_button: "Turn off",
    turned_off: "Two-factor is off",
    turned_off_text: "Your devices and backup codes no longer work, and all your sessions have ended. Sign in to turn it on \
        again.",
    closed: "Too many wrong codes came from places we don't know, so codes are only taken from places you have used before. \
        Backup codes still work everywhere.",
    reopen: "Take codes from everywhere again",
    own_password: "Your password",
    or_a_code: "Or a code from your phone, or a backup code",
    code_alone: "A code from your phone, or a backup code",
    wrong_confirmation: "That didn't match. Check it and type it again.",
    confirm_first: "Type your password or a code to confirm that it's you.",
    choose_a_site: "Choose at least one site, and say what the key is for.",
    sites: "Your sites",
    back: "Back to your account",
    cancel: "Cancel",
};

/// German.
pub const GERMAN: AccountWords = AccountWords {
    account: "Ihr Konto",
    is_on: "Der zweite Faktor ist eingeschaltet.",
    is_off: "Der zweite Faktor ist ausgeschaltet",
    is_off_text: "Ihr Passwort allein öffnet, was Ihnen offensteht. Mit dem zweiten Faktor kommt auch niemand hinein, der es \
        erfährt.",
    is_off_required: "Ihr Passwort allein öffnet hier nichts: Dazu gehört ein Code von Ihrem Telefon. Das Einrichten dauert zwei Minuten.",
    is_off_here: "Hier wird er nicht eingerichtet. Melden Sie sich mit SSH an und rufen Sie twofold enroll auf, oder fragen Sie die \
        Leute, die diesen Dienst betreiben.",
    turn_on: "Zweiten Faktor einschalten",
    display_name: "Genannt",
    email: "E-Mail-Adresse",
    phone: "Telefon",
    check_contacts: "Stimmt das nicht? Sagen Sie es den Leuten, die diesen Dienst betreiben.",
    devices: "Geräte",
    add_device: "Ein Gerät hinzufügen",
    authenticator: "Authenticator-App",
    never_used: "noch nicht benutzt",
    rename: "Umbenennen",
    label: "Wie Sie es nennen",
    remove: "Entfernen",
    remove_device: "Ein Gerät entfernen",
    backup_codes: "Ersatzcodes",
    replace: "Erneuern",
    replace_codes: "Ihre Ersatzcodes erneuern",
    replace_text: "Sie bekommen zehn neue Codes. Die alten gelten sofort nicht mehr, auch nicht auf Papier.",
    new_codes: "Ihre neuen Ersatzcodes",
    new_codes_text: "Bewahren Sie sie wie ein Passwort auf. Jeder gilt einmal, bis er benutzt oder ersetzt ist. Sie werden nur \
        dieses eine Mal gezeigt.",
    sessions: "Sitzungen",
    this_browser: "diese",
    without_code: "vertraut, ohne Code",
    end: "Beenden",
    end_others: "Alle anderen beenden",
    browsers: "Browser, die Sie benutzt haben",
    no_browsers: "Noch keiner. Ein Browser ist bekannt, sobald darin ein Code eingegeben wurde.",
    forget: "Vergessen",
    forget_all: "Alle vergessen",
    api_keys: "API-Schlüssel",
    no_api_keys: "Keine. Ein Programm, das ohne Sie hineinkommen soll, braucht einen.",
    new_key: "Einen API-Schlüssel anlegen",
    new_key_text: "Ein Schlüssel öffnet, was Sie hier wählen, und sonst nichts. Wählen Sie nicht mehr, als das Programm braucht.",
    key_label: "Wofür ist er?",
    key_sites: "Dienste",
    key_paths: "Pfade",
    key_paths_hint: "Einer je Zeile, etwa /api. Ein Pfad öffnet alles darunter. Leer: alle.",
    key_read_only: "Nur lesen (GET und HEAD)",
    key_networks: "Adressen",
    key_networks_hint: "Eine Adresse oder ein Netz je Zeile, etwa 192.0.2.0/24. Leer: von überall.",
    key_days: "Tage, bis er endet",
    key_days_hint: "Leer: Er endet nicht von selbst.",
    key_days_odd: "Die Tage sind eine ganze Zahl von 1 bis 36500, oder nichts für einen Schlüssel, der nicht von selbst endet.",
    key_ends: "endet am {}",
    make_key: "Schlüssel anlegen",
    your_key: "Ihr API-Schlüssel",
    your_key_text: "Kopieren Sie ihn jetzt: Er wird nur dieses eine Mal gezeigt. Er dient als Bearer-Token oder als Passwort von \
        HTTP Basic.",
    suspended: "ausgesetzt",
    expired: "beendet",
    suspend: "Aussetzen",
    resume: "Fortsetzen",
    rotate: "Neues Geheimnis",
    rotate_key: "Dem Schlüssel ein neues Geheimnis geben",
    rotate_text: "Das alte Geheimnis gilt sofort nicht mehr. Was der Schlüssel darf, bleibt, wie es ist.",
    revoke: "Widerrufen",
    revoke_key: "Einen API-Schlüssel widerrufen",
    revoke_text: "Er gilt sofort nicht mehr und lässt sich nicht zurückholen.",
    activity: "Was geschehen ist",
    older: "Älteres",
    no_activity: "Noch nichts. Was bei SSH, bei sudo und hier geschieht, steht dann an dieser Stelle.",
    names: "Namen",
    names_text: "Das alles sind Sie: Ein zweiter Faktor dient für alle.",
    part: "Trennen",
    part_name: "Einen Namen von Ihrem Konto trennen",
    turn_off: "Zweiten Faktor ausschalten …",
    turn_off_title: "Den zweiten Faktor ausschalten",
    turn_off_text: "Ihre Geräte und Ersatzcodes gelten sofort nicht mehr, überall: hier, bei allen Diensten, bei SSH und sudo. \
        Alle Ihre Sitzungen enden. Wieder einschalten beginnt mit einem neuen QR-Code.",
    turn_off_button: "Ausschalten",
    turned_off: "Der zweite Faktor ist aus",
    turned_off_text: "Ihre Geräte und Ersatzcodes gelten nicht mehr, und alle Ihre Sitzungen sind beendet. Melden Sie sich an, \
        um ihn wieder einzuschalten.",
    closed: "Zu viele falsche Codes kamen von Orten, die wir nicht kennen. Codes werden deshalb nur von Orten genommen, an denen \
        Sie schon waren. Ersatzcodes gelten weiter überall.",
    reopen: "Codes wieder von überall nehmen",
    own_password: "Ihr Passwort",
    or_a_code: "Oder ein Code von Ihrem Telefon, oder ein Ersatzcode",
    code_alone: "Ein Code von Ihrem Telefon, oder ein Ersatzcode",
    wrong_confirmation: "Das passt nicht. Prüfen Sie es und geben Sie es noch einmal ein.",
    confirm_first: "Bestätigen Sie mit Ihrem Passwort oder einem Code, dass Sie es sind.",
    choose_a_site: "Wählen Sie mindestens einen Dienst, und sagen Sie, wofür der Schlüssel ist.",
    sites: "Ihre Dienste",
    back: "Zurück zu Ihrem Konto",
    cancel: "Abbrechen",
};
