import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { inSpan } from '@drover/observability';
import { lastValueFrom, type Observable, from } from 'rxjs';
import type { DroverRequest } from './drover-request.js';

/** Runs each request in a span of its caller's trace, with its id on every log line and message. */
export class RequestContextInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<DroverRequest>();
    const { traceparent } = request.headers;
    const name = `${request.method} ${request.routeOptions.url ?? ''}`;
    const options = {
      kind: 'server' as const,
      fields: { requestId: request.id },
      ...(typeof traceparent === 'string' ? { traceparent } : {}),
    };
    return from(inSpan(name, options, () => lastValueFrom(next.handle(), { defaultValue: undefined })));
  }
}
