//! The engine's `otap` exporter against a server of OTAP: what arrives there, and what becomes of
//! each of its answers.

mod common;

use common::cases::cases_of;
use common::otlp::{Log, request};
use common::{End, PATIENCE, Setup};
use otel_arrow_dfe_pdata::otap::{Logs, from_record_messages};
use otel_arrow_dfe_pdata::proto::opentelemetry::arrow::v1::arrow_logs_service_server::{
    ArrowLogsService, ArrowLogsServiceServer,
};
use otel_arrow_dfe_pdata::proto::opentelemetry::arrow::v1::{
    BatchArrowRecords, BatchStatus, StatusCode,
};
use otel_arrow_dfe_pdata::{Consumer, OtapArrowRecords, OtlpProtoBytes, TryFromWithOptions};
use std::net::TcpListener;
use std::sync::mpsc;
use std::time::Duration;
use strait_component::Kind;
use strait_engine::Class;
use tonic::codegen::tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};

/// Answers with the codes that it is given in turn, and hands on what came.
struct Destination {
    answers: Vec<StatusCode>,
    came: mpsc::Sender<OtapArrowRecords>,
}

#[tonic::async_trait]
impl ArrowLogsService for Destination {
    type ArrowLogsStream = ReceiverStream<Result<BatchStatus, Status>>;

    async fn arrow_logs(
        &self,
        request: Request<Streaming<BatchArrowRecords>>,
    ) -> Result<Response<Self::ArrowLogsStream>, Status> {
        let (mut stream, came) = (request.into_inner(), self.came.clone());
        let (answers, taken) = tokio::sync::mpsc::channel(1);
        let mut codes = self.answers.clone().into_iter();
        drop(tokio::spawn(async move {
            let mut consumer = Consumer::default();
            while let Ok(Some(mut batch)) = stream.message().await {
                let messages = consumer.consume_bar(&mut batch).expect("OTAP");
                let logs = from_record_messages::<Logs>(messages).expect("logs");
                came.send(OtapArrowRecords::Logs(logs)).expect("a test");
                let status = BatchStatus {
                    batch_id: batch.batch_id,
                    status_code: codes.next().unwrap_or(StatusCode::Ok).into(),
                    status_message: "the destination's own words".into(),
                };
                if answers.send(Ok(status)).await.is_err() {
                    return;
                }
            }
        }));
        Ok(Response::new(ReceiverStream::new(taken)))
    }
}

/// The same as OTLP, which has plain ids.
fn plainly(records: OtapArrowRecords) -> OtlpProtoBytes {
    OtlpProtoBytes::try_from_with_default(records).expect("logs")
}

// Guarantees: every batch arrives whole, over one stream, whichever way it came; the destination's
// answer to it is its caller's, to be tried again or not, and the next batch is sent all the same.
#[test]
fn a_destination_gets_whole_batches_and_is_heard() {
    use StatusCode::{InvalidArgument, Ok, ResourceExhausted, Unavailable};
    let answers = vec![Ok, Unavailable, Ok, InvalidArgument, ResourceExhausted, Ok];
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let (came, arrived) = mpsc::channel();
    let destination = Destination {
        answers: answers.clone(),
        came,
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = Server::builder()
        .add_service(
            ArrowLogsServiceServer::new(destination)
                .accept_compressed(tonic::codec::CompressionEncoding::Zstd),
        )
        .serve(address);
    let serving = runtime.spawn(server);
    let folder = tempfile::tempdir().unwrap();
    let case = cases_of(Kind::Exporter).find(|case| case.node == "otap");
    let unit = case
        .expect("a case")
        .exporter(folder.path(), &address.to_string());
    let mut host = Setup::new(unit).start();
    let mut calls = Vec::new();
    for (n, answer) in answers.into_iter().enumerate() {
        // One attribute each: OTAP keeps no order of several.
        let log = |i: i64| match (Log::new(&format!("{n} {i}")), i % 2) {
            (log, 0) => log.string("a", &i.to_string()),
            (log, _) => log.int("n", i),
        };
        let logs: Vec<_> = (0..=n as i64 * 100).map(log).collect();
        let otlp = request(&logs);
        let call = host.call(&otlp);
        let end = host.end(call);
        let sent = OtlpProtoBytes::ExportLogsRequest(otlp.into());
        let sent = OtapArrowRecords::try_from_with_default(sent).unwrap();
        let got = arrived.recv_timeout(PATIENCE).expect("a batch");
        assert_eq!(plainly(got).as_bytes(), plainly(sent).as_bytes());
        match (end, answer) {
            (End::Acked, Ok) => {}
            (End::Failed(failure), answer) if answer != Ok => {
                let permanent = answer == InvalidArgument;
                let class = if permanent {
                    Class::Permanent
                } else {
                    Class::Retryable
                };
                assert_eq!(failure.class, class, "{answer:?}: {failure}");
                assert_eq!(failure.component, "otap/0");
            }
            (end, answer) => panic!("{end:?} for {answer:?}"),
        }
        calls.push(call);
    }
    host.finish(&calls, Duration::from_secs(10));
    serving.abort();
}
