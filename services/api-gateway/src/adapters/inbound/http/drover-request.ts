import type { OperationId } from '@drover/contracts';
import type { FastifyRequest } from 'fastify';
import type { Principal } from './tokens.js';
import type { Caller } from '../../../application/caller.js';

/** A request behind the guard. `caller` is absent on open routes only. */
export interface DroverRequest extends FastifyRequest {
  caller?: Caller;
  /** Who sent a known token, on any route. */
  principal?: Principal;
  /** What the request began, for its line in the log. */
  operationId?: OperationId;
}
