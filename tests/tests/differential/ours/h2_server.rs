//! The independent server: the h2 crate, with settings and habits at random, answering as the messages order.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use h2::server::{Builder, Connection, SendResponse};
use h2::{Ping, Reason, RecvStream, SendStream};
use prism_proto::grpc::percent;
use prism_tests::{Random, prefixed};
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tokio::task::{JoinSet, yield_now};
use tonic::codegen::http::{HeaderMap, HeaderName, HeaderValue, Request, Response};

use super::call::{TWIST, Twist};
use crate::script::{GET, Metadata, Step, any_magnitude, half_closed, steps};

/// The server's settings, and what it does to them meanwhile.
#[derive(Debug, Clone)]
pub(super) struct Habits {
    pub(super) window_bytes: u32,
    pub(super) connection_window_bytes: u32,
    pub(super) frame_bytes_max: u32,
    pub(super) header_table_bytes: u32,
    pub(super) streams_max: u32,
    /// Initial windows and connection windows that follow one another.
    pub(super) changes: VecDeque<Change>,
    /// Calls after which the server goes away.
    pub(super) goes_after: Option<u64>,
}

/// Something that the server does to its connection.
#[derive(Debug, Clone, Copy)]
pub(super) enum Change {
    InitialWindow(u32),
    ConnectionWindow(u32),
}

async fn pause(random: &mut Random, turns_max: u64) {
    for _ in 0..random.below(turns_max) {
        yield_now().await;
    }
}

/// Serves until the client has gone.
pub(super) async fn serve(stream: DuplexStream, habits: Habits, mut random: Random) {
    let handshake = Builder::new()
        .initial_window_size(habits.window_bytes)
        .initial_connection_window_size(habits.connection_window_bytes)
        .max_frame_size(habits.frame_bytes_max)
        .header_table_size(habits.header_table_bytes)
        .max_concurrent_streams(habits.streams_max)
        .max_header_list_size(1 << 20)
        // Callers who change their minds are what is tested.
        .max_concurrent_reset_streams(1_000)
        .max_pending_accept_reset_streams(1_000)
        .max_local_error_reset_streams(None)
        .handshake::<_, Bytes>(stream)
        .await;
    let mut connection = handshake.expect("our client's preface is well formed");
    let mut pings = connection.ping_pong().expect("it is asked for once");
    let (changes, received) = mpsc::unbounded_channel();
    let mut other = random.fork(1);
    let meddler = tokio::spawn(async move {
        for change in habits.changes {
            pause(&mut other, 60).await;
            let _over = changes.send(change);
            if other.below(2) == 0 && pings.ping(Ping::opaque()).await.is_err() {
                break;
            }
        }
    });
    run(&mut connection, received, habits.goes_after, &mut random).await;
    meddler.abort();
}

/// Accepts calls, and changes the connection when told to.
async fn run(
    connection: &mut Connection<DuplexStream, Bytes>,
    mut changes: mpsc::UnboundedReceiver<Change>,
    goes_after: Option<u64>,
    random: &mut Random,
) {
    let (mut due, mut changes_come, mut accepted) = (None, true, 0);
    let mut answers = JoinSet::new();
    loop {
        if let Some(bytes) = due
            && connection.set_initial_window_size(bytes).is_ok()
        {
            due = None;
        }
        tokio::select! {
            biased;
            change = changes.recv(), if due.is_none() && changes_come => match change {
                Some(Change::InitialWindow(bytes)) => due = Some(bytes),
                Some(Change::ConnectionWindow(bytes)) => connection.set_target_window_size(bytes),
                None => changes_come = false,
            },
            accept = connection.accept() => match accept {
                Some(Ok((request, respond))) => {
                    accepted += 1;
                    let answering = Answering { random: random.fork(accepted), has_opened: false };
                    answers.spawn(answering.answer(request, respond));
                    if goes_after == Some(accepted) {
                        connection.graceful_shutdown();
                    }
                }
                Some(Err(error)) => {
                    let is_over = error.is_io() || error.reason() == Some(Reason::NO_ERROR);
                    assert!(is_over, "the server finds fault: {error:?}");
                    break;
                }
                None => break,
            },
            // A call that fails fails the conversation.
            Some(answered) = answers.join_next() => answered.expect("an answer does not panic"),
            // The change before has not been acknowledged.
            () = yield_now(), if due.is_some() => {}
        }
    }
    answers.abort_all();
}

