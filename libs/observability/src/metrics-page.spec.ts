import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { metricCatalogue, type MetricName } from './metric-catalogue.js';

const page = new URL('../../../docs/reference/metrics.md', import.meta.url);
const names = Object.keys(metricCatalogue) as MetricName[];

/** `DROVER_UPDATE=1 node tools/jest.mjs unit -- metrics-page` writes the page anew. */
function renderedPage(): string {
  const rows = names.map((name) => {
    const { kind, unit, labels, help } = metricCatalogue[name];
    const listed = Object.entries(labels).map(([label, meaning]) => `\`${label}\`: ${meaning}`);
    return `| \`${name}\` | ${kind} | ${unit} | ${listed.join('<br>')} | ${help} |`;
  });
  return `# Metrics

Each process serves its metrics at \`/metrics\`, in Prometheus' text format 0.0.4, on the port that
[\`observability.metrics.ports\`](configuration.md) gives it, and none without a port. \`/livez\` and \`/readyz\` of the same port say whether the
process must be restarted, and whether others may rely on it. A counter begins at 0 with its process; a process shows only the metrics of
what runs in it.

<!-- prettier-ignore -->
| Name | Type | Unit | Labels | Meaning |
| --- | --- | --- | --- | --- |
${rows.join('\n')}

Made from the catalogue in \`libs/observability/src/metric-catalogue.ts\`; a test compares the two.
`;
}

describe('the page of metrics', () => {
  it('lists the catalogue as it is', () => {
    if (process.env['DROVER_UPDATE'] === '1') writeFileSync(page, renderedPage());
    expect(readFileSync(page, 'utf8')).toBe(renderedPage());
  });

  it('tells counters by their names', () => {
    for (const name of names)
      expect([name, name.endsWith('_total')]).toEqual([name, metricCatalogue[name].kind === 'counter']);
  });

  it('promises one line per help text', () => {
    for (const name of names) expect(metricCatalogue[name].help).not.toMatch(/[\\\n]/);
  });
});
