import type { HostFilter } from './host.filter.js';

/** A silent host may be well, but nobody could tell it to create anything. */
export const aliveFilter: HostFilter = {
  name: 'alive',
  admits: ({ host }) => !host.isSuspected,
  explain: () => ({ detail: 'the host does not answer and is suspected', numbers: {} }),
};
