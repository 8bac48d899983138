package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// What tests/tests/interop/cases.rs asks for; each is described there.
var cases = map[string]func(address string){
	"unary":            unary,
	"many_at_once":     manyAtOnce,
	"large":            large,
	"too_large":        tooLarge,
	"scan":             scan,
	"subscribe":        subscribe,
	"health_watch":     healthWatch,
	"reflection":       reflection,
	"deadline":         deadline,
	"cancel":           cancelled,
	"metadata":         withMetadata,
	"status_message":   statusMessage,
	"unknown_method":   unknownMethod,
	"gzip":             compressed,
	"keepalive":        keptAlive,
	"too_many_pings":   tooManyPings,
	"connection_drain": connectionDrain,
	"record_plain":     recordPlain,
	"record_deadline":  recordDeadline,
	"record_metadata":  recordMetadata,
}

func fails(err error, code codes.Code, words string) {
	found := status.Convert(err)
	require(found.Code() == code, "%v instead of %v: %q", found.Code(), code, found.Message())
	require(strings.Contains(found.Message(), words), "%q is not in %q", words, found.Message())
}

func connectStore(address string, more ...grpc.DialOption) (store, func()) {
	channel, _ := connect(address, more...)
	return newStore(channel), func() { check(channel.Close()) }
}

func unary(address string) {
	store, done := connectStore(address)
	defer done()
	values := map[string][]byte{"empty": {}, "text": []byte("größe"), "binary": {0, 1, 0xff, 0}}
	for key, value := range values {
		check(store.set("go-"+key, value))
	}
	for key, value := range values {
		found, is := store.get("go-" + key)
		require(is && bytes.Equal(found, value), "%s: %v", key, found)
	}
	_, is := store.get("go-missing")
	require(!is, "a missing key is found")
}

func manyAtOnce(address string) {
	store, done := connectStore(address)
	defer done()
	var group sync.WaitGroup
	for number := 0; number < 2_000; number++ {
		group.Add(1)
		go func(key string) {
			defer group.Done()
			check(store.set(key, []byte(key)))
			value, is := store.get(key)
			require(is && string(value) == key, "%s: %q", key, value)
		}(fmt.Sprintf("go-many-%d", number))
	}
	group.Wait()
}

func large(address string) {
	store, done := connectStore(address)
	defer done()
	value := bytes.Repeat([]byte("0123456789abcde\n"), (4<<20-1024)/16)
	check(store.set("go-large", value))
	found, is := store.get("go-large")
	require(is && bytes.Equal(found, value), "%d bytes come back", len(found))
}

func tooLarge(address string) {
	store, done := connectStore(address)
	defer done()
	fails(store.set("go-too-large", make([]byte, 4<<20)), codes.ResourceExhausted, "limits.message_bytes_max")
	check(store.set("go-after", nil))
}

func scan(address string) {
	store, done := connectStore(address)
	defer done()
	var group sync.WaitGroup
	for number := 0; number < 2_000; number++ {
		group.Add(1)
		go func(key string) {
			defer group.Done()
			check(store.set(key, []byte(strings.Repeat(key, 20))))
		}(fmt.Sprintf("go-scan:%d", number))
	}
	group.Wait()
	scans := newStoreOf(store.channel, scanService)
	entries, err := scans.stream("Scan", fields{"prefix": "go-scan:"}, -1)
	check(err)
	seen := map[string]bool{}
	for _, entry := range entries {
		key := entry["key"].(string)
		require(!seen[key], "%s comes twice", key)
		require(string(entry["value"].([]byte)) == strings.Repeat(key, 20), "%s has another value", key)
		seen[key] = true
	}
	require(len(seen) == 2_000, "%d keys come", len(seen))
	rest, err := scans.stream("Scan", fields{"prefix": "go-scan:", "cursor": entries[777]["cursor"]}, -1)
	check(err)
	require(len(rest) == 2_000-778 && rest[0]["key"] == entries[778]["key"], "%d keys follow", len(rest))
	_, err = scans.stream("Scan", fields{"prefix": "go-", "cursor": entries[0]["cursor"]}, -1)
	fails(err, codes.InvalidArgument, "cursor")
	ctx, cancel := soon()
	defer cancel()
	answer, err := scans.call(ctx, "Count", fields{"prefix": "go-scan:"})
	check(err)
	require(answer["count"].(int64) == 2_000, "%v are counted", answer["count"])
	_, err = scans.stream("Scan", fields{"prefix": "go-scan:"}, 1)
	fails(err, codes.Canceled, "")
}

