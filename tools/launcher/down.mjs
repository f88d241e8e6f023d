import { homeAt, homeFolder, ProcessTable } from '../../apps/standalone/dist/infrastructure/index.js';
import { withLock } from './lock.mjs';
import { note, step } from './progress.mjs';

/** Stops what this home's `up` started, last first. */
export async function run() {
  const home = homeAt(homeFolder(process.env, process.getuid()));
  const table = new ProcessTable(home);
  if ((await table.list()).length === 0) {
    note(`nothing of ${home.root} is running`);
    return 0;
  }
  await withLock('up', () => stopAll(table), home.root);
  return 0;
}

export async function stopAll(table) {
  const words = { 'was-gone': 'had ended already', stopped: 'stopped', killed: 'did not stop in time and was killed' };
  await step('stopping', (tell) => table.stopAll(({ name }, how) => tell(`${name} ${words[how]}`)));
}
