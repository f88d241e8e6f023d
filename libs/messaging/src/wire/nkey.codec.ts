/**
 * NATS's keys (Ed25519 in a text of their own), signing with Node's own cryptography. The client's is plain JavaScript: it takes
 * some 12 ms of a core a signature, where this takes a tenth of one. In a process with thousands of connections, and for a client that
 * issues thousands of credentials, that decides whether they are there in seconds or in minutes.
 */
import { createPrivateKey, createPublicKey, sign, type KeyObject } from 'node:crypto';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const SEED_PREFIX = 18 << 3;
/** What comes before the 32 bytes of a key of Ed25519 in PKCS #8. */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

export interface Nkey {
  /** `U…` of a user, `A…` of an account. */
  readonly publicKey: string;
  readonly sign: (data: Uint8Array) => Uint8Array;
}

/** @param seed `SU…`, `SA…`, `SO…`. */
export function nkeyOf(seed: string): Nkey {
  const bytes = withoutChecksum(fromBase32(seed));
  const [first = 0, second = 0] = bytes;
  const raw = bytes.subarray(2);
  if ((first & 0b1111_1000) !== SEED_PREFIX || raw.length !== 32) throw new Error('this is not the seed of a NATS key');
  const role = ((first & 0b111) << 5) | (second >> 3);
  const key = createPrivateKey({ key: Buffer.concat([PKCS8, raw]), format: 'der', type: 'pkcs8' });
  const publicKey = toBase32(withChecksum(Buffer.concat([Buffer.of(role), rawPublicKey(key)])));
  return { publicKey, sign: (data) => sign(undefined, data, key) };
}

export interface Credentials {
  readonly jwt: string;
  readonly seed: string;
}

/** What stands in a credentials file: the JWT of a user, then its seed, each between two lines of dashes. */
export function parseCredentials(text: string): Credentials {
  const parts = [...text.matchAll(/-{3,}[^\n]*-{3,}\r?\n\s*(\S+)\s*\r?\n\s*-{3,}[^\n]*-{3,}/g)].map(([, part]) => part);
  const [jwt, seed] = parts;
  if (jwt === undefined || seed === undefined)
    throw new Error('this file does not hold NATS credentials (a JWT and a seed)');
  return { jwt, seed };
}

function rawPublicKey(key: KeyObject): Buffer {
  return Buffer.from(createPublicKey(key).export({ format: 'jwk' }).x ?? '', 'base64url');
}

function fromBase32(text: string): Buffer {
  const bytes: number[] = [];
  let bits = 0;
  let held = 0;
  for (const letter of text) {
    const value = ALPHABET.indexOf(letter);
    if (value < 0) throw new Error('a NATS key holds a character that none has');
    held = ((held << 5) | value) & 0xfff;
    bits += 5;
    if (bits >= 8) bytes.push((held >> (bits -= 8)) & 0xff);
  }
  return Buffer.from(bytes);
}

function toBase32(bytes: Buffer): string {
  let text = '';
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xfff;
    for (bits += 8; bits >= 5;) text += ALPHABET.charAt((held >> (bits -= 5)) & 31);
  }
  return bits === 0 ? text : text + ALPHABET.charAt((held << (5 - bits)) & 31);
}

function withChecksum(bytes: Buffer): Buffer {
  const checksum = Buffer.alloc(2);
  checksum.writeUInt16LE(crc16(bytes));
  return Buffer.concat([bytes, checksum]);
}

function withoutChecksum(bytes: Buffer): Buffer {
  const body = bytes.subarray(0, -2);
  if (!withChecksum(body).equals(bytes)) throw new Error('a NATS key was mistyped or cut off: its checksum is wrong');
  return body;
}

/** CRC-16/XMODEM. */
function crc16(bytes: Buffer): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021;
    crc &= 0xffff;
  }
  return crc;
}
