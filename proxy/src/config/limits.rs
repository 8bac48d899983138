//! The `limits` section: every bound, its range, and the relations between them.

use std::ops::RangeInclusive;

use prism_proto::limits::{
    CONTINUATIONS_PER_HEADERS_MAX, FRAME_BYTES_MAX, HEADER_TABLE_BYTES_MAX, Limits, NAME_BYTES_MAX, SECOND_NS,
};

use super::section::Section;
use super::value::Value;
use super::{bytes, duration};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const DAY_NS: u64 = 86_400 * SECOND_NS;

const MESSAGE_BYTES: RangeInclusive<u64> = 4 * KIB..=512 * MIB;
/// At least twice HTTP/2's initial window, which a client may fill before it hears of ours; at most the largest
/// window (RFC 9113 §6.9.1).
const CONNECTION_BUFFER_BYTES: RangeInclusive<u64> = 128 * KIB..=(1 << 31) - 1;
const BUFFER_BYTES: RangeInclusive<u64> = MIB..=1 << 50;
const CALLS_PER_SHARD: RangeInclusive<u64> = 1..=1 << 24;
const KEY_BYTES: RangeInclusive<u64> = 1..=prism_backends::limits::KEY_BYTES_MAX as u64;
const CONNECTIONS: RangeInclusive<u64> = 1..=1_000_000;
const STREAMS_PER_CONNECTION: RangeInclusive<u64> = 1..=65_536;
const HEADER_LIST_BYTES: RangeInclusive<u64> =
    HEADER_TABLE_BYTES_MAX as u64..=(FRAME_BYTES_MAX * (1 + CONTINUATIONS_PER_HEADERS_MAX)) as u64;
const HANDSHAKE_TIMEOUT_NS: RangeInclusive<u64> = 0..=DAY_NS;
const MESSAGE_STALL_NS: RangeInclusive<u64> = 0..=DAY_NS;
const DRAIN_TIMEOUT_NS: RangeInclusive<u64> = 0..=DAY_NS;
const PING_INTERVAL_NS: RangeInclusive<u64> = 0..=DAY_NS;
const CONNECTION_TIME_NS: RangeInclusive<u64> = 0..=365 * DAY_NS;

/// Reads the section over the defaults.
pub(crate) fn read(mut section: Section<'_>) -> Limits {
    let mut limits = Limits::DEFAULT;
    for (key, range, slot) in [
        ("message_bytes_max", MESSAGE_BYTES, &mut limits.message_bytes_max),
        ("connection_buffer_bytes_max", CONNECTION_BUFFER_BYTES, &mut limits.connection_buffer_bytes_max),
        ("buffer_bytes_max", BUFFER_BYTES, &mut limits.buffer_bytes_max),
        ("key_bytes_max", KEY_BYTES, &mut limits.key_bytes_max),
        ("header_list_bytes_max", HEADER_LIST_BYTES, &mut limits.header_list_bytes_max),
    ] {
        set(section.bytes(key, range), slot);
    }
    for (key, range, slot) in [
        ("calls_per_shard_max", CALLS_PER_SHARD, &mut limits.calls_per_shard_max),
        ("connections_max", CONNECTIONS, &mut limits.connections_max),
        ("streams_per_connection_max", STREAMS_PER_CONNECTION, &mut limits.streams_per_connection_max),
    ] {
        set(section.integer(key, range), slot);
    }
    for (key, range, slot) in [
        ("handshake_timeout", HANDSHAKE_TIMEOUT_NS, &mut limits.handshake_timeout_ns),
        ("message_stall_max", MESSAGE_STALL_NS, &mut limits.message_stall_max_ns),
        ("drain_timeout", DRAIN_TIMEOUT_NS, &mut limits.drain_timeout_ns),
        ("ping_interval_min", PING_INTERVAL_NS, &mut limits.ping_interval_min_ns),
        ("connection_idle_max", CONNECTION_TIME_NS, &mut limits.connection_idle_max_ns),
        ("connection_age_max", CONNECTION_TIME_NS, &mut limits.connection_age_max_ns),
        ("connection_age_grace", CONNECTION_TIME_NS, &mut limits.connection_age_grace_ns),
    ] {
        if let Some(value) = section.duration(key, range) {
            *slot = value;
        }
    }
    relations(&limits, &section);
    section.finish();
    limits
}

fn set(value: Option<u64>, slot: &mut usize) {
    if let Some(value) = value {
        *slot = usize::try_from(value).unwrap_or(usize::MAX);
    }
}

/// What `prism_proto::limits` asserts of its defaults holds for the configured values too.
fn relations(limits: &Limits, section: &Section<'_>) {
    let size = |bytes: usize| bytes::format(bytes as u64);
    let message = limits.message_bytes_max;
    if message * 2 > limits.connection_buffer_bytes_max {
        let text = format!(
            "limits.connection_buffer_bytes_max ({}) must be at least twice limits.message_bytes_max ({}), so that \
             one message can always finish",
            size(limits.connection_buffer_bytes_max),
            size(message)
        );
        blame(section, &["connection_buffer_bytes_max", "message_bytes_max"], &text);
    }
    if limits.connection_buffer_bytes_max > limits.buffer_bytes_max {
        let text = format!(
            "limits.buffer_bytes_max ({}) must be at least limits.connection_buffer_bytes_max ({})",
            size(limits.buffer_bytes_max),
            size(limits.connection_buffer_bytes_max)
        );
        blame(section, &["buffer_bytes_max", "connection_buffer_bytes_max"], &text);
    }
    if limits.key_bytes_max + NAME_BYTES_MAX >= message {
        let text = format!(
            "limits.key_bytes_max ({}) and a namespace of {NAME_BYTES_MAX} bytes must leave room in \
             limits.message_bytes_max ({})",
            size(limits.key_bytes_max),
            size(message)
        );
        blame(section, &["key_bytes_max", "message_bytes_max"], &text);
    }
}

/// Reports a broken relation at the first of its keys that the file sets.
fn blame(section: &Section<'_>, keys: &[&str], text: &str) {
    let key = keys.iter().find(|key| section.has(key)).unwrap_or(&keys[0]);
    section.complain(key, text);
}

/// The section as the file has it.
pub(crate) fn written(limits: &Limits) -> Value {
    let size = |bytes: usize| Value::text(bytes::format(bytes as u64));
    let time = |nanoseconds: u64| Value::text(duration::format(nanoseconds));
    Value::map([
        ("message_bytes_max", size(limits.message_bytes_max)),
        ("connection_buffer_bytes_max", size(limits.connection_buffer_bytes_max)),
        ("buffer_bytes_max", size(limits.buffer_bytes_max)),
        ("calls_per_shard_max", Value::number(limits.calls_per_shard_max)),
        ("key_bytes_max", Value::number(limits.key_bytes_max)),
        ("connections_max", Value::number(limits.connections_max)),
        ("streams_per_connection_max", Value::number(limits.streams_per_connection_max)),
        ("header_list_bytes_max", size(limits.header_list_bytes_max)),
        ("handshake_timeout", time(limits.handshake_timeout_ns)),
        ("message_stall_max", time(limits.message_stall_max_ns)),
        ("drain_timeout", time(limits.drain_timeout_ns)),
        ("ping_interval_min", time(limits.ping_interval_min_ns)),
        ("connection_idle_max", time(limits.connection_idle_max_ns)),
        ("connection_age_max", time(limits.connection_age_max_ns)),
        ("connection_age_grace", time(limits.connection_age_grace_ns)),
    ])
}
