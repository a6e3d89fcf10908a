//! Asking: secrets on the terminal without echo or from a named file descriptor, consent on the terminal.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::sync::Arc;

use nix::sys::signal::{Signal, raise};
use rustix::termios::{self, LocalModes, OptionalActions, SpecialCodeIndex, Termios};
use twofold_shared::secret::SecretText;
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::output::fold;

/// The longest line read from a descriptor, in bytes.
const MAX_LINE: usize = 4096;

/// Where a secret comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The terminal, whatever standard input is.
    Terminal,
    /// A file descriptor that the caller opened, and the flag that named it.
    Descriptor(i32, &'static str),
}

impl Origin {
    /// The descriptor if there is one, else the terminal.
    pub fn new(descriptor: Option<i32>, flag: &'static str) -> Self {
        descriptor.map_or(Self::Terminal, |number| Self::Descriptor(number, flag))
    }
}

/// Asks, and remembers how far each descriptor was read: secrets that come from one descriptor are its lines in turn.
#[derive(Debug, Default)]
pub struct Asker {
    open: Vec<(i32, File)>,
}

impl Asker {
    /// One secret. `flag` is what would give it without a terminal.
    ///
    /// # Errors
    /// When there is nobody to ask, the descriptor has no more lines, or the person gives up.
    pub fn secret(&mut self, from: Origin, prompt: &str, flag: &str) -> Result<SecretText, Failure> {
        match from {
            Origin::Terminal => on_terminal(prompt, flag),
            Origin::Descriptor(number, flag) => self.line(number, flag),
        }
    }

    /// The next line of a descriptor.
    fn line(&mut self, number: i32, flag: &str) -> Result<SecretText, Failure> {
        let unusable = |error: io::Error| {
            Failure::Usage(format!(
                "{flag} {number} cannot be read: {error}. Open it for this command: {number}<FILE"
            ))
        };
        if !self.open.iter().any(|(open, _)| *open == number) {
            let file = File::open(format!("/dev/fd/{number}")).map_err(unusable)?;
            self.open.push((number, file));
        }
        let Some((_, file)) = self.open.iter_mut().find(|(open, _)| *open == number) else {
            return Err(unusable(io::ErrorKind::NotFound.into()));
        };
        match read_line(file) {
            Ok(Some(line)) => Ok(line),
            Ok(None) => {
                Err(Failure::Usage(format!("{flag} {number} has no further line: each secret is one line")))
            }
            Err(error) => Err(unusable(error)),
        }
    }
}

/// One line without its end, a byte at a time: what follows may be meant for somebody else.
fn read_line(from: &mut impl Read) -> io::Result<Option<SecretText>> {
    let mut line = Zeroizing::new(Vec::with_capacity(MAX_LINE));
    let mut byte = Zeroizing::new([0_u8; 1]);
    loop {
        match from.read(&mut *byte) {
            Ok(0) if line.is_empty() => return Ok(None),
            Ok(0) => break,
            Ok(_) if *byte == *b"\n" => break,
            Ok(_) if line.len() == MAX_LINE => return Err(io::Error::other("the line is too long")),
            Ok(_) => line.extend_from_slice(&*byte),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    let text = str::from_utf8(&line).map_err(|_| io::Error::other("the line is not UTF-8"))?;
    Ok(Some(SecretText::new(text.to_owned())))
}

fn on_terminal(prompt: &str, flag: &str) -> Result<SecretText, Failure> {
    match Keyboard::open().and_then(|keyboard| keyboard.read(prompt)) {
        Ok(Some(text)) => Ok(text),
        Ok(None) => Err(Failure::Interrupted("stopped; nothing was changed".to_owned())),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(Failure::Refused("stopped; nothing was changed".to_owned()))
        }
        Err(error) => Err(Failure::Usage(format!(
            "there is no terminal to ask on ({error}). Give it with {flag} N, where N is a file descriptor."
        ))),
    }
}

/// The terminal without echo, and as it was before once this is dropped.
///
/// Deliberate: rpassword edits the line but does not set the terminal: its Ctrl-C would end the process while the
/// terminal is still without echo, and it prompts before the echo is off.
struct Keyboard {
    terminal: Arc<File>,
    before: Termios,
}

impl Keyboard {
    fn open() -> io::Result<Self> {
        let terminal = Arc::new(OpenOptions::new().read(true).write(true).open("/dev/tty")?);
        let before = termios::tcgetattr(&terminal)?;
        let mut quiet = before.clone();
        quiet.local_modes -= LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG;
        quiet.special_codes[SpecialCodeIndex::VMIN] = 1;
        quiet.special_codes[SpecialCodeIndex::VTIME] = 0;
        termios::tcsetattr(&terminal, OptionalActions::Flush, &quiet)?;
        Ok(Self { terminal, before })
    }

    /// A line; `None` for Ctrl-C.
    fn read(self, prompt: &str) -> io::Result<Option<SecretText>> {
        (&*self.terminal).write_all(prompt.as_bytes())?;
        let keys = Keys { terminal: Arc::clone(&self.terminal) };
        let config = rpassword::ConfigBuilder::new().input_reader(keys).output_discard().build();
        let typed = rpassword::read_password_with_config(config);
        (&*self.terminal).write_all(b"\n")?;
        match typed {
            Ok(text) => Ok(Some(SecretText::new(text))),
            Err(error) if error.get_ref().is_some_and(|inner| inner.is::<CtrlC>()) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        // A terminal that has gone needs no echo.
        let _ = termios::tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
    }
}

/// What is typed, in which Ctrl-C is an error.
struct Keys {
    terminal: Arc<File>,
}

#[derive(Debug, thiserror::Error)]
#[error("stopped")]
struct CtrlC;

impl Read for Keys {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = (&*self.terminal).read(into)?;
        if into.iter().take(read).any(|&byte| byte == 3) {
            return Err(io::Error::other(CtrlC));
        }
        Ok(read)
    }
}

/// Ends this process as Ctrl-C does, so that a shell sees how it ended.
pub fn die_of_interrupt() {
    let _ = raise(Signal::SIGINT);
}

/// Says something at the terminal beside the output.
pub fn say(text: &str) {
    // Nobody is left to tell when standard error is gone.
    let _ = writeln!(io::stderr().lock(), "{}", fold(text));
}

/// Asks whether to go on with something that cannot be taken back.
///
/// # Errors
/// When the answer is not yes, or there is nobody to ask.
pub fn consent(given: bool, what: &str) -> Result<(), Failure> {
    if given {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(Failure::Usage(format!(
            "{what}\nThere is no terminal to ask on. If you mean it, add --yes."
        )));
    }
    let mut error = io::stderr().lock();
    let _ = write!(error, "{}\nGo on? [y/N] ", fold(what));
    let _ = error.flush();
    let mut answer = String::new();
    let read = io::stdin().lock().take(64).read_line(&mut answer);
    if read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes" | "Yes") {
        Ok(())
    } else {
        Err(Failure::Refused("nothing was changed".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_one_descriptor_are_its_lines_in_turn() {
        let mut from = &b"123456\r\n\nlast"[..];
        let mut next = || read_line(&mut from).unwrap().map(|line| line.reveal().to_owned());
        assert_eq!(next().as_deref(), Some("123456"));
        assert_eq!(next().as_deref(), Some(""));
        assert_eq!(next().as_deref(), Some("last"));
        assert_eq!(next(), None);
    }

    #[test]
    fn an_endless_line_is_refused() {
        assert!(read_line(&mut io::repeat(b'1')).is_err());
        assert!(read_line(&mut &b"\xff\n"[..]).is_err());
    }
}
