//! This server with each store, a bare endpoint, and other libraries, under the same load.
//!
//! Each is a process of its own, pinned to one core; the one that generates the load is pinned to another. Rounds go from one
//! to the next and around again, so that what else the machine does hits all of them. What counts is the CPU time that the
//! server's process took for a request, and the ratio of the bare endpoint's to that.

mod ceiling;
pub(crate) mod contestant;
pub(crate) mod flow;
pub(crate) mod generator;
mod oauth_as;
mod oxide_auth;
pub(crate) mod report;
mod svg;
mod trips;

use std::path::PathBuf;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use clap::Args;
use sha2::{Digest as _, Sha256};

pub use self::contestant::Contestant;
use self::{
    contestant::{Name, Running},
    flow::Flow,
    generator::{Load, generate},
    report::{Figures, Report},
};
use crate::{Error, usage::Minting};

/// What to compare, and how long.
#[derive(Args, Debug)]
pub struct Arguments {
    /// Which flows
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Flow::ALL)]
    flows: Vec<Flow>,
    /// Which servers; the bare endpoint is always among them
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Name::ALL)]
    contenders: Vec<Name>,
    /// How many rounds
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    /// How many requests of a flow each server gets in a round
    #[arg(long, default_value_t = 10_000)]
    requests: usize,
    /// How many connections at a time
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// How many live tokens to issue for the last table; 0 for none
    #[arg(long, default_value_t = 1_000_000)]
    tokens: u32,
    /// A database for this server over PostgreSQL, which is left out otherwise
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// Writes docs/performance.md, .json and .svg
    #[arg(long)]
    write: bool,
    /// The core of the servers
    #[arg(long, default_value_t = 0)]
    server_core: usize,
    /// The core of the load
    #[arg(long, default_value_t = 1)]
    load_core: usize,
}

impl Arguments {
    fn contenders(&self) -> Vec<Name> {
        let mut names = vec![Name::Bare];
        for name in &self.contenders {
            let is_there = *name != Name::Postgres || self.postgres.is_some();
            if is_there && !names.contains(name) {
                names.push(*name);
            }
        }
        names
    }
}

/// Compares.
pub fn run(arguments: &Arguments) -> Result<(), Error> {
    pin(arguments.load_core);
    // It looks for answers at every turn.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .event_interval(1)
        .enable_all()
        .build()?;
    let report = runtime.block_on(compare(arguments))?;
    println!("\n{}", report.table());
    if arguments.write {
        report.write(&documents())?;
    }
    Ok(())
}

async fn compare(arguments: &Arguments) -> Result<Report, Error> {
    let directory = tempfile::tempdir()?;
    let names = arguments.contenders();
    let mut running = Vec::new();
    for name in &names {
        running.push(Running::start(*name, arguments, directory.path())?);
    }
    let mut report = Report::new(arguments);
    // The first round is for warming up.
    for round in 0..=arguments.rounds {
        for flow in &arguments.flows {
            let mut ceiling = None;
            for server in &running {
                if !server.name.can(*flow) {
                    continue;
                }
                let load = Load {
                    flow: *flow,
                    requests: arguments.requests / server.name.slowness(*flow),
                    connections: arguments.connections,
                    // The bare endpoint gives everybody the same token.
                    distinct: server.name != Name::Bare,
                };
                let figures = measure(server, &load).await?;
                eprintln!("round {round}, {flow:?}, {:?}: {figures}", server.name);
                // The first one is the bare endpoint.
                let bytes = *ceiling.get_or_insert(figures.bytes);
                if server.name.is_ours() && figures.bytes != bytes {
                    let answered = figures.bytes;
                    return Err(format!("the ceiling answers {flow:?} with {bytes} bytes, this server with {answered}").into());
                }
                if round > 0 {
                    report.add(*flow, server.name, figures);
                }
            }
        }
    }
    if let Some(url) = &arguments.postgres {
        report.trips(trips::count(url).await?);
    }
    for server in &running {
        report.peak(server.name, server.usage().await?.peak);
    }
    drop(running);
    if arguments.tokens > 0 {
        for name in names.iter().filter(|name| name.keeps_in_memory()) {
            let server = Running::start(*name, arguments, directory.path())?;
            let answer = server
                .get(&format!("/perf/mint?n={}", arguments.tokens))
                .await?;
            let minting = Minting::read(&answer).ok_or_else(|| format!("not figures: {answer}"))?;
            report.minting(*name, minting);
        }
    }
    Ok(report)
}

async fn measure(server: &Running, load: &Load) -> Result<Figures, Error> {
    let prepared = server.prepare(load).await?;
    let before = server.usage().await?;
    let run = generate(server.address, load, prepared).await?;
    let after = server.usage().await?;
    Ok(Figures::new(load.requests, after.cpu - before.cpu, run))
}

pub(crate) fn pin(core: usize) {
    if !core_affinity::set_for_current(core_affinity::CoreId { id: core }) {
        eprintln!("cannot be pinned to core {core}: the figures will vary more");
    }
}

/// A code verifier and its challenge.
fn pkce(number: usize) -> (String, String) {
    let verifier = URL_SAFE_NO_PAD.encode(Sha256::digest(format!("verifier {number}")));
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier));
    (verifier, challenge)
}

pub(crate) fn documents() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs"))
}
