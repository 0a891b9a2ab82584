//! `ModelStreamInfer`: order, errors of single requests, clients that do not read, and every way to end.

use crate::client::PATIENCE;
use crate::grpc_client::inference::{
    InferParameter, ModelInferRequest, ModelStatisticsRequest, ModelStreamInferResponse,
    infer_parameter::ParameterChoice,
};
use crate::grpc_client::{Client, client, floats, identity_house, raw, row, rows_house};
use crate::house::options;
use futures_util::stream;
use samovar_engines::Gate;
use samovar_server::ServerOptions;
use samovar_service::access::{Access, CallerBounds, KeyDigest, KeySpec, Keyring, Rate, Scope, Scopes};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tonic::{Code, Request, Streaming};

/// Requests that are sent one by one; the stream stays open until the sender is dropped.
fn requests() -> (mpsc::Sender<ModelInferRequest>, impl futures_util::Stream<Item = ModelInferRequest> + Send + 'static)
{
    let (sender, receiver) = mpsc::channel(1);
    (sender, stream::unfold(receiver, |mut receiver| async { Some((receiver.recv().await?, receiver)) }))
}

async fn next(replies: &mut Streaming<ModelStreamInferResponse>) -> Option<ModelStreamInferResponse> {
    timeout(PATIENCE, replies.message()).await.expect("the server answers").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_keep_the_order_and_an_error_ends_nothing() {
    let house = rows_house(options()).await;
    let mut client = client(house.address).await;
    let mut asked: Vec<_> = (0..100).map(|number| row(&number.to_string(), [number as f32, 0.0, 0.0, 0.0])).collect();
    asked[7].model_name = "nobody".to_owned();
    let enable = InferParameter { parameter_choice: Some(ParameterChoice::BoolParam(true)) };
    for request in &mut asked {
        request.parameters.insert("triton_enable_empty_final_response".to_owned(), enable.clone());
    }
    let mut replies = client.model_stream_infer(stream::iter(asked)).await.unwrap().into_inner();
    for number in 0..100 {
        let reply = next(&mut replies).await.unwrap();
        let answer = reply.infer_response.unwrap();
        assert_eq!(answer.id, number.to_string());
        if number == 7 {
            assert!(reply.error_message.contains("model"), "{}", reply.error_message);
            continue;
        }
        assert_eq!(reply.error_message, "");
        assert_eq!(floats(&answer.raw_output_contents[0])[0], number as f32);
        assert_eq!(answer.parameters["triton_final_response"], enable);
    }
    assert!(next(&mut replies).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_statuses_gets_them() {
    let house = rows_house(options()).await;
    let mut client = client(house.address).await;
    let mut wrong = row("", [0.0; 4]);
    wrong.model_name = "nobody".to_owned();
    let mut asked = Request::new(stream::iter([row("", [0.0; 4]), wrong]));
    asked.metadata_mut().insert("triton_grpc_error", "true".parse().unwrap());
    let mut replies = client.model_stream_infer(asked).await.unwrap().into_inner();
    assert!(next(&mut replies).await.is_some());
    assert_eq!(replies.message().await.unwrap_err().code(), Code::NotFound);
}

/// Requests that have been answered so far, once that no longer changes.
async fn settled(client: &mut Client) -> u64 {
    let (mut last, mut same) = (0, 0);
    while same < 25 {
        let asked = ModelStatisticsRequest { name: "identity".to_owned(), version: String::new() };
        let told = client.model_statistics(asked).await.unwrap().into_inner().model_stats;
        let count = told[0].inference_count;
        same = if count == last && count > 0 { same + 1 } else { 0 };
        last = count;
        tokio::time::sleep(Duration::from_millis(4)).await;
    }
    last
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_runs_ahead_of_a_client_that_does_not_read() {
    const ALL: usize = 100;
    let house = identity_house().await;
    let mut other = client(house.address).await;
    let values: Vec<f32> = (0..1 << 18).map(|number| number as f32).collect();
    let asked = (0..ALL).map(move |number| raw("identity", "x", &number.to_string(), &values));
    let mut client = client(house.address).await;
    let mut replies = client.model_stream_infer(stream::iter(asked.collect::<Vec<_>>())).await.unwrap().into_inner();
    let ahead = settled(&mut other).await;
    println!("{ahead} of {ALL} requests of 1 MiB were answered to a client that reads nothing");
    assert!(ahead <= 40, "{ahead}");
    for number in 0..ALL {
        assert_eq!(next(&mut replies).await.unwrap().infer_response.unwrap().id, number.to_string());
    }
    assert!(next(&mut replies).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_takes_its_work_along() {
    let house = rows_house(options()).await;
    let warm = house.fake.counts().runs;
    let gate = Gate::closed();
    house.fake.hold_runs(&gate);
    let mut client = client(house.address).await;
    let (sender, asked) = requests();
    let replies = tokio::spawn(async move { client.model_stream_infer(asked).await });
    for number in 0..10 {
        sender.send(row(&number.to_string(), [0.0; 4])).await.unwrap();
    }
    let waiting = || house.registry.device_stats().waiting.iter().sum::<usize>();
    let wait_for = async |count| {
        let reached = timeout(PATIENCE, async {
            while waiting() != count {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        });
        assert!(reached.await.is_ok(), "{} wait", waiting());
    };
    wait_for(8).await;
    drop((replies.await, sender));
    wait_for(0).await;
    gate.open();
    assert_eq!(house.fake.counts().runs - warm, 2, "what had begun");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_at_its_deadline_and_with_the_server() {
    let house = rows_house(options()).await;
    let mut client = client(house.address).await;
    let (_sender, asked) = requests();
    let mut asked = Request::new(asked);
    asked.metadata_mut().insert("grpc-timeout", "100m".parse().unwrap());
    let mut replies = client.model_stream_infer(asked).await.unwrap().into_inner();
    let late = timeout(PATIENCE, replies.message()).await.unwrap().unwrap_err();
    assert_eq!(late.code(), Code::DeadlineExceeded);
    let (sender, asked) = requests();
    let mut replies = client.model_stream_infer(asked).await.unwrap().into_inner();
    sender.send(row("", [0.0; 4])).await.unwrap();
    assert!(next(&mut replies).await.is_some());
    house.shutdown.drain_now();
    let end = timeout(PATIENCE, replies.message()).await.unwrap().unwrap_err();
    assert_eq!(end.code(), Code::Unavailable);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_request_of_a_stream_counts_for_its_key_and_may_have_as_many_rows_as_the_key() {
    let day = Rate::new(1.0 / 86_400.0, 2);
    let bounds = CallerBounds { items_max: Some(3), ..CallerBounds::default() };
    let scopes = Scopes::default().with(Scope::Infer);
    let spec = KeySpec { scopes, rate: day, bounds, ..KeySpec::new("a", KeyDigest::of("secret")) };
    let access = Arc::new(Access::keyed(Keyring::new(&[spec]).unwrap()));
    let house = rows_house(ServerOptions { access, ..options() }).await;
    let mut many = row("many", [0.0; 4]);
    many.inputs[0].shape = vec![4, 4];
    many.raw_input_contents = vec![vec![0; 64].into()];
    let mut request = Request::new(stream::iter([row("first", [1.0; 4]), many, row("third", [1.0; 4])]));
    request.metadata_mut().insert("authorization", "Bearer secret".parse().unwrap());
    let mut replies = client(house.address).await.model_stream_infer(request).await.unwrap().into_inner();
    assert_eq!(next(&mut replies).await.unwrap().error_message, "");
    let many = next(&mut replies).await.unwrap().error_message;
    assert!(many.contains("4 items and this key may send 3"), "{many}");
    let third = next(&mut replies).await.unwrap().error_message;
    assert!(third.contains("asks more often than it may"), "{third}");
}
