import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { hardWords } from './words.mjs';

describe('words that make a sentence hard to read', () => {
  let root;
  beforeEach(() => (root = mkdtempSync(path.join(tmpdir(), 'drover-words-'))));
  afterEach(() => rmSync(root, { recursive: true }));

  it('are found in any text, with what to write instead', () => {
    const text = [
      '// Whoever asks is told.',
      'const letter = "by nowhere";',
      '/** The client is let in. */',
      "it('let it in')",
    ];
    writeFileSync(path.join(root, 'x.ts'), text.join('\n'));
    expect(hardWords(root, 'x.ts')).toEqual([
      expect.stringMatching(/^x\.ts:1: "Whoever": name who/),
      expect.stringMatching(/^x\.ts:3: "is let": say who/),
    ]);
  });

  it.each(['x.spec.ts', 'x.md', 'services/x.ts'])('are refused in specs and services as elsewhere: %s', (file) => {
    mkdirSync(path.join(root, 'services'));
    writeFileSync(path.join(root, file), 'Nobody stands beside it, besides');
    expect(hardWords(root, file)).toEqual([expect.stringMatching(/"Nobody"/), expect.stringMatching(/"beside"/)]);
  });
});
