// Checks a proxy with gRPC's own client in JavaScript: node client.js ADDRESS PROTO_FOLDER CASE...
//
// The messages and stubs are made from the .proto files on the spot, so nothing here shares code with the proxy. Each
// case prints one line, "CASE: passed"; the first that does not pass ends the program.
'use strict';

const assert = require('node:assert');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const [address, protos, ...names] = process.argv.slice(2);
const files = [
  'prism/interfaces/keyvalue/keyvalue_basic.proto',
  'prism/interfaces/keyvalue/keyvalue_batch.proto',
  'prism/interfaces/keyvalue/keyvalue_scan.proto',
  'prism/interfaces/pubsub/pubsub_basic.proto',
  'grpc/health/v1/health.proto',
  'grpc/reflection/v1/reflection.proto',
];
const packages = grpc.loadPackageDefinition(
  loader.loadSync(files, { includeDirs: [protos], keepCase: true, longs: Number, enums: String, defaults: true }),
);
const { KeyValueBasicInterface, KeyValueBatchInterface, KeyValueScanInterface } = packages.prism.interfaces.keyvalue;
const { PubSubBasicInterface } = packages.prism.interfaces.pubsub;
const { Health } = packages.grpc.health.v1;
const { ServerReflection } = packages.grpc.reflection.v1;

const PATIENCE_MS = 60_000;
const PINGING = {
  'grpc.keepalive_time_ms': 100,
  'grpc.keepalive_timeout_ms': 2_000,
  'grpc.keepalive_permit_without_calls': 1,
};

const channels = [];

function connect(Service, options = {}) {
  const own = { 'grpc.max_receive_message_length': 5 << 20, 'grpc.use_local_subchannel_pool': 1 };
  const client = new Service(address, grpc.credentials.createInsecure(), { ...own, ...options });
  channels.push(client);
  return client;
}

const soon = () => ({ deadline: Date.now() + PATIENCE_MS });

/** One unary call; what it is answered with. */
function call(client, method, request, metadata = new grpc.Metadata(), options = soon()) {
  return new Promise((resolve, reject) => {
    client[method](request, metadata, options, (error, response) => (error ? reject(error) : resolve(response)));
  });
}

async function fails(code, words, promise) {
  const error = await promise.then(
    () => assert.fail(`the call was meant to fail with ${grpc.status[code]}`),
    (reason) => reason,
  );
  assert.strictEqual(error.code, code, `${error.code} instead of ${grpc.status[code]}: ${error.details}`);
  assert.ok(error.details.includes(words), `${words} is not in ${error.details}`);
}

async function set(client, key, value, metadata) {
  const response = await call(client, 'Set', { key, value: Buffer.from(value) }, metadata);
  assert.ok(response.success);
}

async function get(client, key, metadata) {
  const { found, value } = await call(client, 'Get', { key }, metadata);
  return found ? value : null;
}

/** The next thing that a stream tells: a message, or the status that it ended with. */
function next(stream) {
  return new Promise((resolve) => {
    stream.removeAllListeners();
    stream.once('data', (message) => {
      stream.pause();
      resolve({ message });
    });
    // The status comes as an error too.
    stream.on('error', () => {});
    stream.once('status', (status) => resolve({ status }));
    stream.resume();
  });
}

/** A stream on which nothing more happens. */
async function watched(client, options = {}) {
  const stream = client.Watch({ service: '' }, new grpc.Metadata(), options);
  const { message } = await next(stream);
  assert.strictEqual(message.status, 'SERVING');
  return stream;
}

