import type { HostFilter } from './host.filter.js';

/** A VM that asks for exactly one host goes there or nowhere. */
export const namedHostFilter: HostFilter = {
  name: 'named-host',
  admits: ({ host }, { placement }) => placement.hostId === undefined || placement.hostId === host.hostId,
  explain: (_, { placement }) => ({ detail: `the VM asks for host ${placement.hostId}`, numbers: {} }),
};
