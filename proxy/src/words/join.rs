//! What is said to somebody whose name is new.

/// One language's words for who may have an account already.
#[derive(Debug)]
pub struct JoinWords {
    /// A group of choices.
    pub place: &'static str,
    /// A choice.
    pub on_a_host: &'static str,
    /// A choice.
    pub at_a_site: &'static str,
    /// A field.
    pub site: &'static str,
    /// Below it.
    pub site_hint: &'static str,
    /// It is empty.
    pub which_site: &'static str,
    /// A field.
    pub name: &'static str,
    /// A field.
    pub code: &'static str,
    /// A button.
    pub use_it: &'static str,
    /// A heading: they have none.
    pub not_yet: &'static str,
    /// What comes then.
    pub not_yet_text: &'static str,
    /// A button.
    pub i_am_new: &'static str,
    /// Where no account is made here.
    pub ask_to_be_added: &'static str,
    /// A title: the sign-in is too old.
    pub late: &'static str,
    /// Why that matters.
    pub late_text: &'static str,
    /// A title: somebody was quicker.
    pub taken: &'static str,
    /// What to do.
    pub taken_text: &'static str,
    /// A title: no room for a name.
    pub full: &'static str,
    /// What to do.
    pub full_text: &'static str,
    /// The sentences.
    pub say: &'static dyn SayJoin,
}

/// The sentences of one language.
pub trait SayJoin: std::fmt::Debug + Sync {
    /// The page's title.
    fn title(&self, product: &str) -> String;
    /// Who knows them, and what they are asked.
    fn new_here(&self, title: &str, product: &str, name: &str) -> String;
    /// A choice: the portal, whose host this is.
    fn at_portal(&self, host: &str) -> String;
    /// Their name is one of their account's.
    fn joined(&self, name: &str, title: &str) -> String;
}

/// English.
pub const ENGLISH: JoinWords = JoinWords {
    place: "Where do you use it?",
    on_a_host: "On a server, with ssh or sudo",
    at_a_site: "At another site",
    site: "Address of the other site",
    site_hint: "Such as mail.example.com. Only for another site.",
    which_site: "Type the address of the other site.",
    name: "Your name there",
    code: "A code from that phone, or a backup code",
    use_it: "Use that account",
    not_yet: "Not yet?",
    not_yet_text: "Then set up your phone now.",
    i_am_new: "I'm new here",
    ask_to_be_added: "If you aren't: ask the people who run this service to add you; they will say how to set up your phone.",
    late: "Sign in again to go on",
    late_text: "Saying which account is yours takes a sign-in that is no older than five minutes.",
    taken: "That name has an account by now",
    taken_text: "It was added meanwhile. Sign in again to use it.",
    full: "Your account can't have another name",
    full_text: "It has as many as there can be. Part one on your account page, then sign in here again.",
    say: &English,
};

#[derive(Debug)]
struct English;

impl SayJoin for English {
    fn title(&self, product: &str) -> String {
        format!("Already using {product} elsewhere?")
    }

    fn new_here(&self, title: &str, product: &str, name: &str) -> String {
        format!(
            "{title} knows you as {name}; {product} doesn't yet. If you have set up a phone for a server or another site, say \
             so here: one phone and one set of backup codes serve for all."
        )
    }

    fn at_portal(&self, host: &str) -> String {
        format!("At {host}, with a password")
    }

    fn joined(&self, name: &str, title: &str) -> String {
        format!(
            "{name} at {title} is one of your names from now on: the same phone and backup codes serve there. Your account page \
             lists your names and parts them again."
        )
    }
}

/// German.
pub const GERMAN: JoinWords = JoinWords {
    place: "Wo benutzen Sie es?",
    on_a_host: "Auf einem Server, mit ssh oder sudo",
    at_a_site: "Bei einem anderen Dienst",
    site: "Adresse des anderen Dienstes",
    site_hint: "Etwa mail.example.com. Nur für einen anderen Dienst.",
    which_site: "Geben Sie die Adresse des anderen Dienstes ein.",
    name: "Ihr Name dort",
    code: "Ein Code von diesem Telefon, oder ein Ersatzcode",
    use_it: "Dieses Konto verwenden",
    not_yet: "Noch nicht?",
    not_yet_text: "Dann richten Sie jetzt Ihr Telefon ein.",
    i_am_new: "Ich bin neu hier",
    ask_to_be_added: "Wenn nicht: Bitten Sie die Leute, die diesen Dienst betreiben, Sie aufzunehmen; sie sagen Ihnen, wie Sie Ihr \
        Telefon einrichten.",
    late: "Melden Sie sich noch einmal an, um weiterzumachen",
    late_text: "Zu sagen, welches Konto Ihres ist, verlangt eine Anmeldung, die höchstens fünf Minuten her ist.",
    taken: "Dieser Name hat inzwischen ein Konto",
    taken_text: "Er wurde gerade hinzugefügt. Melden Sie sich noch einmal an, um es zu benutzen.",
    full: "Ihr Konto kann keinen weiteren Namen haben",
    full_text: "Es hat so viele, wie es geben kann. Trennen Sie auf der Seite Ihres Kontos einen ab und melden Sie sich hier noch \
        einmal an.",
    say: &German,
};

#[derive(Debug)]
struct German;

impl SayJoin for German {
    fn title(&self, product: &str) -> String {
        format!("Benutzen Sie {product} schon anderswo?")
    }

    fn new_here(&self, title: &str, product: &str, name: &str) -> String {
        format!(
            "{title} kennt Sie als {name}, {product} noch nicht. Haben Sie schon ein Telefon für einen Server oder einen anderen \
             Dienst eingerichtet, dann sagen Sie es hier: Ein Telefon und ein Satz Ersatzcodes dienen für alles."
        )
    }

    fn at_portal(&self, host: &str) -> String {
        format!("Bei {host}, mit einem Passwort")
    }

    fn joined(&self, name: &str, title: &str) -> String {
        format!(
            "{name} bei {title} ist von jetzt an einer Ihrer Namen: Dasselbe Telefon und dieselben Ersatzcodes dienen auch dort. \
             Die Seite Ihres Kontos zeigt Ihre Namen und trennt sie wieder."
        )
    }
}
