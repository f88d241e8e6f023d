/** A key of NATS's library that signs with Node's own cryptography: credentials of thousands of hosts are issued in seconds. */
import { nkeyOf } from '@drover/messaging/nkey';
import type { KeyPair } from '@nats-io/nkeys';

export function nativeKeyPair(pair: KeyPair): KeyPair {
  const { publicKey, sign } = nkeyOf(new TextDecoder().decode(pair.getSeed()));
  return Object.assign(Object.create(pair) as KeyPair, {
    getPublicKey: () => publicKey,
    sign,
    // Asked for only to see whether there is one; working it out takes as long as a signature.
    getPrivateKey: () => pair.getSeed(),
  });
}
