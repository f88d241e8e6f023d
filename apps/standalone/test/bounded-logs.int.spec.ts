import { appendFile, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { boundLogs, olderLog } from '../src/infrastructure/bounded-logs.js';

describe('the logs of a home', () => {
  let folder: string;
  let log: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'drover-logs-'));
    log = path.join(folder, 'part.log');
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('hold at most twice the limit, of which the newest is never thrown away', async () => {
    await writeFile(log, 'a'.repeat(100));
    expect(await boundLogs([log, path.join(folder, 'not yet')], 100)).toEqual([]);
    expect(await readFile(log, 'utf8')).toHaveLength(100);
    await appendFile(log, 'b');
    await boundLogs([log], 100);
    expect(await readFile(log, 'utf8')).toBe('');
    expect(await readFile(olderLog(log), 'utf8')).toBe(`${'a'.repeat(100)}b`);
    await appendFile(log, 'c'.repeat(101));
    await boundLogs([log], 100);
    expect(await readFile(olderLog(log), 'utf8')).toBe('c'.repeat(101));
  });

  it('are emptied although what was in them cannot be kept, and that is said', async () => {
    await writeFile(log, 'a'.repeat(101));
    // As a disk that is full would do.
    await symlink('/dev/full', olderLog(log));
    expect(await boundLogs([log], 100)).toEqual([log]);
    expect(await readFile(log, 'utf8')).toBe('');
  });
});
