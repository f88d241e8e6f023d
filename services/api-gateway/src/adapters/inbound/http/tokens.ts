import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { permissions, type Permission } from './endpoint.js';

const tokenSchema = z.strictObject({
  /** Who the bearer is; stands in the events that follow from his requests. */
  principal: z.string().min(1).max(200),
  /** SHA-256 of the token, hexadecimal. Tokens are long random strings, so no salt or slow hash is needed. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in lower-case hexadecimal'),
  permissions: z.array(z.enum(['*', ...permissions])),
});
const tokensSchema = z.array(tokenSchema).min(1);

export interface Principal {
  readonly name: string;
  readonly may: (permission: Permission) => boolean;
}

/** Who bears which token. The file holds hashes: who reads it can act as no bearer. */
export class Tokens {
  readonly #tokens: readonly { readonly hash: Buffer; readonly principal: Principal }[];

  constructor(entries: z.input<typeof tokensSchema>) {
    this.#tokens = tokensSchema.parse(entries).map((entry) => ({
      hash: Buffer.from(entry.sha256, 'hex'),
      principal: {
        name: entry.principal,
        may: (permission) => entry.permissions.includes('*') || entry.permissions.includes(permission),
      },
    }));
  }

  /** @throws where the file cannot be read or is not a list of tokens; says which entry, never its value. */
  static fromFile(file: string): Tokens {
    try {
      return new Tokens(JSON.parse(readFileSync(file, 'utf8')) as z.input<typeof tokensSchema>);
    } catch (cause) {
      throw new Error(`the token file ${file} is not usable`, { cause });
    }
  }

  /** Looks at every token, so that the time it takes tells nothing. */
  bearerOf(authorization: string | undefined): Principal | undefined {
    const presented = /^Bearer ([\x21-\x7e]{1,500})$/i.exec(authorization ?? '')?.[1];
    if (presented === undefined) return undefined;
    const hash = createHash('sha256').update(presented).digest();
    let bearer: Principal | undefined;
    for (const token of this.#tokens) if (timingSafeEqual(token.hash, hash)) bearer = token.principal;
    return bearer;
  }
}
