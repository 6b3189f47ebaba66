//! What every echo server is to do, and the same over HTTP/2.

#[path = "../../../common/echo_tests.rs"]
mod echo_tests;
mod http_2;
#[path = "../../../common/running.rs"]
mod running;

const SERVER: &str = env!("CARGO_BIN_EXE_hyper_server");
