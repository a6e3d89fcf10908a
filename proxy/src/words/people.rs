//! What the pages of those in charge say.

/// The labels of the pages about other people in one language. Where something is filled in there is a `{}`.
#[derive(Debug)]
pub struct PeopleWords {
    /// A title, and the way there.
    pub people: &'static str,
    /// Of whom the reader is in charge.
    pub of_everybody: &'static str,
    /// The same, of groups.
    pub of_groups: &'static str,
    /// A field.
    pub begins_with: &'static str,
    /// Below it.
    pub begins_with_hint: &'static str,
    /// A choice, and a column.
    pub state: &'static str,
    /// A state to choose.
    pub any_state: &'static str,
    /// A state to choose.
    pub on: &'static str,
    /// A state to choose.
    pub off: &'static str,
    /// A state to choose, and to see.
    pub locked: &'static str,
    /// The same with its end.
    pub locked_until: &'static str,
    /// A state to choose.
    pub closed: &'static str,
    /// A state to see.
    pub closed_short: &'static str,
    /// A state to choose.
    pub few_codes: &'static str,
    /// A choice.
    pub order: &'static str,
    /// An order to choose.
    pub by_name: &'static str,
    /// An order to choose.
    pub recent: &'static str,
    /// An order to choose.
    pub idle: &'static str,
    /// A button.
    pub show: &'static str,
    /// A column.
    pub second_factor: &'static str,
    /// A column.
    pub last_used: &'static str,
    /// There is no second factor.
    pub is_off: &'static str,
    /// There is one device.
    pub one_device: &'static str,
    /// There are more.
    pub devices: &'static str,
    /// How many backup codes there are.
    pub codes: &'static str,
    /// The same of one.
    pub one_code: &'static str,
    /// No device was ever used.
    pub never: &'static str,
    /// Nobody was found.
    pub nobody: &'static str,
    /// Nobody was found as far as was looked.
    pub nobody_so_far: &'static str,
    /// A link.
    pub show_all: &'static str,
    /// What the links to other pages are.
    pub pages: &'static str,
    /// A link.
    pub first_page: &'static str,
    /// A link.
    pub next_page: &'static str,
    /// Above the links that download.
    pub download: &'static str,
    /// A heading.
    pub about: &'static str,
    /// A row.
    pub names: &'static str,
    /// A row.
    pub groups: &'static str,
    /// Where there is nothing.
    pub none: &'static str,
    /// A row.
    pub sessions: &'static str,
    /// A row.
    pub asked: &'static str,
    /// What is asked of an account.
    pub required: &'static str,
    /// What is asked of an account.
    pub optional: &'static str,
    /// What is asked of an account.
    pub exempt: &'static str,
    /// What is asked of an account.
    pub by_policy: &'static str,
    /// A row.
    pub since: &'static str,
    /// A lock: by whom, and when.
    pub locked_by: &'static str,
    /// When it ends.
    pub lock_ends: &'static str,
    /// Why it is there.
    pub lock_reason: &'static str,
    /// What closing means.
    pub closed_text: &'static str,
    /// When a device was set up.
    pub set_up: &'static str,
    /// A heading.
    pub actions: &'static str,
    /// Above the actions.
    pub be_sure: &'static str,
    /// A link, a title and a button.
    pub invite: &'static str,
    /// What it does.
    pub invite_text: &'static str,
    /// A title.
    pub invited: &'static str,
    /// What to do with it.
    pub invited_text: &'static str,
    /// The same where there is a code and no link.
    pub invited_code_text: &'static str,
    /// Before a code.
    pub invitation_code: &'static str,
    /// A link, a title and a button.
    pub reset: &'static str,
    /// What it does.
    pub reset_text: &'static str,
    /// A link, a title and a button.
    pub lock: &'static str,
    /// What it does.
    pub lock_text: &'static str,
    /// A field.
    pub why: &'static str,
    /// Below it.
    pub why_hint: &'static str,
    /// A choice.
    pub how_long: &'static str,
    /// Until when.
    pub for_good: &'static str,
    /// Until when.
    pub for_an_hour: &'static str,
    /// Until when.
    pub for_a_day: &'static str,
    /// Until when.
    pub for_a_week: &'static str,
    /// Until when.
    pub for_thirty_days: &'static str,
    /// A link, a title and a button.
    pub unlock: &'static str,
    /// What it does.
    pub unlock_text: &'static str,
    /// A link, a title and a button.
    pub reopen: &'static str,
    /// What it does.
    pub reopen_text: &'static str,
    /// A link, a title and a button.
    pub require: &'static str,
    /// What it does.
    pub require_text: &'static str,
    /// A link, a title and a button.
    pub end_sessions: &'static str,
    /// What it does.
    pub end_sessions_text: &'static str,
    /// It cannot be done.
    pub not_possible: &'static str,
    /// A reason that cannot be one.
    pub odd_reason: &'static str,
    /// A link back.
    pub back: &'static str,
}

