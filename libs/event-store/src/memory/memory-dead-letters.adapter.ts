import type { Clock } from '@drover/domain-kit';
import { cutToLimits } from '../dead-letter.codec.js';
import { deadLetterLimits, type DeadLetter, type DeadLetters } from '../dead-letters.port.js';

export function createMemoryDeadLetters(clock: Clock): DeadLetters {
  let letters: DeadLetter[] = [];
  let lastSequence = 0;
  const dropped = new Map<string, number>();

  /** The oldest of a source and subject go when it has too many, or too large ones. */
  function trim(source: string, subject: string): void {
    const own = letters.filter((letter) => letter.source === source && letter.subject === subject);
    let bytes = 0;
    const gone = own.reverse().filter(({ payload }, index) => {
      bytes += payload.byteLength;
      return index >= deadLetterLimits.letters || bytes > deadLetterLimits.bytes;
    });
    letters = letters.filter((letter) => !gone.includes(letter));
    dropped.set(source, (dropped.get(source) ?? 0) + gone.length);
  }

  return {
    async keep(letter) {
      const { source, subject, reason, payload } = cutToLimits(letter);
      const now = new Date(clock.epochMs()).toISOString();
      const index = letters.findIndex(
        (kept) => kept.source === source && kept.subject === subject && Buffer.compare(kept.payload, payload) === 0,
      );
      const known = letters[index];
      if (known === undefined) {
        lastSequence += 1;
        const times = { firstKeptAt: now, lastKeptAt: now, occurrences: 1 };
        letters.push({ sequence: lastSequence, source, subject, reason, payload, ...times });
        trim(source, subject);
      } else {
        letters[index] = { ...known, reason, lastKeptAt: now, occurrences: known.occurrences + 1 };
      }
    },
    async list({ after = 0, limit = 100 } = {}) {
      return letters.filter((letter) => letter.sequence > after).slice(0, limit);
    },
    async count(source) {
      return letters.filter((letter) => source === undefined || letter.source === source).length;
    },
    async dropped(source) {
      return source === undefined ? [...dropped.values()].reduce((sum, n) => sum + n, 0) : (dropped.get(source) ?? 0);
    },
  };
}
