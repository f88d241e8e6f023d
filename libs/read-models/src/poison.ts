import { type StoredEvent, isFailure } from '@drover/contracts';
import type { Logger } from '@drover/observability';
import { isGiven, passOver, projectBatch, type Batch, type Checkpoint, type Target } from './checkpoint.js';
import { OutdatedProjection } from './outdated-projection.js';
import { sqlStateOf, type ReadDatabase } from './read-database.client.js';

/**
 * Projects a batch into all models at once. Where that fails by what an event holds, each model is given the batch by itself; one
 * that cannot take it is given its events one by one, and those that it cannot take are passed over there: each marks the one
 * thing that it belongs to, in that model, and everything else is shown on.
 */
export async function projectAroundPoison(
  database: ReadDatabase,
  targets: readonly Target[],
  batch: Batch,
  logger: Logger,
): Promise<readonly Checkpoint[]> {
  try {
    return await projectBatch(database, targets, batch);
  } catch (error) {
    if (!isOfAnEvent(error)) throw error;
  }
  if (targets.length > 1) {
    for (const target of targets) await projectAroundPoison(database, [target], batch, logger);
  } else {
    for (const target of targets) await projectOneByOne(database, target, batch, logger);
  }
  return projectBatch(database, targets, { events: [], upTo: batch.upTo });
}

async function projectOneByOne(database: ReadDatabase, target: Target, batch: Batch, logger: Logger): Promise<void> {
  for (const event of batch.events.filter((one) => isGiven(target.projection, one))) {
    try {
      await projectBatch(database, [target], { events: [event], upTo: event.position });
    } catch (error) {
      if (!isOfAnEvent(error)) throw error;
      tell(logger, target, event, error);
      await passOver(database, target, event, String(error));
    }
  }
}

/**
 * Whether an event is to blame: the fold threw, or the server refused a value (SQLSTATE classes 22, 23 and 54). Anything else, a
 * missing table or a right that was taken away, would fail with every other event too.
 */
function isOfAnEvent(error: unknown): boolean {
  if (isFailure(error) || error instanceof OutdatedProjection) return false;
  const state = sqlStateOf(error);
  return state === undefined || /^(22|23|54)/.test(state);
}

function tell(logger: Logger, { projection }: Target, event: StoredEvent, error: unknown): void {
  const { id, type, stream, position } = event;
  const fields = { error, projection: projection.name, eventId: id, type, stream, position };
  logger.error('the read model cannot apply an event; what the event belongs to is shown as it was before', fields);
}
