// Words that make a sentence hard to read at first: docs/style.md §8. Looked for in comments, texts, messages and documents alike.
import { readFileSync } from 'node:fs';
import path from 'node:path';

/** @type {readonly { word: RegExp, instead: string }[]} */
export const words = [
  { word: /\bwhoever\b/i, instead: 'name who: a client, the caller, another service' },
  { word: /\bby now\b/i, instead: 'say since when, or "already"' },
  { word: /\b(is|are|was|were|be|been|being) let\b/i, instead: 'say who allows, admits, frees or drops it' },
  { word: /\bnobody\b/i, instead: 'name who does not: no client, no process, no other replica' },
  { word: /\bbeside\b/i, instead: 'next to, besides, together with, at the same time as' },
  { word: /\bworldly\b/i, instead: 'outside: the hypervisor, the network, the disk' },
];

/** The lines of a file that hold such a word, as `file:line: word: what to write instead`. */
export function hardWords(root, file) {
  const lines = readFileSync(path.join(root, file), 'utf8').split('\n');
  return lines.flatMap((line, index) =>
    words.flatMap(({ word, instead }) => {
      const found = word.exec(line);
      return found === null ? [] : [`${file}:${index + 1}: "${found[0]}": ${instead}`];
    }),
  );
}
