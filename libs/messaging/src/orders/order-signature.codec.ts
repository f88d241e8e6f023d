/**
 * The signature of what vm-manager tells a host to do. NATS decides who may speak on which subject; this is for the day when it
 * decides wrongly: an agent does nothing that vm-manager has not signed for this host of this fleet.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto';
import type { FleetId, HostId, Signed } from '@drover/contracts';

export interface SignedFor {
  /** The table of the host's VMs raises orders as an order does: a false one would void all that follow. */
  readonly purpose: 'order' | 'table';
  readonly fleetId: FleetId;
  readonly hostId: HostId;
}

/** A new pair: PKCS #8 as PEM, and SPKI as base64 in one line. */
export function createOrderKey(): { readonly privateKey: string; readonly publicKey: string } {
  const { privateKey } = generateKeyPairSync('ed25519');
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return { privateKey: pem, publicKey: publicOrderKeyOf(pem) };
}

/** As it stands in a host's list of keys. */
export function publicOrderKeyOf(privateKey: string): string {
  return derOf(createPublicKey(privateKey)).toString('base64');
}

/** Signs for all hosts of a fleet. A signature costs some tens of microseconds; repeats of a message carry the same one. */
export class OrderSigner {
  readonly #key: KeyObject;
  readonly #keyId: string;
  readonly #fleetId: FleetId;

  /** @param privateKey PKCS #8 as PEM. */
  constructor(privateKey: string, fleetId: FleetId) {
    this.#key = createPrivateKey(privateKey);
    if (this.#key.asymmetricKeyType !== 'ed25519') throw new Error('the key that signs orders must be of Ed25519');
    this.#keyId = idOf(createPublicKey(privateKey));
    this.#fleetId = fleetId;
  }

  sign(purpose: SignedFor['purpose'], hostId: HostId, content: object): Signed {
    const body = JSON.stringify(content);
    const bytes = signedBytes({ purpose, hostId, fleetId: this.#fleetId }, body);
    return { body, keyId: this.#keyId, signature: sign(undefined, bytes, this.#key).toString('base64') };
  }
}

/** By their ids. */
export type OrderKeys = ReadonlyMap<string, KeyObject>;

/** @param text one public key a line, as `publicOrderKeyOf` gives it; empty lines and those that begin with # say nothing. */
export function parseOrderKeys(text: string): OrderKeys {
  const lines = text.split('\n').map((line) => line.trim());
  const keys = lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => createPublicKey({ key: Buffer.from(line, 'base64'), format: 'der', type: 'spki' }));
  if (keys.length === 0) throw new Error('there is no key in the list of those that may sign orders');
  return new Map(keys.map((key) => [idOf(key), key]));
}

export function isSignedBy(keys: OrderKeys, signed: Signed, target: SignedFor): boolean {
  const key = keys.get(signed.keyId);
  if (key === undefined) return false;
  return verify(undefined, signedBytes(target, signed.body), key, Buffer.from(signed.signature, 'base64'));
}

/** Neither a purpose nor an id holds a line feed, so no two contents give the same bytes. */
function signedBytes({ purpose, fleetId, hostId }: SignedFor, body: string): Buffer {
  return Buffer.from(`drover ${purpose} 1\n${fleetId}\n${hostId}\n${body}`);
}

function idOf(key: KeyObject): string {
  return createHash('sha256').update(derOf(key)).digest('hex').slice(0, 16);
}

function derOf(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' });
}
