//! Five existing OAuth 2 providers: `cargo run -p providers -- pigai --listen 127.0.0.1:9001`, or `all`.

use std::{
    io::{self, Write},
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};

use axum::Router;
use clap::{Parser, ValueEnum};
use oauth_core::{store::Store, types::Issuer};
use providers::{
    app::{Setup, app},
    clients::{Kept, register},
    demo,
    provider::{ALL, Provider},
    wo,
};
use quickstart::{
    config::{Config, StoreUrl},
    secret, serve,
};
use tokio::net::TcpListener;

/// Existing OAuth 2 providers, each as its document describes it, with the strict endpoints beside it under /strict/.
#[derive(Parser)]
struct Arguments {
    /// Which provider; all of them listen on consecutive ports
    provider: Which,
    /// Address to listen on [default: 127.0.0.1:9001]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Configuration file (TOML) with the quickstart's keys, and for clients dialect = true and `jsonp_hosts`; without one there are
    /// users and applications for trying out
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where records are kept: memory, sqlite:PATH or <postgres://USER:PASSWORD@HOST/DATABASE> [default: memory]
    #[arg(long, value_name = "STORE")]
    store: Option<StoreUrl>,
    /// File with the operator secret, created if missing [default: beside the SQLite file; quickstart.key for PostgreSQL; none in memory]
    #[arg(long, value_name = "PATH")]
    secret_key_file: Option<PathBuf>,
    /// everydo: only the authorization server, whose tokens WO may introspect
    #[arg(long, conflicts_with = "wo")]
    oc: bool,
    /// everydo: only the API, which checks tokens with OC
    #[arg(long, requires = "authorization_server")]
    wo: bool,
    /// everydo: where OC is
    #[arg(long, value_name = "URL", requires = "wo")]
    authorization_server: Option<String>,
    /// everydo: the secret with which WO asks OC [default: one for trying out, if OC is on this machine]
    #[arg(long, value_name = "SECRET", env = "WO_SECRET", hide_env_values = true)]
    wo_secret: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Which {
    Pigai,
    Liuyuan,
    Proauth,
    Minapp,
    Everydo,
    All,
}

impl Which {
    fn providers(self) -> Vec<&'static Provider> {
        match self {
            Self::All => ALL.to_vec(),
            one => vec![ALL[one as usize]],
        }
    }
}

type Error = Box<dyn std::error::Error>;

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
            eprintln!("providers: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Error> {
    if (arguments.oc || arguments.wo) && arguments.provider != Which::Everydo {
        return Err("--oc and --wo are for everydo, which is two services".into());
    }
    let mut apps = Vec::new();
    let mut ready = Vec::new();
    if let Some(authorization_server) = &arguments.authorization_server {
        let secret = arguments.wo_secret.as_deref().unwrap_or(wo::SECRET);
        let app = wo::app(authorization_server, secret)
            .map_err(|error| format!("--authorization-server: {error}"))?;
        let listener = bind(arguments.listen, 0).await?;
        ready.push(format!(
            "ready: listening on http://{}, authorization server {authorization_server}, provider everydo",
            listener.local_addr()?
        ));
        apps.push((listener, app));
    } else {
        let mut stores = Stores::default();
        for (number, provider) in (0..).zip(arguments.provider.providers()) {
            let (listener, app, line) = one(&arguments, provider, number, &mut stores).await?;
            apps.push((listener, app));
            ready.push(line);
        }
    }
    // Heard from now on, since the next lines say that it is there.
    let stopped = serve::stop_signals()?;
    for line in ready {
        println!("{line}");
    }
    io::stdout().flush()?;
    Ok(serve::serve(apps, stopped).await?)
}

/// One provider, what it listens on, and the line that says so.
async fn one(
    arguments: &Arguments,
    provider: &'static Provider,
    number: u16,
    stores: &mut Stores,
) -> Result<(TcpListener, Router, String), Error> {
    let mut kept = Kept::default();
    let file = arguments
        .config
        .as_deref()
        .map(|path| {
            Config::read_with_dialect(path, &mut |client| register(provider, &mut kept, client))
        })
        .transpose()?;
    let issuer = file.as_ref().and_then(|file| file.issuer.clone());
    if issuer.is_some() && arguments.provider == Which::All {
        return Err("an issuer is one provider's, and there are five".into());
    }
    let has_namespace = file.as_ref().is_some_and(|file| file.namespace.is_some());
    if has_namespace && arguments.provider == Which::All {
        return Err("a namespace is one provider's, and there are five".into());
    }
    let configured = file
        .as_ref()
        .and_then(|file| file.listen.as_ref()?.parse().ok());
    let listener = bind(arguments.listen.or(configured), number).await?;
    let address = listener.local_addr()?;
    let issuer = match issuer {
        Some(issuer) => issuer,
        None => Issuer::new(&format!("http://{address}"))
            .map_err(|error| format!("set issuer in a configuration file: {error}"))?,
    };
    let is_demo = file.is_none();
    let mut config = match file {
        Some(file) => file,
        None => demo::config(provider, &issuer, &mut kept)?,
    };
    config.secret_key_file = arguments.secret_key_file.clone().or(config.secret_key_file);
    if arguments.oc {
        let secret = match &arguments.wo_secret {
            Some(secret) => secret,
            None if !issuer.is_secure() => wo::SECRET,
            None => return Err("OC and WO need a WO_SECRET of their own".into()),
        };
        config.clients.push(wo::client(secret)?);
    }
    let store = arguments
        .store
        .clone()
        .or_else(|| config.store.clone())
        .unwrap_or(StoreUrl::Memory);
    if is_demo {
        println!("{}", demo::instructions(provider, &issuer, !arguments.oc));
    }
    let line = format!(
        "ready: listening on http://{address}, issuer {issuer}, store {store}, provider {}",
        provider.dialect.name
    );
    let setup = Setup {
        provider,
        issuer,
        secrets: secret::operator_secrets(&config, &store)?,
        config,
        kept,
        has_api: !arguments.oc,
        is_demo,
    };
    let app = app(setup, &stores.open(&store).await?)?;
    Ok((listener, app, line))
}

/// What the providers share.
#[derive(Default)]
struct Stores(Vec<(StoreUrl, Arc<dyn Store>)>);

impl Stores {
    /// The store of this name, which is opened once.
    async fn open(&mut self, url: &StoreUrl) -> Result<Arc<dyn Store>, String> {
        if let Some((_, store)) = self.0.iter().find(|(opened, _)| opened == url) {
            return Ok(Arc::clone(store));
        }
        let store = url.open().await?;
        self.0.push((url.clone(), Arc::clone(&store)));
        Ok(store)
    }
}

/// The address, or one of the ports after it.
async fn bind(listen: Option<SocketAddr>, number: u16) -> Result<TcpListener, Error> {
    let mut address = listen.unwrap_or(([127, 0, 0, 1], 9001).into());
    if address.port() != 0 {
        let port = address.port().checked_add(number);
        address.set_port(port.ok_or("there are not as many ports after that")?);
    }
    let bound = TcpListener::bind(address).await;
    Ok(bound.map_err(|error| format!("cannot listen on {address}: {error}"))?)
}
