/**
 * One connection to a libvirt daemon: calls, their replies, events and streams over one socket.
 *
 * The daemon stops reading a connection on which `max_client_requests` (5) calls are blocked, its keepalive included, so at
 * most four are sent and the rest wait here in order. A call that timed out keeps its place until the daemon answers,
 * because the daemon is still busy with it. When the socket dies, every promise and stream settles at once.
 */
import type { Duplex } from 'node:stream';
import { errorCodes } from '../facade/error-codes.js';
import { programs } from '../procedures/procedure.js';
import type { Procedure } from '../procedures/procedure.js';
import { procedureOf } from '../procedures/table.js';
import type { Args, CallName, ProcedureName, Reply, StreamProcedureName } from '../procedures/table.js';
import { errorPayload } from '../procedures/structures.js';
import { beginFrame, finishFrame, FrameSplitter, messageTypes, ProtocolError, statuses } from '../wire/frame.codec.js';
import type { Frame, Header } from '../wire/frame.codec.js';
import { daemonError } from '../wire/libvirt-error.js';
import type { LibvirtError } from '../wire/libvirt-error.js';
import { XdrReader } from '../xdr/xdr-reader.js';
import { XdrWriter } from '../xdr/xdr-writer.js';
import { Keepalive } from './keepalive.js';
import type { KeepaliveOptions } from './keepalive.js';
import { captureSite, clientError, PendingCall, withSite } from './pending-call.js';
import type { CallSite } from './pending-call.js';
import { RpcStream } from './rpc-stream.js';

export interface ConnectionOptions {
  readonly maxInFlight: number;
  readonly timeoutMs: number;
  /** `null` sends no pings; those of the daemon are answered in any case. */
  readonly keepalive: KeepaliveOptions | null;
}

export interface CallOptions {
  /** How long the caller waits, in the queue and for the answer. `Infinity` for as long as the connection lives. */
  readonly timeoutMs?: number;
  /** Where the call was made, when that is not the caller of this method. */
  readonly site?: CallSite;
}

export interface OpenedStream<Name extends StreamProcedureName> {
  readonly reply: Reply<Name>;
  readonly stream: RpcStream;
}

const keepaliveProcedures = { ping: 1, pong: 2 } as const;
const noPayload = Buffer.alloc(0);

export class RpcConnection {
  readonly #socket: Duplex;
  readonly #options: ConnectionOptions;
  readonly #splitter = new FrameSplitter();
  readonly #keepalive: Keepalive | undefined;
  /** Sent and not yet answered, by serial, including those whose caller has given up. */
  readonly #inFlight = new Map<number, PendingCall>();
  readonly #queue: PendingCall[] = [];
  readonly #streams = new Map<number, RpcStream>();
  readonly #pausedBy = new Set<number>();
  #serial = 0;
  #closedBy: Error | undefined;
  /** Called with every event message, in the order received. */
  onEvent: (frame: Frame) => void = () => undefined;
  /** Called once, when the connection has ended for whatever reason and all its calls are settled. */
  onClose: (reason: Error) => void = () => undefined;

