//! Traces: the spans of a request at a collector that speaks OTLP, and a server that does not care whether there is one.

use crate::client::{PATIENCE, post, post_with};
use crate::house::{House, options};
use crate::pictures::png;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::trace::v1::Span;
use samovar_server::{ServerOptions, TelemetrySettings};
use std::net::{Ipv4Addr, SocketAddr};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tonic::{Request, Response, Status};

/// A collector that keeps what it is told.
struct Collector(mpsc::UnboundedSender<Span>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let scopes = request.into_inner().resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
        scopes.flat_map(|scope| scope.spans).for_each(|span| self.0.send(span).unwrap());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

async fn collector() -> (SocketAddr, mpsc::UnboundedReceiver<Span>) {
    let (sender, spans) = mpsc::unbounded_channel();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = tonic::service::Routes::new(TraceServiceServer::new(Collector(sender)));
    tokio::spawn(async move { axum::serve(listener, service.into_axum_router()).await });
    (address, spans)
}

fn traced(collector: SocketAddr, sample_ratio: f64) -> ServerOptions {
    let endpoint = format!("http://{collector}");
    let telemetry = TelemetrySettings { endpoint, service_name: "test".to_owned(), sample_ratio };
    ServerOptions { telemetry: Some(telemetry), ..options() }
}

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_told_as_six_spans_below_the_clients_own() {
    let (address, mut spans) = collector().await;
    // Nothing is traced by chance; the client has decided.
    let house = House::fake_with(traced(address, 0.0), true).await;
    let untraced = post(house.address, "/v1/detect", &png(8, 8, 1)).await;
    assert_eq!(untraced.status, 200, "{}", untraced.text());
    let header = format!("traceparent: {PARENT}\r\nx-request-id: abc\r\n");
    assert_eq!(post_with(house.address, "/v1/detect", &header, &png(8, 8, 1)).await.status, 200);
    let mut told = Vec::new();
    while told.len() < 6 {
        told.push(timeout(PATIENCE, spans.recv()).await.expect("spans arrive").unwrap());
    }
    let root = told.iter().find(|span| span.name == "POST /v1/detect").expect("the request's own span");
    assert_eq!(root.parent_span_id, [0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31]);
    let trace = u128::from_str_radix(PARENT.split('-').nth(1).unwrap(), 16).unwrap().to_be_bytes();
    let mut at = root.start_time_unix_nano;
    for name in ["queue", "batch", "prepare", "infer", "finish"] {
        let span = told.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no span {name}"));
        assert_eq!((&*span.trace_id, &span.parent_span_id), (&trace[..], &root.span_id), "{name}");
        assert!(at <= span.start_time_unix_nano && span.start_time_unix_nano <= span.end_time_unix_nano, "{name}");
        at = span.start_time_unix_nano;
        assert!(span.end_time_unix_nano <= root.end_time_unix_nano, "{name}");
    }
    assert!(root.attributes.iter().any(|attribute| attribute.key == "samovar.request_id"));
    house.shutdown.drain_now();
    assert!(spans.try_recv().is_err(), "the other request was not traced");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_collector_spans_are_dropped_and_counted() {
    let gone = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap();
    let house = House::fake_with(traced(gone, 1.0), true).await;
    for _ in 0..20 {
        assert_eq!(post(house.address, "/v1/detect", &png(8, 8, 1)).await.status, 200);
    }
    house.until("samovar_trace_spans_dropped_total", |dropped| dropped >= 120.0).await;
}
