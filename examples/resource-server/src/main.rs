//! An API in its own process that checks access tokens by introspection (RFC 7662).
//!
//! ```sh
//! cargo run -p resource-server -- --introspection-endpoint http://127.0.0.1:8080/introspect \
//!     --client-id api --client-secret SECRET --audience http://127.0.0.1:8080/api
//! ```
//!
//! The client has to be one that may introspect. `--audience` is what the authorization server's tokens for this API have as
//! their audience. The log says what a refused token has.

use std::{
    error::Error,
    io::{self, Write},
    net::SocketAddr,
    process::ExitCode,
    time::Duration,
};

use clap::Parser;
use oauth_core::types::{ClientId, Secret};
use oauth_tower::bearer::Introspection;
use tokio::{net::TcpListener, signal};

/// An API that asks an authorization server about each access token.
#[derive(Parser)]
struct Arguments {
    /// Address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8081")]
    listen: SocketAddr,
    /// Where the authorization server is asked; an http URL on this machine, as this example does no TLS
    #[arg(long, value_name = "URL")]
    introspection_endpoint: String,
    /// As which client this API asks
    #[arg(long, value_name = "ID")]
    client_id: ClientId,
    /// The client's secret; better given in the environment, where other users do not see it
    #[arg(
        long,
        value_name = "SECRET",
        env = "CLIENT_SECRET",
        hide_env_values = true
    )]
    client_secret: String,
    /// What stands for this API in the audience of a token; without it, only tokens limited to no API are taken
    #[arg(long, value_name = "NAME")]
    audience: Option<String>,
    /// For how many seconds an active answer is remembered
    #[arg(long, value_name = "SECONDS", default_value = "5")]
    cache: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into()),
        )
        .init();
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("resource-server: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let verifier = Introspection::over_http(
        &arguments.introspection_endpoint,
        &arguments.client_id,
        &Secret::new(arguments.client_secret),
    )?
    .cache_lifetime(Duration::from_secs(arguments.cache));
    let app = resource_server::app(verifier, arguments.audience)?;

    let listener = TcpListener::bind(arguments.listen)
        .await
        .map_err(|error| format!("cannot listen on {}: {error}", arguments.listen))?;
    println!("ready: listening on http://{}", listener.local_addr()?);
    io::stdout().flush()?;
    axum::serve(listener, app)
        .with_graceful_shutdown(async {
            if signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
        })
        .await?;
    Ok(())
}
