import { FoldSaver, type SavedFolds } from '@drover/aggregate';
import { Fault, START, type Position, type StoredEvent } from '@drover/contracts';
import type { FoldSnapshots } from '@drover/event-store';
import { DroverTransportStrategy } from '@drover/messaging';
import { Module, type DynamicModule, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import type { Foundation } from '../foundation.js';
import { nestLogger } from '../nest-logger.js';
import type { ServiceContext } from '../service.js';
import { runReplica, type Replica, type ReplicaOptions } from './replica.runner.js';

const SAVE_EVERY_MS = 30_000;
const SAVE_AT_STOP_MS = 2_000;
const STORE_RETRY_MS = 500;

export interface StreamService<Event extends StoredEvent> extends Pick<
  ReplicaOptions<Event>,
  'name' | 'streamKinds' | 'decidesOn' | 'onEvent' | 'onActive' | 'onPassive'
> {
  /** Those of the active group are heard while this replica is the active one. */
  readonly controllers: readonly Type[];
  /** What its controllers are given, each by its class. */
  readonly handlers: readonly object[];
  /** What starts from a snapshot and is saved in one. Absent where the service reads every event at its start. */
  readonly snapshot?: {
    readonly store: FoldSnapshots;
    readonly folds: readonly SavedFolds[];
    /** Streams that their folds let go, and that another process then wrote to, are read again. */
    readonly streams: { readonly hasMissed: boolean; loadMissed(): Promise<void> };
  };
}

/**
 * A service that decides on streams: starts from its snapshot, follows the store, competes for the lease, hears messages while
 * it holds it, and saves a snapshot now and then. Ends with the context.
 */
export async function startStreamService<Event extends StoredEvent>(
  context: ServiceContext,
  foundation: Pick<Foundation, 'store' | 'messaging' | 'leases' | 'leaseTtlMs'>,
  service: StreamService<Event>,
): Promise<Replica> {
  const { name, snapshot, onActive } = service;
  const { store, messaging, leases, leaseTtlMs } = foundation;
  const strategy = new DroverTransportStrategy({ messaging, queue: name });
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(moduleOf(service), {
    strategy,
    logger: nestLogger(context.logger),
    abortOnError: false,
  });
  await app.listen();
  context.onStop('nest', () => app.close());

  const saver = snapshot && new FoldSaver(name, snapshot.folds, snapshot.store);
  const from = saver === undefined ? START : await restored(name, context, saver, await store.head());
  const replica = runReplica<Event>(context, {
    ...service,
    store,
    messaging,
    strategy,
    leases,
    leaseTtlMs,
    from,
    onActive: async (holds) => {
      await level(snapshot?.streams, holds);
      if (holds()) await onActive(holds);
    },
  });
  if (saver !== undefined && snapshot !== undefined) saveNowAndThen(context, replica, saver, snapshot.streams);
  return replica;
}

@Module({})
class StreamServiceModule {}

function moduleOf({
  controllers,
  handlers,
}: Pick<StreamService<StoredEvent>, 'controllers' | 'handlers'>): DynamicModule {
  const providers = handlers.map((handler) => ({ provide: handler.constructor as Type, useValue: handler }));
  return { module: StreamServiceModule, controllers: [...controllers], providers };
}

/** The store may be away for a while; then this replica is not the active one yet. */
async function level(streams: { loadMissed(): Promise<void> } | undefined, holds: () => boolean): Promise<void> {
  while (streams !== undefined && holds()) {
    try {
      return await streams.loadMissed();
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      await pause(STORE_RETRY_MS);
    }
  }
}

async function restored(
  service: string,
  { logger, metrics }: ServiceContext,
  saver: FoldSaver,
  head: Position,
): Promise<Position> {
  const begunAt = performance.now();
  const position = await saver.restore();
  const fields = { position, head, tookMs: Math.round(performance.now() - begunAt) };
  logger.info(position === START ? 'no snapshot; reading every event' : 'started from a snapshot', fields);
  metrics.observe('drover_snapshot_position', () => Number(saver.savedPosition.split('.')[0]), { service });
  return position;
}

/** The active replica saves what changed; where it cannot, the next time saves more. */
function saveNowAndThen(
  context: ServiceContext,
  replica: Replica,
  saver: FoldSaver,
  streams: { readonly hasMissed: boolean; loadMissed(): Promise<void> },
): void {
  let saving: Promise<void> = Promise.resolve();
  let isSaving = false;
  async function save(): Promise<void> {
    if (isSaving || !replica.isActive || replica.position === saver.savedPosition) return;
    isSaving = true;
    try {
      while (streams.hasMissed) await streams.loadMissed();
      await saver.save(replica.position);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      context.logger.warn('a snapshot could not be saved', { error });
    } finally {
      isSaving = false;
    }
  }
  const timer = setInterval(() => {
    saving = save().catch((error: unknown) => context.fail(error));
  }, SAVE_EVERY_MS).unref();
  context.onStop('snapshots', async () => {
    clearInterval(timer);
    await saving;
    // The next start then has little to read. Without a database there is no time to wait for one: the lease is still held.
    await Promise.race([save(), pause(SAVE_AT_STOP_MS)]);
  });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms).unref());
}
