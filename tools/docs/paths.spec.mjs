import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { missingPaths, withoutReadme } from './paths.mjs';

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

  it('are missed in a README where its folder has no such file', () => {
    mkdirSync(path.join(root, 'libs/x/src'), { recursive: true });
    writeFileSync(path.join(root, 'libs/x/src/there.ts'), '');
    writeFileSync(
      path.join(root, 'libs/x/README.md'),
      '`src/there.ts`, `src/gone.ts`, `src/<kind>.ts`, `fixtures/gone/`',
    );
    expect(missingPaths(root, 'libs/x/README.md')).toEqual([
      'libs/x/README.md:1: there is no libs/x/src/gone.ts',
      'libs/x/README.md:1: there is no libs/x/fixtures/gone/',
    ]);
  });

  it('are to be had of every folder that is a package', () => {
    mkdirSync(path.join(root, 'libs/told'), { recursive: true });
    writeFileSync(path.join(root, 'libs/told/README.md'), '');
    expect(withoutReadme(root, ['libs/told', 'libs/silent'])).toEqual([
      expect.stringMatching(/^libs\/silent: has no README/),
    ]);
  });
});
