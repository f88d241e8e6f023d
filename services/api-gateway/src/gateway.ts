import type { RebuildStatus } from '@drover/contracts';
import type { Clock } from '@drover/domain-kit';
import type { EventStore } from '@drover/event-store';
import type { Logger, Metrics } from '@drover/observability';
import { someNotShown, ProjectionRunner, RebuildRunner, type ReadDatabase } from '@drover/read-models';
import type { Health } from '@drover/service-kit';
import { createHttpServer } from './adapters/inbound/http/http-server.js';
import { closeSocket, listenOnSocket } from './adapters/inbound/http/local-socket.js';
import { OpenStreams } from './adapters/inbound/http/open-streams.js';
import { ProblemFilter } from './adapters/inbound/http/problem.filter.js';
import type { Tokens } from './adapters/inbound/http/tokens.js';
import { SqlFleetReads } from './adapters/outbound/sql-fleet-reads.adapter.js';
import { ApiGatewayModule } from './api-gateway.module.js';
import { OperationEnds } from './application/operation-ends.js';
import type { FleetCommands } from './application/ports/fleet-commands.port.js';
import type { Rebuilds } from './application/ports/rebuilds.port.js';
import { ProgressBoard } from './application/progress-board.js';
import { fleetProjection } from './projections/fleet/fleet.projection.js';
import { endedIn } from './projections/fleet/operation-view.state.js';

export const API_VERSION = '0.1.0';

export interface GatewayOptions {
  readonly store: EventStore;
  readonly database: ReadDatabase;
  readonly commands: FleetCommands;
  readonly tokens: Tokens;
  readonly clock: Clock;
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Of a unix socket, where it listens as well. */
  readonly socket?: string;
  readonly positionWaitMs: number;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly health: Health;
  /** The event store has lost what was read from it: the process must end. */
  readonly onStoreLost: (error: Error) => void;
}

export interface RunningGateway {
  readonly url: string;
  stop(): Promise<void>;
}

/** Projects, and serves what is projected. */
export async function startGateway(options: GatewayOptions): Promise<RunningGateway> {
  const { store, database, commands, tokens, clock, logger, metrics, health } = options;
  const ends = new OperationEnds();
  const progress = new ProgressBoard();
  const streams = new OpenStreams();
  const projection = fleetProjection;
  const runner = new ProjectionRunner({
    store,
    database,
    projection,
    logger,
    onStoreLost: options.onStoreLost,
    onProjected: (events) => {
      const ended = endedIn(events);
      progress.forget(ended);
      ends.notice(ended);
    },
  });
  const rebuild = new RebuildRunner({ store, database, projection, logger, clock });
  watch(runner, database, health, metrics);
  const app = await createHttpServer({
    module: ApiGatewayModule.of({
      store,
      commands,
      reads: new SqlFleetReads(database),
      position: {
        waitFor: (position, timeoutMs) => runner.waiters.waitFor(position, timeoutMs),
        catchUp: async (timeoutMs) => runner.waiters.waitFor(await store.head(), timeoutMs),
        head: () => store.head(),
      },
      rebuilds: rebuildsOf(rebuild),
      ends,
      progress,
      streams,
      health,
      logger,
      clock,
      positionWaitMs: options.positionWaitMs,
    }),
    filter: new ProblemFilter(logger),
    tokens,
    logger,
    clock,
    version: API_VERSION,
  });
  runner.start();
  const stopProgress = commands.onProgress((heard) => progress.note(heard));
  await app.listen(options.port, options.host);
  const http = app.getHttpAdapter().getInstance();
  const localServer =
    options.socket === undefined
      ? undefined
      : await listenOnSocket(options.socket, (request, response) => http.routing(request, response));
  return {
    url: await app.getUrl(),
    async stop() {
      // Who waits is answered first: a server closes when its last answer is given.
      ends.release();
      runner.waiters.release();
      streams.endAll();
      await Promise.all([closeSocket(localServer), app.close()]);
      await stopProgress();
      await rebuild.stop();
      await runner.stop();
    },
  };
}

async function notShownSentence(runner: ProjectionRunner, database: ReadDatabase): Promise<string> {
  const { notShown = 0 } = runner.checkpoint ?? {};
  if (notShown === 0) return 'everything is shown';
  const some = await database.reading(someNotShown);
  const named = some.map(({ stream, since, type, reason }) => `${stream} since position ${since} (${type}): ${reason}`);
  return `${notShown} not shown, among them ${named.join('; ')}`;
}

function watch(runner: ProjectionRunner, database: ReadDatabase, health: Health, metrics: Metrics): void {
  health.addCheck('read model', () => {
    const { failure, checkpoint } = runner;
    if (failure !== undefined) return { isOk: false, detail: `stands still: ${failure}` };
    if (checkpoint === undefined) return { isOk: false, detail: 'the database has not answered yet' };
    return { isOk: true, detail: `position ${checkpoint.position}, ${checkpoint.skipped} events of other kinds` };
  });
  // What is odd with one thing, or with this release, is told, and does not take the service from all others.
  health.addCheck('not shown', async () => ({ isOk: true, detail: await notShownSentence(runner, database) }));
  health.addCheck('release', () => ({ isOk: true, detail: runner.outdated ?? 'writes the read model' }));
  metrics.observe('drover_projected_events', () => runner.checkpoint?.projected ?? 0);
  metrics.observe('drover_skipped_events', () => runner.checkpoint?.skipped ?? 0);
  metrics.observe('drover_things_not_shown', () => runner.checkpoint?.notShown ?? 0);
  metrics.observe('drover_read_model_outdated', () => (runner.outdated === undefined ? 0 : 1));
}

function rebuildsOf(rebuild: RebuildRunner): Rebuilds {
  const status = (): RebuildStatus => rebuild.latest ?? { state: 'NEVER', projected: 0, total: 0 };
  return {
    start: () => rebuild.start(),
    get status() {
      return status();
    },
  };
}
