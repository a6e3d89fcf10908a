//! `twofold-gate`: enforces two-factor in front of web apps that know nothing of it.
//!
//! Configuration first, then the authority's watch, then pingora. A request passes [`gate`] (host, path, session,
//! rule) and reaches an app only with a pass from [`rules`]; whoever has none is led through [`portal`].

mod answer;
mod api_key;
mod app_login;
mod assertion;
mod authority;
#[cfg(feature = "bench-bare")]
mod bare;
mod browser;
mod client;
mod clock;
mod config;
mod cookies;
mod directory;
mod door;
mod elsewhere;
mod enrolment;
mod first_factor;
mod flow;
mod gate;
mod grant;
mod handoff;
mod headers;
mod host;
mod hsts;
mod in_flight;
mod key;
mod logger;
mod metrics;
mod ops;
mod origin;
mod pages;
mod path;
mod policy;
mod portal;
mod process;
mod redirect;
mod refusal;
mod request;
mod return_address;
mod rules;
mod services;
mod session;
mod site;
mod streams;
mod tls;
mod upstream;
mod watch;
mod words;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use pingora::server::{RunArgs, Server};

use crate::config::Config;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The exit code for a configuration that cannot be used (EX_CONFIG).
const EX_CONFIG: u8 = 78;

/// How long the gate waits for the authority before it listens; then it listens and refuses.
const FIRST_SIGHT: std::time::Duration = std::time::Duration::from_secs(2);

/// Enforces two-factor in front of web apps.
#[derive(Debug, Parser)]
#[command(name = "twofold-gate", version)]
struct Arguments {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "/etc/twofold/gate.toml", global = true)]
    config: PathBuf,
    /// Read the configuration, name every mistake, and exit.
    #[arg(long)]
    check: bool,
    /// Say more.
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What else there is to do than to serve.
#[derive(Debug, Subcommand)]
enum Command {
    /// Ask the rules.
    #[command(subcommand)]
    Policy(PolicyCommand),
}

#[derive(Debug, Subcommand)]
enum PolicyCommand {
    /// Say which rule decides about a request, and why.
    Check(policy::Question),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    logger::start(arguments.verbose);
    let config = match Config::load(&arguments.config) {
        Ok(config) => config,
        Err(mistakes) => {
            for line in mistakes.to_string().lines() {
                log::error!("{line}");
            }
            return ExitCode::from(EX_CONFIG);
        }
    };
    if arguments.check {
        log::info!("{} can be used", arguments.config.display());
        return ExitCode::SUCCESS;
    }
    if let Some(Command::Policy(PolicyCommand::Check(question))) = &arguments.command {
        return match policy::check(&config, question) {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => {
                log::error!("{why}");
                ExitCode::FAILURE
            }
        };
    }
    process::hold_hangup();
    process::harden();
    match run(&config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            log::error!("cannot start: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Starts everything and serves until a signal.
fn run(config: &Config) -> Result<(), Box<dyn std::error::Error>> {
    tls::use_ring();
    let clock = clock::Clock::start();
    let places = Arc::new(site::Places::new(config));
    let metrics = Arc::new(metrics::Metrics::new()?);
    let authority = Arc::new(authority::Authority::new(&config.authority, Arc::clone(&metrics)));
    let sessions = Arc::new(session::Sessions::new(config.blind, clock));
    let in_flight = Arc::new(in_flight::InFlight::default());
    let key = Arc::new(key::Key::generate()?);
    let members = Arc::new(app_login::members::Members::default());
    let directories = directory::Directories::start(&config.directories, clock, Arc::clone(&key))?;
    let portal = portal::Portal::new(
        config,
        Arc::clone(&places),
        Arc::clone(&authority),
        Arc::clone(&sessions),
        (clock, Arc::clone(&key), Arc::clone(&members)),
        directories,
    );
    watch::start(&config.authority, &sessions, &authority)?;
    sessions.await_sight(FIRST_SIGHT);

    let mut server = Server::new_with_opt_and_conf(None, process::server_conf());
    let last_words = {
        let (sessions, authority) = (Arc::clone(&sessions), Arc::clone(&authority));
        move || watch::tell(&sessions, &authority)
    };
    process::watch_phases(&server, Arc::clone(&in_flight), last_words)?;
    #[cfg(feature = "bench-bare")]
    let peer = places.sites().first().map(|site| site.peer().clone());
    let behind = services::Behind {
        places: Arc::clone(&places),
        sessions: Arc::clone(&sessions),
        in_flight: Arc::clone(&in_flight),
        metrics: Arc::clone(&metrics),
        clock,
    };
    let gate = gate::Gate {
        places,
        authority,
        sessions,
        portal,
        in_flight,
        key,
        members,
        hsts: hsts::Hsts::new(config.hsts, config.portal.is_secure()),
        limits: config.limits,
        metrics,
        assertions: assertions(config)?,
        trusted: config.trusted.clone(),
        clock,
        probe: app_login::Probe::default(),
        challenges: first_factor::challenges::Challenges::default(),
        guesses: first_factor::guesses::Guesses::default(),
    };
    #[cfg(feature = "bench-bare")]
    let gate = {
        log::warn!("{}", bare::MARK);
        drop(gate);
        bare::Bare::new(peer.ok_or("no site")?)
    };
    let on_hangup = services::add(&mut server, config, gate, behind)?;
    server.bootstrap();
    server.run(RunArgs { shutdown_signal: Box::new(process::Signals { on_hangup }) });
    Ok(())
}

/// What signs assertions, if a site wants any.
fn assertions(config: &Config) -> Result<Option<assertion::Assertions>, Box<dyn std::error::Error>> {
    if !config.sites.iter().any(|site| site.assertion) {
        return Ok(None);
    }
    let key = assertion::Key::open(&config.assertion_key)
        .map_err(|why| format!("{} {why}", config.assertion_key.display()))?;
    Ok(Some(assertion::Assertions::new(key, config.portal.to_string())))
}
