//! This server, for a load generator outside: `cargo run --release -p bench --bin target -- --port 8080 --store memory`.

use std::io::Write as _;

use bench::{
    Error,
    demo::{CLIENT, Demo, REDIRECT_URI, SECRET, store},
    serve::{Extras, serve},
};
use clap::Parser;
use tokio::{
    net::TcpListener,
    runtime::{Builder, Runtime},
};

/// This authorization server with one client that may do everything, for a load generator.
#[derive(Parser)]
struct Arguments {
    /// Port to listen on, at 127.0.0.1; 0 for a free one
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Where records are kept: memory, sqlite:PATH or <postgres://USER:PASSWORD@HOST/DATABASE>
    #[arg(long, default_value = "memory")]
    store: String,
}

fn main() -> Result<(), Error> {
    let arguments = Arguments::parse();
    runtime()?.block_on(run(&arguments))
}

/// On one core there is nobody to share the work with.
fn runtime() -> Result<Runtime, Error> {
    let cores = std::thread::available_parallelism()?.get();
    let mut builder = if cores == 1 {
        Builder::new_current_thread()
    } else {
        Builder::new_multi_thread()
    };
    Ok(builder.enable_all().build()?)
}

async fn run(arguments: &Arguments) -> Result<(), Error> {
    let demo = Demo::new(store(&arguments.store).await?)?;
    let listener = TcpListener::bind(("127.0.0.1", arguments.port)).await?;
    println!(
        "client {CLIENT} with secret {SECRET}, by HTTP Basic; redirect URI {REDIRECT_URI}; scope read
POST /token, POST /introspect, GET /resource; GET /perf/codes?n=N for lines of a code and its verifier
ready: listening on http://{}",
        listener.local_addr()?
    );
    std::io::stdout().flush()?;
    serve(listener, demo, Extras::Codes).await
}
