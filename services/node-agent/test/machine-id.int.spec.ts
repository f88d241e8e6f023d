import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { machineIdOf } from '../src/adapters/outbound/machine/machine-id.adapter.js';

describe('the id of this machine', () => {
  let folder: string;
  let systemFile: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'drover-machine-id-'));
    systemFile = path.join(folder, 'etc-machine-id');
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('is that of its system', async () => {
    const id = '3d1219c7c4c5404aaa1f6d2a48adfda4';
    await writeFile(systemFile, `${id}\n`);
    expect(await machineIdOf(folder, systemFile)).toBe(id);
    expect(await readdir(folder)).toEqual(['etc-machine-id']);
  });

  it.each([[undefined], [''], ['uninitialized\n']])(
    'is made once and kept where the system has none: %j',
    async (text) => {
      if (text !== undefined) await writeFile(systemFile, text);
      const made = await machineIdOf(folder, systemFile);
      expect(made).toMatch(/^[0-9a-f]{32}$/);
      expect(await machineIdOf(folder, systemFile)).toBe(made);
    },
  );
});
