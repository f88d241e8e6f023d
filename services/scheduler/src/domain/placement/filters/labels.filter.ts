import type { Candidate } from '../candidate.state.js';
import type { HostFilter, Wish } from './host.filter.js';

/** Every label asked for must be there with that very value; what else the host carries does not matter. */
export const labelsFilter: HostFilter = {
  name: 'labels',
  admits: (candidate, wish) => wish.placement.hostLabels === undefined || missingLabels(candidate, wish).length === 0,
  explain: (candidate, wish) => ({
    detail: `the host lacks ${missingLabels(candidate, wish).join(', ')}`.slice(0, 500),
    numbers: {},
  }),
};

function missingLabels({ host }: Candidate, { placement }: Wish): string[] {
  return Object.entries(placement.hostLabels ?? {})
    .filter(([key, value]) => host.labels[key] !== value)
    .map(([key, value]) => `${key}=${value}`);
}