/// One call's answer.
struct Answering {
    random: Random,
    has_opened: bool,
}

/// The client has given the call up.
struct GivenUp;

impl From<h2::Error> for GivenUp {
    fn from(error: h2::Error) -> Self {
        // The h2 crate's handles fail without a reason once the stream is gone.
        let is_cancelled = error.reason().is_none_or(|reason| matches!(reason, Reason::CANCEL | Reason::NO_ERROR));
        assert!(is_cancelled || error.is_io(), "the call fails for the server: {error:?}");
        Self
    }
}

impl Answering {
    async fn answer(mut self, request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
        let (head, body) = request.into_parts();
        assert_eq!(head.method, "POST");
        assert_eq!(head.headers.get("te").map(HeaderValue::as_bytes), Some(&b"trailers"[..]));
        assert_eq!(head.headers.get("content-type").map(HeaderValue::as_bytes), Some(&b"application/grpc"[..]));
        assert!(head.headers.get("user-agent").is_some_and(|agent| agent.as_bytes().starts_with(b"prism/")));
        assert_eq!(head.uri.authority().map(|authority| authority.as_str()), Some("localhost"));
        let twist = head.headers.get(TWIST).map_or("", |twist| twist.to_str().expect("it is text"));
        pause(&mut self.random, 20).await;
        let is_unary = head.uri.path() == GET;
        let _given_up = match Twist::parse(twist) {
            Twist::None => self.obey(is_unary, body, &mut respond).await,
            twist => self.misbehave(twist, &mut respond, body).await,
        };
    }

    /// What the messages order.
    async fn obey(
        &mut self,
        is_unary: bool,
        mut body: RecvStream,
        respond: &mut SendResponse<Bytes>,
    ) -> Result<(), GivenUp> {
        let (mut pending, mut count, mut stream) = (BytesMut::new(), 0, None);
        loop {
            while let Some(message) = cut(&mut pending) {
                let orders = steps(&message, is_unary, count == 0);
                count += 1;
                for order in orders {
                    if self.step(order, respond, &mut stream).await? {
                        return Ok(());
                    }
                }
            }
            let Some(data) = body.data().await else { break };
            let data = data?;
            pending.extend_from_slice(&data);
            pause(&mut self.random, 3).await;
            body.flow_control().release_capacity(data.len())?;
        }
        assert!(pending.is_empty(), "the request ended inside a message");
        assert!(!is_unary, "a unary call's only message orders its end");
        let end = Step::Finish(prism_proto::status::Status::OK, half_closed(count));
        self.step(end, respond, &mut stream).await?;
        Ok(())
    }

