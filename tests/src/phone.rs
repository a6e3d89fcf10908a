//! An authenticator app: `oathtool`. Nothing of ours computes the codes that tests present.

use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::{Clock, run, traces};

/// A device's secret and its settings, as they were scanned.
#[derive(Debug)]
pub struct Phone {
    secret: String,
    algorithm: String,
    digits: u8,
    period: u64,
    clock: Clock,
    /// The newest step a code was given for.
    last: AtomicU64,
}

impl Phone {
    /// What a QR code or link says.
    ///
    /// # Panics
    /// When it is not `otpauth://totp/…` with a secret.
    #[must_use]
    pub fn scan(uri: &str, clock: &Clock) -> Self {
        let (path, query) = uri.split_once('?').unwrap_or_else(|| panic!("not an otpauth link: {uri}"));
        assert!(path.starts_with("otpauth://totp/"), "not a TOTP link: {uri}");
        let field = |name: &str| {
            query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned)
        };
        let secret = field("secret").unwrap_or_else(|| panic!("a link without a secret: {uri}"));
        let number = |name, default| field(name).map_or(default, |text| text.parse().expect("a number"));
        Self {
            algorithm: field("algorithm").unwrap_or_else(|| "SHA1".into()).to_lowercase(),
            digits: u8::try_from(number("digits", 6)).expect("few digits"),
            period: number("period", 30),
            ..Self::type_in(&secret, clock)
        }
    }

    /// A key typed by hand, groups and all, with everybody's defaults.
    #[must_use]
    pub fn type_in(key: &str, clock: &Clock) -> Self {
        let secret: String = key.split_whitespace().collect::<String>().replace('-', "").to_uppercase();
        traces::issued("secret", &secret);
        traces::issued("secret", key);
        Self {
            secret,
            algorithm: "sha1".into(),
            digits: 6,
            period: 30,
            clock: clock.clone(),
            last: AtomicU64::new(0),
        }
    }

    /// Base32.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// The time step now.
    #[must_use]
    pub fn step(&self) -> u64 {
        self.clock.now() / self.period
    }

    /// The code of a step, used or not.
    #[must_use]
    pub fn code_at(&self, step: u64) -> String {
        let output = run(Command::new("oathtool")
            .arg(format!("--totp={}", self.algorithm))
            .args(["--base32", "--digits", &self.digits.to_string()])
            .arg(format!("--time-step-size={}s", self.period))
            .arg(format!("--now=@{}", step * self.period))
            .arg(&self.secret));
        let code = output.expect_success().trim().to_owned();
        traces::issued("code", &code);
        code
    }

    /// The same now, so many seconds ahead, from an app that has nothing in common with the first: pyotp.
    #[must_use]
    pub fn by_pyotp(&self, ahead: u64) -> String {
        let script = "import hashlib, sys, pyotp; secret, hash, digits, period, at = sys.argv[1:]; \
                      print(pyotp.TOTP(secret, int(digits), getattr(hashlib, hash), interval=int(period)).at(int(at)))";
        let settings = [&self.digits.to_string(), &self.period.to_string()];
        let now = (self.clock.now() + ahead).to_string();
        let code = run(Command::new("/usr/bin/python3")
            .args(["-c", script, &self.secret, &self.algorithm])
            .args(settings)
            .arg(now))
        .expect_success();
        let code = code.trim().to_owned();
        traces::issued("code", &code);
        code
    }

    /// A right code that this phone has not given before. On a fake clock time goes on as far as needed; on the
    /// machine's own it may have to be waited for.
    pub fn fresh(&self) -> String {
        let step = self.step().max(self.last.load(Ordering::SeqCst) + 1);
        if self.clock.is_fake() {
            let ahead = step.saturating_sub(self.step()) * self.period;
            self.clock.shift(i64::try_from(ahead).expect("a few steps"));
        } else {
            // One step early is accepted.
            while self.step() + 1 < step {
                std::thread::sleep(Duration::from_millis(200));
            }
        }
        self.last.store(step, Ordering::SeqCst);
        self.code_at(step)
    }

    /// Digits of the right length that are no code of this phone now or soon.
    #[must_use]
    pub fn wrong(&self) -> String {
        let now = self.step();
        let right: Vec<String> = (now.saturating_sub(3)..now + 4).map(|step| self.code_at(step)).collect();
        (0..)
            .map(|number| format!("{number:0width$}", width = usize::from(self.digits)))
            .find(|code| !right.contains(code))
            .expect("there are more numbers than codes")
    }
}
