//! QR codes as a phone sees them: read by zbarimg from pictures, also from the picture that a terminal shows.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::run;

/// What the QR code in a picture file says.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn read_picture(file: &Path) -> String {
    let output =
        run(Command::new("zbarimg").args(["--quiet", "--raw", "-Sdisable", "-Sqrcode.enable"]).arg(file));
    assert!(output.succeeded(), "zbarimg sees no QR code in {}: {output:?}", file.display());
    output.stdout.trim_end_matches('\n').to_owned()
}

/// What the QR code in a terminal's text says, drawn with half blocks, on a light or dark background.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn read_terminal(text: &str, background: Background) -> String {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let file = folder.path().join("terminal.pgm");
    fs::write(&file, picture(text, background)).expect("our folder can be written");
    read_picture(&file)
}

/// The terminal's colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Background {
    /// Dark text on light.
    Light,
    /// Light text on dark.
    Dark,
}

/// Pixels along a module's side: zbar wants a few.
const SCALE: usize = 6;

/// Draws half blocks as a terminal would, as far as QR codes use them: black and white of 16 and of 256 colours.
fn picture(text: &str, background: Background) -> Vec<u8> {
    let lines: Vec<Vec<(bool, bool)>> =
        text.lines().map(|line| cells(line, background)).filter(|line| !line.is_empty()).collect();
    let width = lines.iter().map(Vec::len).max().unwrap_or(0);
    let blank = background == Background::Light;
    let mut pixels = Vec::new();
    for line in &lines {
        for upper in [true, false] {
            let mut row = Vec::new();
            for column in 0..width {
                let &(top, bottom) = line.get(column).unwrap_or(&(blank, blank));
                let light = if upper { top } else { bottom };
                row.extend(std::iter::repeat_n(if light { 255 } else { 0 }, SCALE));
            }
            for _ in 0..SCALE {
                pixels.extend_from_slice(&row);
            }
        }
    }
    let mut image = format!("P5 {} {} 255\n", width * SCALE, lines.len() * 2 * SCALE).into_bytes();
    image.extend(pixels);
    image
}

/// For each character of a line whether its upper and its lower half are light.
fn cells(line: &str, background: Background) -> Vec<(bool, bool)> {
    let (plain_ink, plain_paper) = match background {
        Background::Light => (false, true),
        Background::Dark => (true, false),
    };
    let (mut ink, mut paper) = (plain_ink, plain_paper);
    let mut cells = Vec::new();
    let mut rest = line.chars();
    while let Some(character) = rest.next() {
        match character {
            '\u{1b}' => {
                let sequence: String =
                    rest.by_ref().skip(1).take_while(|&c| !c.is_ascii_alphabetic()).collect();
                let mut numbers = sequence.split(';').map(|number| number.parse::<u8>().unwrap_or(0));
                while let Some(number) = numbers.next() {
                    match number {
                        38 => ink = numbers.nth(1).is_some_and(is_light),
                        48 => paper = numbers.nth(1).is_some_and(is_light),
                        0 => (ink, paper) = (plain_ink, plain_paper),
                        7 => std::mem::swap(&mut ink, &mut paper),
                        30 => ink = false,
                        37 | 97 => ink = true,
                        40 => paper = false,
                        47 | 107 => paper = true,
                        _ => {}
                    }
                }
            }
            '█' => cells.push((ink, ink)),
            '▀' => cells.push((ink, paper)),
            '▄' => cells.push((paper, ink)),
            _ => cells.push((paper, paper)),
        }
    }
    cells
}

/// Whether one of the 256 colours is a white; the other that occurs is black.
const fn is_light(colour: u8) -> bool {
    matches!(colour, 7 | 15 | 231 | 252..)
}