func subscribe(address string) {
	channel, _ := connect(address)
	defer channel.Close()
	other, _ := connect(address)
	defer other.Close()
	topics, publisher := newStoreOf(channel, pubsubService), newStoreOf(other, pubsubService)
	ctx, cancel := soon()
	defer cancel()
	subscribed := func(from, name string) (func() (fields, error), string) {
		receive, headers := topics.open(ctx, "Subscribe", func(request *dynamicpb.Message) {
			fill(request, fields{"topic": "go-topic", "subscriber_id": name})
			options := request.Descriptor().Fields().ByName("options")
			request.Mutable(options).Map().Set(protoreflect.ValueOf("from").MapKey(), protoreflect.ValueOf(from))
		})
		return receive, headers.Get("prism-from")[0]
	}
	live, start := subscribed("latest", "live")
	require(start == "0--1", "it starts after %s", start)
	var ids []any
	for number := 0; number < 200; number++ {
		payload := []byte(fmt.Sprint(number))
		answer, err := publisher.call(ctx, "Publish", fields{"topic": "go-topic", "payload": payload})
		check(err)
		ids = append(ids, answer["message_id"])
	}
	expect := func(receive func() (fields, error), from int) {
		for number := from; number < 200; number++ {
			message, err := receive()
			check(err)
			is := message["message_id"] == ids[number] && string(message["payload"].([]byte)) == fmt.Sprint(number)
			require(is, "%v comes as number %d", message, number)
		}
	}
	expect(live, 0)
	again, start := subscribed(ids[77].(string), "again")
	require(start == ids[77], "it starts after %s", start)
	expect(again, 78)
	for name, receive := range map[string]func() (fields, error){"live": live, "again": again} {
		_, err := publisher.call(ctx, "Unsubscribe", fields{"topic": "go-topic", "subscriber_id": name})
		check(err)
		_, err = receive()
		require(err == io.EOF, "the stream ends with %v", err)
	}
}

func healthWatch(address string) {
	channel, _ := connect(address)
	defer channel.Close()
	ctx, cancel := soon()
	stream, err := grpc_health_v1.NewHealthClient(channel).Watch(ctx, &grpc_health_v1.HealthCheckRequest{})
	check(err)
	answer, err := stream.Recv()
	check(err)
	require(answer.Status == grpc_health_v1.HealthCheckResponse_SERVING, "%v", answer)
	cancel()
	_, err = stream.Recv()
	fails(err, codes.Canceled, "")
}

func reflection(address string) {
	channel, _ := connect(address)
	defer channel.Close()
	ctx, cancel := soon()
	defer cancel()
	stream, err := grpc_reflection_v1.NewServerReflectionClient(channel).ServerReflectionInfo(ctx)
	check(err)
	// Several requests in one stream, each answered before the next.
	for round := 0; round < 3; round++ {
		check(stream.Send(&grpc_reflection_v1.ServerReflectionRequest{
			MessageRequest: &grpc_reflection_v1.ServerReflectionRequest_ListServices{ListServices: "*"},
		}))
		answer, err := stream.Recv()
		check(err)
		names := fmt.Sprint(answer.GetListServicesResponse().GetService())
		require(strings.Contains(names, service) && strings.Contains(names, "grpc.health.v1.Health"), names)
	}
	check(stream.CloseSend())
	_, err = stream.Recv()
	require(err == io.EOF, "the stream ends with %v", err)
}

func deadline(address string) {
	channel, _ := connect(address)
	defer channel.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	stream, err := grpc_health_v1.NewHealthClient(channel).Watch(ctx, &grpc_health_v1.HealthCheckRequest{})
	check(err)
	_, err = stream.Recv()
	check(err)
	_, err = stream.Recv()
	fails(err, codes.DeadlineExceeded, "")
}

