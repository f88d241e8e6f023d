import { describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { DeadLetters, NewDeadLetter } from '../dead-letters.port.js';

/** What every adapter of `DeadLetters` must do. `deadLetters` may hold letters of other specs. */
export function deadLettersContract(deadLetters: () => DeadLetters): void {
  const letterOf = (source: string, text: string): NewDeadLetter => ({
    source,
    subject: 'drover.host.h1.report.vm',
    reason: 'not JSON: \0',
    payload: Buffer.from(text),
  });

  describe('dead letters', () => {
    it('keep the payload byte by byte', async () => {
      const source = randomUUID();
      const payload = Uint8Array.from({ length: 256 }, (_, byte) => byte);
      await deadLetters().keep({ ...letterOf(source, ''), payload });
      const kept = (await deadLetters().list({ limit: 1000 })).find((letter) => letter.source === source);
      expect(Buffer.from(kept?.payload ?? [])).toEqual(Buffer.from(payload));
      expect(kept).toMatchObject({ subject: 'drover.host.h1.report.vm', occurrences: 1 });
      expect(kept?.firstKeptAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    });

    it('count a message that comes again instead of keeping it twice', async () => {
      const source = randomUUID();
      for (const text of ['same', 'other', 'same']) await deadLetters().keep(letterOf(source, text));
      expect(await deadLetters().count(source)).toBe(2);
      const kept = (await deadLetters().list({ limit: 1000 })).filter((letter) => letter.source === source);
      expect(kept.map((letter) => letter.occurrences)).toEqual([2, 1]);
    });

    it('are listed page by page, oldest first', async () => {
      const source = randomUUID();
      const before = (await deadLetters().list({ limit: 1000 })).at(-1)?.sequence ?? 0;
      for (const text of ['1', '2', '3']) await deadLetters().keep(letterOf(source, text));
      const first = await deadLetters().list({ after: before, limit: 2 });
      const second = await deadLetters().list({ after: first.at(-1)?.sequence ?? 0, limit: 2 });
      expect([...first, ...second].map((letter) => Buffer.from(letter.payload).toString())).toEqual(['1', '2', '3']);
    });
  });
}
