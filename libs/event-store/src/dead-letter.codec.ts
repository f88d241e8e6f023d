import { deadLetterLimits, type NewDeadLetter } from './dead-letters.port.js';

/** The letter as it is kept: cut to its limits, without what a text column cannot hold. */
export function cutToLimits(letter: NewDeadLetter): NewDeadLetter {
  const { payloadBytes, reasonLength } = deadLetterLimits;
  return {
    source: letter.source,
    subject: printable(letter.subject).slice(0, reasonLength),
    // A reason may quote the unreadable.
    reason: printable(letter.reason).slice(0, reasonLength),
    payload: Uint8Array.from(letter.payload.subarray(0, payloadBytes)),
  };
}

function printable(text: string): string {
  return text.replaceAll('\0', '\u{FFFD}').toWellFormed();
}
