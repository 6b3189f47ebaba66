//! The libraries, each in a file of its own.

mod embedded_websocket;
mod fastwebsockets;
mod nexus_web;
mod shiguredo_websocket;
mod sockudo_ws;
mod soketto;
mod tokio_websockets;
mod tungstenite;
mod web_socket;
mod websocket_proto;
mod websocket_sans_io;
mod ws_framer;
mod wtx;
mod xor;
mod yawc;

use crate::peer::Peer;

/// This repository's crate.
pub(crate) fn ours() -> Box<dyn Peer> {
    Box::new(websocket_proto::Peer)
}

/// No library: what it costs to read the bytes and to undo the mask.
pub(crate) fn reference() -> Box<dyn Peer> {
    Box::new(xor::Peer)
}

pub(crate) fn others() -> Vec<Box<dyn Peer>> {
    vec![
        Box::new(tungstenite::Peer),
        Box::new(fastwebsockets::Peer),
        Box::new(tokio_websockets::Peer),
        Box::new(sockudo_ws::Peer),
        Box::new(soketto::Peer),
        Box::new(wtx::Peer),
        Box::new(web_socket::Peer),
        Box::new(yawc::Peer),
        Box::new(ws_framer::Peer),
        Box::new(websocket_sans_io::Peer),
        Box::new(embedded_websocket::Peer),
        Box::new(nexus_web::Peer),
        Box::new(shiguredo_websocket::Peer),
    ]
}
