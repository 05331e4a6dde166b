//! A working authorization server in axum, with nothing to configure: `cargo run -p quickstart`.

use std::{
    io::{self, IsTerminal, Write},
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
};

use clap::Parser;
use oauth_core::types::Issuer;
use quickstart::{
    app::app,
    config::{Config, StoreUrl},
    demo, secret, serve,
};
use tokio::net::TcpListener;

/// An OAuth 2 authorization server with pages and a protected API, to try and to copy from.
#[derive(Parser)]
struct Arguments {
    /// Configuration file (TOML); without one there are users and applications for trying out
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address to listen on [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Where records are kept: memory, sqlite:PATH or <postgres://USER:PASSWORD@HOST/DATABASE> [default: sqlite:quickstart.db]
    #[arg(long, value_name = "STORE")]
    store: Option<StoreUrl>,
    /// File with the operator secret, created if missing [default: beside the SQLite file; quickstart.key for PostgreSQL; none in memory]
    #[arg(long, value_name = "PATH")]
    secret_key_file: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into()),
        )
        .init();
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("quickstart: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let file = arguments.config.as_deref().map(Config::read).transpose()?;
    let configured = file
        .as_ref()
        .and_then(|file| file.listen.as_ref()?.parse().ok());
    let address = arguments
        .listen
        .or(configured)
        .unwrap_or(([127, 0, 0, 1], 8080).into());
    let listener = TcpListener::bind(address).await.map_err(|error| {
        format!("cannot listen on {address}: {error}; --listen takes another address")
    })?;
    let address = listener.local_addr()?;
    let issuer = match file.as_ref().and_then(|file| file.issuer.clone()) {
        Some(issuer) => issuer,
        None => Issuer::new(&format!("http://{address}"))
            .map_err(|error| format!("set issuer in a configuration file: {error}"))?,
    };
    let is_demo = file.is_none();
    let mut config = match file {
        Some(file) => file,
        None => demo::config(&issuer)?,
    };
    config.secret_key_file = arguments.secret_key_file.or(config.secret_key_file);
    let store = arguments
        .store
        .or_else(|| config.store.clone())
        .unwrap_or_else(|| StoreUrl::Sqlite("quickstart.db".into()));
    let secrets = secret::operator_secrets(&config, &store)?;
    let app = app(
        config,
        issuer.clone(),
        store.open().await?,
        secrets,
        is_demo,
    )?;
    if is_demo {
        println!("{}", demo::instructions(&issuer));
    }
    // Heard from now on, since the next line says that it is there.
    let stopped = serve::stop_signals()?;
    println!("ready: listening on http://{address}, issuer {issuer}, store {store}");
    io::stdout().flush()?;
    Ok(serve::serve(vec![(listener, app)], stopped).await?)
}
