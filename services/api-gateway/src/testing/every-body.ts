import { emptyBodySchema } from '@drover/contracts';
import type { z } from 'zod';
import { routes } from '../adapters/inbound/http/routes.js';
import { fullCreateBody } from './full-create-body.js';

/** Examples with every field, where the documentation's own leaves some out. */
const fullExamples: Readonly<Record<string, unknown>> = {
  'VmsController.create': fullCreateBody,
  'ImagesController.register': { name: 'guest', project: 'default', source: { kind: 'host', host: 'h1' } },
  'VmActionsController.stop': { mode: 'graceful', gracePeriodMs: 1000 },
};

/** A request that may have a body: what it takes, and a body with all that it takes. */
export interface BodyOfRoute {
  readonly method: string;
  /** `/vms/{vm}/stop`, behind `/api/v1`. */
  readonly path: string;
  readonly schema: z.ZodType;
  readonly example: unknown;
}

/** The bodies of all routes that change something, from the table of routes: none can be forgotten. */
export function everyBody(): readonly BodyOfRoute[] {
  return routes()
    .filter(({ method }) => method !== 'GET')
    .map(({ method, path, handler, endpoint }) => ({
      method,
      path: path.replace(/^\/api\/v1/, ''),
      schema: endpoint?.body ?? emptyBodySchema,
      example: fullExamples[handler] ?? endpoint?.example ?? {},
    }));
}

/** The path with its segments filled in. */
export function targetOf({ path }: Pick<BodyOfRoute, 'path'>, segments: Readonly<Record<string, string>>): string {
  return path.replace(/\{(\w+)\}/g, (_match, name: string) => {
    const segment = segments[name];
    if (segment === undefined) throw new Error(`nothing stands for {${name}} of ${path}`);
    return segment;
  });
}
