import { QCOW2_MAGIC, readQcow2Header } from './qcow2-header.policy.js';

export type DiskFormat = 'qcow2' | 'raw';

/** How much of a file is looked at. */
export const HEAD_BYTES = 65_536;
/** The largest disk that a VM may have. */
const MAX_BYTES = 64 * 1024 ** 4;

/** First bytes of formats that a raw disk never begins with by chance. */
const otherFormats: readonly (readonly [name: string, magic: number])[] = [
  ['qcow2', QCOW2_MAGIC],
  ['VMDK', 0x4b444d56],
  ['VMDK', 0x434f5744],
  ['VHDX', 0x76686478],
  ['VHD', 0x636f6e65],
  ['LUKS', 0x4c554b53],
  ['QED', 0x51454400],
];

/**
 * The size of the disk that a guest sees, by the file's own word, or why the file may not be used, in words.
 *
 * @param head the beginning of the file, up to `HEAD_BYTES`.
 */
export function inspectDisk(
  format: DiskFormat,
  head: Uint8Array,
  fileBytes: number,
): { readonly virtualSizeBytes: number } | string {
  const found = format === 'qcow2' ? readQcow2Header(head) : inspectRaw(head, fileBytes);
  if (typeof found === 'string') return found;
  if (found.virtualSizeBytes < 512) return 'it is empty';
  return found.virtualSizeBytes > MAX_BYTES ? 'its disk is larger than 64 TiB' : found;
}

/** The size of a volume's disk: what it stands on is no question here. Undefined where the file is not of this format. */
export function diskSizeOf(format: DiskFormat, head: Uint8Array, fileBytes: number): number | undefined {
  if (format === 'raw') return fileBytes;
  if (head.length < 32) return undefined;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  return view.getUint32(0) === QCOW2_MAGIC ? Number(view.getBigUint64(24)) : undefined;
}

function inspectRaw(head: Uint8Array, fileBytes: number): { readonly virtualSizeBytes: number } | string {
  if (head.length >= 4) {
    const begin = new DataView(head.buffer, head.byteOffset, head.byteLength).getUint32(0);
    const other = otherFormats.find(([, magic]) => magic === begin);
    if (other !== undefined) return `it is declared raw and is ${other[0]}`;
  }
  return fileBytes % 512 === 0
    ? { virtualSizeBytes: fileBytes }
    : 'it is declared raw and is not made of whole sectors';
}
