//! An echo server as a process.

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use websocket_proto::MaskingKeys;
use websocket_proto::frame::MaskingKey;

pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// How long anything may take.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

/// A server of its own for each test, killed at the end if it still runs.
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) address: String,
}

impl Running {
    pub(crate) fn start(args: &[&str]) -> Result<Self> {
        let mut child = Command::new(crate::SERVER)
            .arg("127.0.0.1:0")
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("piped")?).read_line(&mut line)?;
        let address = line.trim().strip_prefix("listening on ");
        let address = address.ok_or("the server does not listen")?.into();
        Ok(Self { child, address })
    }

    pub(crate) fn connect(&self) -> Result<TcpStream> {
        let stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.set_write_timeout(Some(DEADLINE))?;
        Ok(stream)
    }

    pub(crate) fn signal(&self, name: &str) -> Result<()> {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status()?;
        if sent.success() {
            Ok(())
        } else {
            Err("kill".into())
        }
    }

    /// Waits for the end of the process.
    pub(crate) fn ended(&mut self) -> Result<ExitStatus> {
        let began = Instant::now();
        while began.elapsed() < DEADLINE {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            sleep(Duration::from_millis(10));
        }
        Err("the server does not end".into())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Enough for a test; a client in the wild needs keys that nobody can foretell.
pub(crate) struct Keys(pub(crate) u32);

impl MaskingKeys for Keys {
    fn next_key(&mut self) -> MaskingKey {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        MaskingKey::new(self.0.to_be_bytes())
    }
}
