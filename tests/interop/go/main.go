// Checks a proxy with grpc-go: interop ADDRESS CASE...
//
// Nothing here is generated from the proxy's own definitions: it learns the messages from the server's reflection. Each
// case prints one line, "CASE: passed", or ends the program with what was wrong.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/stats"
)

const patience = 60 * time.Second

// connections counts what a channel has connected.
type connections struct {
	begun, ended chan struct{}
}

func (connections) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (connections) HandleRPC(context.Context, stats.RPCStats)                         {}
func (connections) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (c connections) HandleConn(_ context.Context, event stats.ConnStats) {
	switch event.(type) {
	case *stats.ConnBegin:
		c.begun <- struct{}{}
	case *stats.ConnEnd:
		c.ended <- struct{}{}
	}
}

func connect(address string, more ...grpc.DialOption) (*grpc.ClientConn, connections) {
	counted := connections{make(chan struct{}, 1000), make(chan struct{}, 1000)}
	options := append([]grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(5 << 20)),
		grpc.WithStatsHandler(counted),
	}, more...)
	channel, err := grpc.Dial(address, options...)
	check(err)
	return channel, counted
}

func pinging() grpc.DialOption {
	// The shortest interval that grpc-go lets its users have.
	return grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 2 * time.Second})
}

func soon() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), patience)
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func require(holds bool, format string, values ...any) {
	if !holds {
		panic(fmt.Sprintf(format, values...))
	}
}

func main() {
	address := os.Args[1]
	for _, name := range os.Args[2:] {
		run, known := cases[name]
		require(known, "there is no case %q", name)
		run(address)
		fmt.Printf("%s: passed\n", name)
	}
}
