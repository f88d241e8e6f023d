import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { isNotTaken, isStreamNotFound, isWrongLastSequence } from './jetstream-errors.js';
import type { LeaseEntry, LeaseStore } from './lease-store.port.js';
import type { NatsMessaging } from './nats-messaging.adapter.js';

export function leaseBucket(subjectPrefix: string): string {
  return `${subjectPrefix}_leases`;
}

/**
 * Leases in a NATS KV bucket, which is made again whenever the server has lost its files. Needs nothing newer than
 * nats-server 2.9: no time to live per key, and reads go to the stream's leader.
 *
 * @param timeoutMs how long one read or write may take; well below a lease's time to live.
 */
export function natsLeaseStore(messaging: NatsMessaging, timeoutMs: number): LeaseStore {
  const { connection, subjects } = messaging;
  const bucket = leaseBucket(subjects.prefix);
  const options = { timeout: timeoutMs, checkAPI: false };
  const client = jetstream(connection, options);
  const makeBucket = () => new Kvm(client).create(bucket, { history: 1, allow_direct: false });

  function requireConnection(): void {
    // Otherwise the client would keep the message and send it whenever the connection is back.
    if (messaging.state !== 'connected') throw new Error('no connection to the lease store');
  }

  async function read(key: string): Promise<LeaseEntry | undefined> {
    requireConnection();
    const manager = await jetstreamManager(connection, options);
    try {
      const stored = await manager.streams.getMessage(`KV_${bucket}`, { last_by_subj: `$KV.${bucket}.${key}` });
      const isDeleted = stored?.header.has('KV-Operation') ?? true;
      return stored === null || isDeleted ? undefined : { value: stored.string(), revision: stored.seq };
    } catch (error) {
      if (!isStreamNotFound(error)) throw error;
      await makeBucket();
      return undefined;
    }
  }

  async function write(key: string, value: string, expectedRevision: number): Promise<number | 'conflict'> {
    requireConnection();
    try {
      const acknowledged = await client.publish(`$KV.${bucket}.${key}`, value, {
        expect: { lastSubjectSequence: expectedRevision },
      });
      return acknowledged.seq;
    } catch (error) {
      if (isWrongLastSequence(error)) return 'conflict';
      // No stream takes the subject: the bucket is gone, and with it the revision that was expected.
      if (!isNotTaken(error)) throw error;
      await makeBucket();
      return 'conflict';
    }
  }

  return { read, write };
}
