/**
 * A value as a JSON parameter for PostgreSQL.
 *
 * Its text holds neither U+0000 nor half of a surrogate pair, which an event may carry (from a hypervisor's message, say).
 * The read model shows U+FFFD in their place: an event must not stop the projection for what no reader can see.
 */
export function jsonParameter(value: object): string {
  const text = JSON.stringify(value);
  if (!UNFIT.test(text)) return text;
  // Escaped backslashes are matched too, so that the text `\u0000` written out is left as it is.
  return text.replace(/\\\\|\\u0000|\\ud[89a-f][0-9a-f]{2}/g, (match) => (match === '\\\\' ? match : '\ufffd'));
}

/** JSON.stringify escapes exactly these, and whole pairs never. */
const UNFIT = /\\u(0000|d[89a-f])/;
