import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';

/**
 * Counts of one level. A suite that could not even run counts as one failure, and so does a runner that failed with no
 * test to blame: nothing that went wrong adds up to "0 failed".
 */
export function outcomeOf(level, exitStatus, result) {
  if (result === undefined) return { level, passed: 0, failed: 1, skipped: 0 };
  const failed = result.numFailedTests + result.numRuntimeErrorTestSuites;
  return {
    level,
    passed: result.numPassedTests,
    failed: failed === 0 && exitStatus !== 0 ? 1 : failed,
    skipped: result.numPendingTests + result.numTodoTests,
  };
}

export function totalOf(outcomes) {
  const sum = (key) => outcomes.reduce((total, outcome) => total + outcome[key], 0);
  return { passed: sum('passed'), failed: sum('failed'), skipped: sum('skipped') };
}

const shownLines = 20;
const shownColumns = 240;

/**
 * What failed, a text each, for the end of the output, where a reader looks first: tests that fail for one reason (a server
 * that did not start for all of them) share one. Of a long message the beginning and the end are shown.
 */
export function failuresOf(level, result) {
  const titlesByMessage = new Map();
  for (const suite of result?.testResults ?? []) {
    const failed = suite.assertionResults.filter(({ status }) => status === 'failed');
    const couldNotRun = suite.status === 'failed' && failed.length === 0;
    const reasons = failed.map(({ fullName, failureMessages }) => [fullName, failureMessages[0] ?? 'no message']);
    if (couldNotRun) reasons.push([path.basename(suite.name), suite.message]);
    for (const [title, message] of reasons) {
      titlesByMessage.set(message, [...(titlesByMessage.get(message) ?? []), title]);
    }
  }
  return [...titlesByMessage].map(([message, [first, ...others]]) => {
    const count = others.length > 0 ? ` (and ${others.length} more)` : '';
    return `${level}: ${first}${count}\n${indented(shortened(stripVTControlCharacters(message)))}`;
  });
}

function shortened(message) {
  const lines = message.trim().split('\n');
  const half = shownLines / 2;
  const chosen = lines.length <= shownLines ? lines : [...lines.slice(0, half), '[…]', ...lines.slice(-half)];
  return chosen.map((line) => line.slice(0, shownColumns)).join('\n');
}

function indented(text) {
  return text.replace(/^/gmu, '  ');
}
