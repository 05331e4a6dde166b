//! A store of one size, in a process of its own.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use clap::Args;
use oauth_core::{AuthorizationServer, token::PresentedToken, types::Secret};
use serde::{Deserialize, Serialize};
use tokio_postgres::Client;

use super::{
    Name,
    place::{Place, connect},
    sample::{Samples, policy, token},
};
use crate::{
    Error,
    demo::{Demo, builder, presented},
    peers::{
        contestant::announce,
        flow::Flow,
        generator::{Connection, Load, generate},
        pin,
        report::{Figures, quantile},
    },
    usage::{Usage, status},
};

const CONNECTIONS: usize = 8;
/// How many tokens are asked for over HTTP, by turns.
const ASKED: u64 = 10_000;

/// A store of one size, to be put under load.
#[derive(Args, Debug)]
pub struct Grown {
    /// Where it is.
    #[arg(long)]
    store: String,
    /// How many live tokens.
    #[arg(long)]
    tokens: u64,
    /// The core to be pinned to.
    #[arg(long)]
    core: usize,
}

/// Half of the calls took so long, and 99 of 100, in microseconds.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Latency {
    pub(super) p50: f64,
    pub(super) p99: f64,
}

impl Latency {
    fn of(mut latencies: Vec<Duration>) -> Self {
        latencies.sort_unstable();
        Self {
            p50: quantile(&latencies, 50),
            p99: quantile(&latencies, 99),
        }
    }
}

/// What was measured at one size.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Size {
    pub(super) tokens: u64,
    pub(super) bytes_per_token: f64,
    pub(super) issue: Latency,
    pub(super) validate: Latency,
    /// CPU time of a request over HTTP, in microseconds, with that of the database's processes.
    pub(super) issue_cpu: f64,
    pub(super) introspect_cpu: f64,
}

impl Grown {
    /// Fills the store, measures without HTTP, says what came of it, and serves until the process is killed.
    pub fn serve(&self) -> Result<(), Error> {
        pin(self.core);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let place = Place::open(&self.store).await?;
            let samples = Samples::take().await?;
            let before = self.taken(&place).await?;
            let rows = (0..self.tokens).flat_map(|number| match samples.rows(number) {
                Ok(rows) => rows.into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error)],
            });
            place.fill(rows).await?;
            let grown = self.taken(&place).await?.saturating_sub(before);
            let server = builder(place.store())?.policy(policy()).build()?;
            let durable = !matches!(place, Place::Memory(_));
            let size = Size {
                tokens: self.tokens,
                bytes_per_token: float(grown) / float(self.tokens),
                validate: validate(&server, self.tokens, if durable { 5_000 } else { 50_000 })
                    .await?,
                issue: issue(&server, if durable { 1_000 } else { 10_000 }).await?,
                issue_cpu: 0.0,
                introspect_cpu: 0.0,
            };
            println!("{}", serde_json::to_string(&size)?);
            std::io::stdout().flush()?;
            announce(Demo::of(server)?).await
        })
    }

    /// Of memory, what the process has.
    async fn taken(&self, place: &Place) -> Result<u64, Error> {
        match place {
            Place::Memory(_) => Ok(status("VmRSS:")? * 1024),
            _ => place.bytes().await,
        }
    }
}

async fn validate(server: &AuthorizationServer, tokens: u64, calls: u64) -> Result<Latency, Error> {
    let mut latencies = Vec::new();
    for call in 0..calls + calls / 10 {
        let token = some_token(call, tokens);
        let begun = Instant::now();
        let valid = server.validate(&PresentedToken::bearer(token)).await?;
        let took = begun.elapsed();
        valid.ok_or("a live token is refused")?;
        if call >= calls / 10 {
            latencies.push(took);
        }
    }
    Ok(Latency::of(latencies))
}

