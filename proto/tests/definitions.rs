//! The rules that every definition keeps, and that reflection is told all that is served and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use prism_proto::messages::DESCRIPTORS;
use prism_proto::method::{METHODS, SERVICES};
use prost::Message;
use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, FileDescriptorProto, FileDescriptorSet};

fn files() -> Vec<FileDescriptorProto> {
    FileDescriptorSet::decode(DESCRIPTORS).expect("the generator wrote a valid set").file
}

/// Every message of the set by its full name, with a leading dot as in a method's types.
fn messages(files: &[FileDescriptorProto]) -> BTreeMap<String, &DescriptorProto> {
    let of_file = |file: &'_ FileDescriptorProto| format!(".{}", file.package());
    files
        .iter()
        .flat_map(|file| file.message_type.iter().map(move |message| (of_file(file), message)))
        .map(|(package, message)| (format!("{package}.{}", message.name()), message))
        .collect()
}

#[test]
fn imports_come_first() {
    let mut seen = BTreeSet::new();
    for file in files() {
        for import in &file.dependency {
            assert!(seen.contains(import), "{} imports {import}, which does not come before it", file.name());
        }
        assert!(seen.insert(file.name().to_owned()), "{} comes twice", file.name());
    }
}

#[test]
fn what_is_described_is_what_is_served() {
    let files = files();
    let mut services = BTreeSet::new();
    let mut paths = BTreeMap::new();
    for file in &files {
        for service in &file.service {
            let name = format!("{}.{}", file.package(), service.name());
            for method in &service.method {
                let shape = (method.client_streaming(), method.server_streaming());
                paths.insert(format!("/{name}/{}", method.name()), shape);
            }
            services.insert(name);
        }
    }
    assert_eq!(services, SERVICES.iter().map(|service| service.name.to_owned()).collect());
    let shape = |method: &prism_proto::method::Method| (method.client_streaming, method.server_streaming);
    assert_eq!(paths, METHODS.iter().map(|method| (method.path.to_owned(), shape(method))).collect());
    assert!(!services.iter().any(|name| name.contains("Lifecycle")), "plugins serve that one");
}

#[test]
fn every_data_request_has_its_namespace_in_field_15() {
    let files = files();
    let messages = messages(&files);
    let own = files.iter().filter(|file| file.package().starts_with("prism."));
    let requests: Vec<_> = own
        .flat_map(|file| &file.service)
        .flat_map(|service| &service.method)
        .map(|method| method.input_type())
        .collect();
    assert!(!requests.is_empty());
    for request in requests {
        let namespace = messages[request].field.iter().find(|field| field.number() == 15);
        let namespace = namespace.unwrap_or_else(|| panic!("{request} has no field 15"));
        assert_eq!((namespace.name(), namespace.r#type()), ("namespace", Type::String), "{request}");
    }
}

#[test]
fn every_message_and_rpc_is_explained() {
    // In the paths of source information 4 is a file's messages, 6 its services, 2 their fields and methods.
    for file in files() {
        let info = file.source_code_info.as_ref().expect("comments are kept");
        let explained: BTreeSet<&[i32]> = info.location.iter().map(|location| location.path.as_slice()).collect();
        let check =
            |path: &[i32], name: &str| assert!(explained.contains(path), "{}: {name} is not explained", file.name());
        for (index, message) in (0..).zip(&file.message_type) {
            check(&[4, index], message.name());
            for (field, descriptor) in (0..).zip(&message.field) {
                check(&[4, index, 2, field], descriptor.name());
            }
        }
        for (index, service) in (0..).zip(&file.service) {
            check(&[6, index], service.name());
            for (method, descriptor) in (0..).zip(&service.method) {
                check(&[6, index, 2, method], descriptor.name());
            }
        }
    }
}
