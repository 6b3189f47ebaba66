//! An echo server as a process, and what it holds.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::client::Result;
use crate::stage::MAX_MESSAGE;

pub(crate) struct Server {
    pub(crate) name: String,
    pub(crate) address: String,
    child: Child,
    /// How many panics it told of.
    panics: Arc<AtomicU64>,
}

/// What a process holds.
#[derive(Clone, Copy)]
pub(crate) struct Held {
    /// Resident memory, in KiB.
    pub(crate) memory: u64,
    /// Open files: sockets, nearly all of them.
    pub(crate) files: usize,
}

impl Server {
    pub(crate) fn start(path: &str) -> Result<Self> {
        let name = Path::new(path).file_name().ok_or("a server has a name")?;
        let mut child = Command::new(path)
            .args(["127.0.0.1:0", "--max-message", &MAX_MESSAGE.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{path}: {error}"))?;
        let stdout = child.stdout.take().ok_or("piped")?;
        let stderr = child.stderr.take().ok_or("piped")?;
        let panics = Arc::new(AtomicU64::new(0));
        let mut server = Self {
            name: name.to_string_lossy().into_owned(),
            address: String::new(),
            child,
            panics: Arc::clone(&panics),
        };
        // It tells of every connection that fails: millions, here. Only a panic is news.
        thread::spawn(move || {
            for line in BufReader::new(stderr)
                .split(b'\n')
                .map_while(io::Result::ok)
            {
                let line = String::from_utf8_lossy(&line);
                if line.contains("panicked") {
                    eprintln!("{line}");
                    panics.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let address = line.trim().strip_prefix("listening on ");
        server.address = address.ok_or("the server does not listen")?.into();
        Ok(server)
    }

    pub(crate) fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }

    pub(crate) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    pub(crate) fn held(&self) -> Result<Held> {
        let id = self.child.id();
        let status = fs::read_to_string(format!("/proc/{id}/status"))?;
        let memory = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:")?.strip_suffix("kB"))
            .ok_or("no VmRSS: the server has ended")?;
        Ok(Held {
            memory: memory.trim().parse()?,
            files: fs::read_dir(format!("/proc/{id}/fd"))?.count(),
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
