import { describe, expect, it } from '@jest/globals';
import { createMetrics, watchEventLoopDelay, watchProcess } from './metrics.js';

describe('metrics', () => {
  it('prints counters and gauges as Prometheus reads them', () => {
    const metrics = createMetrics();
    const unreadable = metrics.counter('drover_unreadable_total', 'Messages that could not be read');
    unreadable.add(1, { pattern: 'a"b\\c\nd', service: 'ha' });
    unreadable.add(2, { service: 'ha', pattern: 'a"b\\c\nd' });
    metrics.gauge('drover_hosts', 'Hosts').set(7);
    expect(metrics.text()).toBe(
      [
        '# HELP drover_unreadable_total Messages that could not be read',
        '# TYPE drover_unreadable_total counter',
        'drover_unreadable_total{pattern="a\\"b\\\\c\\nd",service="ha"} 3',
        '# HELP drover_hosts Hosts',
        '# TYPE drover_hosts gauge',
        'drover_hosts 7',
        '',
      ].join('\n'),
    );
  });

  it('gives the same counter to everybody who asks for its name', () => {
    const metrics = createMetrics();
    metrics.counter('drover_a_total', 'A').add();
    expect(metrics.counter('drover_a_total', 'A').value()).toBe(1);
    expect(() => metrics.gauge('drover_a_total', 'A')).toThrow('counter already');
  });

  it('tells what the process uses', () => {
    const metrics = createMetrics();
    watchProcess(metrics);
    expect(metrics.text()).toMatch(/# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total \d/);
    expect(metrics.text()).toMatch(/process_resident_memory_bytes \d{7,}/);
  });

  it('reads the event loop delay when it is looked at', () => {
    const metrics = createMetrics();
    const stop = watchEventLoopDelay(metrics);
    expect(metrics.text()).toMatch(/drover_event_loop_delay_seconds \d/);
    stop();
  });
});
