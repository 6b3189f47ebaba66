//! The opening handshake: both sides, from bytes, behind an HTTP/1.1 library, and as extended
//! CONNECT.

use core::iter::Copied;
use core::slice::Iter;

use arrayvec::ArrayVec;
use websocket_proto::handshake::client::{
    self, Accepted, Answer, ConnectEnabled, Destination, ExtendedConnect, Outcome, RequestError,
};
use websocket_proto::handshake::server::{
    self, Acceptance, DetachedUpgrade, OriginPolicy, Request, Response, ResponseError,
    ResponseHead, Upgrade,
};
use websocket_proto::handshake::{
    Extension, Extensions, Field, FieldList, FieldValue, Fields, HandshakeError, HeadEnd,
    HeadLimits, HttpVersion, ParamValue, Params, PseudoFields, Subprotocols, SupportedExtension,
};
use websocket_proto::{Leniency, Negotiated, Output, OutputFull, SliceOutput};

use crate::{Root, roots};

/// Fields as an HTTP library may hold them.
type Parsed<'b> = Copied<Iter<'b, (&'b [u8], &'b [u8])>>;
type Slice<'a> = SliceOutput<'a>;
type Array = ArrayVec<u8, 300>;
/// Any output.
type Any<'a> = &'a mut dyn Output;
type Client<'p> = client::Handshake<'p, client::Http1<'p>>;
type StreamClient<'p> = client::Handshake<'p, ExtendedConnect<'p>>;
/// A field that goes out, given to whoever takes it.
type TakesField<'t> = &'t mut dyn FnMut(&str, &mut dyn Iterator<Item = &[u8]>);

fn limits(len: usize, fields: usize, line: usize) -> server::Handshake {
    let limits = HeadLimits::default();
    server::Handshake::new(limits.max_len(len).max_fields(fields).max_line(line))
}

fn server_leniency(handshake: server::Handshake, leniency: Leniency) -> server::Handshake {
    handshake.leniency(leniency)
}

fn server_eof(handshake: &server::Handshake) -> HeadEnd {
    handshake.receive_eof()
}

fn receive_request<'b>(
    handshake: &mut server::Handshake,
    buf: &'b [u8],
) -> Result<Option<Request<'b>>, HandshakeError> {
    handshake.receive(buf)
}

fn next_request(handshake: &mut server::Handshake, answered: &Request<'_>) -> bool {
    handshake.next_request(answered)
}

fn respond_detached<'h>(
    upgrade: &DetachedUpgrade<Array>,
    acceptance: &Acceptance<'h, 'h>,
) -> Result<(ResponseHead<'h>, Negotiated<'h>), ResponseError> {
    upgrade.respond(acceptance)
}

fn offers_detached(upgrade: &DetachedUpgrade<Array>) -> usize {
    let extensions = upgrade.extensions().count();
    upgrade.subprotocols().count().saturating_add(extensions)
}

fn acceptance<'h>(
    subprotocol: &'h str,
    extensions: &'h [SupportedExtension<'h>],
    fields: FieldList<'h>,
) -> Acceptance<'h, 'h> {
    let acceptance = Acceptance::default().subprotocol(subprotocol);
    acceptance.extensions(extensions).fields(fields)
}

fn refusal<'a>(status: u16, fields: FieldList<'a>, body: &'a [u8]) -> Response<'a> {
    let response = Response::new(status).fields(fields).body(body);
    response.keep_alive(status > 400)
}

fn from_fields<'b>(
    method: &'b str,
    target: &'b str,
    version: HttpVersion,
    fields: Parsed<'b>,
) -> Request<'b, Parsed<'b>> {
    Request::from_fields(method, target, version, fields)
}

fn from_pseudo_fields<'b>(
    pseudo: PseudoFields<'b>,
    version: HttpVersion,
    fields: Parsed<'b>,
) -> Request<'b, Parsed<'b>> {
    Request::from_pseudo_fields(pseudo, version, fields)
}

