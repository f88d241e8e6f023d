/**
 * The header of a qcow2 file, and what in it keeps the file from being an image.
 * Source: https://gitlab.com/qemu-project/qemu/-/blob/master/docs/interop/qcow2.txt
 *
 * A header may send QEMU to any other file of the host, and QEMU follows it at each start of a VM on the image. So an image is
 * complete in itself: no backing file, no external data file, and nothing that this reader does not know.
 */
export interface Qcow2Header {
  readonly virtualSizeBytes: number;
}

export const QCOW2_MAGIC = 0x514649fb;

const EXTENSION_END = 0;
const EXTENSION_BACKING_FORMAT = 0xe2792aca;
const EXTENSION_DATA_FILE = 0x44415441;
const MAX_EXTENSIONS = 16;
const MAX_SNAPSHOTS = 16;
/** What QEMU itself allows, in bytes of the table. */
const MAX_L1_BYTES = 32 * 1024 ** 2;

const FEATURE_CORRUPT = 1n << 1n;
const FEATURE_DATA_FILE = 1n << 2n;
/** Dirty refcounts, compression types and extended entries change nothing of where data is. */
const FEATURES_KNOWN = 1n | (1n << 3n) | (1n << 4n);

/** Reads the header, or says in words why the file is no image. @param head the beginning of the file. */
export function readQcow2Header(head: Uint8Array): Qcow2Header | string {
  if (head.length < 72) return 'it ends before its header does';
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (view.getUint32(0) !== QCOW2_MAGIC) return 'it is declared qcow2 and does not begin as one';
  const version = view.getUint32(4);
  if (version !== 2 && version !== 3) return `it is qcow2 of version ${version}, which is not known`;
  if (view.getBigUint64(8) !== 0n || view.getUint32(16) !== 0)
    return 'it has a backing file; flatten it with qemu-img convert';
  const clusterBits = view.getUint32(20);
  if (clusterBits < 9 || clusterBits > 21) return 'its clusters have a size that is not allowed';
  if (view.getUint32(32) !== 0) return 'it is encrypted';
  if (view.getUint32(36) * 8 > MAX_L1_BYTES) return 'its first table is larger than is allowed';
  const snapshots = view.getUint32(60);
  if (snapshots > MAX_SNAPSHOTS) return `it has ${snapshots} snapshots, more than ${MAX_SNAPSHOTS}`;
  if (version === 3 && head.length < 104) return 'it ends before its header does';
  const features = version === 3 ? view.getBigUint64(72) : 0n;
  if ((features & FEATURE_DATA_FILE) !== 0n) return 'it keeps its data in another file';
  if ((features & FEATURE_CORRUPT) !== 0n) return 'it is marked as corrupt; repair it with qemu-img check';
  if ((features & ~FEATURES_KNOWN) !== 0n) return 'it has features that are not known';
  const extensions = refusedExtension(view, version === 3 ? view.getUint32(100) : 72);
  if (extensions !== undefined) return extensions;
  const size = view.getBigUint64(24);
  return size > BigInt(Number.MAX_SAFE_INTEGER)
    ? 'its size is larger than is allowed'
    : { virtualSizeBytes: Number(size) };
}

function refusedExtension(view: DataView, begin: number): string | undefined {
  let offset = begin;
  for (let count = 0; count < MAX_EXTENSIONS; count += 1) {
    if (offset + 8 > view.byteLength) return 'its header is longer than is allowed';
    const type = view.getUint32(offset);
    if (type === EXTENSION_END) return undefined;
    if (type === EXTENSION_DATA_FILE) return 'it keeps its data in another file';
    if (type === EXTENSION_BACKING_FORMAT) return 'it has a backing file; flatten it with qemu-img convert';
    offset += 8 + Math.ceil(view.getUint32(offset + 4) / 8) * 8;
  }
  return 'its header has more extensions than is allowed';
}
