//! Who is compared, each in a process of its own.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
};

use clap::{Args, ValueEnum};
use serde::Serialize;
use tokio::net::TcpListener;

use super::{
    Arguments,
    ceiling::Ceiling,
    flow::{Flow, token},
    generator::{Answer, Connection, Load},
    oauth_as::OauthAs,
    oxide_auth::OxideAuth,
    pin,
};
use crate::{
    Error,
    demo::{Demo, store},
    serve::{Extras, Site, serve},
    usage::Usage,
};

/// Who is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Name {
    /// A bare endpoint on hyper: the ceiling
    Bare,
    /// This server over the memory store
    Memory,
    /// This server over `SQLite`
    Sqlite,
    /// This server over `PostgreSQL`
    Postgres,
    /// `oauth-as` 1.x over its memory store
    OauthAs,
    /// `oxide-auth` 0.6 over its maps
    OxideAuth,
}

impl Name {
    pub(crate) const ALL: [Self; 6] = [
        Self::Bare,
        Self::Memory,
        Self::Sqlite,
        Self::Postgres,
        Self::OauthAs,
        Self::OxideAuth,
    ];

    /// What it is called in a table.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Bare => "bare hyper",
            Self::Memory => "this, memory",
            Self::Sqlite => "this, SQLite",
            Self::Postgres => "this, PostgreSQL",
            Self::OauthAs => "oauth-as",
            Self::OxideAuth => "oxide-auth",
        }
    }

    /// `oxide-auth` has no introspection.
    pub(crate) fn can(self, flow: Flow) -> bool {
        !(self == Self::OxideAuth && flow == Flow::Introspection)
    }

    /// This server, over whatever store.
    pub(crate) fn is_ours(self) -> bool {
        matches!(self, Self::Memory | Self::Sqlite | Self::Postgres)
    }

    pub(crate) fn keeps_in_memory(self) -> bool {
        matches!(self, Self::Memory | Self::OauthAs | Self::OxideAuth)
    }

    /// By how much fewer requests are enough where each waits for a disk.
    pub(crate) fn slowness(self, flow: Flow) -> usize {
        let writes = !matches!(flow, Flow::Introspection | Flow::Resource);
        match self {
            Self::Sqlite | Self::Postgres if writes => 5,
            _ => 1,
        }
    }
}

/// One of those who are compared, to be put under load.
#[derive(Args, Debug)]
pub struct Contestant {
    #[arg(long, value_enum)]
    name: Name,
    /// The core to be pinned to.
    #[arg(long)]
    core: usize,
    /// Where this server keeps its records.
    #[arg(long, default_value = "memory")]
    store: String,
}

impl Contestant {
    /// Serves until the process is killed.
    pub fn serve(&self) -> Result<(), Error> {
        pin(self.core);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            match self.name {
                Name::Bare => announce(Ceiling).await,
                Name::Memory | Name::Sqlite | Name::Postgres => {
                    announce(Demo::new(store(&self.store).await?)?).await
                }
                Name::OauthAs => announce(OauthAs::new().await?).await,
                Name::OxideAuth => announce(OxideAuth::new()?).await,
            }
        })
    }
}

pub(crate) async fn announce(site: impl Site) -> Result<(), Error> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    serve(listener, site, Extras::All).await
}

/// One that runs.
pub(crate) struct Running {
    pub(crate) name: Name,
    pub(crate) address: SocketAddr,
    process: Child,
}

impl Running {
    pub(crate) fn start(
        name: Name,
        arguments: &Arguments,
        directory: &Path,
    ) -> Result<Self, Error> {
        let store = match name {
            Name::Sqlite => format!("sqlite:{}", directory.join("bench.db").display()),
            Name::Postgres => arguments.postgres.clone().unwrap_or_default(),
            _ => "memory".to_owned(),
        };
        let value = name
            .to_possible_value()
            .ok_or("a contender without a name")?;
        let mut process = Command::new(std::env::current_exe()?)
            .args(["serve", "--name", value.get_name(), "--store", &store])
            .args(["--core", &arguments.server_core.to_string()])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let output = process.stdout.take().ok_or("a process without output")?;
        BufReader::new(output).read_line(&mut line)?;
        let address = line.trim().parse();
        let address = address.map_err(|_| format!("{name:?} does not start"))?;
        Ok(Self {
            name,
            address,
            process,
        })
    }

    pub(crate) async fn usage(&self) -> Result<Usage, Error> {
        let text = self.get("/perf/usage").await?;
        Usage::read(&text).ok_or_else(|| format!("not a usage: {text}").into())
    }

    pub(crate) async fn get(&self, path: &str) -> Result<String, Error> {
        let mut connection = Connection::open(self.address).await?;
        let request = format!("GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n");
        let Answer { status, body, .. } = connection.ask(request.as_bytes()).await?;
        if status == 200 {
            Ok(body.to_owned())
        } else {
            Err(format!(
                "{path} of {:?} was answered with {status}: {body}",
                self.name
            )
            .into())
        }
    }

    /// What the requests of a load need: codes, the first token of each chain, a token for each connection.
    pub(crate) async fn prepare(&self, load: &Load) -> Result<Vec<Vec<String>>, Error> {
        Ok(match load.flow {
            Flow::ClientCredentials => Vec::new(),
            Flow::Code => self.codes(load.requests).await?,
            Flow::Refresh => self.tokens(load.connections, "refresh_token").await?,
            Flow::Introspection | Flow::Resource => {
                self.tokens(load.connections, "access_token").await?
            }
        })
    }

    async fn codes(&self, count: usize) -> Result<Vec<Vec<String>>, Error> {
        let text = self.get(&format!("/perf/codes?n={count}")).await?;
        let lines = text
            .lines()
            .map(|line| line.split(' ').map(str::to_owned).collect());
        Ok(lines.collect())
    }

    async fn tokens(&self, count: usize, name: &str) -> Result<Vec<Vec<String>>, Error> {
        let mut connection = Connection::open(self.address).await?;
        let mut request = Vec::new();
        let mut tokens = Vec::new();
        for code in self.codes(count).await? {
            Flow::Code.request(&code, &mut request);
            let body = connection.ask(&request).await?.body;
            let token = token(body, name).ok_or_else(|| format!("no {name} in {body}"))?;
            tokens.push(vec![token.to_owned()]);
        }
        Ok(tokens)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