fn pseudo_fields<'a>(method: &'a str, values: &[&'a str; 4]) -> PseudoFields<'a> {
    let [protocol, scheme, authority, path] = *values;
    let pseudo = PseudoFields::new(method)
        .with_protocol(protocol)
        .with_scheme(scheme);
    pseudo.with_authority(authority).with_path(path)
}

/// What a program asks of a request, from whichever fields.
macro_rules! of_request {
    ($name:ident, $fields:ident) => {
        mod $name {
            use super::*;

            fn is_upgrade<'b>(request: &Request<'b, $fields<'b>>) -> bool {
                request.is_upgrade()
            }

            fn path<'b>(request: &Request<'b, $fields<'b>>) -> [&'b str; 3] {
                [request.method(), request.target(), request.path()]
            }

            fn query<'b>(request: &Request<'b, $fields<'b>>) -> [Option<&'b str>; 2] {
                [request.query(), request.path_and_query()]
            }

            fn field<'b>(request: &Request<'b, $fields<'b>>, name: &str) -> Option<&'b [u8]> {
                request.field(name)
            }

            fn upgrade<'b>(
                request: &Request<'b, $fields<'b>>,
                origins: OriginPolicy<'_>,
            ) -> Result<Upgrade<'b, $fields<'b>>, HandshakeError> {
                request.upgrade(origins)
            }

            fn check<'b>(request: &Request<'b, $fields<'b>>) -> Result<(), HandshakeError> {
                request.check()
            }

            fn leniency<'b>(
                request: Request<'b, $fields<'b>>,
                leniency: Leniency,
            ) -> Request<'b, $fields<'b>> {
                request.leniency(leniency)
            }

            fn respond<'b, 'h>(
                upgrade: &Upgrade<'b, $fields<'b>>,
                acceptance: &Acceptance<'h, 'h>,
            ) -> Result<(ResponseHead<'h>, Negotiated<'h>), ResponseError> {
                upgrade.respond(acceptance)
            }

            fn can_persist<'b>(request: &Request<'b, $fields<'b>>) -> bool {
                request.can_persist()
            }

            fn detach<'b>(
                upgrade: &Upgrade<'b, $fields<'b>>,
                storage: Array,
            ) -> Result<DetachedUpgrade<Array>, OutputFull> {
                upgrade.detach(storage)
            }

            fn asked<'b>(upgrade: &Upgrade<'b, $fields<'b>>) -> (&'b str, Option<&'b str>) {
                (upgrade.host(), upgrade.origin())
            }

            fn subprotocol<'b>(offers: &mut Subprotocols<'b, $fields<'b>>) -> Option<&'b str> {
                offers.next()
            }

            fn extension<'b>(offers: &mut Extensions<'b, $fields<'b>>) -> Option<Extension<'b>> {
                offers.next()
            }

            pub(super) const ROOTS: &[Root] = &roots![
                is_upgrade,
                path,
                query,
                field,
                check,
                leniency,
                upgrade,
                respond,
                can_persist,
                detach,
                asked,
                subprotocol,
                extension,
            ];
        }
    };
}

of_request!(bytes, Fields);
of_request!(parsed, Parsed);

fn next_field<'b>(fields: &mut Fields<'b>) -> Option<Field<'b>> {
    fields.next()
}

fn first_field<'b>(fields: &Fields<'b>, name: &str) -> Option<&'b [u8]> {
    fields.first(name)
}

fn unfolded(field: &Field<'_>, take: &mut dyn FnMut(u8)) {
    field.unfolded().for_each(take);
}

fn param<'b>(params: &mut Params<'b>) -> Option<(&'b str, Option<ParamValue<'b>>)> {
    params.next()
}

fn param_value(value: ParamValue<'_>, other: &str) -> bool {
    value == *other && value.bytes().count() > 0
}

fn accept<'p, O: Output>(
    upgrade: &Upgrade<'_>,
    acceptance: &Acceptance<'p, '_>,
    out: &mut O,
) -> Result<Negotiated<'p>, ResponseError> {
    upgrade.accept(acceptance, out)
}

fn refuse<O: Output>(error: HandshakeError, out: &mut O) -> Result<(), ResponseError> {
    error.response().write(out)
}

fn respond<O: Output>(response: &Response<'_>, out: &mut O) -> Result<(), ResponseError> {
    response.write(out)
}

fn response_head<'a>(
    response: &Response<'a>,
    version: HttpVersion,
) -> Result<ResponseHead<'a>, ResponseError> {
    response.head(version)
}

fn response_fields(head: &ResponseHead<'_>, take: TakesField<'_>) {
    for (name, value) in head.fields() {
        take(name, &mut value.parts());
    }
}

fn new_client<'p>(nonce: [u8; 16], host: &'p str, target: &'p str) -> Client<'p> {
    Client::new(nonce, host, target)
}