async fn issue(server: &AuthorizationServer, calls: u64) -> Result<Latency, Error> {
    let request = presented(&[("grant_type", "client_credentials")]);
    let mut latencies = Vec::new();
    for call in 0..calls + calls / 10 {
        let begun = Instant::now();
        server.token(&request).await?;
        let took = begun.elapsed();
        if call >= calls / 10 {
            latencies.push(took);
        }
    }
    Ok(Latency::of(latencies))
}

/// Any of the tokens, another one each time, in no order.
fn some_token(call: u64, tokens: u64) -> Secret {
    token(call.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) % tokens)
}

/// One that runs.
pub(super) struct Running {
    process: Child,
    address: SocketAddr,
    size: Size,
    /// A connection beside the store's, to know which processes serve those.
    database: Option<Client>,
    rounds: [Vec<Figures>; 2],
}

impl Running {
    pub(super) async fn start(mut command: Command, url: &str) -> Result<Self, Error> {
        let mut process = command.stdout(Stdio::piped()).spawn()?;
        let output = process.stdout.take().ok_or("a process without output")?;
        let mut lines = BufReader::new(output).lines();
        let mut next = || {
            lines
                .next()
                .ok_or("a process has ended")?
                .map_err(Error::from)
        };
        let size = serde_json::from_str(&next()?)?;
        eprintln!("{url}: {size:?}");
        let database = if url.starts_with("postgres") {
            Some(connect(url).await?)
        } else {
            None
        };
        Ok(Self {
            address: next()?.parse()?,
            process,
            size,
            database,
            rounds: [Vec::new(), Vec::new()],
        })
    }

    /// Puts it under load.
    pub(super) async fn round(&mut self, name: Name, counts: bool) -> Result<(), Error> {
        let requests = if name == Name::Memory { 10_000 } else { 2_000 };
        for (flow, requests, index) in [
            (Flow::ClientCredentials, requests, 0),
            (Flow::Introspection, 10_000, 1),
        ] {
            let load = Load {
                flow,
                requests,
                connections: CONNECTIONS,
                distinct: true,
            };
            // Others in each round, so that not all of them are still in some cache.
            let begin = self.rounds[1].len() as u64 * ASKED;
            let prepared = (begin..begin + ASKED)
                .map(|call| vec![some_token(call, self.size.tokens).expose().to_owned()])
                .collect();
            let before = self.cpu().await?;
            let run = generate(self.address, &load, prepared).await?;
            let cpu = self.cpu().await?.saturating_sub(before);
            let figures = Figures::new(requests, cpu, run);
            eprintln!(
                "{name:?} with {} tokens, {flow:?}: {figures}",
                self.size.tokens
            );
            if counts {
                self.rounds[index].push(figures);
            }
        }
        Ok(())
    }

    /// CPU time so far, with that of the database's processes if they are on this machine.
    async fn cpu(&self) -> Result<u64, Error> {
        let mut connection = Connection::open(self.address).await?;
        let request = b"GET /perf/usage HTTP/1.1\r\nhost: bench\r\n\r\n";
        let body = connection.ask(request).await?.body;
        let mut cpu = Usage::read(body).ok_or("not a usage")?.cpu;
        if let Some(database) = &self.database {
            let sql = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
            for row in database.query(sql, &[]).await? {
                let process = format!("/proc/{}", row.get::<_, i32>(0));
                let times = std::fs::read_to_string(format!("{process}/schedstat"))?;
                cpu += times.split(' ').next().unwrap_or_default().parse::<u64>()?;
            }
        }
        Ok(cpu)
    }

    pub(super) fn figures(&self) -> Size {
        let middle = |rounds: &[Figures]| match rounds {
            [] => 0.0,
            rounds => Figures::middle(rounds).cpu,
        };
        Size {
            issue_cpu: middle(&self.rounds[0]),
            introspect_cpu: middle(&self.rounds[1]),
            ..self.size.clone()
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rounded figure is enough")]
pub(super) fn float(number: u64) -> f64 {
    number as f64
}
