//! What every echo server is to do.

#[path = "../../common/echo_tests.rs"]
mod echo_tests;
#[path = "../../common/running.rs"]
mod running;

const SERVER: &str = env!("CARGO_BIN_EXE_tokio_server");
