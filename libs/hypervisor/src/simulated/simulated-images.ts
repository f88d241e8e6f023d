import { createHash } from 'node:crypto';
import { errors, readImageRef, Rejected, type ImageContents } from '@drover/contracts';
import type { SimulatedMachine } from './simulated-machine.driver.js';
import type { SimulatedImage } from './simulated-machine.state.js';

/** Images of one name, size and content are the same on every simulated host. */
export function contentsOf({ content = '', name, sizeMiB }: SimulatedImage): ImageContents {
  const bytes = `${name}/${sizeMiB}/${content}`;
  return {
    digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
    format: 'qcow2',
    virtualSizeBytes: sizeMiB * 1024 ** 2,
    fileBytes: bytes.length,
  };
}

/** Under the same rules as on a real host. */
export function imageOf(machine: SimulatedMachine, ref: string): SimulatedImage {
  const { digest, name } = readImageRef(ref);
  const data = { image: name };
  const image = machine.images.find((candidate) => candidate.name === name);
  if (image === undefined) throw new Rejected(errors.IMAGE_NOT_FOUND(`no image ${name}`, { data }));
  const found = contentsOf(image).digest;
  if (digest === undefined || digest === found) return image;
  throw new Rejected(errors.IMAGE_CHANGED(`image ${name} is ${found}, and ${digest} was registered`, { data }));
}
