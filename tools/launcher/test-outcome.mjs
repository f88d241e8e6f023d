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
