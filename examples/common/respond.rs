//! A response on HTTP/1.1, as bytes.

use std::io;

use websocket_proto::handshake::server::Response;

/// Writes a response, without its content if it is to HEAD.
pub(crate) fn write(response: &Response<'_>, is_head: bool, out: &mut Vec<u8>) -> io::Result<()> {
    let start = out.len();
    response.write(out).map_err(io::Error::other)?;
    // "The HEAD method is identical to GET except that the server MUST NOT send content in the
    // response" (RFC 9110, section 9.3.2). `Content-Length` says how long it would be.
    let end_of_head = out[start..].windows(4).position(|end| end == b"\r\n\r\n");
    if let Some(end) = end_of_head
        && is_head
    {
        out.truncate(start + end + 4);
    }
    Ok(())
}
