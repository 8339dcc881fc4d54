//! Plays KMIP conversations, written in XML, against a live server over TLS.
//!
//! A case is a file of RequestMessage and ResponseMessage pairs in the form of the OASIS test
//! cases. Each request is sent, each response compared: equal, but for what the KMIP profiles
//! permit to vary (`--allowances`).

mod allowance;
mod case;
mod compare;
mod http;
mod knowledge;
mod names;
mod placeholder;
mod play;
mod report;
mod transport;
mod unsupported;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use ttlv::Node;

use case::Case;
use knowledge::World;
use names::NAMES;
use report::Outcome;
use transport::{Endpoint, Transport};
use unsupported::Unsupported;

/// Plays KMIP conversations against a live server and compares what it answers.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    #[arg(long, default_value_t = 5696)]
    port: u16,
    /// The name that the server's certificate must have, when it is not HOST
    #[arg(long, value_name = "NAME")]
    server_name: Option<String>,
    /// PEM of the authority that signed the server's certificate
    #[arg(long, required_unless_present = "allowances")]
    ca: Option<PathBuf>,
    /// PEM of the client's certificate
    #[arg(long, required_unless_present = "allowances")]
    cert: Option<PathBuf>,
    /// PEM of the client's key
    #[arg(long, required_unless_present = "allowances")]
    key: Option<PathBuf>,
    /// What messages travel in; over HTTPS, PORT is that of HTTPS
    #[arg(long, value_enum, default_value = "ttlv")]
    transport: Transport,
    /// Files, and folders to search, of cases
    #[arg(long, num_args = 1.., value_name = "DIR|FILE", default_value = "kmip-spec-tests/cases")]
    cases: Vec<PathBuf>,
    /// Only cases with this in their name; may be repeated
    #[arg(long, value_name = "SUBSTRING")]
    only: Vec<String>,
    /// List of cases that must fail, a line each: `case-name: what it waits for`
    #[arg(long, value_name = "FILE")]
    unsupported: Option<PathBuf>,
    /// Seconds by which $NOW may be off
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    now_tolerance: u32,
    /// Seconds for a connection and for each response
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    timeout: u64,
    /// Print all outcomes as JSON (the closing line then goes to standard error)
    #[arg(long)]
    json: bool,
    /// Passed cases too; twice: every message, which may hold keys
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Print what a response may do differently, and stop
    #[arg(long)]
    allowances: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.allowances {
        for row in allowance::ALLOWANCES {
            println!(
                "{:<12} {:<10} {} ({})",
                row.id,
                format!("{:?}", row.permit),
                row.what,
                row.reference
            );
        }
        return ExitCode::SUCCESS;
    }
    match run(&arguments) {
        Ok(outcomes) => {
            let closing = report::closing_line(&outcomes);
            if arguments.json {
                println!("{:#}", report::as_json(&outcomes));
                eprintln!("{closing}");
            } else {
                println!("{closing}");
            }
            if outcomes.iter().any(Outcome::failed) {
                ExitCode::FAILURE
            } else {
                ExitCode::SUCCESS
            }
        }
        Err(reason) => {
            eprintln!("kmip-spec-tests: {reason}");
            ExitCode::from(2)
        }
    }
}

type Failure = Box<dyn std::error::Error>;

fn run(arguments: &Arguments) -> Result<Vec<Outcome>, Failure> {
    let list = arguments
        .unsupported
        .as_deref()
        .map(Unsupported::read)
        .transpose()?;
    let list = list.unwrap_or_default();
    let wanted = |name: &str| {
        arguments.only.is_empty() || arguments.only.iter().any(|part| name.contains(part))
    };
    let cases = case::find(&arguments.cases, &wanted)
        .map_err(|error| format!("cannot read {}: {error}", show_paths(&arguments.cases)))?;
    if cases.is_empty() {
        return Err(format!("no cases in {}", show_paths(&arguments.cases)).into());
    }
    let (Some(ca), Some(cert), Some(key)) = (&arguments.ca, &arguments.cert, &arguments.key) else {
        return Err("--ca, --cert and --key are needed".into());
    };
    let name = arguments.server_name.as_deref().unwrap_or(&arguments.host);
    let timeout = Duration::from_secs(arguments.timeout);
    let address = (arguments.host.as_str(), arguments.port);
    let files = (ca.as_path(), cert.as_path(), key.as_path());
    let endpoint = Endpoint::new(address, name, files, arguments.transport, timeout)?;
    let mut world = World::default();
    let mut outcomes = Vec::new();
    for (path, case) in &cases {
        let name = case::name_of(path);
        let differences = match case {
            Ok(case) => play_case(case, arguments, &endpoint, &mut world),
            Err(reason) => vec![format!("unreadable: {reason}")],
        };
        let waits_for = list.0.get(&name);
        let outcome = Outcome::new(name, differences, waits_for);
        if !arguments.json {
            outcome
                .lines(arguments.verbose > 0)
                .iter()
                .for_each(|line| println!("{line}"));
        }
        outcomes.push(outcome);
    }
    if arguments.only.is_empty() && arguments.verbose > 0 {
        for name in list
            .0
            .keys()
            .filter(|name| outcomes.iter().all(|o| o.case != **name))
        {
            eprintln!("{name} is listed as unsupported, but no such case was played");
        }
    }
    Ok(outcomes)
}

fn play_case(
    case: &Case,
    arguments: &Arguments,
    endpoint: &Endpoint,
    world: &mut World,
) -> Vec<String> {
    let mut connection = endpoint.connect();
    let mut exchange = |request: &Node<'_>| connection.exchange(request);
    let mut trace = |message: &Node<'_>| {
        if arguments.verbose > 1 {
            let mut text = String::new();
            if ttlv::xml::encode_indented(message, &NAMES, &mut text).is_ok() {
                eprintln!("{}: {}\n{text}", case.name, play::operation(message));
            }
        }
    };
    let tolerance = i64::from(arguments.now_tolerance);
    play::play(case, world, tolerance, &mut exchange, &mut trace)
}

fn show_paths(paths: &[PathBuf]) -> String {
    paths
        .iter()
        .map(|path| path.display().to_string())
        .collect::<Vec<_>>()
        .join(", ")
}
