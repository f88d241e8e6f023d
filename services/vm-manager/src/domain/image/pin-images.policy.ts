import { errors, readImageRef, writeImageRef, type ImageDigest, type Rejection, type VmSpec } from '@drover/contracts';

/** What the catalogue says to the name of an image. */
export type ImageStanding =
  | { readonly kind: 'registered'; readonly digest: ImageDigest }
  /** It was never registered: it means the file of that name on the host. */
  | { readonly kind: 'free' }
  | { readonly kind: 'refused'; readonly why: string };

export type Pinned = { readonly spec: VmSpec } | { readonly rejection: Rejection };

/** The spec with the digest behind the name of each registered image, so that the VM is made of that content or not at all. */
export function pinImages(spec: VmSpec, standingOf: (name: string) => ImageStanding): Pinned {
  const disks: VmSpec['disks'] = [];
  for (const [index, disk] of spec.disks.entries()) {
    const ref = disk.image === undefined ? undefined : readImageRef(disk.image);
    const standing = ref === undefined ? ({ kind: 'free' } as const) : standingOf(ref.name);
    if (ref === undefined || standing.kind === 'free') {
      disks.push(disk);
      continue;
    }
    const { name, digest: wanted } = ref;
    const why =
      standing.kind === 'refused'
        ? standing.why
        : wanted !== undefined && wanted !== standing.digest
          ? `image ${name} was registered as ${standing.digest}, not as ${wanted}`
          : undefined;
    if (why !== undefined) {
      const field = `/spec/disks/${index}/image`;
      return { rejection: errors.IMAGE_NOT_FOUND(why, { field, data: { image: name } }) };
    }
    if (standing.kind === 'registered')
      disks.push({ ...disk, image: writeImageRef({ name, digest: standing.digest }) });
  }
  return { spec: { ...spec, disks } };
}

/** What the disks of a VM are made on: contents as they were registered, or names that were not when the VM was requested. */
export function imagesOfDisks({ disks }: Pick<VmSpec, 'disks'>): readonly string[] {
  return disks.flatMap(({ image }) => (image === undefined ? [] : [image]));
}
