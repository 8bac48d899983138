// Makes steady Gets with grpc-java for tests/src/bin/record-clients.rs: java Record.java ADDRESS CASE

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientInterceptors;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;

final class Record {
  private static final class Bytes implements MethodDescriptor.Marshaller<byte[]> {
    @Override
    public InputStream stream(byte[] message) {
      return new ByteArrayInputStream(message);
    }

    @Override
    public byte[] parse(InputStream stream) {
      try {
        return stream.readAllBytes();
      } catch (IOException error) {
        throw new UncheckedIOException(error);
      }
    }
  }

  private static final MethodDescriptor<byte[], byte[]> GET =
      MethodDescriptor.<byte[], byte[]>newBuilder(new Bytes(), new Bytes())
          .setType(MethodDescriptor.MethodType.UNARY)
          .setFullMethodName("prism.interfaces.keyvalue.KeyValueBasicInterface/Get")
          .build();

  /** A string in field 1. */
  private static byte[] request(int call) {
    return String.format("\n\fkey-%08d", call).getBytes(StandardCharsets.US_ASCII);
  }

  /** 32 hexadecimal digits that look like chance. */
  private static String trace(int call) {
    long first = (call + 1) * 0x9e3779b97f4a7c15L;
    return String.format("%016x%016x", first, first ^ first >>> 29);
  }

  private static Metadata metadata(int call) {
    Metadata metadata = new Metadata();
    metadata.put(Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER), System.getenv("TOKEN"));
    metadata.put(Metadata.Key.of("x-trace-id", Metadata.ASCII_STRING_MARSHALLER), trace(call));
    return metadata;
  }

  public static void main(String[] arguments) {
    ManagedChannel channel = NettyChannelBuilder.forTarget(arguments[0]).usePlaintext().build();
    int calls = Integer.parseInt(System.getenv("CALLS"));
    for (int call = 0; call < calls; call++) {
      CallOptions options = CallOptions.DEFAULT;
      Channel through = channel;
      switch (arguments[1]) {
        case "record_plain" -> {}
        case "record_deadline" -> options = options.withDeadlineAfter(1, TimeUnit.SECONDS);
        case "record_metadata" ->
            through = ClientInterceptors.intercept(channel, MetadataUtils.newAttachHeadersInterceptor(metadata(call)));
        default -> throw new IllegalArgumentException(arguments[1]);
      }
      ClientCalls.blockingUnaryCall(through, GET, options, request(call));
    }
    channel.shutdownNow();
  }
}
