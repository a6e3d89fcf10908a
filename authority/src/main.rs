//! `twofoldd`: flags, configuration, then one of three things. Everything else is in the library.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use twofold_authority::authority::Authority;
use twofold_authority::config::Config;
use twofold_authority::daemon::{self, DaemonError};
use twofold_authority::flags::Flags;
use twofold_authority::init::{InitError, init};
use twofold_authority::operations::people::Nss;
use twofold_authority::operations::settings::Settings;
use twofold_authority::restore::{self, RestoreError};
use twofold_authority::{journal, process};
use twofold_shared::config::Mistakes;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// sysexits.h: the command line cannot be understood.
const USAGE: u8 = 64;
/// sysexits.h: something in the configuration, an owner or a mode has to be mended first.
const CONFIGURATION: u8 = 78;

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Mistakes(#[from] Mistakes),
    #[error(transparent)]
    Init(#[from] InitError),
    #[error(transparent)]
    Restore(#[from] RestoreError),
    #[error(transparent)]
    Daemon(#[from] DaemonError),
    #[error("cannot protect this process's memory: {0}")]
    Harden(#[from] std::io::Error),
}

fn main() -> ExitCode {
    let flags = match Flags::try_parse() {
        Ok(flags) => flags,
        Err(error) => {
            // Nobody is left to tell when this fails.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS };
        }
    };
    journal::start(flags.verbose);
    match run(&flags) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            log::error!("{failure}");
            failure.exit_code()
        }
    }
}

fn run(flags: &Flags) -> Result<(), Failure> {
    process::harden()?;
    let config = Config::load(&flags.config)?;
    if flags.check {
        log::info!("{}: no mistake found", flags.config.display());
        return Ok(());
    }
    if let Some(copy) = &flags.check_copy {
        return Ok(restore::check(&config, copy, flags.owner.as_deref())?);
    }
    if let Some(copy) = &flags.restore {
        return Ok(restore::restore(&config, copy, flags.owner.as_deref())?);
    }
    if flags.init {
        return Ok(init(&config, flags.owner.as_deref())?);
    }
    Ok(daemon::run(&config, |store| Authority::new(store, Settings::from(&config), Nss))?)
}

impl Failure {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Mistakes(_) => ExitCode::from(CONFIGURATION),
            Self::Init(error) if error.is_configuration() => ExitCode::from(CONFIGURATION),
            Self::Daemon(error) if error.is_configuration() => ExitCode::from(CONFIGURATION),
            Self::Restore(_) | Self::Init(_) | Self::Daemon(_) | Self::Harden(_) => ExitCode::FAILURE,
        }
    }
}
