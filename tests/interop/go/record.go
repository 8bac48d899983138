package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// record makes steady Gets for tests/src/bin/record-clients.rs, which asks for their number in CALLS.
func record(address string, prepare func(call int) (context.Context, context.CancelFunc)) {
	channel, _ := connect(address)
	defer channel.Close()
	calls, err := strconv.Atoi(os.Getenv("CALLS"))
	check(err)
	for call := 0; call < calls; call++ {
		ctx, cancel := prepare(call)
		// A string in field 1 is all that a Get needs, and what is answered does not matter.
		key := wrapperspb.String(fmt.Sprintf("key-%08d", call))
		check(channel.Invoke(ctx, "/"+service+"/Get", key, &emptypb.Empty{}, grpc.WaitForReady(true)))
		cancel()
	}
}

func recordPlain(address string) {
	record(address, func(int) (context.Context, context.CancelFunc) { return context.WithCancel(context.Background()) })
}

func recordDeadline(address string) {
	record(address, func(int) (context.Context, context.CancelFunc) {
		return context.WithTimeout(context.Background(), time.Second)
	})
}

func recordMetadata(address string) {
	record(address, func(call int) (context.Context, context.CancelFunc) {
		ctx := metadata.AppendToOutgoingContext(context.Background(),
			"authorization", os.Getenv("TOKEN"), "x-trace-id", trace(call))
		return context.WithCancel(ctx)
	})
}

// trace is 32 hexadecimal digits that look like chance.
func trace(call int) string {
	number := uint64(call+1) * 0x9e3779b97f4a7c15
	return fmt.Sprintf("%016x%016x", number, number^number>>29)
}
