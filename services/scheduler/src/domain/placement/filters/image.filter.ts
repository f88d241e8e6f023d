import { readImageRef, whyNotOfHost } from '@drover/contracts';
import type { Candidate } from '../candidate.state.js';
import type { HostFilter } from './host.filter.js';

/** The host has each image, and the very one where its content is named. */
export const imageFilter: HostFilter = {
  name: 'image',
  admits: (candidate, { demand }) => demand.images.every((image) => problemOf(candidate, image) === undefined),
  explain: (candidate, { demand }) => ({
    detail: demand.images
      .flatMap((image) => problemOf(candidate, image) ?? [])
      .join('; ')
      .slice(0, 500),
    numbers: {},
  }),
};

function problemOf({ host }: Candidate, image: string): string | undefined {
  const ref = readImageRef(image);
  return whyNotOfHost(ref, host.images.get(ref.name));
}
