import { describe, expect, it } from '@jest/globals';
import { createMetrics, HighestOfWindow, watchEventLoopDelay, watchProcess } from './metrics.js';

describe('metrics', () => {
  it('prints counters and gauges as Prometheus reads them', () => {
    const metrics = createMetrics();
    const refused = metrics.counter('drover_messages_refused_total');
    refused.add(1, { pattern: 'a"b\\c\nd', reason: 'expired' });
    refused.add(2, { reason: 'expired', pattern: 'a"b\\c\nd' });
    metrics.observe('drover_scheduler_hosts', () => 7);
    expect(metrics.text()).toBe(
      [
        '# HELP drover_messages_refused_total Messages dropped unread',
        '# TYPE drover_messages_refused_total counter',
        'drover_messages_refused_total{pattern="a\\"b\\\\c\\nd",reason="expired"} 3',
        '# HELP drover_scheduler_hosts Hosts that the scheduler knows',
        '# TYPE drover_scheduler_hosts gauge',
        'drover_scheduler_hosts 7',
        '',
      ].join('\n'),
    );
  });

  it('gives the same counter to everybody who asks for its name', () => {
    const metrics = createMetrics();
    metrics.counter('drover_relayed_events_total').add(1);
    expect(metrics.counter('drover_relayed_events_total').value()).toBe(1);
  });

  it('keeps the figures of several services of one process apart', () => {
    const metrics = createMetrics();
    metrics.observe('drover_active', () => 1, { service: 'scheduler' });
    metrics.observe('drover_active', () => 0, { service: 'vm-manager' });
    expect(metrics.text()).toContain('drover_active{service="scheduler"} 1\ndrover_active{service="vm-manager"} 0\n');
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

  it('shows the highest value for a while to each of two readers, of whom one reads all the time', () => {
    let nowMs = 0;
    let latest = 0;
    const highest = new HighestOfWindow(
      () => {
        const value = latest;
        latest = 0;
        return value;
      },
      30_000,
      () => nowMs,
    );
    latest = 5;
    const seen: number[] = [];
    for (; nowMs < 90_000; nowMs += 10) {
      const value = highest.read();
      if (nowMs % 15_000 === 0) seen.push(value);
    }
    expect(seen).toEqual([5, 5, 5, 5, 0, 0]);
    latest = 3;
    nowMs += 1_000_000;
    expect(highest.read()).toBe(3);
    nowMs += 1_000_000;
    expect(highest.read()).toBe(0);
  });
});
