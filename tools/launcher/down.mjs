import { homeAt, homeFolder, isLibvirtUsed, ProcessTable } from '../../apps/standalone/dist/infrastructure/index.js';
import { withLock } from './lock.mjs';
import { note, step } from './progress.mjs';

/** Stops what this home's `up` started, last first, but for a libvirtd that others have begun to use. */
export async function run() {
  const home = homeAt(homeFolder(process.env, process.getuid()));
  const table = new ProcessTable(home);
  if ((await table.list()).length === 0) {
    note(`nothing of ${home.root} is running`);
    return 0;
  }
  await withLock('up', () => stopAll(table), home.runFolder);
  return 0;
}

export async function stopAll(table) {
  const words = { 'was-gone': 'had ended already', stopped: 'stopped', killed: 'did not stop in time and was killed' };
  const leftRunning = [];
  await step('stopping', (tell) =>
    table.stopAll(({ name }, how) => {
      if (how === 'left-running') leftRunning.push(name);
      else tell(`${name} ${words[how]}`);
    }, isLibvirtUsed),
  );
  // Behind the step: on a terminal its own line is drawn over.
  if (leftRunning.length > 0) {
    const [are, them] = leftRunning.length > 1 ? ['are', 'them'] : ['is', 'it'];
    note(`${leftRunning.join(' and ')} ${are} left running: others use ${them}`);
  }
}
