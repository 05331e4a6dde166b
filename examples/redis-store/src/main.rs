//! The quickstart's server, with its records in Redis.

use std::{error::Error, io::Write, process::ExitCode};

use oauth_core::{store::Realm, types::Issuer};
use oauth_tower::operator_secret;
use quickstart::{app::app, config::Config, demo, serve};
use redis_store::RedisStore;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> ExitCode {
    let Err(error) = run().await else {
        return ExitCode::SUCCESS;
    };
    eprint!("redis-store: {error}");
    let mut source = error.source();
    while let Some(error) = source {
        eprint!(": {error}");
        source = error.source();
    }
    eprintln!();
    ExitCode::FAILURE
}

async fn run() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next();
    let address = arguments.next();
    let key_file = arguments.next();
    let url = url.as_deref().unwrap_or("redis://127.0.0.1/");
    let store = RedisStore::connect(url, "oauth:").await?;
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:8080")).await?;
    let issuer = Issuer::new(&format!("http://{}", listener.local_addr()?))?;
    // All processes that share a database need the same secret.
    let secret = operator_secret::from_file(key_file.as_deref().unwrap_or("redis-store.key"))?;
    let config = Config {
        // By default the namespace is the issuer, so each address would have records of its own.
        namespace: Some(Realm::new("redis-store")),
        ..demo::config(&issuer)?
    };
    let app = app(config, issuer.clone(), store, secret.into(), true)?;
    println!("{}", demo::instructions(&issuer));
    // Heard from now on, since the next line says that it is there.
    let stopped = serve::stop_signals()?;
    println!("ready: {issuer}");
    std::io::stdout().flush()?;
    Ok(serve::serve(vec![(listener, app)], stopped).await?)
}
