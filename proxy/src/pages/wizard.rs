//! The pages that set up a device, and those that lead there.

use askama::Template;
use http::StatusCode;
use qrcode::{Color, EcLevel, QrCode};
use twofold_shared::wire::{Algorithm, CodeKind, WaitingEnrolment};
use zeroize::{Zeroize, Zeroizing};

use super::{Action, Form, Frame, PagesFor};
use crate::answer::Answer;
use crate::authority::enrolment::Beginning;
use crate::words::wizard::{Wizard, hash};

/// Light modules around the picture: what readers need to find it.
const QUIET: usize = 4;

/// A QR code as a vector path, in modules.
struct Picture {
    side: usize,
    path: Zeroizing<String>,
}

impl Picture {
    /// Draws `text`; nothing where it is too long for any.
    fn draw(text: &str) -> Option<Self> {
        let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
        let width = code.width();
        let colors = code.to_colors();
        let mut path = Zeroizing::new(String::with_capacity(colors.len() * 16));
        for (row, modules) in colors.chunks(width).enumerate() {
            let mut column = 0;
            while let Some(dark) = modules.iter().skip(column).position(|color| *color == Color::Dark) {
                let begin = column + dark;
                let run = modules.iter().skip(begin).take_while(|color| **color == Color::Dark).count();
                path.push_str(&format!("M{} {}h{run}v1h-{run}z", begin + QUIET, row + QUIET));
                column = begin + run;
            }
        }
        Some(Self { side: width + 2 * QUIET, path })
    }
}

#[derive(Template)]
#[template(path = "enrol_scan.html")]
struct ScanPage<'a> {
    frame: Frame<'a>,
    wizard: &'static Wizard,
    form: &'a Form<'a>,
    who: String,
    notice: Option<&'static str>,
    side: usize,
    path: &'a str,
    uri: &'a str,
    groups: Vec<&'a str>,
    unusual: Option<String>,
    hashes: [(&'static str, &'static str); 3],
    own_hash: &'static str,
    own_digits: u8,
    all_digits: [u8; 3],
}

#[derive(Template)]
#[template(path = "enrol_verify.html")]
struct VerifyPage<'a> {
    frame: Frame<'a>,
    wizard: &'static Wizard,
    form: &'a Form<'a>,
    enrolment: &'a str,
    label: &'a str,
    is_label_odd: bool,
    lede: String,
    digits: u8,
    left: String,
    causes: bool,
    makes: Option<(&'static str, u8)>,
}

#[derive(Template)]
#[template(path = "enrol_codes.html")]
struct CodesPage<'a> {
    frame: Frame<'a>,
    wizard: &'static Wizard,
    form: &'a Form<'a>,
    codes: Vec<&'a str>,
}

#[derive(Template)]
#[template(path = "choice.html")]
struct ChoicePage<'a> {
    frame: Frame<'a>,
    title: &'a str,
    text: &'a str,
    action: Option<Action>,
    address: &'a str,
    button: &'a str,
    token: &'a str,
    who: Option<String>,
}

#[derive(Template)]
#[template(path = "lost.html")]
struct LostPage<'a> {
    frame: Frame<'a>,
    wizard: &'static Wizard,
    form: &'a Form<'a>,
    who: String,
}

/// A page with a form of one button, and perhaps another way.
#[derive(Debug)]
pub struct Choice<'a> {
    /// The title.
    pub title: &'a str,
    /// A sentence or two.
    pub text: &'a str,
    /// The one thing to do; absent: the form's button is.
    pub action: Option<Action>,
    /// Where the form posts to.
    pub address: &'a str,
    /// What its button says.
    pub button: &'a str,
    /// Who is signed in.
    pub name: Option<&'a str>,
}

/// What stands on the page for the first code.
#[derive(Debug)]
pub struct FirstCodeAsked<'a> {
    /// Which device.
    pub enrolment: &'a str,
    /// How many digits its codes have.
    pub digits: u8,
    /// What its owner calls it.
    pub label: &'a str,
    /// Whether that is what is wrong.
    pub is_label_odd: bool,
    /// Whether to say what may be the matter.
    pub causes: bool,
    /// How its codes are made after all.
    pub makes: Option<CodeKind>,
    /// How long the code on the phone is still good, in seconds.
    pub left: u64,
}

/// A hash as forms have it.
#[must_use]
pub const fn value_of(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Sha1 => "sha1",
        Algorithm::Sha256 => "sha256",
        Algorithm::Sha512 => "sha512",
    }
}

/// The hash and digits of a form.
#[must_use]
pub fn kind_of(algorithm: Option<&str>, digits: Option<&str>) -> Option<CodeKind> {
    let all = [Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha512];
    let algorithm = all.into_iter().find(|known| Some(value_of(*known)) == algorithm)?;
    let digits = digits?.parse().ok().filter(|digits| (6..=8).contains(digits))?;
    Some(CodeKind { algorithm, digits })
}

