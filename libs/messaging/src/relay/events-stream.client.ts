import {
  DiscardPolicy,
  JetStreamApiError,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type JetStreamManager,
  type StoredMsg,
  type StreamInfo,
} from '@nats-io/jetstream';
import { positionSchema, type Position, type Subjects } from '@drover/contracts';
import type { Logger } from '@drover/observability';
import { readReference, type EventReference } from './cloud-event.codec.js';
import { isStreamNotFound } from '../wire/jetstream-errors.js';
import type { NatsMessaging } from '../bus/nats-messaging.adapter.js';

/** Header of each message of the stream: where its event stands in the store. */
export const POSITION_HEADER = 'Drover-Position';

export interface Retention {
  readonly maxAgeMs: number;
  /** Less where the server has no room for so much; kept as it is where the stream exists already. */
  readonly maxBytes: number;
  /** Servers of a NATS cluster that keep each event. */
  readonly replicas: number;
}

/** What the stream says about how far publishing has come. */
export interface Checkpoint {
  /** Sequence that the next message must expect to be the last. */
  readonly lastSequence: number;
  /**
   * Everything up to here is in the stream, if this event is the store's; undefined when the stream is empty, `foreign` where
   * its last message is not of a relay.
   */
  readonly last: (EventReference & { readonly position: Position }) | 'foreign' | undefined;
}

const SMALLEST_BYTES = 64 * 1024 * 1024;
const INSUFFICIENT_RESOURCES = [10023, 10028, 10047];

export function eventsStreamName(subjectPrefix: string): string {
  return subjectPrefix === 'drover' ? 'EVENTS' : `EVENTS_${subjectPrefix}`;
}

/** Reads the last message of the stream, which is made when it is not there. */
export async function readCheckpoint(
  messaging: NatsMessaging,
  retention: Retention,
  logger: Logger,
): Promise<Checkpoint> {
  const name = eventsStreamName(messaging.subjects.prefix);
  const manager = await managerOf(messaging);
  const info = await findOrMake(manager, name, messaging.subjects.allEvents, retention, logger);
  const lastSequence = info.state.last_seq;
  if (info.state.messages === 0) return { lastSequence, last: undefined };
  // By its number first: a search for the last message may miss what was stored a moment ago, and an older position with
  // this sequence would repeat everything between them. The search serves where somebody deleted that message.
  const message =
    (await manager.streams.getMessage(name, { seq: lastSequence })) ??
    (await manager.streams.getMessage(name, { last_by_subj: messaging.subjects.allEvents }));
  if (message === null) throw new Error(`${name} was emptied while its end was read`);
  // A message that came meanwhile makes the next publish a conflict, and this is read again.
  return { lastSequence: Math.max(lastSequence, message.seq), last: eventIn(message, messaging.subjects) ?? 'foreign' };
}

/** Undefined for a message that no relay published. */
function eventIn(
  message: StoredMsg,
  subjects: Subjects,
): (EventReference & { readonly position: Position }) | undefined {
  try {
    const position = positionSchema.safeParse(message.header.get(POSITION_HEADER));
    const event = readReference(subjects, message.json());
    return position.success && event !== undefined ? { ...event, position: position.data } : undefined;
  } catch {
    // Neither its headers nor its payload need be readable.
    return undefined;
  }
}

/**
 * Removes what stands in the stream up to this sequence; the next message is numbered as if it were still there. A purge
 * that comes late removes nothing of what another relay has published since.
 */
export async function purgeUpTo(messaging: NatsMessaging, lastSequence: number): Promise<void> {
  const manager = await managerOf(messaging);
  await manager.streams.purge(eventsStreamName(messaging.subjects.prefix), { seq: lastSequence + 1 });
}

function managerOf(messaging: NatsMessaging): Promise<JetStreamManager> {
  return jetstreamManager(messaging.connection, { checkAPI: false, timeout: 2_000 });
}

async function findOrMake(
  manager: JetStreamManager,
  name: string,
  subject: string,
  retention: Retention,
  logger: Logger,
): Promise<StreamInfo> {
  const maxAge = retention.maxAgeMs * 1_000_000;
  try {
    const info = await manager.streams.info(name);
    const { max_age, num_replicas } = info.config;
    if (max_age === maxAge && num_replicas === retention.replicas) return info;
    return await manager.streams.update(name, { max_age: maxAge, num_replicas: retention.replicas });
  } catch (error) {
    if (!isStreamNotFound(error)) throw error;
  }
  for (let maxBytes = retention.maxBytes; ; maxBytes = Math.floor(maxBytes / 2)) {
    try {
      const made = await manager.streams.add({
        name,
        subjects: [subject],
        retention: RetentionPolicy.Limits,
        storage: StorageType.File,
        discard: DiscardPolicy.Old,
        max_age: maxAge,
        max_bytes: maxBytes,
        num_replicas: retention.replicas,
      });
      logger.info('made the stream of events', { stream: name, maxBytes });
      return made;
    } catch (error) {
      const isTooMuch = error instanceof JetStreamApiError && INSUFFICIENT_RESOURCES.includes(error.code);
      if (!isTooMuch || maxBytes / 2 < SMALLEST_BYTES) throw error;
      logger.warn('the server has no room for so large a stream of events', { stream: name, maxBytes, error });
    }
  }
}
