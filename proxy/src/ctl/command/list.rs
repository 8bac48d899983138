//! Both ends of a list: `push`, `pop`, `len`.

use prism_proto::messages::prism::interfaces::list::{
    LengthRequest, LengthResponse, PopLeftRequest, PopLeftResponse, PopRightRequest, PopRightResponse, PushLeftRequest,
    PushLeftResponse, PushRightRequest, PushRightResponse,
};
use prism_proto::method::id;
use serde_json::json;

use super::{Args, Command, Failure, bytes_of, call, output};

/// Does one of these commands.
pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let namespace = args.namespace.clone();
    match &args.command {
        Command::Push { list, value, left } => {
            let (list_key, value) = (list.clone(), bytes_of(value)?);
            let length = if *left {
                let request = PushLeftRequest { list_key, value, namespace };
                let response: PushLeftResponse = call(args, id::LIST_BASIC_PUSH_LEFT, &request)?;
                response.new_length
            } else {
                let request = PushRightRequest { list_key, value, namespace };
                let response: PushRightResponse = call(args, id::LIST_BASIC_PUSH_RIGHT, &request)?;
                response.new_length
            };
            output::answer(args.output, &length.to_string(), &json!({ "list": list, "length": length }))
        }
        Command::Pop { list, right } => {
            let list_key = list.clone();
            let (value, found) = if *right {
                let request = PopRightRequest { list_key, namespace };
                let response: PopRightResponse = call(args, id::LIST_BASIC_POP_RIGHT, &request)?;
                (response.value, response.found)
            } else {
                let request = PopLeftRequest { list_key, namespace };
                let response: PopLeftResponse = call(args, id::LIST_BASIC_POP_LEFT, &request)?;
                (response.value, response.found)
            };
            output::value(args.output, list, found.then_some(&value[..]))?;
            let empty = || Failure::Empty { list: list.clone(), namespace: args.namespace.clone() };
            if found { Ok(()) } else { Err(empty()) }
        }
        Command::Len { list } => {
            let request = LengthRequest { list_key: list.clone(), namespace };
            let LengthResponse { length } = call(args, id::LIST_BASIC_LENGTH, &request)?;
            output::answer(args.output, &length.to_string(), &json!({ "list": list, "length": length }))
        }
        _ => Ok(()),
    }
}
