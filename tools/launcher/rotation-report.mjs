// What became of a rotation, in words.

/** Whatever becomes of one, the next is attempted: a secret that cannot be renewed keeps no other one old, and no host without Drover. */
export async function attemptEach(names, attempt) {
  const failures = [];
  for (const name of names) {
    try {
      await attempt(name);
    } catch (error) {
      failures.push({ name, error });
    }
  }
  return failures;
}

export function whatFailed(failures) {
  return failures
    .map(({ name, error }) =>
      name === 'start'
        ? `Drover was not started again: ${error.message}\n  Mend this and run ./drover up.`
        : `${name} was not renewed, or not in full: ${error.message}\n  Mend this and run ./drover rotate ${name}; until then the old one may be good.`,
    )
    .join('\n');
}

/** A process gives itself its name: what could drive a terminal is shown and not sent. */
export function shown(name) {
  return name.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (character) => {
    return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
  });
}
