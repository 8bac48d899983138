package main

import (
	"context"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

const (
	service       = "prism.interfaces.keyvalue.KeyValueBasicInterface"
	scanService   = "prism.interfaces.keyvalue.KeyValueScanInterface"
	pubsubService = "prism.interfaces.pubsub.PubSubBasicInterface"
)

type fields map[string]any

// store is a key-value service by one channel.
type store struct {
	channel *grpc.ClientConn
	files   *protoregistry.Files
	service string
}

func newStore(channel *grpc.ClientConn) store {
	return newStoreOf(channel, service)
}

// newStoreOf asks the server for what a service of it is.
func newStoreOf(channel *grpc.ClientConn, service string) store {
	ctx, cancel := soon()
	defer cancel()
	stream, err := grpc_reflection_v1.NewServerReflectionClient(channel).ServerReflectionInfo(ctx)
	check(err)
	check(stream.Send(&grpc_reflection_v1.ServerReflectionRequest{
		MessageRequest: &grpc_reflection_v1.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: service},
	}))
	answer, err := stream.Recv()
	check(err)
	set := &descriptorpb.FileDescriptorSet{}
	for _, bytes := range answer.GetFileDescriptorResponse().GetFileDescriptorProto() {
		file := &descriptorpb.FileDescriptorProto{}
		check(proto.Unmarshal(bytes, file))
		set.File = append(set.File, file)
	}
	files, err := protodesc.NewFiles(set)
	check(err)
	check(stream.CloseSend())
	_, err = stream.Recv()
	require(err == io.EOF, "the stream ends with %v", err)
	return store{channel, files, service}
}

func (s store) method(name string) protoreflect.MethodDescriptor {
	found, err := s.files.FindDescriptorByName(protoreflect.FullName(s.service))
	check(err)
	return found.(protoreflect.ServiceDescriptor).Methods().ByName(protoreflect.Name(name))
}

// call makes a call with these fields; the answer's by their names.
func (s store) call(ctx context.Context, name string, given fields, options ...grpc.CallOption) (fields, error) {
	method := s.method(name)
	request, response := s.request(method, given), dynamicpb.NewMessage(method.Output())
	err := s.channel.Invoke(ctx, "/"+s.service+"/"+name, request, response, options...)
	return byName(response), err
}

func (s store) request(method protoreflect.MethodDescriptor, given fields) *dynamicpb.Message {
	request := dynamicpb.NewMessage(method.Input())
	fill(request, given)
	return request
}

func fill(request *dynamicpb.Message, given fields) {
	for field, value := range given {
		request.Set(request.Descriptor().Fields().ByName(protoreflect.Name(field)), protoreflect.ValueOf(value))
	}
}

// open makes a call that is answered by a stream, and waits for its headers; what is returned receives a message.
func (s store) open(
	ctx context.Context, name string, prepare func(*dynamicpb.Message),
) (func() (fields, error), metadata.MD) {
	method := s.method(name)
	stream, err := s.channel.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, "/"+s.service+"/"+name)
	check(err)
	request := dynamicpb.NewMessage(method.Input())
	prepare(request)
	check(stream.SendMsg(request))
	check(stream.CloseSend())
	headers, err := stream.Header()
	check(err)
	return func() (fields, error) {
		response := dynamicpb.NewMessage(method.Output())
		err := stream.RecvMsg(response)
		return byName(response), err
	}, headers
}

func byName(response *dynamicpb.Message) fields {
	answer := fields{}
	list := response.Descriptor().Fields()
	for at := 0; at < list.Len(); at++ {
		answer[string(list.Get(at).Name())] = response.Get(list.Get(at)).Interface()
	}
	return answer
}

// stream makes a call that is answered by a stream, and gives it up after so many messages, unless that is negative.
func (s store) stream(name string, given fields, most int) ([]fields, error) {
	ctx, cancel := soon()
	defer cancel()
	method := s.method(name)
	stream, err := s.channel.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, "/"+s.service+"/"+name)
	check(err)
	check(stream.SendMsg(s.request(method, given)))
	check(stream.CloseSend())
	var answers []fields
	for {
		response := dynamicpb.NewMessage(method.Output())
		err := stream.RecvMsg(response)
		if err == io.EOF {
			return answers, nil
		}
		if err != nil {
			return answers, err
		}
		answers = append(answers, byName(response))
		if len(answers) == most {
			cancel()
		}
	}
}

func (s store) set(key string, value []byte, options ...grpc.CallOption) error {
	ctx, cancel := soon()
	defer cancel()
	answer, err := s.call(ctx, "Set", fields{"key": key, "value": value}, options...)
	require(err != nil || answer["success"].(bool), "a status of OK means success: %v", answer)
	return err
}

func (s store) get(key string, options ...grpc.CallOption) ([]byte, bool) {
	ctx, cancel := soon()
	defer cancel()
	answer, err := s.call(ctx, "Get", fields{"key": key}, options...)
	check(err)
	return answer["value"].([]byte), answer["found"].(bool)
}
