//! ListBasicInterface.

use std::collections::VecDeque;

use prism_tests::messages::prism::interfaces::keyvalue::SetRequest;
use prism_tests::messages::prism::interfaces::list::{
    LengthRequest, PopLeftRequest, PopRightRequest, PushLeftRequest, PushRightRequest,
};
use tonic::Code;

use crate::keyvalue::{delete, exists, get, set, try_get};
use crate::stand::{List, Stand, assert_fails};

pub(crate) async fn push_left(client: &mut List, key: &str, value: &[u8]) -> i64 {
    let request = PushLeftRequest { list_key: key.into(), value: value.into(), ..Default::default() };
    client.push_left(request).await.unwrap().into_inner().new_length
}

pub(crate) async fn push_right(client: &mut List, key: &str, value: &[u8]) -> i64 {
    let request = PushRightRequest { list_key: key.into(), value: value.into(), ..Default::default() };
    client.push_right(request).await.unwrap().into_inner().new_length
}

async fn pop_left(client: &mut List, key: &str) -> Option<Vec<u8>> {
    let request = PopLeftRequest { list_key: key.into(), ..Default::default() };
    let response = client.pop_left(request).await.unwrap().into_inner();
    response.found.then_some(response.value)
}

async fn pop_right(client: &mut List, key: &str) -> Option<Vec<u8>> {
    let request = PopRightRequest { list_key: key.into(), ..Default::default() };
    let response = client.pop_right(request).await.unwrap().into_inner();
    response.found.then_some(response.value)
}

async fn length(client: &mut List, key: &str) -> i64 {
    let request = LengthRequest { list_key: key.into(), ..Default::default() };
    client.length(request).await.unwrap().into_inner().length
}

pub(crate) async fn both_ends_push_and_pop(stand: &Stand) {
    let mut client = stand.list().await;
    let key = stand.name("list");
    assert_eq!(length(&mut client, &key).await, 0);
    assert_eq!(push_right(&mut client, &key, b"b").await, 1);
    assert_eq!(push_right(&mut client, &key, b"c").await, 2);
    assert_eq!(push_left(&mut client, &key, b"a").await, 3);
    assert_eq!(length(&mut client, &key).await, 3);
    assert_eq!(pop_left(&mut client, &key).await.as_deref(), Some(&b"a"[..]));
    assert_eq!(pop_right(&mut client, &key).await.as_deref(), Some(&b"c"[..]));
    assert_eq!(length(&mut client, &key).await, 1);
    assert_eq!(pop_right(&mut client, &key).await.as_deref(), Some(&b"b"[..]));
    assert_eq!(pop_right(&mut client, &key).await, None);
    assert_eq!(pop_left(&mut client, &key).await, None);
}

pub(crate) async fn an_empty_list_is_gone(stand: &Stand) {
    let (mut lists, mut keys) = (stand.list().await, stand.keyvalue().await);
    let key = stand.name("list");
    push_left(&mut lists, &key, b"").await;
    assert!(exists(&mut keys, &key).await);
    assert_eq!(pop_right(&mut lists, &key).await.as_deref(), Some(&b""[..]), "an empty element is an element");
    assert!(!exists(&mut keys, &key).await);
    assert!(!delete(&mut keys, &key).await);
    set(&mut keys, &key, b"plain").await;
    assert_eq!(get(&mut keys, &key).await.as_deref(), Some(&b"plain"[..]));
}

pub(crate) async fn types_do_not_mix(stand: &Stand) {
    let (mut lists, mut keys) = (stand.list().await, stand.keyvalue().await);
    let (plain, list) = (stand.name("plain"), stand.name("list"));
    set(&mut keys, &plain, b"v").await;
    push_left(&mut lists, &list, b"e").await;
    assert_fails(try_get(&mut keys, &list).await, Code::FailedPrecondition, &[&list]);
    let request = PushLeftRequest { list_key: plain.clone(), value: "e".into(), ..Default::default() };
    assert_fails(lists.push_left(request).await, Code::FailedPrecondition, &[&plain]);
    let request = PushRightRequest { list_key: plain.clone(), value: "e".into(), ..Default::default() };
    assert_fails(lists.push_right(request).await, Code::FailedPrecondition, &[&plain]);
    let request = PopLeftRequest { list_key: plain.clone(), ..Default::default() };
    assert_fails(lists.pop_left(request).await, Code::FailedPrecondition, &[&plain]);
    let request = PopRightRequest { list_key: plain.clone(), ..Default::default() };
    assert_fails(lists.pop_right(request).await, Code::FailedPrecondition, &[&plain]);
    let request = LengthRequest { list_key: plain.clone(), ..Default::default() };
    assert_fails(lists.length(request).await, Code::FailedPrecondition, &[&plain]);
    assert_eq!(get(&mut keys, &plain).await.as_deref(), Some(&b"v"[..]), "nothing was changed");
    assert!(exists(&mut keys, &list).await && delete(&mut keys, &list).await, "these work on any type");
    assert_eq!(length(&mut lists, &list).await, 0);
}