/// English.
pub const ENGLISH: PeopleWords = PeopleWords {
    people: "People",
    of_everybody: "Everybody is in your charge.",
    of_groups: "In your charge: {}.",
    begins_with: "Name begins with",
    begins_with_hint: "The beginning of a name; the rest of it isn't searched.",
    state: "State",
    any_state: "All",
    on: "Two-factor on",
    off: "Two-factor off",
    locked: "Locked",
    locked_until: "Locked until {}",
    closed: "Closed to unknown places",
    closed_short: "Closed",
    few_codes: "Few backup codes",
    order: "Order",
    by_name: "By name",
    recent: "Used last first",
    idle: "Unused for longest first",
    show: "Show",
    second_factor: "Two-factor",
    last_used: "Last used",
    is_off: "Off",
    one_device: "1 device",
    devices: "{} devices",
    codes: "{} backup codes",
    one_code: "1 backup code",
    never: "Never",
    nobody: "Nobody fits. Try a shorter beginning, or another state.",
    nobody_so_far: "Nobody so far. The next page looks further.",
    show_all: "Show everybody",
    pages: "Pages",
    first_page: "First page",
    next_page: "Next page",
    download: "Download all who fit:",
    about: "About them",
    names: "Names",
    groups: "Groups",
    none: "None",
    sessions: "Open sessions",
    asked: "A code is asked",
    required: "Always",
    optional: "Once a device is set up",
    exempt: "Never",
    by_policy: "As each service says",
    since: "Here since",
    locked_by: "Locked by {} on {}. Nothing gets in.",
    lock_ends: "It ends by itself on {}.",
    lock_reason: "Why: {}",
    closed_text: "Too many wrong codes came from unknown places, so codes are taken only from places used before.",
    set_up: "set up {}",
    actions: "What you can do",
    be_sure: "Be sure that it's them who asks. They see what you did, and that it was you.",
    invite: "Invite",
    invite_text: "You get a link that is good once, for an hour, to set up a phone. It opens only after their own password or \
        whatever comes first for them. An earlier invitation stops working.",
    invited: "An invitation",
    invited_text: "Pass this link on to them yourself. It is good once, for an hour, and shown this once.",
    invited_code_text: "Pass this code on to them yourself; their login asks for it. It is good once, for an hour, and shown this \
        once.",
    invitation_code: "At a login that asks for it, the code alone:",
    reset: "Reset",
    reset_text: "All their devices, backup codes and sessions are gone at once. Then they can begin again, with an invitation \
        where one is needed. API keys stay.",
    lock: "Lock",
    lock_text: "Nothing gets in any more, all their sessions end at once, and their API keys open nothing.",
    why: "Why",
    why_hint: "A few words for those in charge. They may read it too.",
    how_long: "For how long",
    for_good: "Until somebody unlocks it",
    for_an_hour: "An hour",
    for_a_day: "A day",
    for_a_week: "A week",
    for_thirty_days: "30 days",
    unlock: "Unlock",
    unlock_text: "They get in again as before.",
    reopen: "Reopen",
    reopen_text: "Codes are taken from everywhere again.",
    require: "Require a code",
    require_text: "No code, no entry, whatever the service says. Without a device they have to set one up first.",
    end_sessions: "End sessions",
    end_sessions_text: "They have to sign in again everywhere on the web, and every browser needs a code again.",
    not_possible: "That can't be done as things are now: somebody may have changed this account meanwhile. Look at it again.",
    odd_reason: "Say why in at most 200 letters, on one line.",
    back: "Back",
};

