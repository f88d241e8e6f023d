import type { HostFilter } from './host.filter.js';

export const imageFilter: HostFilter = {
  name: 'image',
  admits: ({ host }, { demand }) => demand.images.every((image) => host.images.has(image)),
  explain: ({ host }, { demand }) => ({
    detail: `the host has no image ${demand.images.filter((name) => !host.images.has(name)).join(', ')}`.slice(0, 500),
    numbers: {},
  }),
};
