// One of a kind at a time on this machine. A lock whose holder is gone is taken over.
import { createHash } from 'node:crypto';
import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { root } from './run.mjs';

/** Waits for whoever holds it. `scope` tells locks of one kind apart: the work tree, or a home. */
export async function withLock(kind, work, scope = root) {
  const digest = createHash('sha256').update(scope).digest('hex').slice(0, 12);
  const file = path.join(tmpdir(), `drover-${process.getuid()}-${digest}-${kind}.lock`);
  while (!take(file)) await delay(100);
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}

/** Links a finished file into place: a lock is never seen without its holder. */
function take(file) {
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, holder(process.pid), { mode: 0o600 });
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    if (isHolderGone(file)) rmSync(file, { force: true });
    return false;
  } finally {
    rmSync(draft, { force: true });
  }
}

function isHolderGone(file) {
  try {
    const text = readFileSync(file, 'utf8');
    return holder(text.split(' ')[0]) !== text;
  } catch (error) {
    if (error.code === 'ENOENT') return false;
    throw error;
  }
}

/** Pid and the tick at which that process started: pids come again. */
function holder(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return `${pid} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`;
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ESRCH') return '';
    throw error;
  }
}
