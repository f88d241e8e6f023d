import { readdir, readlink, realpath } from 'node:fs/promises';
import { errorCode } from '@drover/domain-kit';

/** The pids of processes that work in this folder, as far as this user may see them; one that has ended does not. */
export async function processesIn(folder: string): Promise<readonly number[]> {
  const wanted = await realpath(folder);
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const folders = await Promise.all(pids.map(workingFolderOf));
  return pids.filter((_pid, index) => folders[index] === wanted);
}

async function workingFolderOf(pid: number): Promise<string | undefined> {
  try {
    return await readlink(`/proc/${pid}/cwd`);
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES' || code === 'EPERM') return undefined;
    throw error;
  }
}
