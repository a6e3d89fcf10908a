//! A QR code in a terminal: half blocks, so that a module is square.
//!
//! Where colours reach the terminal, in explicit black on white, so that dark and light ones show the same. Where they do
//! not (ssh shows no escape sequence of a server's), in the terminal's own two colours, which the person may have swapped.

use qrcode::{Color, EcLevel, QrCode};
use zeroize::Zeroizing;

/// Light modules around the code, which scanners need to find it.
const QUIET: usize = 4;

/// The same where the picture has to fit into a terminal of 24 lines: half of what the standard wants, and enough for a
/// camera.
const SCANT_QUIET: usize = 2;

/// The cube's black and white of the 256 colours: themes redefine the first sixteen, hardly ever these.
const BLACK_ON_WHITE: [(&str, &str); 2] = [("38;5;16", "48;5;16"), ("38;5;231", "48;5;231")];

/// A QR code ready to print.
pub struct Picture {
    modules: Vec<Color>,
    width: usize,
    quiet: usize,
}

impl Picture {
    /// Draws `text`; `None` when it is too long for any QR code.
    #[must_use]
    pub fn draw(text: &str) -> Option<Self> {
        let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
        Some(Self { width: code.width(), modules: code.into_colors(), quiet: QUIET })
    }

    /// How many columns it takes.
    #[must_use]
    pub const fn columns(&self) -> usize {
        self.width + 2 * self.quiet
    }

    /// As lines for a terminal that shows colours.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let side = self.columns();
        let mut text = Zeroizing::new(String::with_capacity(side * side * 12));
        for row in (0..side).step_by(2) {
            let mut painted = None;
            for column in 0..side {
                let colours = (self.at(column, row), self.at(column, row + 1));
                if painted != Some(colours) {
                    text.push_str(&paint(colours));
                    painted = Some(colours);
                }
                // The upper half is foreground, the lower background.
                text.push('▀');
            }
            text.push_str("\u{1b}[0m\n");
        }
        text.pop();
        text
    }

    /// As lines in the terminal's own two colours, for light letters on a dark ground. Where it is the other way round, each
    /// half of each character has to be swapped.
    #[must_use]
    pub fn to_plain(self) -> Zeroizing<String> {
        let picture = Self { quiet: SCANT_QUIET, ..self };
        let side = picture.columns();
        let mut text = Zeroizing::new(String::with_capacity(side * side * 2));
        for row in (0..side).step_by(2) {
            for column in 0..side {
                text.push(match (picture.at(column, row), picture.at(column, row + 1)) {
                    (Color::Light, Color::Light) => '█',
                    (Color::Light, Color::Dark) => '▀',
                    (Color::Dark, Color::Light) => '▄',
                    (Color::Dark, Color::Dark) => ' ',
                });
            }
            text.push('\n');
        }
        text.pop();
        text
    }

    /// The module at a place counted with the quiet zone; light everywhere outside.
    fn at(&self, column: usize, row: usize) -> Color {
        let inside = |place: usize| place.checked_sub(self.quiet).filter(|&place| place < self.width);
        match (inside(column), inside(row)) {
            (Some(x), Some(y)) => self.modules.get(y * self.width + x).copied().unwrap_or(Color::Light),
            _ => Color::Light,
        }
    }
}

fn paint((upper, lower): (Color, Color)) -> String {
    let [black, white] = BLACK_ON_WHITE;
    format!("\u{1b}[{};{}m", upper.select(black, white).0, lower.select(black, white).1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const URI: &str =
        "otpauth://totp/Twofold:alice@web1?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Twofold";

    /// Reads the picture back as a terminal paints it: true where a module is dark.
    fn painted(text: &str) -> Vec<Vec<bool>> {
        let mut rows = Vec::new();
        for line in text.lines() {
            let (mut upper, mut lower) = (Vec::new(), Vec::new());
            for piece in line.split("\u{1b}[").skip(1) {
                let (colours, blocks) = piece.split_once('m').unwrap();
                for _ in blocks.chars() {
                    upper.push(colours.contains("38;5;16"));
                    lower.push(colours.contains("48;5;16"));
                }
            }
            rows.extend([upper, lower]);
        }
        rows
    }

    #[test]
    fn what_the_terminal_paints_is_the_code() {
        let picture = Picture::draw(URI).unwrap();
        let rows = painted(&picture.to_text());
        for (y, row) in rows.iter().enumerate().take(picture.columns()) {
            assert_eq!(row.len(), picture.columns());
            for (x, &dark) in row.iter().enumerate() {
                assert_eq!(dark, picture.at(x, y) == Color::Dark, "{x} {y}");
            }
        }
    }

    #[test]
    fn the_quiet_zone_is_white_on_every_side() {
        let picture = Picture::draw(URI).unwrap();
        let rows = painted(&picture.to_text());
        assert!(rows[..QUIET].iter().flatten().all(|dark| !dark));
        assert!(rows[picture.columns() - QUIET..].iter().flatten().all(|dark| !dark));
        assert!(
            rows.iter().all(|row| row[..QUIET].iter().chain(&row[row.len() - QUIET..]).all(|dark| !dark))
        );
    }

    #[test]
    fn in_the_terminals_own_colours_it_is_the_same_code() {
        let rows: Vec<Vec<bool>> = Picture::draw(URI)
            .unwrap()
            .to_plain()
            .lines()
            .flat_map(|line| {
                let dark = |upper: char| line.chars().map(|at| at != '█' && at != upper).collect();
                [dark('▀'), dark('▄')]
            })
            .collect();
        let picture = Picture { quiet: SCANT_QUIET, ..Picture::draw(URI).unwrap() };
        for (y, row) in rows.iter().enumerate().take(picture.columns()) {
            assert_eq!(row.len(), picture.columns());
            for (x, &dark) in row.iter().enumerate() {
                assert_eq!(dark, picture.at(x, y) == Color::Dark, "{x} {y}");
            }
        }
    }

    #[test]
    fn it_fits_a_terminal_of_eighty_columns_and_twenty_four_lines() {
        assert!(Picture::draw(URI).unwrap().to_plain().lines().count() <= 21);
        assert!(Picture::draw(URI).unwrap().columns() <= 80);
    }
}
