import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { isNotTaken, isStreamNotFound, isWrongLastSequence } from '../wire/jetstream-errors.js';
import type { LeaseEntry, LeaseStore } from './lease-store.port.js';
import type { NatsMessaging } from '../bus/nats-messaging.adapter.js';

/** The one service whose credentials make the bucket; each of its replicas looks for it all the time, for its own lease. */
export const LEASE_BUCKET_OWNER = 'api-gateway';

export interface NatsLeaseStoreOptions {
  /** How long one read or write may take; well below a lease's time to live. */
  readonly timeoutMs: number;
  /** Makes the bucket where there is none; the others wait for it. */
  readonly isOwner: boolean;
  /** Servers of a NATS cluster that keep each lease, when the bucket is made. */
  readonly replicas?: number;
}

export function leaseBucket(subjectPrefix: string): string {
  return `${subjectPrefix}_leases`;
}

/**
 * Leases in a NATS KV bucket, which its owner makes again whenever the server has lost its files. Needs nothing newer than
 * nats-server 2.9: no time to live per key.
 *
 * Reads are direct, which a stream answers once it is whole. The other way to read a message, asked while another client has
 * the stream made, ends nats-server 2.9.10 by a panic; and after it lost its files all services look for their leases at
 * once. A stale answer of a replica does no harm: every write expects a revision.
 */
export function natsLeaseStore(messaging: NatsMessaging, store: NatsLeaseStoreOptions): LeaseStore {
  const { connection, subjects } = messaging;
  const bucket = leaseBucket(subjects.prefix);
  const options = { timeout: store.timeoutMs, checkAPI: false };
  const client = jetstream(connection, options);

  async function makeBucket(): Promise<void> {
    await new Kvm(client).create(bucket, { history: 1, allow_direct: true, replicas: store.replicas ?? 1 });
  }

  function requireConnection(): void {
    // Otherwise the client would keep the message and send it whenever the connection is back.
    if (messaging.state !== 'connected') throw new Error('no connection to the lease store');
  }

  async function read(key: string): Promise<LeaseEntry | undefined> {
    requireConnection();
    const manager = await jetstreamManager(connection, options);
    try {
      // A direct read of a stream that does not exist is not answered at all.
      await manager.streams.info(`KV_${bucket}`);
    } catch (error) {
      if (!isStreamNotFound(error)) throw error;
      if (store.isOwner) await makeBucket();
      return undefined;
    }
    const stored = await manager.direct.getMessage(`KV_${bucket}`, { last_by_subj: `$KV.${bucket}.${key}` });
    if (stored === null) return undefined;
    // The mark of a deleted key is a revision too, and the one that the next write must expect.
    const isDeleted = stored.header.has('KV-Operation');
    return { value: isDeleted ? undefined : stored.string(), revision: stored.seq };
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
      if (!store.isOwner) {
        throw new Error(`the bucket ${bucket} does not exist; ${LEASE_BUCKET_OWNER} makes it once it runs`, {
          cause: error,
        });
      }
      await makeBucket();
      return 'conflict';
    }
  }

  return { read, write };
}
