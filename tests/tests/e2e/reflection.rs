//! Server reflection, both versions: what is served, and the files that define it.

use prism_tests::{Launch, Proxy};
use prost::Message;
use prost_types::FileDescriptorProto;

const SERVICE: &str = "prism.interfaces.keyvalue.KeyValueBasicInterface";

/// What an answer holds, the same for both versions.
#[derive(Debug, PartialEq)]
enum Answer {
    Services(Vec<String>),
    Files(Vec<FileDescriptorProto>),
    Error(i32, String),
}

/// What a request asks for, the same for both versions.
enum Question<'a> {
    Services,
    Symbol(&'a str),
    File(&'a str),
}

fn files(encoded: &[impl AsRef<[u8]>]) -> Answer {
    Answer::Files(encoded.iter().map(|file| FileDescriptorProto::decode(file.as_ref()).unwrap()).collect())
}

/// Puts questions to one version of the service, all on one stream, and hands back the answers in their order.
macro_rules! ask {
    ($name:ident, $version:ident) => {
        async fn $name(proxy: &Proxy, questions: &[Question<'_>]) -> Vec<Answer> {
            use messages::server_reflection_request::MessageRequest;
            use messages::server_reflection_response::MessageResponse;
            use prism_tests::clients::grpc::reflection::$version::server_reflection_client::ServerReflectionClient;
            use prism_tests::messages::grpc::reflection::$version as messages;

            let request = |question: &Question<'_>| messages::ServerReflectionRequest {
                host: String::new(),
                message_request: Some(match question {
                    Question::Services => MessageRequest::ListServices(String::new()),
                    Question::Symbol(name) => MessageRequest::FileContainingSymbol((*name).to_owned()),
                    Question::File(name) => MessageRequest::FileByFilename((*name).to_owned()),
                }),
            };
            let requests: Vec<_> = questions.iter().map(request).collect();
            let mut client = ServerReflectionClient::new(proxy.channel().await);
            let requests = tokio_stream::iter(requests);
            let mut stream = client.server_reflection_info(requests).await.unwrap().into_inner();
            let mut answers = Vec::new();
            while let Some(response) = stream.message().await.unwrap() {
                answers.push(match response.message_response.expect("an answer has content") {
                    MessageResponse::ListServicesResponse(list) => {
                        Answer::Services(list.service.into_iter().map(|service| service.name).collect())
                    }
                    MessageResponse::FileDescriptorResponse(list) => files(&list.file_descriptor_proto),
                    MessageResponse::ErrorResponse(error) => Answer::Error(error.error_code, error.error_message),
                    other => panic!("nobody asked for {other:?}"),
                });
            }
            answers
        }
    };
}

ask!(ask_v1, v1);
ask!(ask_v1alpha, v1alpha);

async fn both(proxy: &Proxy, questions: &[Question<'_>]) -> Vec<Answer> {
    let (new, old) = (ask_v1(proxy, questions).await, ask_v1alpha(proxy, questions).await);
    assert_eq!(new, old, "the versions differ in their names only");
    assert_eq!(new.len(), questions.len(), "each question has one answer");
    new
}

#[tokio::test]
async fn every_service_is_listed() {
    let proxy = Launch::shards(1).start();
    let answers = both(&proxy, &[Question::Services]).await;
    let [Answer::Services(services)] = &answers[..] else { panic!("{answers:?}") };
    let expected = [
        SERVICE,
        "prism.interfaces.keyvalue.KeyValueBatchInterface",
        "prism.interfaces.keyvalue.KeyValueScanInterface",
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    ];
    for service in expected {
        assert!(services.iter().any(|listed| listed == service), "{service} is missing in {services:?}");
    }
}

#[tokio::test]
async fn a_symbol_leads_to_the_file_that_defines_it() {
    let proxy = Launch::shards(1).start();
    let method = format!("{SERVICE}.Get");
    let symbols = [SERVICE, &method, "prism.interfaces.keyvalue.GetRequest", "grpc.health.v1.HealthCheckResponse"];
    for symbol in symbols {
        let answers = both(&proxy, &[Question::Symbol(symbol)]).await;
        let [Answer::Files(files)] = &answers[..] else { panic!("{symbol}: {answers:?}") };
        let package = if symbol.starts_with("grpc") { "grpc.health.v1" } else { "prism.interfaces.keyvalue" };
        assert!(files.iter().any(|file| file.package() == package), "{symbol}");
    }
}

#[tokio::test]
async fn a_file_comes_with_what_it_imports() {
    let proxy = Launch::shards(1).start();
    let answers = both(&proxy, &[Question::Symbol(SERVICE)]).await;
    let [Answer::Files(files)] = &answers[..] else { panic!("{answers:?}") };
    let names: Vec<_> = files.iter().map(FileDescriptorProto::name).collect();
    let main = files.iter().find(|file| file.service.iter().any(|service| service.name() == "KeyValueBasicInterface"));
    let main = main.expect("the file that defines the service is among them");
    for import in &main.dependency {
        // A client asks for what is missing, so either will do; it has to be there.
        if !names.contains(&import.as_str()) {
            let answers = both(&proxy, &[Question::File(import)]).await;
            assert!(matches!(&answers[..], [Answer::Files(_)]), "{import}: {answers:?}");
        }
    }
    let answers = both(&proxy, &[Question::File(main.name())]).await;
    let [Answer::Files(by_name)] = &answers[..] else { panic!("{answers:?}") };
    assert!(by_name.contains(main), "by its name it is the same file");
}

#[tokio::test]
async fn what_is_not_known_is_an_error_and_the_stream_goes_on() {
    let proxy = Launch::shards(1).start();
    let questions = [Question::Symbol("no.such.Symbol"), Question::File("no/such.proto"), Question::Services];
    let answers = both(&proxy, &questions).await;
    for answer in &answers[..2] {
        let Answer::Error(code, message) = answer else { panic!("{answer:?}") };
        assert_eq!(*code, tonic::Code::NotFound as i32);
        assert!(message.contains("no"), "it says what it did not find: {message}");
    }
    assert!(matches!(answers[2], Answer::Services(_)), "{answers:?}");
}
