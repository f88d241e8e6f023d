import { lstat } from 'node:fs/promises';
import { Fault, errors } from '@drover/contracts';
import type { DomainDescription } from '@drover/libvirt-xml';
import { isAbsent } from './file-errors.js';

/** Libvirt reports a missing file as an error of the system; the operator who has to bring it back needs its name. */
export async function whyNotStarted(error: unknown, domain: DomainDescription | undefined): Promise<unknown> {
  // Its own answer; after a silence nothing is known.
  if (!(error instanceof Fault) || error.code !== 'HYPERVISOR_FAILED') return error;
  for (const { path, target } of domain?.disks ?? []) {
    if (path === '' || !(await isMissing(path))) continue;
    const detail = `the volume ${path} of disk ${target} is not there`;
    return errors.VOLUME_MISSING('not-applied', detail, { cause: error, data: { file: path } });
  }
  return error;
}

async function isMissing(file: string): Promise<boolean> {
  return lstat(file).then(() => false, isAbsent);
}
