//! The end of a server, and a beginning that fails.

use crate::client::{PATIENCE, get, post};
use crate::house::{House, options};
use crate::pictures::png;
use crate::socket::Socket;
use samovar_engines::Gate;
use samovar_runtime::{Registry, RegistryOptions};
use samovar_server::{Metrics, Server, ServerError, ServerOptions};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_accepted_is_finished_and_streams_are_told() {
    let mut house = House::fake(options().limits).await;
    let address = house.address;
    let mut idle = Socket::ready(address, "").await;
    let mut busy_stream = Socket::ready(address, "").await;
    let gate = Gate::closed();
    house.fake.hold_runs(&gate);
    busy_stream.frame(png(8, 8, 1)).await;
    gate.wait_for(1);
    let busy: Vec<_> =
        (0..6).map(|seed| tokio::spawn(async move { post(address, "/v1/detect", &png(8, 8, seed)).await })).collect();
    while house.registry.device_stats().waiting.iter().sum::<usize>() < 5 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    house.shutdown.drain();
    assert_eq!(idle.close_code().await, 1001);
    while TcpStream::connect(address).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    gate.open();
    for answer in busy {
        assert_eq!(answer.await.unwrap().status, 200, "accepted work is finished");
    }
    assert_eq!(busy_stream.event().await["type"], "result", "its frame is finished first");
    assert_eq!(busy_stream.close_code().await, 1001);
    (&mut house.served).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_turns_first_and_requests_are_still_taken() {
    let house = House::fake_with(ServerOptions { drain_delay: Duration::from_secs(20), ..options() }, true).await;
    house.shutdown.drain();
    while get(house.address, "/health/ready").await.status == 200 {
        tokio::task::yield_now().await;
    }
    let ready = get(house.address, "/health/ready").await;
    assert_eq!((ready.status, &ready.json()["status"]), (503, &"draining".into()));
    assert_eq!(post(house.address, "/v1/detect", &png(8, 8, 1)).await.status, 200);
    assert_eq!(get(house.address, "/health/live").await.status, 200);
}

/// With hours of delay this ends only because it is skipped, before the delay begins or during it.
#[tokio::test(flavor = "multi_thread")]
async fn the_delay_can_be_skipped() {
    for begun in [false, true] {
        let delay = ServerOptions { drain_delay: Duration::from_secs(7_200), ..options() };
        let mut house = House::fake_with(delay, true).await;
        if begun {
            house.shutdown.drain();
            while get(house.address, "/health/ready").await.status == 200 {
                tokio::task::yield_now().await;
            }
        }
        house.shutdown.drain_now();
        tokio::time::timeout(PATIENCE, &mut house.served).await.expect("it ends").unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_grace_ends() {
    let mut house = House::fake_with(ServerOptions { grace: Duration::from_millis(100), ..options() }, true).await;
    let gate = Gate::closed();
    house.fake.hold_runs(&gate);
    let address = house.address;
    let mut stream = Socket::ready(address, "").await;
    stream.frame(png(8, 8, 1)).await;
    gate.wait_for(1);
    house.shutdown.drain();
    (&mut house.served).await.unwrap();
    gate.open();
}

fn bind(options: ServerOptions) -> Result<Server, ServerError> {
    let registry = Registry::start(RegistryOptions::new(Vec::new()), Vec::new()).unwrap();
    Server::bind(options, Arc::new(registry), Arc::new(Metrics::new()))
}

#[tokio::test]
async fn a_taken_port_is_named_with_the_cure() {
    let first = bind(options()).unwrap();
    let error = bind(ServerOptions { address: first.local_addr(), ..options() }).err().unwrap();
    assert_eq!(error.code(), "port_taken");
    let sentence = error.to_string();
    assert!(sentence.contains(&first.local_addr().port().to_string()) && sentence.contains("--port"), "{sentence}");
}

#[tokio::test]
async fn other_machines_are_served_only_on_purpose() {
    let everywhere = ServerOptions { address: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)), ..options() };
    assert_eq!(bind(everywhere.clone()).err().unwrap().code(), "address_exposed");
    assert!(bind(ServerOptions { insecure: true, ..everywhere }).is_ok());
    let elsewhere = ServerOptions { address: SocketAddr::from(([192, 0, 2, 1], 0)), insecure: true, ..options() };
    assert_eq!(bind(elsewhere).err().unwrap().code(), "no_such_address");
}
