import path from 'node:path';
import { diskSizeOf } from '../../../../domain/images/disk-image.policy.js';
import { isAbsent } from './file-errors.js';
import { readHead } from './image-file.adapter.js';

const HEADER_BYTES = 512;

/** Size of the disk that a volume's file holds, also while a guest writes to it. Undefined where it cannot be told. */
export async function readDiskSize(file: string): Promise<number | 'missing' | undefined> {
  try {
    const { head, fileBytes } = await readHead(file, HEADER_BYTES);
    return diskSizeOf(path.extname(file) === '.raw' ? 'raw' : 'qcow2', head, fileBytes);
  } catch (error) {
    // What cannot be read is no reason to tell nothing of the others; a start will say what is wrong with it.
    return isAbsent(error) ? 'missing' : undefined;
  }
}
