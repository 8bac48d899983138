//! grpc.health.v1: the process, its services and its namespaces.

use prism_tests::clients::grpc::health::v1::health_client::HealthClient;
use prism_tests::messages::grpc::health::v1::health_check_response::ServingStatus;
use prism_tests::messages::grpc::health::v1::{HealthCheckRequest, HealthListRequest};
use prism_tests::{Launch, Proxy};
use tonic::Code;
use tonic::transport::Channel;

const SERVED: [&str; 9] = [
    "",
    "prism.interfaces.keyvalue.KeyValueBasicInterface",
    "prism.interfaces.keyvalue.KeyValueBatchInterface",
    "prism.interfaces.keyvalue.KeyValueScanInterface",
    "prism.interfaces.keyvalue.KeyValueTTLInterface",
    "prism.interfaces.list.ListBasicInterface",
    "prism.interfaces.pubsub.PubSubBasicInterface",
    "prism.interfaces.stream.StreamBasicInterface",
    "namespace:default",
];

async fn start() -> (Proxy, HealthClient<Channel>) {
    let proxy = Launch::shards(2).start();
    let client = HealthClient::new(proxy.channel().await);
    (proxy, client)
}

fn request(service: &str) -> HealthCheckRequest {
    HealthCheckRequest { service: service.to_owned() }
}

#[tokio::test]
async fn what_serves_says_so() {
    let (_proxy, mut client) = start().await;
    for service in SERVED {
        let response = client.check(request(service)).await.unwrap().into_inner();
        assert_eq!(response.status(), ServingStatus::Serving, "{service:?}");
    }
}

#[tokio::test]
async fn an_unknown_name_is_not_found() {
    let (_proxy, mut client) = start().await;
    for service in ["no.such.Service", "namespace:nowhere", "default"] {
        let status = client.check(request(service)).await.unwrap_err();
        assert_eq!(status.code(), Code::NotFound, "{service}: {}", status.message());
    }
}

#[tokio::test]
async fn the_list_has_every_name() {
    let (_proxy, mut client) = start().await;
    let statuses = client.list(HealthListRequest {}).await.unwrap().into_inner().statuses;
    for service in SERVED {
        let status = statuses.get(service).unwrap_or_else(|| panic!("{service:?} is missing in {statuses:?}"));
        assert_eq!(status.status(), ServingStatus::Serving, "{service:?}");
    }
}

// Two threads: the client answers while the test waits for the process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_tells_the_state_and_its_change() {
    let (mut proxy, mut client) = start().await;
    let mut watches = Vec::new();
    for service in SERVED {
        let mut watch = client.watch(request(service)).await.unwrap().into_inner();
        let first = watch.message().await.unwrap().expect("the state comes at once");
        assert_eq!(first.status(), ServingStatus::Serving, "{service:?}");
        watches.push(watch);
    }
    let mut unknown = client.watch(request("no.such.Service")).await.unwrap().into_inner();
    let first = unknown.message().await.unwrap().expect("the state comes at once");
    assert_eq!(first.status(), ServingStatus::ServiceUnknown);

    proxy.signal("TERM");
    for mut watch in watches {
        let next = watch.message().await.unwrap().expect("a drain is a change");
        assert_eq!(next.status(), ServingStatus::NotServing);
    }
    drop(unknown);
    assert_eq!(proxy.wait().code(), Some(0), "{}", proxy.log());
}
