import type { HostFilter } from './host.filter.js';

/** Cordoned hosts get no new placements, also not for a VM that names them: the cordon is the operator's later word. */
export const cordonFilter: HostFilter = {
  name: 'cordon',
  admits: ({ host }) => !host.isCordoned,
  explain: () => ({ detail: 'the host is cordoned', numbers: {} }),
};
