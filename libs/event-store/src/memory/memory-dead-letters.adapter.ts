import type { Clock } from '@drover/domain-kit';
import type { DeadLetter, DeadLetters } from '../dead-letters.port.js';

export function createMemoryDeadLetters(clock: Clock): DeadLetters {
  const letters: DeadLetter[] = [];
  return {
    async keep({ source, subject, reason, payload }) {
      const now = new Date(clock.epochMs()).toISOString();
      const bytes = Uint8Array.from(payload);
      const index = letters.findIndex(
        (kept) => kept.source === source && kept.subject === subject && Buffer.compare(kept.payload, bytes) === 0,
      );
      const known = letters[index];
      if (known === undefined) {
        const sequence = letters.length + 1;
        const times = { firstKeptAt: now, lastKeptAt: now, occurrences: 1 };
        letters.push({ sequence, source, subject, reason, payload: bytes, ...times });
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
  };
}
