//! What may not follow a redirect.

use websocket_proto::handshake::client::Destination;

#[test]
fn credentials_stay_with_their_scheme_host_and_port() {
    let asked = Destination::new("wss", "example.com", None);
    for (scheme, host, port, stays) in [
        ("wss", "example.com", None, true),
        ("https", "example.com", None, true),
        ("HTTPS", "EXAMPLE.com", Some(443), true),
        ("http", "example.com", None, false),
        ("ws", "example.com", Some(443), false),
        ("https", "example.com", Some(8443), false),
        ("https", "chat.example.com", None, false),
        ("https", "example.com.evil.test", None, false),
        ("https", "evil-example.com", None, false),
        ("https", "example.com.", None, false),
        ("https", "", None, false),
        ("ftp", "example.com", Some(443), false),
    ] {
        let location = Destination::new(scheme, host, port);
        let expected: &[&str] = if stays {
            &[]
        } else {
            &["Authorization", "Cookie", "Proxy-Authorization"]
        };
        assert_eq!(asked.fields_to_drop(location), expected, "{location:?}");
        assert_eq!(location.fields_to_drop(asked), expected, "{location:?}");
    }
    let odd = Destination::new("ws", "[::1]", Some(9001));
    assert!(
        odd.fields_to_drop(Destination::new("http", "[::1]", Some(9001)))
            .is_empty()
    );
    assert!(
        !odd.fields_to_drop(Destination::new("ws", "[::1]", None))
            .is_empty()
    );
}
