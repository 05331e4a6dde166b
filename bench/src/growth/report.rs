//! The figures, as tables for people, JSON for programs, and a picture.

use std::{collections::BTreeMap, fmt, fs};

use super::{Figures, Name, churn, grown::Size, svg};
use crate::{
    Error,
    peers::{documents, report::machine},
};

/// All figures.
pub(super) struct Report(BTreeMap<Name, Figures>);

impl Report {
    /// Those of a run; with those of an earlier one for the stores that were not measured in this.
    pub(super) fn new(figures: BTreeMap<Name, Figures>, with_earlier: bool) -> Result<Self, Error> {
        let file = documents().join("growth.json");
        let mut all = BTreeMap::new();
        if with_earlier && file.exists() {
            all = serde_json::from_str(&fs::read_to_string(file)?)?;
        }
        all.extend(figures);
        Ok(Self(all))
    }

    fn growth(&self) -> String {
        let mut text = format!(
            "{}. Load average: {}.\n\n\
             | store | live tokens | bytes/token | issue p50 / p99 µs | validate p50 / p99 µs | issue, HTTP: CPU µs | ÷ 10⁴ \
             | introspect, HTTP: CPU µs | ÷ 10⁴ | wanted |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n",
            machine(),
            self.loads()
        );
        for (name, figures) in &self.0 {
            for size in &figures.sizes {
                let (issue, introspect) = ratios(size, &figures.sizes);
                text += &format!(
                    "| {} | {} | {:.0} | {:.0} / {:.0} | {:.1} / {:.1} | {:.1} | {issue:.2} | {:.1} | {introspect:.2} | ≤ {} |\n",
                    name.title(),
                    size.tokens,
                    size.bytes_per_token,
                    size.issue.p50,
                    size.issue.p99,
                    size.validate.p50,
                    size.validate.p99,
                    size.issue_cpu,
                    size.introspect_cpu,
                    name.target(),
                );
            }
        }
        for line in self.0.values().flat_map(|figures| &figures.skipped) {
            text += &format!("\n{line}.\n");
        }
        text
    }

    fn loads(&self) -> String {
        let loads = self.0.iter();
        let loads = loads.map(|(name, figures)| format!("{} {}", name.title(), figures.load));
        loads.collect::<Vec<_>>().join("; ")
    }

    fn churn(&self) -> String {
        let mut text = format!(
            "{} tokens a second, each for {} minutes.\n\n\
             | store | issued in the hour | rows, least–most | spread | bytes, least–most | spread | wanted |\n\
             |---|---:|---:|---:|---:|---:|---:|\n",
            churn::RATE,
            churn::LIFETIME
        );
        for (name, figures) in &self.0 {
            let churn = figures.churn;
            text += &format!(
                "| {} | {} | {}–{} | {:.1} % | {}–{} | {:.1} % | ≤ 20 % |\n",
                name.title(),
                churn.issued,
                churn.rows.least,
                churn.rows.most,
                churn.rows.spread(),
                churn.bytes.least,
                churn.bytes.most,
                churn.bytes.spread(),
            );
        }
        text
    }

    fn endings(&self) -> String {
        let mut text = "| store | rows before | rows after | commits | ms | replays | reads for them | commits for them | µs each |\n\
                        |---|---:|---:|---:|---:|---:|---:|---:|---:|\n"
            .to_owned();
        for (name, figures) in &self.0 {
            let ending = figures.ending;
            text += &format!(
                "| {} | {} | {} | {} | {:.0} | {} | {} | {} | {:.0} |\n",
                name.title(),
                ending.rows_before,
                ending.rows_after,
                ending.commits,
                ending.millis,
                ending.replays,
                ending.replay_reads,
                ending.replay_commits,
                ending.replay_micros,
            );
        }
        text
    }

    /// Puts everything into the documents.
    pub(super) fn write(&self) -> Result<(), Error> {
        let directory = documents();
        let json = serde_json::to_string_pretty(&self.0)? + "\n";
        fs::write(directory.join("growth.json"), json)?;
        fs::write(directory.join("growth.svg"), svg::chart(&self.0))?;
        let file = directory.join("storage.md");
        let mut text = fs::read_to_string(&file)?;
        for (name, table) in [
            ("growth", self.growth()),
            ("churn", self.churn()),
            ("endings", self.endings()),
        ] {
            let begin = format!("<!-- {name} -->");
            let end = format!("<!-- end of {name} -->");
            let (before, rest) = text.split_once(&begin).ok_or("no place for figures")?;
            let (_, after) = rest.split_once(&end).ok_or("no end of that place")?;
            text = format!("{before}{begin}\n\n{table}\n{end}{after}");
        }
        Ok(fs::write(file, text)?)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (growth, churn, endings) = (self.growth(), self.churn(), self.endings());
        write!(f, "{growth}\n{churn}\n{endings}")
    }
}

/// What issuing and introspecting cost at a size, divided by what they cost at the smallest.
pub(super) fn ratios(size: &Size, all: &[Size]) -> (f64, f64) {
    let smallest = all.first().unwrap_or(size);
    (
        size.issue_cpu / smallest.issue_cpu,
        size.introspect_cpu / smallest.introspect_cpu,
    )
}