    /// One thing; whether it was the last.
    async fn step(
        &mut self,
        step: Step,
        respond: &mut SendResponse<Bytes>,
        stream: &mut Option<SendStream<Bytes>>,
    ) -> Result<bool, GivenUp> {
        match step {
            Step::Wait(turns) => pause(&mut self.random, u64::from(turns) + 1).await,
            Step::Open(metadata) => self.open(respond, stream, &metadata)?,
            Step::Send(content) => self.send(respond, stream, &content).await?,
            Step::Reply(content) => {
                self.send(respond, stream, &content).await?;
                let trailers = status_fields(0, "", &Vec::new());
                stream.as_mut().expect("it is open").send_trailers(trailers)?;
                return Ok(true);
            }
            Step::Finish(status, metadata) => {
                let trailers = status_fields(status.code as u8, &status.message, &metadata);
                match stream {
                    Some(stream) => stream.send_trailers(trailers)?,
                    None => {
                        let mut response = head(200, &Vec::new());
                        response.headers_mut().extend(trailers);
                        respond.send_response(response, true)?;
                    }
                }
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn open(
        &mut self,
        respond: &mut SendResponse<Bytes>,
        stream: &mut Option<SendStream<Bytes>>,
        metadata: &Metadata,
    ) -> Result<(), GivenUp> {
        if stream.is_none() {
            if self.random.below(10) == 0 {
                let early = Response::builder().status(103).body(()).expect("it is well formed");
                respond.send_informational(early)?;
            }
            *stream = Some(respond.send_response(head(200, metadata), false)?);
            self.has_opened = true;
        }
        Ok(())
    }

    /// One message, in pieces.
    async fn send(
        &mut self,
        respond: &mut SendResponse<Bytes>,
        stream: &mut Option<SendStream<Bytes>>,
        content: &[u8],
    ) -> Result<(), GivenUp> {
        self.open(respond, stream, &Vec::new())?;
        let stream = stream.as_mut().expect("it is open");
        let mut bytes: Bytes = prefixed(0, content);
        while !bytes.is_empty() {
            let length = any_magnitude(&mut self.random, 18).min(bytes.len());
            stream.send_data(bytes.split_to(length), false)?;
            pause(&mut self.random, 2).await;
        }
        Ok(())
    }

    async fn misbehave(
        &mut self,
        twist: Twist,
        respond: &mut SendResponse<Bytes>,
        mut body: RecvStream,
    ) -> Result<(), GivenUp> {
        if self.random.below(2) == 0 && !body.is_end_stream() {
            let _some = body.data().await;
        }
        let ends = self.random.below(2) == 0;
        match twist {
            Twist::None => {}
            Twist::Reset(code) => {
                if ends {
                    let _headers = respond.send_response(head(200, &Vec::new()), false)?;
                    yield_now().await;
                }
                respond.send_reset(Reason::from(code));
            }
            Twist::Http(status) => {
                let response = Response::builder().status(status).header("content-type", "text/html");
                let response = response.body(()).expect("it is well formed");
                let mut stream = respond.send_response(response, ends)?;
                if !ends {
                    stream.send_data(Bytes::from_static(b"<html>"), true)?;
                }
            }
            Twist::NoTrailers => {
                let mut stream = respond.send_response(head(200, &Vec::new()), false)?;
                stream.send_data(Bytes::new(), true)?;
            }
            Twist::TooLong | Twist::Compressed => {
                let mut stream = respond.send_response(head(200, &Vec::new()), false)?;
                let prefix: &[u8] =
                    if twist == Twist::TooLong { &[0, 255, 255, 255, 255, 1] } else { &[1, 0, 0, 0, 0] };
                stream.send_data(Bytes::from_static(prefix), ends)?;
                if !ends {
                    // The client ends it.
                    let _reset = std::future::poll_fn(|context| stream.poll_reset(context)).await;
                }
            }
            Twist::NoStatus if ends => {
                respond.send_response(head(200, &Vec::new()), true)?;
            }
            Twist::NoStatus => {
                let mut stream = respond.send_response(head(200, &Vec::new()), false)?;
                stream.send_trailers(HeaderMap::from_iter([(
                    HeaderName::from_static("x"),
                    HeaderValue::from_static("y"),
                )]))?;
            }
        }
        Ok(())
    }
}

/// The next whole message.
fn cut(pending: &mut BytesMut) -> Option<BytesMut> {
    let (prefix, rest) = pending.split_first_chunk::<5>()?;
    let length = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]) as usize;
    assert_eq!(prefix[0], 0, "our client does not compress");
    if rest.len() < length {
        return None;
    }
    let mut message = pending.split_to(5 + length);
    Some(message.split_off(5))
}

fn head(status: u16, metadata: &Metadata) -> Response<()> {
    let mut builder = Response::builder().status(status).header("content-type", "application/grpc+proto");
    for (name, value) in metadata {
        builder = builder.header(name, value);
    }
    builder.body(()).expect("it is well formed")
}

fn status_fields(code: u8, message: &str, metadata: &Metadata) -> HeaderMap {
    let mut fields = HeaderMap::new();
    fields.insert("grpc-status", HeaderValue::from(u16::from(code)));
    if !message.is_empty() {
        let mut encoded = Vec::new();
        percent::encode(message, &mut encoded);
        fields.insert("grpc-message", HeaderValue::from_bytes(&encoded).expect("it is ASCII"));
    }
    for (name, value) in metadata {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("it is a name");
        fields.append(name, HeaderValue::from_str(value).expect("it is text"));
    }
    fields
}
