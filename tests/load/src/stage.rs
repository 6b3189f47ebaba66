//! What all clients of one server share.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::client::Result;

/// The largest message that the servers are told to take.
pub(crate) const MAX_MESSAGE: usize = 1 << 20;
/// No honest echo, and no honest handshake, may take longer; two cores have all of this to do.
pub(crate) const LONGEST: Duration = Duration::from_secs(5);
/// 99 of 100 may not take longer than this.
pub(crate) const LONG: Duration = Duration::from_secs(1);

pub(crate) struct Stage {
    pub(crate) address: String,
    end: Instant,
    /// One thing wrong ends the run.
    stopped: AtomicBool,
    /// Hostile connections so far.
    pub(crate) opened: AtomicU64,
    /// Honest echoes and opening handshakes, and how long each took.
    pub(crate) echoes: Times,
    pub(crate) handshakes: Times,
    /// What went wrong; nothing may.
    problems: Mutex<Vec<String>>,
}

impl Stage {
    pub(crate) fn new(address: String, length: Duration) -> Self {
        Self {
            address,
            end: Instant::now() + length,
            stopped: AtomicBool::new(false),
            opened: AtomicU64::new(0),
            echoes: Times::default(),
            handshakes: Times::default(),
            problems: Mutex::default(),
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        Instant::now() >= self.end || self.stopped.load(Ordering::Relaxed)
    }

    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Waits, but not beyond the end.
    pub(crate) fn pause(&self, length: Duration) {
        sleep(length.min(self.end.saturating_duration_since(Instant::now())));
    }

    /// Takes down what became of a client.
    pub(crate) fn note(&self, who: &str, outcome: Result<()>) {
        if let Err(error) = outcome {
            let mut problems = self.problems.lock().unwrap_or_else(PoisonError::into_inner);
            problems.push(format!("{who}: {error}"));
            self.stop();
        }
    }

    pub(crate) fn take_problems(&self) -> Vec<String> {
        std::mem::take(&mut *self.problems.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// How long things took, in microseconds.
#[derive(Default)]
pub(crate) struct Times(Mutex<Vec<u32>>);

impl Times {
    /// Fails if it was too long.
    pub(crate) fn record(&self, time: Duration) -> Result<()> {
        let micros = u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
        self.lock().push(micros);
        if time > LONGEST {
            return Err(format!("{} ms is too long", time.as_millis()).into());
        }
        Ok(())
    }

    pub(crate) fn count(&self) -> usize {
        self.lock().len()
    }

    /// The time in milliseconds within which this share of them was done.
    pub(crate) fn within(&self, share: f64) -> f64 {
        let mut times = self.lock().clone();
        times.sort_unstable();
        let last = times.len().saturating_sub(1);
        let index = (last as f64 * share).round() as usize;
        times.get(index).map_or(0.0, |time| f64::from(*time) / 1e3)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
