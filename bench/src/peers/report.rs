//! The figures, as a table for people, JSON for programs, and a picture.

use std::{collections::BTreeMap, fmt, fs, path::Path, time::Duration};

use serde::Serialize;

use super::{Arguments, contestant::Name, flow::Flow, generator::Run, svg};
use crate::{Error, usage::Minting};

/// The figures of one flow of one server in one round.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Figures {
    /// CPU time of the server's process for a request, in microseconds.
    pub(crate) cpu: f64,
    /// Requests a second.
    pub(crate) rate: f64,
    /// Half of the answers came within so many microseconds.
    pub(crate) median: f64,
    /// 99 of 100 answers came within so many microseconds.
    pub(crate) p99: f64,
    /// Bytes of an answer, its head included.
    pub(crate) bytes: usize,
}

impl Figures {
    pub(crate) fn new(requests: usize, cpu: u64, run: Run) -> Self {
        let Run {
            took,
            mut latencies,
            bytes,
        } = run;
        latencies.sort_unstable();
        let bytes = bytes / requests;
        let requests = float(requests);
        let cpu = Duration::from_nanos(cpu);
        Self {
            cpu: micros(cpu) / requests,
            rate: requests / took.as_secs_f64(),
            median: quantile(&latencies, 50),
            p99: quantile(&latencies, 99),
            bytes,
        }
    }

    /// Of each figure the middle one of several rounds.
    pub(crate) fn middle(rounds: &[Self]) -> Self {
        let middle = |figure: fn(&Self) -> f64| middle(rounds.iter().map(figure));
        Self {
            cpu: middle(|figures| figures.cpu),
            rate: middle(|figures| figures.rate),
            median: middle(|figures| figures.median),
            p99: middle(|figures| figures.p99),
            bytes: rounds[0].bytes,
        }
    }
}

fn middle(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<_> = figures.collect();
    figures.sort_unstable_by(f64::total_cmp);
    figures[figures.len() / 2]
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} µs CPU, {:.0} requests/s", self.cpu, self.rate)
    }
}

pub(crate) fn quantile(sorted: &[Duration], percent: usize) -> f64 {
    let index = sorted.len() * percent / 100;
    sorted
        .get(index.min(sorted.len().saturating_sub(1)))
        .map_or(0.0, |latency| micros(*latency))
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

fn float(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::MAX, f64::from)
}

/// All figures of a run.
pub(crate) struct Report {
    rounds: BTreeMap<(Flow, Name), Vec<Figures>>,
    peaks: BTreeMap<Name, u64>,
    mintings: BTreeMap<Name, Minting>,
    /// To PostgreSQL and back, for each flow.
    trips: BTreeMap<Flow, usize>,
    conditions: String,
    tokens: u32,
}

/// A line of the comparison.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Line {
    /// What was asked for.
    pub(crate) flow: &'static str,
    /// Of whom.
    pub(crate) server: &'static str,
    /// The middle of the rounds.
    #[serde(flatten)]
    pub(crate) figures: Figures,
    /// The bare endpoint's CPU time divided by this one's in the same round: the middle of the rounds. What else the machine does
    /// lasts longer than a round, as a rule, and then is in both.
    pub(crate) ratio: f64,
}

impl Report {
    pub(crate) fn new(arguments: &Arguments) -> Self {
        Self {
            rounds: BTreeMap::new(),
            peaks: BTreeMap::new(),
            mintings: BTreeMap::new(),
            trips: BTreeMap::new(),
            conditions: format!(
                "{} connections, {} rounds of {} requests for each server and flow (a fifth of that where every request waits for a \
                 disk); {}; load average at the end {}",
                arguments.connections,
                arguments.rounds,
                arguments.requests,
                machine(),
                load(),
            ),
            tokens: arguments.tokens,
        }
    }

    pub(crate) fn add(&mut self, flow: Flow, name: Name, figures: Figures) {
        self.rounds.entry((flow, name)).or_default().push(figures);
    }

    pub(crate) fn peak(&mut self, name: Name, kilobytes: u64) {
        self.peaks.insert(name, kilobytes);
    }

    pub(crate) fn minting(&mut self, name: Name, minting: Minting) {
        self.mintings.insert(name, minting);
    }

    pub(crate) fn trips(&mut self, trips: impl IntoIterator<Item = (Flow, usize)>) {
        self.trips.extend(trips);
    }

    pub(crate) fn lines(&self) -> Vec<Line> {
        self.rounds
            .iter()
            .filter_map(|((flow, name), rounds)| {
                let bare = self.rounds.get(&(*flow, Name::Bare))?;
                let ratios = bare.iter().zip(rounds);
                Some(Line {
                    flow: flow.title(),
                    server: name.title(),
                    figures: Figures::middle(rounds),
                    ratio: middle(ratios.map(|(bare, own)| bare.cpu / own.cpu)),
                })
            })
            .collect()
    }

    pub(crate) fn table(&self) -> String {
        let mut text = format!(
            "{}.\n\n| flow | server | ceiling ÷ it | CPU µs/request | requests/s | p50 µs | p99 µs |\n|---|---|---|---|---|---|---|\n",
            self.conditions
        );
        for Line {
            flow,
            server,
            figures,
            ratio,
        } in self.lines()
        {
            let Figures {
                cpu,
                rate,
                median,
                p99,
                ..
            } = figures;
            text += &format!(
                "| {flow} | {server} | {ratio:.2} | {cpu:.2} | {rate:.0} | {median:.0} | {p99:.0} |\n"
            );
        }
        text += "\n| server | most memory, MB |\n|---|---|\n";
        for (name, kilobytes) in &self.peaks {
            text += &format!("| {} | {} |\n", name.title(), kilobytes / 1024);
        }
        if !self.trips.is_empty() {
            text += "\n| flow | round trips to PostgreSQL |\n|---|---|\n";
        }
        for (flow, trips) in &self.trips {
            text += &format!("| {} | {trips} |\n", flow.title());
        }
        if !self.mintings.is_empty() {
            text += &format!(
                "\n| {} live access tokens | bytes each | longest to issue one, ms |\n|---|---|---|\n",
                self.tokens
            );
        }
        for (name, Minting { bytes, longest }) in &self.mintings {
            text += &format!("| {} | {bytes:.0} | {longest:.1} |\n", name.title());
        }
        text
    }

    /// Puts table, JSON and picture into a directory.
    pub(crate) fn write(&self, directory: &Path) -> Result<(), Error> {
        const BEGIN: &str = "<!-- figures -->";
        const END: &str = "<!-- end of figures -->";

        let lines = self.lines();
        let json = serde_json::to_string_pretty(&lines)? + "\n";
        fs::write(directory.join("performance.json"), json)?;
        fs::write(directory.join("performance.svg"), svg::chart(&lines))?;
        let file = directory.join("performance.md");
        let text = fs::read_to_string(&file)?;
        let (before, rest) = text.split_once(BEGIN).ok_or("no place for figures")?;
        let (_, after) = rest
            .split_once(END)
            .ok_or("no end of the place for figures")?;
        let text = format!("{before}{BEGIN}\n\n{}\n{END}{after}", self.table());
        Ok(fs::write(file, text)?)
    }
}

pub(crate) fn machine() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let mut lines = text.lines();
    let model = lines.find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or("unknown", |model| {
        model.trim_start_matches([' ', '\t', ':'])
    });
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    format!(
        "{model}, {} cores",
        cores.max(text.matches("processor\t").count())
    )
}

pub(crate) fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}