pub(crate) async fn a_set_replaces_a_list(stand: &Stand) {
    let (mut lists, mut keys) = (stand.list().await, stand.keyvalue().await);
    let key = stand.name("key");
    for _ in 0..100 {
        push_left(&mut lists, &key, b"element").await;
    }
    let request = SetRequest { key: key.clone(), value: "v".into(), ..Default::default() };
    keys.set(request).await.unwrap();
    assert_eq!(get(&mut keys, &key).await.as_deref(), Some(&b"v"[..]));
    assert!(delete(&mut keys, &key).await);
    assert_eq!(push_left(&mut lists, &key, b"element").await, 1);
}

pub(crate) async fn elements_are_any_bytes_of_any_size(stand: &Stand) {
    let mut client = stand.list().await;
    let random = prism_tests::Random::seeded();
    let key = stand.name("list");
    let sizes = [0, 1, 63, 64, 4_000, 9_000, 70_000, 1 << 20];
    for (number, bytes) in sizes.into_iter().enumerate() {
        let element = random.fork(bytes as u64).bytes(bytes);
        assert_eq!(push_left(&mut client, &key, &element).await, number as i64 * 2 + 1);
        assert_eq!(push_right(&mut client, &key, &element).await, number as i64 * 2 + 2);
    }
    for bytes in sizes.into_iter().rev() {
        let element = random.fork(bytes as u64).bytes(bytes);
        assert!(pop_left(&mut client, &key).await.unwrap() == element, "{bytes} bytes from the left");
        assert!(pop_right(&mut client, &key).await.unwrap() == element, "{bytes} bytes from the right");
    }
    assert_eq!(length(&mut client, &key).await, 0);
}

pub(crate) async fn a_long_list_keeps_its_order(stand: &Stand) {
    let mut client = stand.list().await;
    let mut random = prism_tests::Random::seeded();
    let key = stand.name("list");
    let mut model = VecDeque::new();
    for number in 0..3_000u64 {
        // Grows at first and shrinks later.
        let pushes = random.below(3_000) > number;
        let element = random.fork(number).bytes((number % 90) as usize);
        match (pushes, random.below(2) == 0) {
            (true, true) => {
                model.push_front(element.clone());
                assert_eq!(push_left(&mut client, &key, &element).await, model.len() as i64);
            }
            (true, false) => {
                model.push_back(element.clone());
                assert_eq!(push_right(&mut client, &key, &element).await, model.len() as i64);
            }
            (false, true) => assert_eq!(pop_left(&mut client, &key).await, model.pop_front()),
            (false, false) => assert_eq!(pop_right(&mut client, &key).await, model.pop_back()),
        }
    }
    assert_eq!(length(&mut client, &key).await, model.len() as i64);
}

pub(crate) async fn bad_arguments_are_named(stand: &Stand) {
    let mut client = stand.list().await;
    let too_long = "k".repeat(1_025);
    for key in ["", &too_long] {
        let request = PushLeftRequest { list_key: key.into(), value: "e".into(), ..Default::default() };
        assert_fails(client.push_left(request).await, Code::InvalidArgument, &["list_key"]);
        let request = PushRightRequest { list_key: key.into(), value: "e".into(), ..Default::default() };
        assert_fails(client.push_right(request).await, Code::InvalidArgument, &["list_key"]);
        let request = PopLeftRequest { list_key: key.into(), ..Default::default() };
        assert_fails(client.pop_left(request).await, Code::InvalidArgument, &["list_key"]);
        let request = PopRightRequest { list_key: key.into(), ..Default::default() };
        assert_fails(client.pop_right(request).await, Code::InvalidArgument, &["list_key"]);
        let request = LengthRequest { list_key: key.into(), ..Default::default() };
        assert_fails(client.length(request).await, Code::InvalidArgument, &["list_key"]);
    }
}
