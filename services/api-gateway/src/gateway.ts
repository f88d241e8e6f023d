import type { Clock } from '@drover/domain-kit';
import type { EventStore } from '@drover/event-store';
import type { Logger, Metrics } from '@drover/observability';
import { ProjectionRunner, type ReadDatabase } from '@drover/read-models';
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
import { ProgressBoard } from './application/progress-board.js';
import { OPERATIONS } from './application/ports/fleet-reads.port.js';
import { endedIn } from './projections/operation/operation-view.state.js';
import { byResource, positionOf, rebuildable, watchModels } from './read-models.js';
import { projections, resources } from './sections.js';

export const API_VERSION = '0.1.0';

/** How long the end of an operation waits for a model that is behind the operations'. */
const SLOWEST_MODEL_MS = 1000;

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
  const runner = new ProjectionRunner({
    store,
    database,
    projections,
    logger,
    onStoreLost: options.onStoreLost,
    onProjected: (written, events, upTo) => {
      const ended = endedIn(events);
      if (ended.length === 0 || !byResource(written).has(OPERATIONS.name)) return;
      progress.forget(ended);
      // A client that waited for an end sees the thing as it is then. All models hold it already, unless one stands still.
      void position.waitFor(upTo, SLOWEST_MODEL_MS).then(() => ends.notice(ended));
    },
  });
  const named = byResource(runner.models);
  const position = positionOf(named, store);
  const models = rebuildable(named, { store, database, logger, clock });
  watchModels(named, database, health, metrics);
  const app = await createHttpServer({
    module: ApiGatewayModule.of({
      store,
      commands,
      reads: new SqlFleetReads(database, resources),
      position,
      models,
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
      for (const { waiters } of runner.models) waiters.release();
      streams.endAll();
      await Promise.all([closeSocket(localServer), app.close()]);
      await stopProgress();
      await models.stop();
      await runner.stop();
    },
  };
}
