//! The independent client: the h2 crate, with settings and habits at random.

use std::collections::VecDeque;
use std::task::Poll;

use bytes::Bytes;
use h2::client::{Builder, Connection, SendRequest};
use h2::{Ping, RecvStream, SendStream};
use prism_tests::Random;
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tokio::task::{JoinSet, yield_now};
use tonic::codegen::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Version};

use crate::model::{Outcome, Received};
use crate::script::{End, Metadata, Script, any_magnitude};

/// The client's settings, and what it does to them meanwhile.
#[derive(Debug, Clone)]
pub(crate) struct Habits {
    pub(crate) window_bytes: u32,
    pub(crate) connection_window_bytes: u32,
    pub(crate) frame_bytes_max: u32,
    pub(crate) header_table_bytes: u32,
    /// Initial windows and connection windows that follow one another.
    pub(crate) changes: VecDeque<Change>,
}

/// Something that the client does to its connection.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Change {
    InitialWindow(u32),
    ConnectionWindow(u32),
}

async fn pause(random: &mut Random, turns_max: u64) {
    for _ in 0..random.below(turns_max) {
        yield_now().await;
    }
}

/// How a client's connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    Well,
    /// The h2 crate has reset a stream whose HEADERS it dropped unsent, which the server has
    /// to answer with the end of the connection.
    ResetIdle,
}

/// Holds all the conversation's calls; their outcomes, in the order of the scripts.
pub(crate) async fn converse(
    stream: DuplexStream,
    scripts: &[Script],
    habits: Habits,
    mut random: Random,
) -> (Vec<Outcome>, Ended) {
    let (requests, mut connection) = Builder::new()
        .initial_window_size(habits.window_bytes)
        .initial_connection_window_size(habits.connection_window_bytes)
        .max_frame_size(habits.frame_bytes_max)
        .header_table_size(habits.header_table_bytes)
        .initial_max_send_streams(random.below(40) as usize + 1)
        .handshake::<_, Bytes>(stream)
        .await
        .expect("the client's half of a handshake cannot fail");
    let mut pings = connection.ping_pong().expect("it is asked for once");
    let (changes, received) = mpsc::unbounded_channel();
    let connection = tokio::spawn(run(connection, received));
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
    let mut calls = JoinSet::new();
    for (at, script) in scripts.iter().enumerate() {
        let (requests, script, mut own) = (requests.clone(), script.clone(), random.fork(at as u64 + 2));
        calls.spawn(async move {
            pause(&mut own, 80).await;
            (at, Caller { random: own, script }.call(requests).await)
        });
        if random.below(3) == 0 {
            pause(&mut random, 10).await;
        }
    }
    drop(requests);
    let mut outcomes: Vec<Option<Outcome>> = scripts.iter().map(|_| None).collect();
    while let Some(call) = calls.join_next().await {
        let (at, outcome) = call.expect("a call fails with its conversation");
        outcomes[at] = Some(outcome);
    }
    meddler.await.expect("the pings do not fail");
    let ended = connection.await.expect("the connection does not panic");
    (outcomes.into_iter().map(|outcome| outcome.expect("every call ends")).collect(), ended)
}

/// Drives the connection and changes it when told to.
async fn run(mut connection: Connection<DuplexStream, Bytes>, mut changes: mpsc::UnboundedReceiver<Change>) -> Ended {
    let mut due = None;
    let mut changes_come = true;
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
            ended = &mut connection => {
                let Err(error) = ended else { return Ended::Well };
                if is_reset_idle(&error) {
                    return Ended::ResetIdle;
                }
                assert!(error.is_io() || is_no_error(&error), "the connection failed: {error}");
                return Ended::Well;
            }
            // The change before has not been acknowledged.
            () = yield_now(), if due.is_some() => {}
        }
    }
}

fn is_no_error(error: &h2::Error) -> bool {
    error.reason() == Some(h2::Reason::NO_ERROR)
}

fn is_reset_idle(error: &h2::Error) -> bool {
    error.is_go_away() && error.is_remote() && error.to_string().contains("RST_STREAM on an idle stream")
}

/// One call.
struct Caller {
    random: Random,
    script: Script,
}