fn client_leniency<'p>(client: Client<'p>, leniency: Leniency) -> Client<'p> {
    client.leniency(leniency)
}

fn client_eof(client: &Client<'_>) -> HeadEnd {
    client.receive_eof()
}

fn offer<'p>(
    client: Client<'p>,
    extensions: &'p [SupportedExtension<'p>],
    fields: FieldList<'p>,
) -> Client<'p> {
    client.extensions(extensions).fields(fields)
}

fn offer_on_stream<'p>(
    client: StreamClient<'p>,
    extensions: &'p [SupportedExtension<'p>],
    fields: FieldList<'p>,
) -> StreamClient<'p> {
    client.extensions(extensions).fields(fields)
}

fn accepted_extension<'b>(accepted: &Accepted<'_, 'b>) -> Option<Extension<'b>> {
    accepted.extensions().next()
}

fn extensions_of_fields<'b>(fields: Parsed<'b>) -> Option<Extension<'b>> {
    Extensions::new(fields).next()
}

fn write_request<O: Output>(client: &Client<'_>, out: &mut O) -> Result<(), RequestError> {
    client.write_request(out)
}

fn fields_to_set(client: &Client<'_>, take: TakesField<'_>) -> Result<(), RequestError> {
    for (name, value) in client.fields_to_set()? {
        take(name, &mut FieldValue::parts(&value));
    }
    Ok(())
}

fn receive_response<'p, 'b>(
    client: &mut Client<'p>,
    buf: &'b [u8],
) -> Result<Option<Outcome<'p, 'b>>, HandshakeError> {
    client.receive(buf)
}

fn check_response<'p>(
    client: &Client<'p>,
    status: u16,
    version: HttpVersion,
    fields: Parsed<'_>,
) -> Result<Answer<'p>, HandshakeError> {
    client.check_response(status, version, fields)
}

fn extended_connect<'p>(
    setting: Option<u64>,
    scheme: &'p str,
    authority: &'p str,
    path: &'p str,
) -> Result<StreamClient<'p>, RequestError> {
    let enabled = ConnectEnabled::from_setting(setting)?;
    Ok(client::Handshake::extended_connect(
        enabled, scheme, authority, path,
    ))
}

fn head_to_send<'p>(
    client: &StreamClient<'p>,
    take: TakesField<'_>,
) -> Result<PseudoFields<'p>, RequestError> {
    let (pseudo, fields) = client.head_to_send()?;
    for (name, value) in fields {
        take(name, &mut value.parts());
    }
    Ok(pseudo)
}

fn check_stream_response<'p>(
    client: &StreamClient<'p>,
    status: u16,
    fields: Parsed<'_>,
) -> Result<Answer<'p>, HandshakeError> {
    client.check_stream_response(status, fields)
}

fn fields_to_drop(from: &Destination<'_>, to: Destination<'_>) -> &'static [&'static str] {
    from.fields_to_drop(to)
}

fn destination<'a>(scheme: &'a str, host: &'a str, port: Option<u16>) -> Destination<'a> {
    Destination::new(scheme, host, port)
}

fn error(error: &HandshakeError) -> (u16, &'static str) {
    (error.status_hint(), error.section())
}

/// What goes to an output.
macro_rules! with_output {
    ($out:ty) => {
        &roots![
            accept::<$out>,
            refuse::<$out>,
            respond::<$out>,
            write_request::<$out>,
        ]
    };
}

pub(crate) const ROOTS: &[&[Root]] = &[
    bytes::ROOTS,
    parsed::ROOTS,
    with_output!(Slice<'_>),
    with_output!(Array),
    with_output!(Any<'_>),
    &roots![
        limits,
        server_leniency,
        server_eof,
        receive_request,
        next_request,
        respond_detached,
        offers_detached,
        acceptance,
        refusal,
        from_fields,
        from_pseudo_fields,
        pseudo_fields,
        next_field,
        first_field,
        unfolded,
        param,
        param_value,
        response_head,
        response_fields,
        new_client,
        client_leniency,
        client_eof,
        offer,
        offer_on_stream,
        accepted_extension,
        extensions_of_fields,
        fields_to_set,
        receive_response,
        check_response,
        extended_connect,
        head_to_send,
        check_stream_response,
        fields_to_drop,
        destination,
        error,
    ],
];
