import { describe, expect, it } from '@jest/globals';
import { observabilitySchema } from './observability-config.schema.js';

describe('the section observability', () => {
  it('takes a metrics port for each process by its name', () => {
    const ports = { drover: 9600, 'vm-manager': 9601, 'node-agent': 9602 };
    expect(observabilitySchema.parse({ metrics: { ports } }).metrics.ports).toEqual(ports);
  });

  it('refuses a name that no process has, which would serve nothing', () => {
    const parsed = observabilitySchema.safeParse({ metrics: { ports: { 'vm-manger': 9601 } } });
    expect(parsed.error?.issues[0]).toMatchObject({ path: ['metrics', 'ports'], keys: ['vm-manger'] });
  });
});
