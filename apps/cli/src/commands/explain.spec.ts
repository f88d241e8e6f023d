import { describe, expect, it } from '@jest/globals';
import { ApiError } from '../api.client.js';
import type { ApiClient, Query } from '../api.client.js';
import { describeExplanation, explainVm, type Explanation } from './explain.js';

const hostIdOf = (number: number) => `0199c4e2-0b1a-8000-8000-${String(number).padStart(12, '0')}`;
const score = { total: 90, parts: { memory: 60, vms: 30 } };
const fits = (number: number) => ({
  kind: 'fits' as const,
  hostId: hostIdOf(number) as Explanation['candidates'][number]['hostId'],
  hostName: `sim-${number}`,
  score,
});
const placed: Explanation['placement'] = {
  ...{ hostId: fits(2).hostId, generation: { epoch: 1, n: 1 }, score: { total: 95, parts: { memory: 65, vms: 30 } } },
  ...{ runnersUp: [{ hostId: fits(1).hostId, score }], at: '2026-03-01T10:00:00.000Z' },
};

/** Answers with pages that end after the hosts given. */
function apiOf(pages: readonly (readonly number[])[]): Pick<ApiClient, 'get'> {
  const answer = (path: string, query: Query = {}): unknown => {
    if (path === '/vms/a') return { placement: placed, placementFailure: null };
    const index =
      query['after'] === undefined ? 0 : pages.findIndex((page) => hostIdOf(page.at(-1) ?? 0) === query['after']) + 1;
    const hosts = pages[index] ?? [];
    const isLast = index === pages.length - 1;
    return {
      candidates: hosts.map(fits),
      total: 5,
      ...(isLast ? {} : { nextAfterHostId: hostIdOf(hosts.at(-1) ?? 0) }),
    };
  };
  return { get: <Answer>(path: string, query?: Query) => Promise.resolve(answer(path, query) as Answer) };
}

describe('the explanation of a placement', () => {
  it('has every host of every page, each once', async () => {
    const { candidates } = await explainVm(apiOf([[1, 2], [3, 1, 4], [5]]), 'a', 'default');
    expect(candidates.map((candidate) => candidate.hostName)).toEqual(['sim-1', 'sim-2', 'sim-3', 'sim-4', 'sim-5']);
  });

  it('begins with the decision that stands: host, time, score and who came behind', async () => {
    const explanation = await explainVm(apiOf([[1, 2]]), 'a', 'default');
    expect(describeExplanation(explanation).split('\n').slice(0, 4)).toEqual([
      `host         sim-2 (${hostIdOf(2)})`,
      'placed       2026-03-01T10:00:00.000Z',
      'score        95 (memory=65 vms=30)',
      'rather than  sim-1: 90 (memory=60 vms=30)',
    ]);
  });

  it('says which filters left no host to a VM that was not placed', () => {
    const { hostId } = fits(1);
    const refusal = { hostId, hostName: 'sim-1', filter: 'memory', detail: 'lacks 7 MiB', numbers: {} };
    const text = describeExplanation({
      placement: null,
      placementFailure: { counts: { memory: 2 }, nearest: [refusal], at: '2026-03-01T10:00:00.000Z' },
      candidates: [{ kind: 'refused', ...refusal }],
    });
    expect(text).toMatch(/^no host at 2026-03-01T10:00:00.000Z\n\nFILTER\s+HOSTS REFUSED\nmemory\s+2\n/);
    expect(text).toMatch(/\nsim-1\s+memory\s+lacks 7 MiB/);
  });

  it('tells why a VM that is gone again found no host', async () => {
    const missing = new ApiError({
      ...{ type: 'x', title: 'x', status: 404, detail: 'x', code: 'VM_NOT_FOUND', requestId: 'r' },
    });
    const failed = {
      type: 'VmPlacementFailed',
      recordedAt: '2026-03-01T10:00:00.000Z',
      data: { counts: { zone: 3 }, nearest: [] },
    };
    const get = (path: string) =>
      path.endsWith('/history') ? Promise.resolve({ items: [failed, { type: 'VmDeleted' }] }) : Promise.reject(missing);
    const text = describeExplanation(await explainVm({ get: get as never }, 'a', 'default'));
    expect(text).toMatch(/^no host at 2026-03-01T10:00:00.000Z\n\nFILTER\s+HOSTS REFUSED\nzone\s+3/);
    const never = (path: string) => Promise.reject(path === '' ? new Error('asked for nothing') : missing);
    await expect(explainVm({ get: never }, 'a', 'default')).rejects.toBe(missing);
  });
});
