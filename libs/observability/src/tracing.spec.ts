import { afterEach, describe, expect, it } from '@jest/globals';
import { InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { configureTracing, currentTraceparent, inSpan } from './tracing.js';

const exporter = new InMemorySpanExporter();
const remote = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

afterEach(() => {
  configureTracing({ sampleRatio: 0, processors: [] });
  exporter.reset();
});

describe('tracing', () => {
  it('passes a trace on that began elsewhere', () => {
    const sent = inSpan('respond', { traceparent: remote }, () => currentTraceparent());
    expect(sent).toMatch(/^00-4bf92f3577b34da6a3ce929d0e0e4736-[0-9a-f]{16}-01$/);
    expect(sent).not.toBe(remote);
  });

  it('begins a new trace where the traceparent is malformed', () => {
    const sent = inSpan('respond', { traceparent: 'nonsense' }, () => currentTraceparent());
    expect(sent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  });

  it('has no traceparent outside of every span', () => {
    expect(currentTraceparent()).toBeUndefined();
  });

  it('records a span with its error when its promise rejects, and passes the error on', async () => {
    configureTracing({ sampleRatio: 1, processors: [new SimpleSpanProcessor(exporter)] });
    const failing = inSpan('append', {}, () => Promise.reject(new Error('no database')));
    await expect(failing).rejects.toThrow('no database');
    expect(exporter.getFinishedSpans().map((span) => [span.name, span.status.message])).toEqual([
      ['append', 'no database'],
    ]);
  });

  it('is its ids alone where nothing records, also in a trace that is recorded elsewhere', () => {
    const recorded = (traceparent?: string) => inSpan('hot', { traceparent }, (span) => span.isRecording());
    expect([recorded(), recorded(remote)]).toEqual([false, false]);
  });
});
