//! Server reflection, v1 and v1alpha: their messages are the same on the wire.

use std::collections::HashMap;

use prism_proto::h2::StreamRef;
use prism_proto::messages::grpc::reflection::v1::server_reflection_request::MessageRequest;
use prism_proto::messages::grpc::reflection::v1::server_reflection_response::MessageResponse;
use prism_proto::messages::grpc::reflection::v1::{
    ErrorResponse, FileDescriptorResponse, ListServiceResponse, ServerReflectionRequest, ServerReflectionResponse,
    ServiceResponse,
};
use prism_proto::method::id;
use prism_proto::status::Code;
use prost::Message as _;
use prost_types::{DescriptorProto, FileDescriptorProto, FileDescriptorSet};

use super::{Connection, send_message};
use crate::status;

/// The served schema, indexed by file and by symbol.
#[derive(Debug)]
pub(crate) struct Reflection {
    files: Vec<FileDescriptorProto>,
    by_name: HashMap<String, usize>,
    by_symbol: HashMap<String, usize>,
    services: Vec<&'static str>,
}

impl Reflection {
    /// Indexes the schema; `services` are the ones that are served.
    pub(crate) fn new(services: &[&'static str]) -> Self {
        let set = FileDescriptorSet::decode(prism_proto::messages::DESCRIPTORS)
            .expect("the committed descriptor set is a FileDescriptorSet: a test decodes it");
        let mut by_name = HashMap::new();
        let mut by_symbol = HashMap::new();
        for (index, file) in set.file.iter().enumerate() {
            by_name.insert(file.name().to_owned(), index);
            index_symbols(file, index, &mut by_symbol);
        }
        Self { files: set.file, by_name, by_symbol, services: services.to_vec() }
    }

    /// Answers one request of the stream.
    pub(crate) fn message(&self, connection: &mut Connection, stream: StreamRef, message: &[u8]) {
        let request = match ServerReflectionRequest::decode(message) {
            Ok(request) => request,
            Err(error) => {
                return connection.finish(
                    stream,
                    &status::malformed(id::REFLECTION_V1_SERVER_REFLECTION_INFO, &error),
                    &[],
                );
            }
        };
        let answer = self.answer(request.message_request.as_ref());
        let response = ServerReflectionResponse {
            valid_host: request.host.clone(),
            original_request: Some(request),
            message_response: Some(answer),
        };
        send_message(connection, stream, &response);
    }

    fn answer(&self, request: Option<&MessageRequest>) -> MessageResponse {
        match request {
            Some(MessageRequest::ListServices(_)) => {
                let service = self.services.iter().map(|name| ServiceResponse { name: (*name).to_owned() }).collect();
                MessageResponse::ListServicesResponse(ListServiceResponse { service })
            }
            Some(MessageRequest::FileByFilename(name)) => self.file(self.by_name.get(name), "file", name),
            Some(MessageRequest::FileContainingSymbol(name)) => {
                let symbol = name.trim_start_matches('.');
                self.file(self.by_symbol.get(symbol), "symbol", name)
            }
            Some(MessageRequest::FileContainingExtension(extension)) => {
                not_found("extensions of", &extension.containing_type)
            }
            Some(MessageRequest::AllExtensionNumbersOfType(name)) => not_found("extensions of", name),
            None => error(Code::InvalidArgument, "reflection: the request names nothing to look up".to_owned()),
        }
    }

    /// The file and all that it imports, so that a client needs no second request.
    fn file(&self, index: Option<&usize>, what: &str, name: &str) -> MessageResponse {
        let Some(index) = index else { return not_found(what, name) };
        let mut wanted = vec![*index];
        let mut next = 0;
        while let Some(file) = wanted.get(next).map(|at| &self.files[*at]) {
            for import in file.dependency.iter().filter_map(|import| self.by_name.get(import)) {
                if !wanted.contains(import) {
                    wanted.push(*import);
                }
            }
            next += 1;
        }
        let file_descriptor_proto = wanted.into_iter().map(|at| self.files[at].encode_to_vec()).collect();
        MessageResponse::FileDescriptorResponse(FileDescriptorResponse { file_descriptor_proto })
    }
}

fn index_symbols(file: &FileDescriptorProto, index: usize, symbols: &mut HashMap<String, usize>) {
    let package = file.package();
    let mut add = |name: String| {
        symbols.insert(name, index);
    };
    for message in &file.message_type {
        message_symbols(&qualified(package, message.name()), message, &mut add);
    }
    for kind in &file.enum_type {
        add(qualified(package, kind.name()));
    }
    for service in &file.service {
        let name = qualified(package, service.name());
        for method in &service.method {
            add(qualified(&name, method.name()));
        }
        add(name);
    }
}

fn message_symbols(name: &str, message: &DescriptorProto, add: &mut impl FnMut(String)) {
    for nested in &message.nested_type {
        message_symbols(&qualified(name, nested.name()), nested, add);
    }
    for kind in &message.enum_type {
        add(qualified(name, kind.name()));
    }
    for field in &message.field {
        add(qualified(name, field.name()));
    }
    add(name.to_owned());
}

fn qualified(scope: &str, name: &str) -> String {
    if scope.is_empty() { name.to_owned() } else { format!("{scope}.{name}") }
}

fn not_found(what: &str, name: &str) -> MessageResponse {
    error(Code::NotFound, format!("reflection: no {what} {name:?} is known here"))
}

fn error(code: Code, error_message: String) -> MessageResponse {
    MessageResponse::ErrorResponse(ErrorResponse { error_code: i32::from(code as u8), error_message })
}
