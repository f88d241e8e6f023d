import type { HostFilter } from './host.filter.js';

/** A host whose credentials an operator has revoked can be told nothing. */
export const credentialsFilter: HostFilter = {
  name: 'credentials',
  admits: ({ host }) => !host.isShutOut,
  explain: () => ({ detail: 'the credentials of the host are revoked', numbers: {} }),
};
