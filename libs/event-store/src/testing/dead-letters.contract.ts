import { describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { deadLetterLimits, type DeadLetter, type DeadLetters, type NewDeadLetter } from '../dead-letters.port.js';

/** What every adapter of `DeadLetters` must do. `deadLetters` may hold letters of other specs. */
export function deadLettersContract(deadLetters: () => DeadLetters): void {
  const letterOf = (source: string, text: string): NewDeadLetter => ({
    source,
    subject: 'drover.host.h1.report.vm',
    reason: 'not JSON: \0',
    payload: Buffer.from(text),
  });

  async function keptOf(source: string): Promise<DeadLetter[]> {
    const found: DeadLetter[] = [];
    for (let after = 0; ;) {
      const page = await deadLetters().list({ after, limit: 100 });
      found.push(...page.filter((letter) => letter.source === source));
      const last = page.at(-1);
      if (last === undefined) return found;
      after = last.sequence;
    }
  }

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

    it('are cut to what is kept of one, in payload and reason', async () => {
      const source = randomUUID();
      const payload = new Uint8Array(deadLetterLimits.payloadBytes + 1).fill(7);
      await deadLetters().keep({ ...letterOf(source, ''), reason: 'x'.repeat(5_000), payload });
      const [kept] = await keptOf(source);
      expect(kept?.payload.byteLength).toBe(deadLetterLimits.payloadBytes);
      expect(kept?.reason).toHaveLength(deadLetterLimits.reasonLength);
    });

    it('of one subject push its own oldest out, above a number of bytes', async () => {
      const source = randomUUID();
      await deadLetters().keep({ ...letterOf(source, 'other'), subject: 'drover.host.h2.report.vm' });
      const payload = (index: number) => new Uint8Array(deadLetterLimits.payloadBytes).fill(index);
      for (let index = 0; index < 20; index += 1) {
        await deadLetters().keep({ ...letterOf(source, ''), payload: payload(index) });
      }
      const kept = await keptOf(source);
      expect(kept.map((letter) => letter.payload[0])).toEqual([
        'o'.charCodeAt(0),
        ...Array.from({ length: 16 }, (_, index) => index + 4),
      ]);
      expect(await deadLetters().dropped(source)).toBe(4);
    });

    it('of one subject are never more than a number, and those given up are counted', async () => {
      const source = randomUUID();
      for (let index = 0; index < deadLetterLimits.letters * 2; index += 1) {
        await deadLetters().keep(letterOf(source, String(index)));
      }
      const kept = await deadLetters().count(source);
      expect(kept).toBe(deadLetterLimits.letters);
      expect(await deadLetters().dropped(source)).toBe(deadLetterLimits.letters);
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
