import { verify, createPublicKey } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { nkeyOf, parseCredentials } from './nkey.codec.js';

/** Made by NATS's own library; of no server. */
const SEED = 'SUADU3YJYIQIYDBLTC7NJKJAWNPDCY5DXIPC32W7WX3YW6XYYKDUT2KJXQ';
const PUBLIC = 'UBNVQIIMKRXDOQSSTF3BEZDA5SYNHOAXS36ACSMHOJLNBBVKW4XKIUY3';

describe('a NATS key', () => {
  it('has the public half that NATS gives it', () => {
    expect(nkeyOf(SEED).publicKey).toBe(PUBLIC);
  });

  it('signs what the public half confirms', () => {
    const data = Buffer.from('a nonce');
    const signature = nkeyOf(SEED).sign(data);
    expect(verify(undefined, data, publicKeyOf(PUBLIC), signature)).toBe(true);
  });

  it.each([
    ['another letter', `${SEED.slice(0, -1)}${SEED.endsWith('A') ? 'B' : 'A'}`, /checksum/],
    ['a letter that none has', SEED.replace(/.$/, '1'), /character/],
    ['a public half', PUBLIC, /not the seed/],
    ['nothing', '', /checksum/],
  ])('is refused with %s', (_, seed, reason) => {
    expect(() => nkeyOf(seed)).toThrow(reason);
  });
});

describe('a credentials file', () => {
  const text = `-----BEGIN NATS USER JWT-----\neyJ0.eyJ1.c2ln\n------END NATS USER JWT------\n\nIMPORTANT\n\n-----BEGIN USER NKEY SEED-----\n${SEED}\n------END USER NKEY SEED------\n`;

  it('holds a JWT and a seed', () => {
    expect(parseCredentials(text)).toEqual({ jwt: 'eyJ0.eyJ1.c2ln', seed: SEED });
    expect(parseCredentials(text.replaceAll('\n', '\r\n'))).toEqual({ jwt: 'eyJ0.eyJ1.c2ln', seed: SEED });
  });

  it('is refused when one of them is missing', () => {
    expect(() => parseCredentials(text.slice(0, text.indexOf('-----BEGIN USER')))).toThrow(
      /does not hold NATS credentials/,
    );
  });
});

/** By hand: 5 bits a letter, the first byte the kind, two of checksum at the end. */
function publicKeyOf(text: string) {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...text].map((letter) => letters.indexOf(letter).toString(2).padStart(5, '0')).join('');
  const bytes = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
  const x = bytes.subarray(1, 33).toString('base64url');
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
}
