import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { missingPaths } from './paths.mjs';

describe('paths that documents name', () => {
  let root;
  beforeEach(() => (root = mkdtempSync(path.join(tmpdir(), 'drover-docs-'))));
  afterEach(() => rmSync(root, { recursive: true }));

  it('are missed where there is no such file', () => {
    writeFileSync(path.join(root, 'there.md'), '');
    const text = [
      'a link [there](there.md#part) and one [gone](docs/gone.md)',
      'code `libs/gone/src/x.ts:12`, a pattern `libs/*/src`, a place `services/<name>/`, a command `npm test`',
      'outside: [home](https://example.org/x)',
    ];
    writeFileSync(path.join(root, 'page.md'), text.join('\n'));
    expect(missingPaths(root, 'page.md')).toEqual([
      'page.md:1: there is no docs/gone.md',
      'page.md:2: there is no libs/gone/src/x.ts',
    ]);
  });
});