  constructor(socket: Duplex, options: ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail(new Error('the daemon closed the connection')));
    socket.on('end', () => this.#fail(new Error('the daemon closed the connection')));
    if (options.keepalive !== null) {
      const { intervalMs, count } = options.keepalive;
      this.#keepalive = new Keepalive(
        options.keepalive,
        () => this.#sendKeepalive(keepaliveProcedures.ping),
        () => this.#pausedBy.size > 0,
        () => this.#fail(new Error(`the daemon left ${count} pings, ${intervalMs} ms apart, unanswered`)),
      );
    }
  }

  /** Calls sent or waiting; a measure for choosing among connections. */
  get load(): number {
    return this.#inFlight.size + this.#queue.length;
  }

  get hasRoom(): boolean {
    return this.#inFlight.size < this.#options.maxInFlight;
  }

  get isClosed(): boolean {
    return this.#closedBy !== undefined;
  }

  call<Name extends CallName>(name: Name, args: Args<Name>, options: CallOptions = {}): Promise<Reply<Name>> {
    return this.#start(name, args, options.site ?? captureSite(), options) as Promise<Reply<Name>>;
  }

  openStream<Name extends StreamProcedureName>(
    name: Name,
    args: Args<Name>,
    options: CallOptions = {},
  ): Promise<OpenedStream<Name>> {
    return this.#start(name, args, options.site ?? captureSite(), options) as Promise<OpenedStream<Name>>;
  }

  /** Ends the connection now. What is in flight rejects. */
  close(): void {
    this.#fail(new Error('the connection was closed on this side'));
  }

  #start(name: ProcedureName, args: unknown, site: CallSite, options: CallOptions): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#closedBy !== undefined) {
        const error = clientError(name, errorCodes.NO_CONNECT, 'not-applied', 'not connected', this.#closedBy);
        return reject(withSite(error, site));
      }
      const procedure = procedureOf(name) as Procedure;
      const serial = this.#nextSerial();
      let frame: Buffer;
      try {
        frame = encodeCall(procedure, serial, args);
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        return reject(withSite(clientError(name, errorCodes.INVALID_ARG, 'not-applied', message, error), site));
      }
      const pending = new PendingCall(name, procedure, serial, frame, site, { resolve, reject });
      pending.startTimer(options.timeoutMs ?? this.#options.timeoutMs, () => this.#dropQueued(pending));
      if (this.hasRoom) this.#send(pending);
      else this.#queue.push(pending);
    });
  }

  #nextSerial(): number {
    this.#serial = this.#serial === 0xffffffff ? 1 : this.#serial + 1;
    return this.#serial;
  }

  #send(pending: PendingCall): void {
    pending.isSent = true;
    this.#inFlight.set(pending.serial, pending);
    this.#socket.write(pending.frame);
  }

  #dropQueued(pending: PendingCall): void {
    const index = this.#queue.indexOf(pending);
    if (index >= 0) this.#queue.splice(index, 1);
  }

  #receive(chunk: Buffer): void {
    this.#keepalive?.heard();
    try {
      for (const frame of this.#splitter.push(chunk)) {
        if (this.#closedBy !== undefined) return;
        this.#dispatch(frame);
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#fail(error);
    }
  }

  #dispatch(frame: Frame): void {
    if (frame.program === programs.keepalive) {
      if (frame.procedure === keepaliveProcedures.ping) this.#sendKeepalive(keepaliveProcedures.pong);
      return;
    }
    switch (frame.type) {
      case messageTypes.reply:
        return this.#receiveReply(frame);
      case messageTypes.message:
        return this.onEvent(frame);
      case messageTypes.stream:
        return this.#receiveStreamPacket(frame);
      default:
        throw new ProtocolError(`message of type ${frame.type} from the daemon`);
    }
  }

  /** The daemon hands a stream to its event loop before it queues the reply that opens it, so data may come first. */
  #receiveStreamPacket(frame: Frame): void {
    const stream = this.#streams.get(frame.serial);
    if (stream !== undefined) stream.receive(frame);
    else this.#inFlight.get(frame.serial)?.earlyPackets.push(frame);
  }

  #receiveReply(frame: Frame): void {
    const pending = this.#inFlight.get(frame.serial);
    if (pending === undefined) throw new ProtocolError(`reply to call ${frame.serial}, which is not in flight`);
    this.#inFlight.delete(frame.serial);
    const next = this.#queue.shift();
    if (next !== undefined) this.#send(next);
    if (frame.status === statuses.error) return pending.reject(decodeError(frame.payload, pending.name));
    // Opened even for a caller who has given up, because only then can it be aborted.
    const stream = pending.procedure.stream === 'none' ? undefined : this.#openStream(pending);
    if (pending.isSettled) return void stream?.destroy();
    try {
      const reply = decodePayload(pending.procedure.reply, frame.payload);
      pending.resolve(stream === undefined ? reply : { reply, stream });
      for (const packet of pending.earlyPackets) stream?.receive(packet);
    } catch (error) {
      pending.fail(
        errorCodes.RPC,
        `unreadable reply: ${error instanceof Error ? error.message : String(error)}`,
        error,
      );
      stream?.destroy();
    }
  }

  #openStream({ name, procedure, serial }: PendingCall): RpcStream {
    const header = { program: procedure.program, procedure: procedure.number, type: messageTypes.stream, serial };
    const resumeReading = () => {
      if (this.#pausedBy.delete(serial) && this.#pausedBy.size === 0) this.#socket.resume();
    };
    const stream = new RpcStream(
      {
        send: (status, payload = noPayload) => this.#write({ ...header, status }, payload),
        drained: (next) => void this.#socket.once('drain', next),
        pauseReading: () => {
          this.#pausedBy.add(serial);
          this.#socket.pause();
        },
        resumeReading,
        decodeError: (payload) => decodeError(payload, name),
        protocolError: (message) => clientError(name, errorCodes.RPC, 'unknown', message),
        forget: () => {
          this.#streams.delete(serial);
          resumeReading();
        },
      },
      procedure.stream,
    );
    this.#streams.set(serial, stream);
    return stream;
  }

  #sendKeepalive(procedure: number): void {
    const header = { program: programs.keepalive, procedure, type: messageTypes.message, serial: 0 };
    this.#write({ ...header, status: statuses.ok }, noPayload);
  }

  #write(header: Header, payload: Uint8Array): boolean {
    if (this.#closedBy !== undefined) return true;
    const writer = new XdrWriter(payload.length + 32);
    beginFrame(writer, header);
    writer.raw(payload);
    return this.#socket.write(finishFrame(writer));
  }

  #fail(reason: Error): void {
    if (this.#closedBy !== undefined) return;
    this.#closedBy = reason;
    this.#keepalive?.stop();
    this.#socket.destroy();
    const message = `connection lost: ${reason.message}`;
    for (const pending of [...this.#inFlight.values(), ...this.#queue]) {
      pending.fail(pending.isSent ? errorCodes.RPC : errorCodes.NO_CONNECT, message, reason);
    }
    this.#inFlight.clear();
    this.#queue.length = 0;
    for (const stream of [...this.#streams.values()]) {
      stream.connectionLost(clientError('stream', errorCodes.RPC, 'unknown', message, reason));
    }
    this.onClose(reason);
  }
}

function encodeCall(procedure: Procedure, serial: number, args: unknown): Buffer {
  const writer = new XdrWriter();
  const header = { program: procedure.program, procedure: procedure.number, serial };
  beginFrame(writer, { ...header, type: messageTypes.call, status: statuses.ok });
  procedure.args.encode(writer, args);
  return finishFrame(writer);
}

/** Reads a payload whole; bytes left over mean that it is not what the table says. */
export function decodePayload<Value>(codec: { decode(reader: XdrReader): Value }, payload: Buffer): Value {
  const reader = new XdrReader(payload);
  const value = codec.decode(reader);
  reader.end();
  return value;
}

function decodeError(payload: Buffer, procedure: string): LibvirtError {
  try {
    return daemonError(decodePayload(errorPayload, payload), procedure);
  } catch (error) {
    return clientError(procedure, errorCodes.RPC, 'unknown', 'failed, and the error is unreadable', error);
  }
}
