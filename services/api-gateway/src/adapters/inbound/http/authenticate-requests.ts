import { errors, Rejected } from '@drover/contracts';
import { TokenBucket, type Clock, type Rate } from '@drover/domain-kit';
import type { Logger } from '@drover/observability';
import type { FastifyInstance } from 'fastify';

import type { DroverRequest } from './drover-request.js';
import { routes } from './routes.js';
import type { Tokens } from './tokens.js';

/** Lines of refusals: a few at once, then one a second, so that who guesses tokens fills no disk. */
const LINES: Rate = { perSecond: 1, burst: 20 };

export interface Authentication {
  readonly tokens: Tokens;
  readonly logger: Logger;
  readonly clock: Clock;
}

/**
 * Looks at the token and the route's permission before anything else of a request is read: a stranger's body costs nothing. A route
 * that declares no permission is closed by `AccessGuard`.
 */
export function authenticateRequests(server: FastifyInstance, { tokens, logger, clock }: Authentication): void {
  const permissions = new Map(
    routes().map(({ method, path, permission }) => [`${method} ${path.replace(/\{(\w+)\}/g, ':$1')}`, permission]),
  );
  const tell = refusalLog(logger, clock);
  server.addHook('onRequest', (request: DroverRequest, _reply, done) => {
    const permission = permissions.get(`${request.method} ${request.routeOptions.url ?? ''}`);
    const principal = tokens.bearerOf(request.headers.authorization);
    if (principal !== undefined) request.principal = principal;
    if (permission === undefined || permission === 'public' || principal?.may(permission) === true) return done();
    const refusal =
      principal === undefined
        ? new Rejected(errors.UNAUTHENTICATED('no token was sent, or it is unknown'))
        : new Rejected(errors.FORBIDDEN(`${principal.name} does not have the permission ${permission}`));
    tell(request, refusal);
    done(refusal);
  });
}

function refusalLog(logger: Logger, clock: Clock) {
  const bucket = new TokenBucket(LINES, clock.monotonicMs());
  let untold = 0;
  return (request: DroverRequest, { rejection }: Rejected): void => {
    if (bucket.waitMs(clock.monotonicMs()) > 0) {
      untold += 1;
      return;
    }
    bucket.take(1);
    logger.warn('refused a request for want of a token or permission', {
      code: rejection.code,
      principal: request.principal?.name,
      address: request.ip,
      method: request.method,
      route: request.routeOptions.url ?? 'none',
      requestId: request.id,
      refusedSinceLastLine: untold,
    });
    untold = 0;
  };
}
