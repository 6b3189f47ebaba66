//! What was sampled of a server, and whether it is right.

use crate::stage::{LONG, LONGEST};

/// How much the line that fits the memory best may rise from the end of the warm-up to the end of
/// the run, in MiB. In ten minutes that is 50 bytes for each hostile connection. In a short run what
/// comes and goes weighs more.
const MOST_RISE: f64 = 8.0;
const MOST_RISE_IN_SHORT: f64 = 16.0;
/// A run with fewer seconds behind its warm-up is short.
const SHORT: f64 = 90.0;
/// The most resident memory at any time, in MiB.
const MOST_MEMORY: f64 = 128.0;
/// The part of a run in which the allocator finds out what it needs; the first minute at most.
const WARM_UP: f64 = 0.25;

/// One look at a server, so many seconds after the beginning.
#[derive(Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) time: f64,
    /// In KiB.
    pub(crate) memory: u64,
    pub(crate) files: usize,
    pub(crate) opened: u64,
    pub(crate) echoes: u64,
}

/// One server's run.
pub(crate) struct Run {
    pub(crate) name: String,
    pub(crate) samples: Vec<Sample>,
    /// The line that fits the memory best: its ends, in seconds and MiB.
    pub(crate) fit: [(f64, f64); 2],
    pub(crate) rise: f64,
    /// The slowest honest echo, in milliseconds.
    pub(crate) slowest: f64,
}

impl Run {
    pub(crate) fn new(name: String, samples: Vec<Sample>, slowest: f64) -> Self {
        let mut run = Self {
            name,
            samples,
            fit: [(0.0, 0.0); 2],
            rise: 0.0,
            slowest,
        };
        let points = run.memory();
        let end = points.last().map_or(0.0, |(time, _)| *time);
        let warm_up = (end * WARM_UP).min(60.0);
        let warm: Vec<_> = points
            .into_iter()
            .filter(|point| point.0 >= warm_up)
            .collect();
        run.fit = fit(&warm);
        run.rise = run.fit[1].1 - run.fit[0].1;
        run
    }

    /// Seconds and MiB.
    pub(crate) fn memory(&self) -> Vec<(f64, f64)> {
        let points = self.samples.iter();
        points
            .map(|sample| (sample.time, sample.memory as f64 / 1024.0))
            .collect()
    }

    /// What is wrong with the memory.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let (rise, most) = (self.rise, self.most_rise());
        if rise > most {
            problems.push(format!("memory rises by {rise:.1} MiB, beyond {most}"));
        }
        let most = self.most();
        if most > MOST_MEMORY {
            problems.push(format!("{most:.1} MiB are resident, beyond {MOST_MEMORY}"));
        }
        problems
    }

    fn most_rise(&self) -> f64 {
        if self.fit[1].0 - self.fit[0].0 < SHORT {
            MOST_RISE_IN_SHORT
        } else {
            MOST_RISE
        }
    }

    pub(crate) fn most(&self) -> f64 {
        self.memory()
            .iter()
            .map(|point| point.1)
            .fold(0.0, f64::max)
    }

    /// What is allowed, for the reader.
    pub(crate) fn limits(&self) -> String {
        format!(
            "allowed: a rise of {} MiB, {MOST_MEMORY} MiB in all, {} s an honest echo or handshake, \
             {} s for 99 % of them",
            self.most_rise(),
            LONGEST.as_secs(),
            LONG.as_secs()
        )
    }
}

/// The ends of the line with the least squares.
fn fit(points: &[(f64, f64)]) -> [(f64, f64); 2] {
    let ([first, ..], [.., last]) = (points, points) else {
        return [(0.0, 0.0); 2];
    };
    let count = points.len() as f64;
    let mean_x = points.iter().map(|point| point.0).sum::<f64>() / count;
    let mean_y = points.iter().map(|point| point.1).sum::<f64>() / count;
    let above: f64 = points
        .iter()
        .map(|(x, y)| (x - mean_x) * (y - mean_y))
        .sum();
    let below: f64 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    let slope = if below > 0.0 { above / below } else { 0.0 };
    [first.0, last.0].map(|x| (x, mean_y + slope * (x - mean_x)))
}
