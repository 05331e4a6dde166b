//! What a request costs as the store grows, and whether the store stays as it is when as much comes as goes.
//!
//! Every store of every size is served by a process of its own, pinned to one core; rounds go from size to size and around
//! again, so that what else the machine does hits all of them. What counts is the ratio to the smallest.

mod churn;
mod family;
mod grown;
mod place;
pub mod refreshed;
mod report;
mod sample;
mod svg;
mod watch;

use std::{collections::BTreeMap, process::Command};

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use self::{
    churn::Churn,
    family::Ending,
    grown::{Running, Size},
    report::Report,
};
pub use self::{grown::Grown, refreshed::Refreshed};
use crate::{
    Error,
    peers::{pin, report::load},
};

/// What to measure.
#[derive(Args, Debug)]
pub struct Arguments {
    /// The greatest number of live tokens; from ten thousand on, it goes up tenfold
    #[arg(long, default_value_t = 10_000_000)]
    max: u64,
    /// Which stores
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Name::ALL)]
    stores: Vec<Name>,
    /// A PostgreSQL server where databases may be created, for that store, which is left out otherwise
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// How many rounds over HTTP
    #[arg(long, default_value_t = 11)]
    rounds: usize,
    /// Writes the figures of these stores into docs/storage.md, growth.json and growth.svg
    #[arg(long)]
    write: bool,
    /// The core of the servers
    #[arg(long, default_value_t = 0)]
    server_core: usize,
    /// The core of the load
    #[arg(long, default_value_t = 1)]
    load_core: usize,
}

/// A store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Name {
    /// The memory store
    Memory,
    /// `SQLite`
    Sqlite,
    /// `PostgreSQL`
    Postgres,
}

impl Name {
    const ALL: [Self; 3] = [Self::Memory, Self::Sqlite, Self::Postgres];

    /// What it is called in a table.
    fn title(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }

    /// By how much a request over HTTP may cost more at the largest size than at the smallest.
    fn target(self) -> f64 {
        match self {
            Self::Memory => 1.3,
            Self::Sqlite | Self::Postgres => 2.0,
        }
    }
}

/// All about one store.
#[derive(Debug, Serialize, Deserialize)]
struct Figures {
    sizes: Vec<Size>,
    /// Sizes that were left out, and why.
    skipped: Vec<String>,
    churn: Churn,
    ending: Ending,
    /// What else the machine did.
    load: String,
}

/// Measures.
pub fn run(arguments: &Arguments) -> Result<(), Error> {
    pin(arguments.load_core);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let figures = runtime.block_on(measure(arguments))?;
    let report = Report::new(figures, arguments.write)?;
    println!("{report}");
    if arguments.write {
        report.write()?;
    }
    Ok(())
}

async fn measure(arguments: &Arguments) -> Result<BTreeMap<Name, Figures>, Error> {
    let mut all = BTreeMap::new();
    for name in &arguments.stores {
        if *name == Name::Postgres && arguments.postgres.is_none() {
            eprintln!("PostgreSQL is left out: no --postgres URL");
            continue;
        }
        let begun = load();
        let (sizes, skipped) = grow(*name, arguments).await?;
        let churn = {
            let places = places(*name, arguments).await?;
            churn::run(&places.open("churn").await?).await?
        };
        let ending = {
            let places = places(*name, arguments).await?;
            family::run(&places.open("family").await?).await?
        };
        let load = format!("{begun} at the beginning, {} at the end", load());
        all.insert(
            *name,
            Figures {
                sizes,
                skipped,
                churn,
                ending,
                load,
            },
        );
    }
    Ok(all)
}

async fn places(name: Name, arguments: &Arguments) -> Result<place::Places, Error> {
    place::Places::new(name, arguments.postgres.as_deref()).await
}

async fn grow(name: Name, arguments: &Arguments) -> Result<(Vec<Size>, Vec<String>), Error> {
    let places = places(name, arguments).await?;
    let (mut running, mut skipped) = (Vec::new(), Vec::new());
    let mut tokens = 10_000;
    while tokens <= arguments.max {
        if let Err(reason) = places.fits(tokens).await? {
            let line = format!(
                "{} with {tokens} tokens is left out: {reason}",
                name.title()
            );
            eprintln!("{line}");
            skipped.push(line);
        } else {
            let url = places.create(&format!("of_{tokens}")).await?;
            let mut command = Command::new(std::env::current_exe()?);
            command
                .args(["grown", "--store", &url, "--tokens", &tokens.to_string()])
                .args(["--core", &arguments.server_core.to_string()]);
            running.push(Running::start(command, &url).await?);
        }
        tokens *= 10;
    }
    // The first round is for warming up.
    for round in 0..=arguments.rounds {
        for grown in &mut running {
            grown.round(name, round > 0).await?;
        }
    }
    let sizes = running.iter().map(Running::figures).collect();
    Ok((sizes, skipped))
}
