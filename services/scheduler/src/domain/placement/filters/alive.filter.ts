import type { HostFilter } from './host.filter.js';

/** A silent host may be well, but no order would reach it. */
export const aliveFilter: HostFilter = {
  name: 'alive',
  admits: ({ host }) => !host.isSuspected,
  explain: () => ({ detail: 'the host does not answer and is suspected', numbers: {} }),
};
