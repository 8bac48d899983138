package main

import (
	"context"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

const service = "prism.interfaces.keyvalue.KeyValueBasicInterface"

type fields map[string]any

// store is the key-value service by one channel.
type store struct {
	channel *grpc.ClientConn
	files   *protoregistry.Files
}

// newStore asks the server for what it serves.
func newStore(channel *grpc.ClientConn) store {
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
	return store{channel, files}
}

func (s store) method(name string) protoreflect.MethodDescriptor {
	found, err := s.files.FindDescriptorByName(service)
	check(err)
	return found.(protoreflect.ServiceDescriptor).Methods().ByName(protoreflect.Name(name))
}

// call makes a call with these fields; the answer's by their names.
func (s store) call(ctx context.Context, name string, given fields, options ...grpc.CallOption) (fields, error) {
	method := s.method(name)
	request, response := dynamicpb.NewMessage(method.Input()), dynamicpb.NewMessage(method.Output())
	for field, value := range given {
		request.Set(method.Input().Fields().ByName(protoreflect.Name(field)), protoreflect.ValueOf(value))
	}
	err := s.channel.Invoke(ctx, "/"+service+"/"+name, request, response, options...)
	answer := fields{}
	list := method.Output().Fields()
	for at := 0; at < list.Len(); at++ {
		answer[string(list.Get(at).Name())] = response.Get(list.Get(at)).Interface()
	}
	return answer, err
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
