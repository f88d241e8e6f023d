import { hasCode } from '@drover/domain-kit';

/** Nothing is there under this path. */
export function isAbsent(error: unknown): boolean {
  return hasCode(error, 'ENOENT', 'ENOTDIR');
}