impl Caller {
    async fn call(self, requests: SendRequest<Bytes>) -> Outcome {
        let mut requests = match requests.ready().await {
            Ok(requests) => requests,
            Err(error) => return gone_away(&error),
        };
        let mut request = Request::builder().method(Method::POST).version(Version::HTTP_2);
        request = request.uri(format!("http://localhost{}", self.script.path));
        request = request.header("te", "trailers").header("content-type", "application/grpc");
        for (name, value) in &self.script.metadata {
            request = request.header(name, value);
        }
        let request = request.body(()).expect("the request is well formed");
        let body = self.script.body();
        let ends_at_once = body.is_empty() && self.script.end == End::WithData;
        let (response, stream) = match requests.send_request(request, ends_at_once) {
            Ok(sent) => sent,
            Err(error) => return gone_away(&error),
        };
        drop(requests);
        let mut received = Received::default();
        let sending = Sending { random: self.random.fork(1), end: self.script.end, ends_at_once };
        let mut steps = self.script.cancel_after;
        let outcome = {
            let answer = receive(response, &mut received, self.random.fork(2));
            let answered = async {
                let (stream, answered) = tokio::join!(sending.send(stream, body), answer);
                drop(stream);
                answered
            };
            tokio::pin!(answered);
            std::future::poll_fn(|context| {
                if let Some(left) = &mut steps {
                    if *left == 0 {
                        return Poll::Ready(None);
                    }
                    *left -= 1;
                }
                answered.as_mut().poll(context).map(Some)
            })
            .await
        };
        match outcome {
            // Dropping both halves of a stream cancels it.
            None => Outcome::Cancelled(received),
            Some(Ok(())) => {
                received.has_ended = true;
                Outcome::Answered(received)
            }
            Some(Err(error)) => gone_away(&error),
        }
    }
}

/// Only the end of the whole connection may keep a call from its answer; whether it was due is looked at later.
fn gone_away(error: &h2::Error) -> Outcome {
    let is_graceful = error.is_go_away() && error.is_remote() && is_no_error(error);
    assert!(is_graceful || error.is_io() || is_reset_idle(error), "a call failed: {error:?}");
    Outcome::GoneAway
}

/// The request's side of a call.
struct Sending {
    random: Random,
    end: End,
    ends_at_once: bool,
}

impl Sending {
    /// Sends the body in pieces; what goes wrong shows on the other side. The stream lives until the answer is here.
    async fn send(mut self, mut stream: SendStream<Bytes>, body: Vec<u8>) -> SendStream<Bytes> {
        if self.ends_at_once {
            return stream;
        }
        let mut rest = Bytes::from(body);
        let waits_for_capacity = self.random.below(2) == 0;
        let piece_bytes_max = any_magnitude(&mut self.random, 17);
        while !rest.is_empty() {
            let mut piece = 1 + self.random.below(piece_bytes_max.max(rest.len() / 20) as u64) as usize;
            piece = piece.min(rest.len());
            if waits_for_capacity {
                stream.reserve_capacity(piece);
                match std::future::poll_fn(|context| stream.poll_capacity(context)).await {
                    Some(Ok(capacity)) => piece = piece.min(capacity),
                    _ => return stream,
                }
            }
            if self.random.below(3) == 0 {
                pause(&mut self.random, 6).await;
            }
            let part = rest.split_to(piece);
            if stream.send_data(part, rest.is_empty() && self.end == End::WithData).is_err() {
                return stream;
            }
        }
        pause(&mut self.random, 4).await;
        let _over = match self.end {
            End::WithData => Ok(()),
            End::EmptyData => stream.send_data(Bytes::new(), true),
            End::Trailers => {
                let mut trailers = HeaderMap::new();
                trailers.insert("x-trailer", HeaderValue::from_static("of the request"));
                stream.send_trailers(trailers)
            }
        };
        stream
    }
}

async fn receive(
    response: h2::client::ResponseFuture,
    received: &mut Received,
    mut random: Random,
) -> Result<(), h2::Error> {
    let (head, mut stream) = response.await?.into_parts();
    assert_eq!(head.status, 200);
    received.headers = listed(&head.headers);
    if stream.is_end_stream() {
        return Ok(());
    }
    let withholds = random.below(2) == 0;
    let mut withheld = 0;
    while let Some(data) = next(&mut stream, &mut withheld).await {
        let data = match data {
            Ok(data) => data,
            // What the server says after an answer that came before the request's end; the answer was whole.
            Err(error) if is_no_error(&error) && error.is_reset() && received.is_trailers_only() => return Ok(()),
            Err(error) => return Err(error),
        };
        received.body.extend_from_slice(&data);
        withheld += data.len();
        if !withholds || random.below(8) == 0 {
            let part = random.below(withheld as u64 + 1) as usize;
            stream.flow_control().release_capacity(part)?;
            withheld -= part;
        }
        pause(&mut random, 3).await;
    }
    if let Some(trailers) = stream.trailers().await? {
        received.trailers = listed(&trailers);
    }
    Ok(())
}

/// The next bytes; what was withheld is released when nothing comes without.
async fn next(stream: &mut RecvStream, withheld: &mut usize) -> Option<Result<Bytes, h2::Error>> {
    std::future::poll_fn(|context| {
        let polled = stream.poll_data(context);
        if polled.is_pending() && *withheld > 0 {
            // It fails only when the stream is over, which the next poll tells.
            let _over = stream.flow_control().release_capacity(std::mem::take(withheld));
        }
        polled
    })
    .await
}

fn listed(fields: &HeaderMap) -> Metadata {
    let text = |(name, value): (&HeaderName, &HeaderValue)| {
        (name.to_string(), value.to_str().expect("the answers' metadata is ASCII").to_owned())
    };
    fields.iter().map(text).collect()
}
