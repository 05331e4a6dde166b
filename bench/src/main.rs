//! What the server costs, as ratios measured in one run: `cargo run --release -p bench -- peers`.

use bench::{Error, peers};
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
    /// One of them, for `peers` to put under load
    #[command(hide = true)]
    Serve(peers::Contestant),
}

fn main() -> Result<(), Error> {
    match Arguments::parse().command {
        Command::Peers(arguments) => peers::run(&arguments),
        Command::Serve(contestant) => contestant.serve(),
    }
}
