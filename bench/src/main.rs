//! What the server costs, as ratios measured in one run: `cargo run --release -p bench -- peers`.

use bench::{Error, growth, peers};
use clap::{Parser, Subcommand};

/// What the server costs, as ratios measured in one run.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// This server with each store, a bare endpoint, and other libraries, under the same load
    Peers(peers::Arguments),
    /// What a request costs as the store grows, and whether the store stays as it is under churn
    Growth(growth::Arguments),
    /// Whether grants that are refreshed over and over stay as small as they were
    Refreshed(growth::Refreshed),
    /// A store of one size, for `growth` to put under load
    #[command(hide = true)]
    Grown(growth::Grown),
    /// One of them, for `peers` to put under load
    #[command(hide = true)]
    Serve(peers::Contestant),
}

fn main() -> Result<(), Error> {
    match Arguments::parse().command {
        Command::Peers(arguments) => peers::run(&arguments),
        Command::Growth(arguments) => growth::run(&arguments),
        Command::Refreshed(arguments) => growth::refreshed::run(&arguments),
        Command::Grown(grown) => grown.serve(),
        Command::Serve(contestant) => contestant.serve(),
    }
}
