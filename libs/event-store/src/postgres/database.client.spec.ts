import { describe, expect, it } from '@jest/globals';
import { createConnection } from 'node:net';
import pg from 'pg';
import { isUnavailable, overConnection, untilAnswered } from './database.client.js';

async function thrownBy(call: () => Promise<unknown>): Promise<unknown> {
  return overConnection(call).then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe('a failed question to the database', () => {
  it('is worth asking again where the connection failed', async () => {
    const refused = () =>
      new Promise((_, reject) => createConnection({ host: '127.0.0.1', port: 1 }).once('error', reject));
    expect(isUnavailable(await thrownBy(refused))).toBe(true);
    expect(isUnavailable(await thrownBy(() => Promise.reject(new Error('Query read timeout'))))).toBe(true);
    const shutdown = new pg.DatabaseError('terminating connection', 0, 'error');
    shutdown.code = '57P01';
    expect(isUnavailable(await thrownBy(() => Promise.reject(shutdown)))).toBe(true);
  });

  it('is a mistake of ours where anything else was thrown, and surfaces at once', async () => {
    const denied = new pg.DatabaseError('permission denied', 0, 'error');
    denied.code = '42501';
    for (const error of [denied, new TypeError('x is undefined'), new RangeError('too large')]) {
      expect(isUnavailable(await thrownBy(() => Promise.reject(error)))).toBe(false);
    }
    let asked = 0;
    const reading = untilAnswered('read', Infinity, async () => {
      asked += 1;
      throw new Error('thrown by code that reads the answer');
    });
    await expect(reading).rejects.toThrow('read failed');
    expect(asked).toBe(1);
  });
});
