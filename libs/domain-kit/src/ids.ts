import { hash, randomFillSync } from 'node:crypto';
import { remembered } from './remembered.js';

const UUID_BYTES = 16;

/** Randomness for many ids at once: a call of the system's source costs as much for one of them as for all. */
const randomness = Buffer.alloc(256 * UUID_BYTES);
let taken = randomness.length;

/**
 * A new id where a person's request begins and no cause exists: UUIDv7 (RFC 9562 §5.7), ordered by creation time to the
 * millisecond.
 *
 * @param epochMs milliseconds since the Unix epoch.
 */
export function newId(epochMs: number): string {
  const bytes = unusedRandomness();
  bytes.writeUIntBE(epochMs, 0, 6);
  return formatUuid(bytes, 7);
}

/**
 * The id of a thing that follows from a cause: UUIDv8 (RFC 9562 §5.8) of the causing id and a label or index.
 *
 * The same cause and label give the same id in every process and after every crash, which is what makes a repeated
 * command, report or append recognisable.
 */
export function derivedId(causeId: string, label: string | number): string {
  return hashedId(`${causeId}\0${label}`);
}

/** One process asks for the same ids again and again while a thing is under way: half of a create's are repeats. */
const hashedId = remembered(2_048, (text) => formatUuid(hash('sha256', text, 'buffer').subarray(0, UUID_BYTES), 8));

/** Belongs to the caller: no byte of it is given twice. */
function unusedRandomness(): Buffer {
  if (taken === randomness.length) {
    randomFillSync(randomness);
    taken = 0;
  }
  const from = taken;
  taken += UUID_BYTES;
  return randomness.subarray(from, taken);
}

function formatUuid(bytes: Buffer, version: number): string {
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | (version << 4), 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
