//! The list interface, on one shard and on two.

use std::collections::VecDeque;

use prism_tests::clients::prism::interfaces::list::list_basic_interface_client::ListBasicInterfaceClient;
use prism_tests::messages::prism::interfaces::keyvalue::{ExpireRequest, GetTtlRequest};
use prism_tests::messages::prism::interfaces::list::{
    LengthRequest, PopLeftRequest, PopRightRequest, PushLeftRequest, PushRightRequest,
};
use prism_tests::{Proxy, Random};
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::clients::KeyValue;
use crate::keyvalue::on_one_and_two_shards;

/// The interface by tonic, with plain arguments and results.
#[derive(Clone)]
struct Lists(ListBasicInterfaceClient<Channel>);

impl Lists {
    async fn push(&mut self, key: &str, value: &[u8], right: bool) -> Result<i64, Status> {
        let (list_key, value, namespace) = (key.to_owned(), value.to_vec(), String::new());
        Ok(if right {
            self.0.push_right(PushRightRequest { list_key, value, namespace }).await?.into_inner().new_length
        } else {
            self.0.push_left(PushLeftRequest { list_key, value, namespace }).await?.into_inner().new_length
        })
    }

    async fn pop(&mut self, key: &str, right: bool) -> Result<Option<Vec<u8>>, Status> {
        let (list_key, namespace) = (key.to_owned(), String::new());
        let (value, found) = if right {
            let response = self.0.pop_right(PopRightRequest { list_key, namespace }).await?.into_inner();
            (response.value, response.found)
        } else {
            let response = self.0.pop_left(PopLeftRequest { list_key, namespace }).await?.into_inner();
            (response.value, response.found)
        };
        assert!(found || value.is_empty());
        Ok(found.then(|| value.to_vec()))
    }

    async fn length(&mut self, key: &str) -> Result<i64, Status> {
        let request = LengthRequest { list_key: key.to_owned(), ..Default::default() };
        Ok(self.0.length(request).await?.into_inner().length)
    }
}

async fn clients(proxy: &Proxy) -> (KeyValue, Lists) {
    let channel = proxy.channel().await;
    (KeyValue::new(channel.clone()), Lists(ListBasicInterfaceClient::new(channel)))
}

#[tokio::test]
async fn lists_behave_like_the_standard_librarys() {
    let random = Random::seeded();
    on_one_and_two_shards(async |proxy| {
        let (mut values, mut lists) = clients(&proxy).await;
        let mut random = random.fork(proxy.shards() as u64);
        let mut model: Vec<VecDeque<Vec<u8>>> = vec![VecDeque::new(); 4];
        for _ in 0..1_500 {
            let index = random.below(4) as usize;
            let (key, list, right) = (format!("list-{index}"), &mut model[index], random.below(2) == 1);
            match random.below(10) {
                0..=4 => {
                    let bound = [4, 60, 2_000, 9_000, 40_000][random.below(5) as usize];
                    let bytes = random.below(bound) as usize;
                    let value = random.bytes(bytes);
                    let length = lists.push(&key, &value, right).await.unwrap();
                    if right {
                        list.push_back(value);
                    } else {
                        list.push_front(value);
                    }
                    assert_eq!(length, list.len() as i64);
                }
                5..=8 => {
                    let expected = if right { list.pop_back() } else { list.pop_front() };
                    assert!(lists.pop(&key, right).await.unwrap() == expected);
                }
                _ => assert_eq!(lists.length(&key).await.unwrap(), list.len() as i64),
            }
            assert_eq!(values.exists(&key).await.unwrap(), !model[index].is_empty());
        }
    })
    .await;
}

#[tokio::test]
async fn large_values_are_taken_when_there_is_room_for_them_and_each_once() {
    on_one_and_two_shards(async |proxy| {
        let (_, mut lists) = clients(&proxy).await;
        for number in 0..12_u8 {
            lists.push("large", &vec![number; 1 << 20], true).await.unwrap();
        }
        // More than a connection may hold of answers at a time, all at once.
        let pops = (0..13).map(|_| {
            let mut lists = lists.clone();
            tokio::spawn(async move { lists.pop("large", false).await.unwrap() })
        });
        let mut seen = Vec::new();
        for pop in pops.collect::<Vec<_>>() {
            if let Some(value) = pop.await.unwrap() {
                assert!(value.len() == 1 << 20 && value.iter().all(|byte| *byte == value[0]));
                seen.push(value[0]);
            }
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..12).collect::<Vec<_>>());
        assert_eq!(lists.length("large").await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn values_and_lists_do_not_mix() {
    on_one_and_two_shards(async |proxy| {
        let (mut values, mut lists) = clients(&proxy).await;
        for number in 0..10 {
            let key = format!("key-{number}");
            values.set(&key, b"value").await.unwrap();
            let clashes = [
                lists.push(&key, b"x", true).await.err(),
                lists.pop(&key, false).await.err(),
                lists.length(&key).await.err(),
            ];
            for status in clashes {
                let status = status.expect("it is not a list");
                assert_eq!(status.code(), Code::FailedPrecondition);
                assert!(status.message().contains(&key), "{status}");
            }
            assert!(values.delete(&key).await.unwrap());
            assert_eq!(lists.push(&key, b"x", false).await.unwrap(), 1);
            let status = values.get(&key).await.unwrap_err();
            assert_eq!(status.code(), Code::FailedPrecondition);
            assert!(status.message().contains(&key), "{status}");
            assert!(values.exists(&key).await.unwrap());
            values.set(&key, b"value").await.unwrap();
            assert_eq!(values.get(&key).await.unwrap().unwrap(), b"value", "a Set replaces a list");
            assert!(values.delete(&key).await.unwrap());
            lists.push(&key, b"x", false).await.unwrap();
            assert!(values.delete(&key).await.unwrap());
            assert_eq!(lists.pop(&key, false).await.unwrap(), None);
        }
    })
    .await;
}

#[tokio::test]
async fn a_list_keeps_its_time_to_live() {
    use prism_tests::clients::prism::interfaces::keyvalue::key_value_ttl_interface_client::KeyValueTtlInterfaceClient;
    on_one_and_two_shards(async |proxy| {
        let (_, mut lists) = clients(&proxy).await;
        let mut ttl = KeyValueTtlInterfaceClient::new(proxy.channel().await);
        lists.push("list", b"x", true).await.unwrap();
        let expire = ExpireRequest { key: "list".into(), ttl_seconds: 1_000, ..Default::default() };
        assert!(ttl.expire(expire).await.unwrap().into_inner().key_existed);
        for _ in 0..100 {
            lists.push("list", &[7; 100], true).await.unwrap();
        }
        let request = GetTtlRequest { key: "list".into(), ..Default::default() };
        let left = ttl.get_ttl(request).await.unwrap().into_inner().ttl_seconds;
        assert!((900..=1_000).contains(&left), "{left}");
        let now = ExpireRequest { key: "list".into(), ttl_seconds: -1, ..Default::default() };
        assert!(ttl.expire(now).await.unwrap().into_inner().key_existed);
        assert_eq!(lists.length("list").await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn bad_arguments_are_refused() {
    on_one_and_two_shards(async |proxy| {
        let (_, mut lists) = clients(&proxy).await;
        for key in [String::new(), "k".repeat(1_025)] {
            let refused = [
                lists.push(&key, b"", true).await.err(),
                lists.pop(&key, false).await.err(),
                lists.length(&key).await.err(),
            ];
            for status in refused {
                assert_eq!(status.expect("the key is no key").code(), Code::InvalidArgument);
            }
        }
    })
    .await;
}
