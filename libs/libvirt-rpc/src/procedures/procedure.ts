/** The columns of the table of procedures: number, arguments, reply, and how the daemon treats the call. */
import { struct } from '../xdr/types.codec.js';
import type { Codec, Fields, StructValue } from '../xdr/types.codec.js';

export const programs = { remote: 0x20008086, qemu: 0x20008087, keepalive: 0x6b656570 } as const;

/** Which way a stream flows that the call opens: `read` from the daemon, `write` to it. */
export type StreamDirection = 'none' | 'read' | 'write' | 'both';

export interface Procedure<Args = unknown, Reply = unknown, Direction extends StreamDirection = StreamDirection> {
  readonly program: number;
  readonly number: number;
  readonly args: Codec<Args>;
  readonly reply: Codec<Reply>;
  /** Served by the daemon's priority workers, which never wait for a QEMU. */
  readonly isHighPriority: boolean;
  readonly stream: Direction;
}

export interface EventMessage<Body = unknown> {
  readonly program: number;
  readonly number: number;
  readonly body: Codec<Body>;
}

type Row<A extends Fields, R extends Fields, D extends StreamDirection = 'none'> = Procedure<
  StructValue<A>,
  StructValue<R>,
  D
>;

function row(program: number, isHighPriority: boolean) {
  return <A extends Fields, R extends Fields>(number: number, args: A, reply: R): Row<A, R> => ({
    ...{ program, number, args: struct(args), reply: struct(reply), isHighPriority, stream: 'none' },
  });
}

function streamRow<D extends StreamDirection>(stream: D) {
  return <A extends Fields, R extends Fields>(number: number, args: A, reply: R): Row<A, R, D> => ({
    ...row(programs.remote, false)(number, args, reply),
    stream,
  });
}

export const call = row(programs.remote, false);
export const high = row(programs.remote, true);
export const qemuCall = row(programs.qemu, false);
export const qemuHigh = row(programs.qemu, true);
export const download = streamRow('read');
export const upload = streamRow('write');
export const duplex = streamRow('both');

function messageRow(program: number) {
  return <B extends Fields>(number: number, body: B): EventMessage<StructValue<B>> => ({
    program,
    number,
    body: struct(body),
  });
}

export const message = messageRow(programs.remote);
export const qemuMessage = messageRow(programs.qemu);