impl PagesFor<'_> {
    /// The picture and the key.
    #[must_use]
    pub fn scan(
        self,
        form: &Form<'_>,
        waiting: &WaitingEnrolment,
        name: &str,
        notice: Option<&'static str>,
    ) -> Answer {
        let wizard = self.words().wizard;
        let Some(picture) = Picture::draw(waiting.uri.reveal()) else {
            log::error!("a QR code cannot be drawn");
            return self.message(StatusCode::INTERNAL_SERVER_ERROR, wizard.title, "", None, None);
        };
        let key = waiting.secret.reveal();
        let kind = CodeKind { algorithm: waiting.algorithm, digits: waiting.digits };
        let page = ScanPage {
            frame: self.frame(),
            wizard,
            form,
            who: self.words().say.signed_in_as(name),
            notice,
            side: picture.side,
            path: &picture.path,
            uri: waiting.uri.reveal(),
            groups: (0..key.len()).step_by(4).filter_map(|at| key.get(at..key.len().min(at + 4))).collect(),
            unusual: (kind != Beginning::USUAL.kind).then(|| wizard.say.unusual(kind)),
            hashes: [Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha512]
                .map(|algorithm| (value_of(algorithm), hash(algorithm))),
            own_hash: hash(waiting.algorithm),
            own_digits: waiting.digits,
            all_digits: [6, 7, 8],
        };
        self.answer(StatusCode::OK, &page, form.site)
    }

    /// The field for the first code.
    #[must_use]
    pub fn first_code(self, status: StatusCode, form: &Form<'_>, asked: &FirstCodeAsked<'_>) -> Answer {
        let words = self.words();
        let digits = asked.makes.map_or(asked.digits, |makes| makes.digits);
        let page = VerifyPage {
            frame: self.frame(),
            wizard: words.wizard,
            form,
            enrolment: asked.enrolment,
            label: asked.label,
            is_label_odd: asked.is_label_odd,
            lede: words.wizard.say.enter_first(digits),
            digits,
            left: words.seconds_left.replace("{}", &asked.left.to_string()),
            causes: asked.causes,
            makes: asked.makes.map(|makes| (value_of(makes.algorithm), makes.digits)),
        };
        self.answer(status, &page, form.site)
    }

    /// The backup codes.
    #[must_use]
    pub fn backup_codes(self, status: StatusCode, form: &Form<'_>, codes: &[Zeroizing<String>]) -> Answer {
        let wizard = self.words().wizard;
        let codes = codes.iter().map(|code| code.as_str()).collect();
        self.answer(status, &CodesPage { frame: self.frame(), wizard, form, codes }, form.site)
    }

    /// A form of one button, and perhaps another way.
    #[must_use]
    pub fn choice(
        self,
        status: StatusCode,
        choice: Choice<'_>,
        token: &str,
        site: Option<&crate::site::Site>,
    ) -> Answer {
        let Choice { title, text, action, address, button, name } = choice;
        let who = name.map(|name| self.words().say.signed_in_as(name));
        let page = ChoicePage { frame: self.frame(), title, text, action, address, button, token, who };
        self.answer(status, &page, site)
    }

    /// The way back after a device was lost.
    #[must_use]
    pub fn lost(self, status: StatusCode, form: &Form<'_>, name: &str) -> Answer {
        let words = self.words();
        let who = words.say.signed_in_as(name);
        self.answer(status, &LostPage { frame: self.frame(), wizard: words.wizard, form, who }, form.site)
    }
}

/// The file of backup codes: each on its line, with room for the day on which it was used.
#[must_use]
pub fn codes_file(
    wizard: &Wizard,
    product: &str,
    name: &str,
    at: u64,
    codes: &[Zeroizing<String>],
) -> Zeroizing<String> {
    let say = wizard.say;
    let mut text = Zeroizing::new(String::with_capacity(2048));
    for line in [&say.file_head(product, name), &say.file_made(&say.day(at)), ""] {
        text.push_str(line);
        text.push_str("\r\n");
    }
    for code in codes {
        text.push_str("  ");
        text.push_str(code);
        text.push_str(&format!("    {}: ______________\r\n", wizard.file_used_on));
    }
    text.push_str("\r\n");
    text.push_str(wizard.file_end);
    text.push_str("\r\n");
    text
}

/// A backup code as people read it.
#[must_use]
pub fn grouped(mut code: String) -> Zeroizing<String> {
    let (head, tail) = code.split_at(code.len() / 2);
    let grouped = Zeroizing::new([head, tail].join(" "));
    code.zeroize();
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::{ENGLISH, LANGUAGES};

    #[test]
    fn a_picture_is_whole_rows_within_its_quiet_zone() {
        let picture = Picture::draw("otpauth://totp/Twofold:alice?secret=GEZDGNBVGY3TQOJQ").unwrap();
        let path = picture.path.as_str();
        // The first row is the finder patterns' edge: seven modules from the quiet zone's corner.
        assert!(path.starts_with("M4 4h7v1h-7z"), "{path}");
        assert!(path.bytes().all(|byte| byte.is_ascii_digit() || b"Mhvz- ".contains(&byte)));
        assert!(Picture::draw(&"a".repeat(5000)).is_none());
    }

    #[test]
    fn the_file_has_room_for_a_date_beside_every_code() {
        let codes: Vec<_> = ["12345678", "87654321"].map(|code| grouped(code.to_owned())).into();
        for words in LANGUAGES {
            let text = codes_file(words.wizard, "Twofold", "alice", 1_800_000_000, &codes);
            assert!(text.lines().next().unwrap().contains("alice") && text.contains("2027"), "{}", *text);
            for code in ["1234 5678", "8765 4321"] {
                assert!(
                    text.lines()
                        .any(|line| line.trim().starts_with(code) && line.ends_with(": ______________"))
                );
            }
            assert!(text.trim_end().ends_with('.'));
        }
        assert_eq!(ENGLISH.wizard.file, "backup-codes");
    }

    #[test]
    fn a_kind_is_read_whole_or_not_at_all() {
        assert_eq!(kind_of(Some("sha1"), Some("6")), Some(Beginning::USUAL.kind));
        for (algorithm, digits) in
            [(None, Some("6")), (Some("md5"), Some("6")), (Some("sha1"), Some("5")), (Some("sha1"), None)]
        {
            assert_eq!(kind_of(algorithm, digits), None);
        }
    }
}
