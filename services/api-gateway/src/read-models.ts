import { readModelOf, type ModelStatus, type Position, type RebuildStatus } from '@drover/contracts';
import type { Clock } from '@drover/domain-kit';
import type { EventStore } from '@drover/event-store';
import type { Logger, Metrics } from '@drover/observability';
import { someNotShown, RebuildRunner, type FollowedModel, type ReadDatabase } from '@drover/read-models';
import type { Health } from '@drover/service-kit';
import type { Models } from './application/ports/models.port.js';
import type { ReadPosition } from './application/ports/read-position.port.js';
import { resources } from './sections.js';

/** The models in use, by the name of the resource that each shows. */
export type NamedModels = ReadonlyMap<string, FollowedModel>;

export function byResource(models: readonly FollowedModel[]): NamedModels {
  return new Map(
    resources.flatMap(({ key: { name } }) => {
      const model = models.find(({ projection }) => projection.name === readModelOf(name));
      return model === undefined ? [] : [[name, model] as const];
    }),
  );
}

/** How far the models are that an answer is made of. */
export function positionOf(models: NamedModels, store: EventStore): ReadPosition {
  async function waitFor(position: Position, timeoutMs: number, names?: readonly string[]) {
    const asked = [...models].filter(([name]) => names === undefined || names.includes(name));
    const answers = await Promise.all(asked.map(([, { waiters }]) => waiters.waitFor(position, timeoutMs)));
    return answers.every((answer) => answer === 'reached') ? 'reached' : 'not-yet';
  }
  return {
    waitFor,
    catchUp: async (timeoutMs, names) => waitFor(await store.head(), timeoutMs, names),
    head: () => store.head(),
  };
}

export interface RebuildableModels extends Models {
  stop(): Promise<void>;
}

export function rebuildable(
  models: NamedModels,
  parts: {
    readonly store: EventStore;
    readonly database: ReadDatabase;
    readonly logger: Logger;
    readonly clock: Clock;
  },
): RebuildableModels {
  const rebuilds = new Map(
    [...models].map(([name, { projection }]) => [name, new RebuildRunner({ ...parts, projection })] as const),
  );
  const never = (model: string): RebuildStatus => ({ model, state: 'NEVER', projected: 0, total: 0 });
  const newest = (name: string): RebuildStatus => {
    const latest = rebuilds.get(name)?.latest;
    return latest === undefined ? never(name) : { model: name, ...latest };
  };
  return {
    list: () =>
      [...models].map(([name, { checkpoint, waiters, failure, outdated }]): ModelStatus => ({
        name,
        position: checkpoint === undefined ? null : waiters.reached,
        projected: checkpoint?.projected ?? 0,
        notShown: checkpoint?.notShown ?? 0,
        failure: failure?.slice(0, 4000) ?? null,
        outdated: outdated?.slice(0, 4000) ?? null,
        rebuild: newest(name),
      })),
    rebuild(name) {
      const rebuild = rebuilds.get(name);
      return rebuild === undefined ? undefined : { model: name, ...rebuild.start() };
    },
    async stop() {
      await Promise.all([...rebuilds.values()].map((rebuild) => rebuild.stop()));
    },
  };
}

/** Tells of each model in health and metrics. */
export function watchModels(models: NamedModels, database: ReadDatabase, health: Health, metrics: Metrics): void {
  for (const [name, model] of models) {
    health.addCheck(`read model ${name}`, () => stateOf(model));
    // What is odd with one thing, or with this release, is told, and does not take the service from all others.
    health.addCheck(`not shown ${name}`, async () => ({ isOk: true, detail: await notShownSentence(model, database) }));
    health.addCheck(`release ${name}`, () => ({ isOk: true, detail: model.outdated ?? 'writes the read model' }));
    const labels = { model: name };
    metrics.observe('drover_projected_events', () => model.checkpoint?.projected ?? 0, labels);
    metrics.observe('drover_things_not_shown', () => model.checkpoint?.notShown ?? 0, labels);
    metrics.observe('drover_read_model_outdated', () => (model.outdated === undefined ? 0 : 1), labels);
    metrics.observe('drover_read_model_failed', () => (model.failure === undefined ? 0 : 1), labels);
  }
}

function stateOf({ failure, checkpoint, waiters }: FollowedModel): { isOk: boolean; detail: string } {
  if (failure !== undefined) return { isOk: false, detail: `stands still: ${failure}` };
  if (checkpoint === undefined) return { isOk: false, detail: 'the database has not answered yet' };
  return { isOk: true, detail: `position ${waiters.reached}` };
}

async function notShownSentence({ checkpoint, projection }: FollowedModel, database: ReadDatabase): Promise<string> {
  const { notShown = 0 } = checkpoint ?? {};
  if (notShown === 0) return 'everything is shown';
  const some = await database.reading((sql) => someNotShown(sql, projection.name));
  const named = some.map(({ stream, since, type, reason }) => `${stream} since position ${since} (${type}): ${reason}`);
  return `${notShown} not shown, among them ${named.join('; ')}`;
}