/// German.
pub const GERMAN: PeopleWords = PeopleWords {
    people: "Leute",
    of_everybody: "Sie sind für alle zuständig.",
    of_groups: "Sie sind zuständig für: {}.",
    begins_with: "Name beginnt mit",
    begins_with_hint: "Der Anfang eines Namens; der Rest wird nicht durchsucht.",
    state: "Zustand",
    any_state: "Alle",
    on: "Zweiter Faktor ein",
    off: "Zweiter Faktor aus",
    locked: "Gesperrt",
    locked_until: "Gesperrt bis {}",
    closed: "Geschlossen für unbekannte Orte",
    closed_short: "Geschlossen",
    few_codes: "Wenige Ersatzcodes",
    order: "Reihenfolge",
    by_name: "Nach Namen",
    recent: "Zuletzt benutzte zuerst",
    idle: "Am längsten unbenutzte zuerst",
    show: "Zeigen",
    second_factor: "Zweiter Faktor",
    last_used: "Zuletzt benutzt",
    is_off: "Aus",
    one_device: "1 Gerät",
    devices: "{} Geräte",
    codes: "{} Ersatzcodes",
    one_code: "1 Ersatzcode",
    never: "Nie",
    nobody: "Niemand passt. Versuchen Sie einen kürzeren Anfang oder einen anderen Zustand.",
    nobody_so_far: "Bisher niemand. Die nächste Seite sucht weiter.",
    show_all: "Alle zeigen",
    pages: "Seiten",
    first_page: "Erste Seite",
    next_page: "Nächste Seite",
    download: "Alle, die passen, herunterladen:",
    about: "Zur Person",
    names: "Namen",
    groups: "Gruppen",
    none: "Keine",
    sessions: "Offene Sitzungen",
    asked: "Ein Code wird verlangt",
    required: "Immer",
    optional: "Sobald ein Gerät eingerichtet ist",
    exempt: "Niemals",
    by_policy: "Wie jeder Dienst es vorsieht",
    since: "Hier seit",
    locked_by: "Gesperrt durch {} am {}. Nichts kommt hinein.",
    lock_ends: "Die Sperre endet von selbst am {}.",
    lock_reason: "Warum: {}",
    closed_text: "Zu viele falsche Codes kamen von unbekannten Orten. Codes werden nur von Orten genommen, die schon benutzt \
        wurden.",
    set_up: "eingerichtet {}",
    actions: "Was Sie tun können",
    be_sure: "Vergewissern Sie sich, wer Sie darum bittet. Die Person sieht, was Sie getan haben, und dass Sie es waren.",
    invite: "Einladen",
    invite_text: "Sie bekommen einen Link, der einmal und eine Stunde lang gilt, um ein Telefon einzurichten. Er öffnet sich erst \
        nach dem eigenen Passwort der Person, oder was bei ihr zuerst kommt. Eine frühere Einladung gilt dann nicht mehr.",
    invited: "Eine Einladung",
    invited_text: "Geben Sie diesen Link der Person selbst. Er gilt einmal, eine Stunde lang, und wird nur dieses eine Mal gezeigt.",
    invited_code_text: "Geben Sie diesen Code der Person selbst; ihre Anmeldung fragt danach. Er gilt einmal, eine Stunde lang, \
        und wird nur dieses eine Mal gezeigt.",
    invitation_code: "Bei einer Anmeldung, die danach fragt, der Code allein:",
    reset: "Zurücksetzen",
    reset_text: "Alle Geräte, Ersatzcodes und Sitzungen der Person sind sofort weg. Danach kann sie neu beginnen, mit einer \
        Einladung, wo eine nötig ist. API-Schlüssel bleiben.",
    lock: "Sperren",
    lock_text: "Nichts kommt mehr hinein, alle Sitzungen der Person enden sofort, und ihre API-Schlüssel öffnen nichts.",
    why: "Warum",
    why_hint: "Ein paar Worte für die Zuständigen. Die Person kann sie auch lesen.",
    how_long: "Wie lange",
    for_good: "Bis jemand sie aufhebt",
    for_an_hour: "Eine Stunde",
    for_a_day: "Einen Tag",
    for_a_week: "Eine Woche",
    for_thirty_days: "30 Tage",
    unlock: "Entsperren",
    unlock_text: "Die Person kommt wieder hinein wie vorher.",
    reopen: "Wieder öffnen",
    reopen_text: "Codes werden wieder von überall genommen.",
    require: "Einen Code verlangen",
    require_text: "Ohne Code kein Zutritt, was immer der Dienst vorsieht. Wer kein Gerät hat, muss zuerst eines einrichten.",
    end_sessions: "Sitzungen beenden",
    end_sessions_text: "Die Person muss sich im Web überall neu anmelden, und jeder Browser braucht wieder einen Code.",
    not_possible: "Das geht so nicht: Vielleicht hat inzwischen jemand dieses Konto geändert. Sehen Sie es sich noch einmal an.",
    odd_reason: "Sagen Sie in höchstens 200 Zeichen, auf einer Zeile, warum.",
    back: "Zurück",
};