const cases = {
  async unary() {
    const client = connect(KeyValueBasicInterface);
    const values = { empty: '', text: 'größe', binary: Uint8Array.of(0, 1, 255, 0) };
    for (const [key, value] of Object.entries(values)) await set(client, `js-${key}`, value);
    for (const [key, value] of Object.entries(values)) {
      assert.deepStrictEqual(await get(client, `js-${key}`), Buffer.from(value));
    }
    assert.strictEqual(await get(client, 'js-missing'), null);
  },

  async many_at_once() {
    const client = connect(KeyValueBasicInterface);
    const keys = Array.from({ length: 2_000 }, (_, number) => `js-many-${number}`);
    await Promise.all(keys.map((key) => set(client, key, key)));
    const values = await Promise.all(keys.map((key) => get(client, key)));
    assert.deepStrictEqual(values.map(String), keys);
  },

  async large() {
    const client = connect(KeyValueBasicInterface);
    const value = Buffer.alloc((4 << 20) - 1_024, '0123456789abcde\n');
    await set(client, 'js-large', value);
    assert.ok(value.equals(await get(client, 'js-large')));
  },

  async too_large() {
    const client = connect(KeyValueBasicInterface);
    const large = set(client, 'js-too-large', Buffer.alloc(4 << 20));
    await fails(grpc.status.RESOURCE_EXHAUSTED, 'limits.message_bytes_max', large);
    await set(client, 'js-after', 'v');
  },

  async scan() {
    const batch = connect(KeyValueBatchInterface);
    const client = connect(KeyValueScanInterface);
    const keys = Array.from({ length: 2_000 }, (_, number) => `js-scan:${number}`);
    const requests = keys.map((key) => ({ key, value: Buffer.from(key.repeat(20)) }));
    const { all_success: allSuccess } = await call(batch, 'BatchSet', { requests });
    assert.ok(allSuccess);
    const { results, found_count: foundCount } = await call(batch, 'BatchGet', { keys: [...keys, 'js-none'] });
    assert.ok(foundCount === 2_000 && results.length === 2_001 && !results[2_000].found);
    const scanned = async (request) => {
      const entries = [];
      for await (const entry of client.Scan(request, new grpc.Metadata(), soon())) entries.push(entry);
      return entries;
    };
    const entries = await scanned({ prefix: 'js-scan:' });
    assert.deepStrictEqual(entries.map(({ key }) => key).sort(), [...keys].sort());
    assert.ok(entries.every(({ key, value }) => value.toString() === key.repeat(20)));
    const rest = await scanned({ prefix: 'js-scan:', cursor: entries[777].cursor });
    assert.deepStrictEqual(rest, entries.slice(778));
    const { count } = await call(client, 'Count', { prefix: 'js-scan:' });
    assert.strictEqual(count, 2_000);
    const { INVALID_ARGUMENT, CANCELLED } = grpc.status;
    await fails(INVALID_ARGUMENT, 'cursor', scanned({ prefix: 'js-', cursor: entries[0].cursor }));
    const stream = client.Scan({ prefix: 'js-scan:' }, new grpc.Metadata(), soon());
    await next(stream);
    stream.cancel();
    for (;;) {
      const { status } = await next(stream);
      if (status) {
        assert.strictEqual(status.code, CANCELLED);
        return;
      }
    }
  },

  async subscribe() {
    const client = connect(PubSubBasicInterface);
    const other = connect(PubSubBasicInterface);
    const topic = 'js-topic';
    const subscribed = async (from, name) => {
      const request = { topic, subscriber_id: name, options: { from } };
      const stream = client.Subscribe(request, new grpc.Metadata(), soon());
      const headers = await new Promise((resolve) => stream.once('metadata', resolve));
      return [stream, headers.get('prism-from')[0]];
    };
    const received = async (stream, count) => {
      const messages = [];
      while (messages.length < count) messages.push((await next(stream)).message);
      return messages;
    };
    const [live, start] = await subscribed('latest', 'live');
    assert.strictEqual(start, '0--1');
    const ids = [];
    for (let number = 0; number < 200; number++) {
      const request = { topic, payload: Buffer.from(`${number}`), metadata: { number } };
      ids.push((await call(other, 'Publish', request)).message_id);
    }
    const messages = await received(live, 200);
    assert.deepStrictEqual(messages.map(({ message_id: id }) => id), ids);
    const isAsSent = ({ payload, metadata }, number) => `${payload}` === `${number}` && metadata.number === `${number}`;
    assert.ok(messages.every(isAsSent));
    const [again, startAgain] = await subscribed(ids[77], 'again');
    assert.strictEqual(startAgain, ids[77]);
    assert.deepStrictEqual(await received(again, 122), messages.slice(78));
    for (const [stream, name] of [[live, 'live'], [again, 'again']]) {
      const end = next(stream);
      assert.ok((await call(other, 'Unsubscribe', { topic, subscriber_id: name })).success);
      assert.strictEqual((await end).status.code, grpc.status.OK);
    }
  },

  async health_watch() {
    const stream = await watched(connect(Health));
    stream.cancel();
    const { status } = await next(stream);
    assert.strictEqual(status.code, grpc.status.CANCELLED);
  },

  async reflection() {
    const stream = connect(ServerReflection).ServerReflectionInfo(new grpc.Metadata(), soon());
    for (let round = 0; round < 3; round += 1) {
      stream.write({ list_services: '*' });
      const { message } = await next(stream);
      const services = message.list_services_response.service.map(({ name }) => name);
      assert.ok(services.includes('prism.interfaces.keyvalue.KeyValueBasicInterface'), `${services}`);
    }
    stream.end();
    const { status } = await next(stream);
    assert.strictEqual(status.code, grpc.status.OK);
  },

  async deadline() {
    const stream = await watched(connect(Health), { deadline: Date.now() + 300 });
    const { status } = await next(stream);
    assert.strictEqual(status.code, grpc.status.DEADLINE_EXCEEDED);
  },

  async cancel() {
    const client = connect(KeyValueBasicInterface);
    const ends = Array.from({ length: 200 }, (_, number) => new Promise((resolve) => {
      const request = { key: `js-cancelled-${number}`, value: Buffer.alloc(20_000) };
      const started = client.Set(request, (error) => resolve(error ? error.code : grpc.status.OK));
      setImmediate(() => started.cancel());
    }));
    for (const code of await Promise.all(ends)) {
      assert.ok([grpc.status.OK, grpc.status.CANCELLED].includes(code), `${code}`);
    }
    await set(client, 'js-after', 'v');
  },

  async metadata() {
    const client = connect(KeyValueBasicInterface);
    for (let length = 0; length < 8; length += 1) {
      const metadata = new grpc.Metadata();
      metadata.add('x-request-id', '1');
      metadata.add('x-request-id', '2');
      metadata.add('x-data-bin', Buffer.from([255, 0, 254, 1, 44, 61, 32, 7]).subarray(0, length));
      await get(client, 'js-metadata', metadata);
    }
  },

  async status_message() {
    const client = connect(KeyValueBasicInterface);
    const nowhere = call(client, 'Get', { key: 'k', namespace: 'größe 100%' });
    await fails(grpc.status.NOT_FOUND, 'größe 100%', nowhere);
    await fails(grpc.status.INVALID_ARGUMENT, 'limits.key_bytes_max', get(client, 'k'.repeat(1_025)));
  },

  async unknown_method() {
    const Unknown = grpc.makeGenericClientConstructor({
      Nothing: { ...KeyValueBasicInterface.service.Get, path: '/no.such.Service/Nothing' },
    });
    const nothing = call(connect(Unknown), 'Nothing', {});
    await fails(grpc.status.UNIMPLEMENTED, '/no.such.Service/Nothing', nothing);
  },

  async gzip() {
    const options = { 'grpc.default_compression_algorithm': grpc.compressionAlgorithms.gzip };
    const client = connect(KeyValueBasicInterface, options);
    const value = Buffer.alloc(3_200_000, '0123456789abcde\n');
    await set(client, 'js-gzip', value);
    assert.ok(value.equals(await get(client, 'js-gzip')));
    const bomb = set(client, 'js-gzip', Buffer.alloc(64 << 20));
    await fails(grpc.status.RESOURCE_EXHAUSTED, 'limits.message_bytes_max', bomb);
    await set(client, 'js-gzip', 'small');
  },

  async keepalive() {
    const stream = await watched(connect(Health, PINGING));
    setTimeout(() => stream.cancel(), 2_000);
    const { status } = await next(stream);
    assert.strictEqual(status.code, grpc.status.CANCELLED, status.details);
  },

  async too_many_pings() {
    const stream = await watched(connect(Health, PINGING));
    const { status } = await next(stream);
    // What grpc-js makes of ENHANCE_YOUR_CALM.
    assert.strictEqual(status.code, grpc.status.RESOURCE_EXHAUSTED, status.details);
  },

  async connection_drain() {
    const client = connect(KeyValueBasicInterface);
    const channel = client.getChannel();
    let connections = 0;
    const follow = (state) => {
      connections += state === grpc.connectivityState.READY ? 1 : 0;
      if (state === grpc.connectivityState.SHUTDOWN) return;
      channel.watchConnectivityState(state, Infinity, (error) => {
        if (!error) follow(channel.getConnectivityState(false));
      });
    };
    follow(channel.getConnectivityState(true));
    const patience = Date.now() + PATIENCE_MS;
    for (let number = 0; connections < 4; number += 1) {
      assert.ok(Date.now() < patience, 'the connection does not grow old');
      await set(client, `js-drain-${number}`, `${number}`);
      assert.strictEqual(String(await get(client, `js-drain-${number}`)), `${number}`);
    }
  },

  record_plain: () => record(() => ({ options: {} })),

  record_deadline: () => record(() => ({ options: { deadline: Date.now() + 1_000 } })),

  record_metadata: () =>
    record((number) => {
      const metadata = new grpc.Metadata();
      metadata.set('authorization', process.env.TOKEN);
      metadata.set('x-trace-id', trace(number));
      return { metadata, options: {} };
    }),
};

/** Steady Gets for tests/src/bin/record-clients.rs, which asks for their number in CALLS. */
async function record(prepare) {
  const client = connect(KeyValueBasicInterface);
  for (let number = 0; number < Number(process.env.CALLS); number += 1) {
    const { metadata, options } = prepare(number);
    await call(client, 'Get', { key: `key-${String(number).padStart(8, '0')}` }, metadata, options);
  }
}

/** 32 hexadecimal digits that look like chance. */
function trace(number) {
  const first = BigInt.asUintN(64, BigInt(number + 1) * 0x9e3779b97f4a7c15n);
  return [first, first ^ (first >> 29n)].map((half) => half.toString(16).padStart(16, '0')).join('');
}

async function main() {
  for (const name of names) {
    assert.ok(cases[name], `there is no case ${name}`);
    await cases[name]();
    channels.splice(0).forEach((channel) => channel.close());
    console.log(`${name}: passed`);
  }
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
