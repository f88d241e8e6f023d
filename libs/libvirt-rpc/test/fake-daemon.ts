/** A daemon in memory that speaks the real protocol: it answers what every client needs, and the rest as a test says. */
import { duplexPair } from 'node:stream';
import type { Duplex } from 'node:stream';
import { programs } from '../src/procedures/procedure.js';
import { errorPayload } from '../src/procedures/structures.js';
import { eventMessages, procedures } from '../src/procedures/table.js';
import type { Args, EventBody, EventName, ProcedureName, Reply } from '../src/procedures/table.js';
import { beginFrame, finishFrame, FrameSplitter, messageTypes, statuses } from '../src/wire/frame.codec.js';
import type { Frame, Header } from '../src/wire/frame.codec.js';
import type { Codec } from '../src/xdr/types.codec.js';
import { XdrReader } from '../src/xdr/xdr-reader.js';
import { XdrWriter } from '../src/xdr/xdr-writer.js';

export interface ReceivedCall {
  readonly peer: FakePeer;
  readonly name: ProcedureName;
  readonly serial: number;
  readonly args: unknown;
}

type Answer<Name extends ProcedureName> = (args: Args<Name>, call: ReceivedCall) => Reply<Name> | typeof unanswered;

/** What an answer returns to leave the call open; the test may answer it later through `peer`. */
export const unanswered = Symbol('unanswered');

const names = new Map(
  (Object.keys(procedures) as ProcedureName[]).map((name) => [
    `${procedures[name].program}/${procedures[name].number}`,
    name,
  ]),
);

export class FakeDaemon {
  readonly peers: FakePeer[] = [];
  /** All calls received but the handshakes', in order. */
  readonly calls: ReceivedCall[] = [];
  readonly answers = new Map<ProcedureName, Answer<never>>();
  isReachable = true;
  #callbackID = 0;

  constructor() {
    this.answer('AUTH_LIST', () => ({ types: [] }));
    this.answer('CONNECT_SUPPORTS_FEATURE', () => ({ supported: 1 }));
    this.answer('CONNECT_OPEN', () => ({}));
    this.answer('CONNECT_GET_LIB_VERSION', () => ({ lib_ver: 9_000_000 }));
    this.answer('CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY', () => ({ callbackID: (this.#callbackID += 1) }));
    this.answer('CONNECT_DOMAIN_EVENT_CALLBACK_DEREGISTER_ANY', () => ({}));
  }

  answer<Name extends ProcedureName>(name: Name, answer: Answer<Name>): void {
    this.answers.set(name, answer);
  }

  readonly transport = (): Promise<Duplex> => {
    if (!this.isReachable) return Promise.reject(new Error('no server listens'));
    const [client, daemon] = duplexPair();
    this.peers.push(new FakePeer(this, daemon));
    return Promise.resolve(client);
  };

  callsOf(name: ProcedureName): readonly ReceivedCall[] {
    return this.calls.filter((call) => call.name === name);
  }
}

export class FakePeer {
  /** Frames that are no calls: keepalive and streams. */
  readonly frames: Frame[] = [];
  readonly socket: Duplex;
  readonly #daemon: FakeDaemon;
  readonly #splitter = new FrameSplitter();

  constructor(daemon: FakeDaemon, socket: Duplex) {
    this.#daemon = daemon;
    this.socket = socket;
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      for (const frame of this.#splitter.push(chunk)) this.#receive(frame);
    });
  }

  #receive(frame: Frame): void {
    const name = frame.type === messageTypes.call ? names.get(`${frame.program}/${frame.procedure}`) : undefined;
    if (name === undefined) {
      this.frames.push(frame);
      return;
    }
    const args = procedures[name].args.decode(new XdrReader(frame.payload));
    const call: ReceivedCall = { peer: this, name, serial: frame.serial, args };
    this.#daemon.calls.push(call);
    const answer = this.#daemon.answers.get(name);
    if (answer === undefined) return this.fail(call, 3, `no answer for ${name}`);
    const reply = answer(args, call);
    if (reply !== unanswered) this.reply(call, reply);
  }

  reply(call: ReceivedCall, value: unknown): void {
    const codec: Codec<unknown> = procedures[call.name].reply;
    this.#sendCoded(this.#header(call, messageTypes.reply, statuses.ok), codec, value);
  }

  fail(call: ReceivedCall, code: number, message: string, type: number = messageTypes.reply): void {
    const none = { dom: null, str1: null, str2: null, str3: null, int1: 0, int2: 0, net: null };
    this.#sendCoded(this.#header(call, type, statuses.error), errorPayload, {
      ...none,
      ...{ code, domain: 10, message, level: 2 },
    });
  }

  event<Name extends EventName>(name: Name, body: EventBody<Name>): void {
    const { program, number } = eventMessages[name];
    const codec: Codec<unknown> = eventMessages[name].body;
    const header = { program, procedure: number, type: messageTypes.message, serial: 0, status: statuses.ok };
    this.#sendCoded(header, codec, body);
  }

  stream(call: ReceivedCall, status: number, data: Uint8Array = new Uint8Array(0)): boolean {
    return this.send(this.#header(call, messageTypes.stream, status), data);
  }

  keepalive(procedure: 1 | 2): void {
    const header = { program: programs.keepalive, procedure, type: messageTypes.message, serial: 0, status: 0 };
    this.send(header, new Uint8Array(0));
  }

  send(header: Header, payload: Uint8Array): boolean {
    const writer = new XdrWriter();
    beginFrame(writer, header);
    writer.raw(payload);
    return this.socket.write(finishFrame(writer));
  }

  #header(call: ReceivedCall, type: number, status: number): Header {
    const { program, number } = procedures[call.name];
    return { program, procedure: number, type, serial: call.serial, status };
  }

  #sendCoded<Value>(header: Header, codec: Codec<Value>, value: Value): void {
    const writer = new XdrWriter();
    codec.encode(writer, value);
    this.send(header, writer.bytes);
  }
}
