//! The list of all cases: one line for each, by interface.

/// One test for each case of an interface; `start` makes the stand.
macro_rules! tests {
    ($module:ident: $($case:ident)+) => {
        $( #[tokio::test]
        async fn $case() {
            crate::$module::$case(&start().await).await;
        } )+
    };
}

macro_rules! cases_of {
    (keyvalue) => { tests!(keyvalue:
        what_is_set_is_found_until_it_is_deleted
        a_set_replaces_value_and_expiry
        values_are_any_bytes
        large_values_come_back_whole
        bad_arguments_are_named
        namespaces_are_checked_before_arguments
    ); };
    (ttl) => { tests!(ttl:
        a_time_to_live_is_told_in_whole_seconds
        expire_ends_a_key_at_its_time
        persist_takes_the_expiry_away
        what_is_not_there_says_so
        zero_and_less_mean_now
        it_works_on_lists
        bad_arguments_are_named
    ); };
    (scan) => { tests!(scan:
        every_key_of_the_prefix_is_returned_once
        keys_are_counted
        a_limit_and_a_cursor_cut_a_scan_in_pieces
        the_last_cursor_resumes_to_nothing
        cursors_are_good_for_both_calls_and_every_connection
        foreign_cursors_are_refused
        lists_are_not_scanned
        keys_that_stay_are_returned_once_while_others_come_and_go
        bad_arguments_are_named
    ); };
    (batch) => { tests!(batch:
        results_come_in_the_order_of_the_requests
        a_repeated_key_is_executed_in_order
        nothing_is_applied_when_one_entry_is_bad
        a_list_is_not_found
        an_empty_batch_succeeds
        inner_namespaces_must_be_the_same
    ); };
    (list) => { tests!(list:
        both_ends_push_and_pop
        an_empty_list_is_gone
        types_do_not_mix
        a_set_replaces_a_list
        elements_are_any_bytes_of_any_size
        a_long_list_keeps_its_order
        bad_arguments_are_named
    ); };
    (pubsub) => { tests!(pubsub:
        every_subscriber_gets_every_message_in_order
        a_subscription_begins_where_it_is_told
        a_message_id_resumes_after_it
        a_second_subscription_of_the_same_name_replaces_the_first
        unsubscribe_ends_the_stream
        a_slow_subscriber_misses_nothing
        bad_arguments_are_named
    ); };
    (stream) => { tests!(stream:
        what_is_appended_is_read_in_order
        a_read_ends_at_the_end_and_says_where_to_go_on
        a_long_poll_wakes_when_something_is_appended
        a_trim_cuts_exactly
        reads_out_of_range_name_the_nearest_offset
        a_topic_and_a_stream_of_one_name_are_one_log
        bad_arguments_are_named
    ); };
}
