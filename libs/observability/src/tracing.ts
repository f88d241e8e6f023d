import { context, SpanKind, SpanStatusCode, trace, TraceFlags, type Attributes, type Span } from '@opentelemetry/api';
import { parseTraceParent } from '@opentelemetry/core';
import {
  AlwaysOffSampler,
  BasicTracerProvider,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { activeContext, contextWith, runInContext, type ContextFields } from './context.js';

export interface TracingOptions {
  /** Part of the traces begun here that is recorded, 0 to 1. Traces begun elsewhere follow their own flag. */
  readonly sampleRatio: number;
  /** Where recorded spans go, e.g. a BatchSpanProcessor around an exporter. */
  readonly processors: readonly SpanProcessor[];
}

export interface SpanOptions {
  /** W3C `traceparent` of the cause. Without it the span continues the current one, or begins a trace. */
  readonly traceparent?: string | undefined;
  readonly kind?: 'client' | 'server' | 'producer' | 'consumer' | 'internal';
  readonly fields?: ContextFields;
  readonly attributes?: Attributes;
}

const kinds = {
  client: SpanKind.CLIENT,
  server: SpanKind.SERVER,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
  internal: SpanKind.INTERNAL,
} as const;

// Nothing is recorded until somebody asks, but ids are made and passed on from the start: they tie log lines together.
let provider = new BasicTracerProvider({ sampler: new ParentBasedSampler({ root: new AlwaysOffSampler() }) });
let tracer = provider.getTracer('drover');

/**
 * Sends spans of the whole process to `processors`; services that share a process share this. Returns how to flush and end.
 */
export function configureTracing(options: TracingOptions): () => Promise<void> {
  provider = new BasicTracerProvider({
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(options.sampleRatio) }),
    spanProcessors: [...options.processors],
  });
  tracer = provider.getTracer('drover');
  trace.disable();
  trace.setGlobalTracerProvider(provider);
  const configured = provider;
  return () => configured.shutdown();
}

/**
 * Runs `body` inside a span that ends when it returns, throws, or its promise settles. A thrown error is recorded in the
 * span and passed on.
 */
export function inSpan<T>(name: string, options: SpanOptions, body: (span: Span) => T): T {
  let base = activeContext();
  if (options.traceparent !== undefined) {
    const remote = parseTraceParent(options.traceparent);
    // A malformed traceparent begins a new trace, as W3C Trace Context demands.
    if (remote !== null) base = trace.setSpanContext(base, { ...remote, isRemote: true });
  }
  const span = tracer.startSpan(
    name,
    {
      kind: kinds[options.kind ?? 'internal'],
      ...(options.attributes === undefined ? {} : { attributes: options.attributes }),
    },
    base,
  );
  let target = trace.setSpan(base, span);
  if (options.fields !== undefined) target = contextWith(options.fields, target);
  return runInContext(target, () => endWith(span, body));
}

/** W3C `traceparent` of the current span, to be sent along with a message or stored with an event. */
export function currentTraceparent(): string | undefined {
  const current = trace.getSpanContext(activeContext()) ?? trace.getSpanContext(context.active());
  if (current === undefined) return undefined;
  const flags = (current.traceFlags & TraceFlags.SAMPLED).toString(16).padStart(2, '0');
  return `00-${current.traceId}-${current.spanId}-${flags}`;
}

export function currentTraceId(): string | undefined {
  return trace.getSpanContext(activeContext())?.traceId;
}

function endWith<T>(span: Span, body: (span: Span) => T): T {
  let result: T;
  try {
    result = body(span);
  } catch (error) {
    fail(span, error);
    throw error;
  }
  if (!(result instanceof Promise)) {
    span.end();
    return result;
  }
  return result.then(
    (value: unknown) => {
      span.end();
      return value;
    },
    (error: unknown) => {
      fail(span, error);
      throw error;
    },
  ) as T;
}

function fail(span: Span, error: unknown): void {
  if (span.isRecording()) {
    if (error instanceof Error) span.recordException(error);
    span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.message : String(error) });
  }
  span.end();
}
