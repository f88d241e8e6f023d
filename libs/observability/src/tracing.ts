import {
  context,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Attributes,
  type Context,
  type Span,
  type SpanContext,
  type Tracer,
} from '@opentelemetry/api';
import { parseTraceParent } from '@opentelemetry/core';
import {
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

// Absent until somebody asks: then nothing is recorded, and a span is its ids alone. They are made and passed on from the
// start, because they tie log lines together.
let tracer: Tracer | undefined;

/**
 * Sends spans of the whole process to `processors`; services that share a process share this. Returns how to flush and end.
 */
export function configureTracing(options: TracingOptions): () => Promise<void> {
  const provider = new BasicTracerProvider({
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(options.sampleRatio) }),
    spanProcessors: [...options.processors],
  });
  tracer = options.processors.length === 0 ? undefined : provider.getTracer('drover');
  trace.disable();
  trace.setGlobalTracerProvider(provider);
  return () => provider.shutdown();
}

/**
 * Runs `body` inside a span that ends when it returns, throws, or its promise settles. A thrown error is recorded in the
 * span and passed on.
 */
export function inSpan<T>(name: string, options: SpanOptions, body: (span: Span) => T): T {
  const base = activeContext();
  // A malformed traceparent begins a new trace, as W3C Trace Context demands.
  const remote = options.traceparent === undefined ? null : parseTraceParent(options.traceparent);
  const span =
    tracer === undefined
      ? trace.wrapSpanContext(idsAfter(remote ?? trace.getSpanContext(base)))
      : recorded(
          tracer,
          name,
          options,
          remote === null ? base : trace.setSpanContext(base, { ...remote, isRemote: true }),
        );
  let target = trace.setSpan(base, span);
  if (options.fields !== undefined) target = contextWith(options.fields, target);
  return runInContext(target, () => endWith(span, body));
}

function recorded(by: Tracer, name: string, { kind, attributes }: SpanOptions, parent: Context): Span {
  const options = { kind: kinds[kind ?? 'internal'], ...(attributes === undefined ? {} : { attributes }) };
  return by.startSpan(name, options, parent);
}

/** A span's ids, in the trace of its parent. */
function idsAfter(parent: SpanContext | undefined): SpanContext {
  return {
    traceId: parent?.traceId ?? randomHex(4),
    spanId: randomHex(2),
    traceFlags: parent?.traceFlags ?? TraceFlags.NONE,
  };
}

/** They tell spans apart and are no secret. All zeros would say that there is none. */
function randomHex(words: number): string {
  let text = '';
  for (let word = 0; word < words; word += 1) {
    text += (1 + Math.floor(Math.random() * 0xffff_fffe)).toString(16).padStart(8, '0');
  }
  return text;
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
