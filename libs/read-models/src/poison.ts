import { Fault, type StoredEvent } from '@drover/contracts';
import type { Logger } from '@drover/observability';
import { passOver, projectBatch, type Batch, type Checkpoint, type Target } from './checkpoint.js';
import { OutdatedProjection } from './outdated-projection.js';
import type { Projection } from './projection.port.js';
import { sqlStateOf, type ReadDatabase } from './read-database.client.js';

/**
 * Projects a batch. Where that fails by what an event holds, its events are projected one by one, and those that cannot be are
 * passed over: each marks the one thing that it belongs to, and all others are shown on.
 */
export async function projectAroundPoison(
  database: ReadDatabase,
  projection: Projection,
  batch: Batch,
  target: Target,
  logger: Logger,
): Promise<Checkpoint> {
  try {
    return await projectBatch(database, projection, batch, target);
  } catch (error) {
    if (!isOfAnEvent(error)) throw error;
  }
  for (const event of batch.events) {
    try {
      await projectBatch(database, projection, { events: [event], upTo: event.position }, target);
    } catch (error) {
      if (!isOfAnEvent(error)) throw error;
      tell(logger, event, error);
      await passOver(database, projection, event, String(error), target);
    }
  }
  return projectBatch(database, projection, { events: [], upTo: batch.upTo }, target);
}

/**
 * Whether an event is to blame: the fold threw, or the server refused a value (SQLSTATE classes 22, 23 and 54). Anything else, a
 * missing table or a right that was taken away, would fail with every other event too.
 */
function isOfAnEvent(error: unknown): boolean {
  if (error instanceof Fault || error instanceof OutdatedProjection) return false;
  const state = sqlStateOf(error);
  return state === undefined || /^(22|23|54)/.test(state);
}

function tell(logger: Logger, { id, type, stream, position }: StoredEvent, error: unknown): void {
  const fields = { error, eventId: id, type, stream, position };
  logger.error('the read model cannot apply an event; its VM or host is shown as it was before', fields);
}
