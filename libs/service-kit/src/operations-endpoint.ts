import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock, type Clock } from '@drover/domain-kit';
import type { Metrics } from '@drover/observability';
import type { Health, HealthReport } from './health.js';
import { Readiness } from './readiness.js';

export interface OperationsEndpoint {
  /** The port that it was given, where it asked for any. */
  readonly port: number;
  close(): Promise<void>;
}

export interface OperationsEndpointOptions {
  readonly host: string;
  /** 0 for any. */
  readonly port: number;
  readonly metrics: Metrics;
  /** Of the services that have started. */
  readonly health: () => readonly Health[];
  readonly clock?: Clock;
  /** How long a client may take to say what it asks; 5 s by default. */
  readonly requestTimeoutMs?: number;
}

/** A scrape or a probe is one short request; a few monitors may hold a connection each. */
const MAX_CONNECTIONS = 32;
const REQUEST_TIMEOUT_MS = 5_000;
/** How often connections are looked at that have said nothing, as a part of the time they have. */
const LOOKS_PER_TIMEOUT = 5;

/**
 * What monitors and orchestrators ask a process: `/metrics` (Prometheus text format 0.0.4), `/livez` (whether it must be
 * restarted), `/readyz` (whether others may rely on it). Changes nothing and needs no sign-in, so it belongs on an address
 * that only they reach.
 */
export async function serveOperations(options: OperationsEndpointOptions): Promise<OperationsEndpoint> {
  const { host, port, metrics, health, clock = systemClock, requestTimeoutMs = REQUEST_TIMEOUT_MS } = options;
  const readiness = new Map<Health, Readiness>();
  const server = createServer(
    {
      requestTimeout: requestTimeoutMs,
      headersTimeout: requestTimeoutMs,
      keepAliveTimeout: requestTimeoutMs,
      connectionsCheckingInterval: requestTimeoutMs / LOOKS_PER_TIMEOUT,
    },
    (request, response) => {
      void answer(request.method ?? '', request.url ?? '', response).catch(() => response.destroy());
    },
  );
  server.maxConnections = MAX_CONNECTIONS;

  async function answer(method: string, url: string, response: ServerResponse): Promise<void> {
    if (method !== 'GET' && method !== 'HEAD') return send(response, 405, 'text/plain', 'GET or HEAD only\n');
    switch (url) {
      case '/metrics':
        return send(response, 200, 'text/plain; version=0.0.4', metrics.text());
      case '/livez':
        return report(
          response,
          health().map((one) => one.live()),
        );
      case '/readyz':
        return report(response, await Promise.all(health().map((one) => readinessOf(one).report())));
      default:
        return send(response, 404, 'text/plain', 'there are /metrics, /livez and /readyz\n');
    }
  }

  /** A client that asks often does not make us ask as often what we stand on. */
  function readinessOf(service: Health): Readiness {
    const known = readiness.get(service) ?? new Readiness(service, clock);
    readiness.set(service, known);
    return known;
  }

  const listening = Promise.withResolvers<void>();
  server.once('error', listening.reject).listen(port, host, listening.resolve);
  await listening.promise;
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      server.closeAllConnections();
      return closed.promise;
    },
  };
}

function report(response: ServerResponse, services: readonly HealthReport[]): void {
  const isOk = services.length > 0 && services.every((service) => service.isOk);
  send(response, isOk ? 200 : 503, 'application/json', `${JSON.stringify({ isOk, services })}\n`);
}

function send(response: ServerResponse, status: number, contentType: string, body: string): void {
  response.writeHead(status, { 'content-type': contentType, 'cache-control': 'no-store' }).end(body);
}