func cancelled(address string) {
	store, done := connectStore(address)
	defer done()
	var group sync.WaitGroup
	for number := 0; number < 200; number++ {
		group.Add(1)
		go func(key string) {
			defer group.Done()
			ctx, cancel := context.WithCancel(context.Background())
			go cancel()
			_, err := store.call(ctx, "Set", fields{"key": key, "value": make([]byte, 20_000)})
			require(err == nil || status.Code(err) == codes.Canceled, "%v", err)
		}(fmt.Sprintf("go-cancelled-%d", number))
	}
	group.Wait()
	check(store.set("go-after", nil))
}

func withMetadata(address string) {
	store, done := connectStore(address)
	defer done()
	for length := 0; length < 8; length++ {
		ctx, cancel := soon()
		binary := string([]byte{0xff, 0, 0xfe, 1, ',', '=', ' ', 7}[:length])
		ctx = metadata.AppendToOutgoingContext(ctx, "x-request-id", "1", "x-request-id", "2", "x-data-bin", binary)
		_, err := store.call(ctx, "Get", fields{"key": "go-metadata"})
		check(err)
		cancel()
	}
}

func statusMessage(address string) {
	store, done := connectStore(address)
	defer done()
	ctx, cancel := soon()
	defer cancel()
	_, err := store.call(ctx, "Get", fields{"key": "k", "namespace": "größe 100%"})
	fails(err, codes.NotFound, "größe 100%")
	_, err = store.call(ctx, "Get", fields{"key": strings.Repeat("k", 1_025)})
	fails(err, codes.InvalidArgument, "limits.key_bytes_max")
}

func unknownMethod(address string) {
	store, done := connectStore(address)
	defer done()
	ctx, cancel := soon()
	defer cancel()
	empty := &grpc_health_v1.HealthCheckRequest{}
	fails(store.channel.Invoke(ctx, "/no.such.Service/Nothing", empty, empty), codes.Unimplemented, "/no.such.Service/Nothing")
}

func compressed(address string) {
	store, done := connectStore(address)
	defer done()
	use := grpc.UseCompressor(gzip.Name)
	value := bytes.Repeat([]byte("0123456789abcde\n"), 200_000)
	check(store.set("go-gzip", value, use))
	found, is := store.get("go-gzip", use)
	require(is && bytes.Equal(found, value), "%d bytes come back", len(found))
	fails(store.set("go-gzip", make([]byte, 64<<20), use), codes.ResourceExhausted, "limits.message_bytes_max")
	check(store.set("go-gzip", []byte("small"), use))
}

// watched opens a stream on which nothing happens.
func watched(channel *grpc.ClientConn) (grpc_health_v1.Health_WatchClient, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	stream, err := grpc_health_v1.NewHealthClient(channel).Watch(ctx, &grpc_health_v1.HealthCheckRequest{})
	check(err)
	_, err = stream.Recv()
	check(err)
	return stream, cancel
}

func keptAlive(address string) {
	channel, counted := connect(address, pinging())
	defer channel.Close()
	stream, cancel := watched(channel)
	time.AfterFunc(13*time.Second, cancel)
	_, err := stream.Recv()
	fails(err, codes.Canceled, "")
	require(len(counted.begun) == 1 && len(counted.ended) == 0, "the connection did not stay")
}

func tooManyPings(address string) {
	channel, _ := connect(address, pinging())
	defer channel.Close()
	stream, cancel := watched(channel)
	defer cancel()
	_, err := stream.Recv()
	fails(err, codes.Unavailable, "too_many_pings")
}

// connectionDrain calls until the channel has been moved to a new connection three times.
func connectionDrain(address string) {
	channel, counted := connect(address)
	defer channel.Close()
	store := newStore(channel)
	begun := time.Now()
	for number := 0; len(counted.begun) < 4; number++ {
		require(time.Since(begun) < patience, "the connection does not grow old")
		key := fmt.Sprintf("go-drain-%d", number)
		check(store.set(key, []byte(key)))
		value, is := store.get(key)
		require(is && string(value) == key, "%s: %q", key, value)
	}
}
