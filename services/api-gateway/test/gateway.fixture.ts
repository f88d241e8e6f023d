import { createHash } from 'node:crypto';
import { systemClock } from '@drover/domain-kit';
import { createMemoryEventStore, prepareStore, type EventStore } from '@drover/event-store';
import { createMetrics, silentLogger } from '@drover/observability';
import { ReadDatabase } from '@drover/read-models';
import { createHealth } from '@drover/service-kit';
import { Tokens } from '../src/adapters/inbound/http/tokens.js';
import { startGateway, type RunningGateway } from '../src/gateway.js';
import { projections } from '../src/sections.js';
import { FakeFleetCommands } from '../src/testing/fake-fleet-commands.js';
import { FleetStory } from '../src/testing/fleet-story.js';

export const TOKEN = 'a-token-of-the-specs';
export const READER = 'a-token-that-only-reads';

export interface GatewayFixture {
  readonly url: string;
  readonly store: EventStore;
  readonly story: FleetStory;
  readonly commands: FakeFleetCommands;
  readonly database: ReadDatabase;
  /** Asks with the administrator's token. */
  request(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<ApiAnswer>;
  stop(): Promise<void>;
}

/** JSON to look into: what is not there is undefined, and a spec that expects it fails. */
export interface Json {
  readonly [key: string]: Json;
  readonly [index: number]: Json;
}

export interface ApiAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Json;
}

/** A whole gateway on a real database; store and deciding services are the specs'. */
export async function startGatewayFixture(
  connectionString: string,
  options: { readonly store?: EventStore; readonly positionWaitMs?: number } = {},
): Promise<GatewayFixture> {
  const store = options.store ?? createMemoryEventStore();
  // The schemas of the read models are made by the owner of the database.
  await prepareStore({ ownerUrl: connectionString });
  const database = ReadDatabase.open({ connectionString, projections });
  const commands = new FakeFleetCommands();
  const gateway: RunningGateway = await startGateway({
    store,
    database,
    commands,
    tokens: new Tokens([
      { principal: 'admin', sha256: sha256(TOKEN), permissions: ['*'] },
      { principal: 'reader', sha256: sha256(READER), permissions: ['vms:read'] },
    ]),
    clock: systemClock,
    host: '127.0.0.1',
    port: 0,
    positionWaitMs: options.positionWaitMs ?? 5000,
    logger: silentLogger,
    metrics: createMetrics(),
    health: createHealth('api-gateway'),
    onStoreLost: (error) => {
      throw error;
    },
  });
  while (!(await fetch(`${gateway.url}/readyz`)).ok) await new Promise((resolve) => setTimeout(resolve, 5));
  return {
    url: gateway.url,
    store,
    story: new FleetStory(store),
    commands,
    database,
    request: (method, path, body, headers = {}) => ask(`${gateway.url}${path}`, method, body, headers),
    async stop() {
      await gateway.stop();
      await database.close();
    },
  };
}

async function ask(url: string, method: string, body: unknown, headers: Record<string, string>): Promise<ApiAnswer> {
  const response = await fetch(url, {
    method,
    headers: {
      authorization: `Bearer ${TOKEN}`,
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: (text === '' ? {} : JSON.parse(text)) as Json };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
