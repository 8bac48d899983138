//! A client on the `h2` crate: legal HTTP/2, and full control over what gRPC puts into it.

use bytes::{BufMut, Bytes, BytesMut};
use h2::client::{self, ResponseFuture, SendRequest};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic::codegen::http::{self, HeaderMap};

use crate::answer::{Answer, messages};
use crate::wait::PATIENCE;

/// A connection; clones share it.
#[derive(Debug, Clone)]
pub struct Caller {
    send: SendRequest<Bytes>,
}

/// A request as a test wants it, right or wrong.
#[derive(Debug, Clone)]
pub struct Request {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Bytes,
}

impl Request {
    /// A call with the usual headers and one message.
    pub fn unary(path: &str, message: &[u8]) -> Self {
        let headers = [("content-type", "application/grpc"), ("te", "trailers")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Self { method: "POST".to_owned(), path: path.to_owned(), headers, body: prefixed(0, message) }
    }

    /// Sets a header, in place of one of the same name.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self = self.without(name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Leaves a header away.
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(present, _)| present != name);
        self
    }

    /// Another HTTP method than POST.
    pub fn method(mut self, method: &str) -> Self {
        method.clone_into(&mut self.method);
        self
    }

    /// These bytes for a body, in place of the message with its prefix.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }
}

/// A message behind its prefix: the flag that says whether it is compressed, and its length.
pub fn prefixed(flag: u8, message: &[u8]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(5 + message.len());
    bytes.put_u8(flag);
    bytes.put_u32(u32::try_from(message.len()).expect("a message is shorter than 4 GiB"));
    bytes.put_slice(message);
    bytes.freeze()
}

impl Caller {
    /// Connects over TCP.
    ///
    /// # Errors
    /// When the connection or its handshake fails.
    pub async fn connect(address: &str) -> Result<Self, h2::Error> {
        let stream = TcpStream::connect(address).await.map_err(|_| h2::Reason::CONNECT_ERROR)?;
        stream.set_nodelay(true).expect("the option can be set");
        Self::over(stream).await
    }

    /// Speaks over any stream of bytes.
    ///
    /// # Errors
    /// When the handshake fails.
    pub async fn over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Result<Self, h2::Error> {
        let mut builder = client::Builder::new();
        builder.initial_window_size(1 << 20).initial_connection_window_size(8 << 20);
        let (send, connection) = builder.handshake(stream).await?;
        // It ends with an error when the proxy goes; the calls on it tell.
        tokio::spawn(connection);
        Ok(Self { send })
    }

    /// Makes a call and waits for its whole answer.
    ///
    /// # Errors
    /// When the connection or the stream ended before.
    ///
    /// # Panics
    /// When neither an answer nor an end comes within a minute.
    pub async fn call(&self, request: &Request) -> Result<Answer, h2::Error> {
        let answered = async { read(self.begin(request).await?).await };
        match timeout(PATIENCE, answered).await {
            Ok(outcome) => outcome,
            Err(_) => panic!("no answer to {} for {PATIENCE:?}", request.path),
        }
    }

    /// Sends a request; the answer is read later.
    ///
    /// # Errors
    /// When no stream can be opened any more.
    pub async fn begin(&self, request: &Request) -> Result<ResponseFuture, h2::Error> {
        let mut builder = http::Request::builder().method(request.method.as_str());
        builder = builder.uri(format!("http://localhost{}", request.path));
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        let head = builder.body(()).expect("the test makes a legal head");
        let mut ready = self.send.clone().ready().await?;
        let (response, mut stream) = ready.send_request(head, request.body.is_empty())?;
        if !request.body.is_empty() {
            stream.send_data(request.body.clone(), true)?;
        }
        Ok(response)
    }
}

/// Reads an answer to its end.
async fn read(response: ResponseFuture) -> Result<Answer, h2::Error> {
    let (head, mut body) = response.await?.into_parts();
    let mut bytes = BytesMut::new();
    while let Some(data) = body.data().await {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        bytes.extend_from_slice(&data);
    }
    let trailers: HeaderMap = body.trailers().await?.unwrap_or_else(|| head.headers.clone());
    let is_grpc = head.status.as_u16() == 200;
    let messages = if is_grpc { messages(bytes.freeze()) } else { Vec::new() };
    Ok(Answer { http_status: head.status.as_u16(), headers: head.headers, messages, trailers })
}
