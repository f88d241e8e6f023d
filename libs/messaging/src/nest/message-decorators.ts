import { applyDecorators, Catch, UseFilters, type ExceptionFilter } from '@nestjs/common';
import { Ctx, EventPattern, MessagePattern, Payload } from '@nestjs/microservices';
import { throwError, type Observable } from 'rxjs';
import type { ZodType } from 'zod';
import type { HandlerExtras } from './drover-transport.strategy.js';

type HandlerOptions = Omit<HandlerExtras, 'schema'>;

/** The group of handlers that only the active replica of a service hears. */
export const ACTIVE_GROUP = 'active';

/**
 * A method `(payload, message) => Answer` that answers requests.
 *
 * @param pattern subject without the prefix, e.g. `command.vm.create`, `host.*.report.vm`.
 * @param schema what the payload must be; others are dead letters and never reach the method.
 */
export function OnRequest(pattern: string, schema: ZodType, options: HandlerOptions = {}): MethodDecorator {
  return handler(MessagePattern(pattern, { ...options, schema }));
}

/** A method `(payload, message) => void` that hears messages whose senders wait for no answer. */
export function OnMessage(pattern: string, schema: ZodType, options: HandlerOptions = {}): MethodDecorator {
  return handler(EventPattern(pattern, { ...options, schema }) as MethodDecorator);
}

function handler(pattern: MethodDecorator): MethodDecorator {
  return applyDecorators(pattern, UseFilters(passErrors), (target: object, name: string | symbol) => {
    Payload()(target, name, 0);
    Ctx()(target, name, 1);
  });
}

/** Nest would turn errors into "Internal server error"; ours carry code and outcome to the asker. */
@Catch()
class PassErrors implements ExceptionFilter {
  catch(error: unknown): Observable<never> {
    return throwError(() => error);
  }
}

const passErrors = new PassErrors();
