//! `twofoldd`: flags, configuration, then one thing. Everything else is in the library.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use twofold_authority::authority::Authority;
use twofold_authority::config::Config;
use twofold_authority::daemon::{self, DaemonError};
use twofold_authority::flags::Flags;
use twofold_authority::init::{InitError, init};
use twofold_authority::key_files::KeyFileError;
use twofold_authority::operations::people::Nss;
use twofold_authority::operations::settings::Settings;
use twofold_authority::restore::{self, RestoreError};
use twofold_authority::{journal, key_files, process};
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
    Keys(#[from] KeyFileError),
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
    let owner = flags.owner.as_deref();
    if flags.init {
        return Ok(init(&config, owner)?);
    }
    if let Some(kind) = flags.add_key {
        return Ok(key_files::add(&config, kind, owner)?);
    }
    if let Some(id) = &flags.remove_key {
        return Ok(key_files::remove(&config, id, owner)?);
    }
    if flags.export_keys {
        return Ok(key_files::export(&config, flags.plain, owner)?);
    }
    if let Some(file) = &flags.import_keys {
        return Ok(key_files::import(&config, file, owner)?);
    }
    if let Some(file) = &flags.check_keys {
        return Ok(key_files::check(file)?);
    }
    Ok(daemon::run(&config, |store| Authority::new(store, Settings::from(&config), Nss))?)
}

impl Failure {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Mistakes(_) => ExitCode::from(CONFIGURATION),
            Self::Init(error) if error.is_configuration() => ExitCode::from(CONFIGURATION),
            Self::Daemon(error) if error.is_configuration() => ExitCode::from(CONFIGURATION),
            Self::Keys(KeyFileError::Init(error)) if error.is_configuration() => {
                ExitCode::from(CONFIGURATION)
            }
            Self::Restore(_) | Self::Init(_) | Self::Keys(_) | Self::Daemon(_) | Self::Harden(_) => {
                ExitCode::FAILURE
            }
        }
    }
}
