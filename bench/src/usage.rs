//! What a process has used.

use std::{
    fmt, fs,
    time::{Duration, Instant},
};

use crate::{Error, serve::Site};

/// What this process has used so far.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// CPU time of its threads, in nanoseconds.
    pub cpu: u64,
    /// The most memory that it had, in kilobytes.
    pub peak: u64,
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.cpu, self.peak)
    }
}

impl Usage {
    /// Reads what [`now`] was shown as.
    pub fn read(text: &str) -> Option<Self> {
        let (cpu, peak) = text.split_once(' ')?;
        Some(Self {
            cpu: cpu.parse().ok()?,
            peak: peak.parse().ok()?,
        })
    }
}

/// What this process has used.
pub fn now() -> Result<Usage, Error> {
    let mut cpu = 0;
    for task in fs::read_dir("/proc/self/task")? {
        let times = fs::read_to_string(task?.path().join("schedstat"))?;
        let first = times.split(' ').next().unwrap_or_default();
        cpu += first.parse::<u64>()?;
    }
    Ok(Usage {
        cpu,
        peak: status("VmHWM:")?,
    })
}

/// What issuing many tokens took.
#[derive(Clone, Copy, Debug)]
pub struct Minting {
    /// By how many bytes the process has grown, for each token.
    pub bytes: f64,
    /// The longest that one took, in milliseconds.
    pub longest: f64,
}

impl fmt::Display for Minting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.bytes, self.longest)
    }
}

impl Minting {
    /// Reads what [`minting`] was shown as.
    pub fn read(text: &str) -> Option<Self> {
        let (bytes, longest) = text.split_once(' ')?;
        Some(Self {
            bytes: bytes.parse().ok()?,
            longest: longest.parse().ok()?,
        })
    }
}

/// Issues so many tokens.
pub async fn minting(site: &impl Site, count: u32) -> Result<Minting, Error> {
    // What is allocated once, is.
    site.mint().await?;
    let before = status("VmRSS:")?;
    let mut longest = Duration::ZERO;
    for _ in 0..count {
        let begun = Instant::now();
        site.mint().await?;
        longest = longest.max(begun.elapsed());
    }
    let grown = status("VmRSS:")?.saturating_sub(before);
    let grown = f64::from(u32::try_from(grown)?) * 1024.0;
    Ok(Minting {
        bytes: grown / f64::from(count),
        longest: longest.as_secs_f64() * 1000.0,
    })
}

pub(crate) fn status(name: &str) -> Result<u64, Error> {
    let text = fs::read_to_string("/proc/self/status")?;
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(name));
    let line = lines.next().ok_or("no memory in /proc/self/status")?;
    let kilobytes = line.trim().trim_end_matches("kB").trim_end();
    Ok(kilobytes.parse()?)
}
