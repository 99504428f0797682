//! Requests of the store, sent by the HTTP client that all data is fetched by.

use std::io::{self, Read as _};
use std::time::Duration;

use async_trait::async_trait;
use bacalhau_http::{Client, HttpError, MinRateBody};
use http_body_util::BodyExt as _;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError as StoreError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use ureq::http::{Method, Request, Response};

/// Maximum size of an answer: a part of an object, or a page of a listing.
const MAX_ANSWER_BYTES: u64 = 64 << 20;

/// Sends requests by `client`.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    pub(crate) client: Client,
    /// The longest silence of a server.
    pub(crate) patience: Duration,
}

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Connector {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, StoreError> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let connector = self.clone();
        let sent = tokio::task::spawn_blocking(move || connector.send(Request::from_parts(parts, body)));
        sent.await.map_err(|error| StoreError::new(HttpErrorKind::Unknown, error))?
    }
}

impl Connector {
    fn send(&self, request: Request<bytes::Bytes>) -> Result<HttpResponse, StoreError> {
        let (parts, body) = request.into_parts();
        let answer = if body.is_empty() && !matches!(parts.method, Method::PUT | Method::POST) {
            self.client.send(Request::from_parts(parts, ()))
        } else {
            self.client.send(Request::from_parts(parts, &body[..]))
        };
        let answer = answer.map_err(failed)?;
        let (head, body) = answer.into_parts();
        let mut bytes = Vec::new();
        let read = MinRateBody::new(body, self.patience).take(MAX_ANSWER_BYTES + 1).read_to_end(&mut bytes);
        read.map_err(|error| StoreError::new(HttpErrorKind::Interrupted, error))?;
        if bytes.len() as u64 > MAX_ANSWER_BYTES {
            let why = io::Error::other(format!("the answer is larger than {MAX_ANSWER_BYTES} bytes"));
            return Err(StoreError::new(HttpErrorKind::Decode, why));
        }
        Ok(Response::from_parts(head, bytes.into()))
    }
}

/// Errors of the network are tried again, others are not.
fn failed(error: HttpError) -> StoreError {
    let kind = match &error {
        HttpError::Failed(_) => HttpErrorKind::Connect,
        HttpError::Silent(_) | HttpError::Slow(_) => HttpErrorKind::Timeout,
        HttpError::Status { .. } | HttpError::Unusable(_) | HttpError::Refused(_) => HttpErrorKind::Unknown,
    };
    StoreError::new(kind, error)
}
