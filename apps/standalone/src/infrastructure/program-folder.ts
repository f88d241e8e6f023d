/**
 * Where the compiled services are for who runs them. A work tree in a folder that is closed to the user `drover` (below `/root`,
 * say) is copied into the home for him: what runs, without what builds and tests it.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { readIfPresent, replaceFile } from './files.js';
import { closedFolderAbove } from './home.js';
import type { SystemUser } from './system-users.js';

const run = promisify(execFile);

/** Node itself is none of what the services name. */
const NODE_PACKAGE = 'node_modules/node';

interface LockedPackage {
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly link?: boolean;
  readonly resolved?: string;
}

export async function programFolderFor(
  user: SystemUser | undefined,
  workTree: string,
  homeRoot: string,
): Promise<string> {
  if (user === undefined || (await closedFolderAbove(workTree)) === undefined) return workTree;
  const lockText = await readFile(path.join(workTree, 'package-lock.json'), 'utf8');
  const { packages } = JSON.parse(lockText) as { readonly packages: Readonly<Record<string, LockedPackage>> };
  const copy = path.join(homeRoot, 'programs');
  const mark = createHash('sha256').update(lockText).digest('hex');
  const markFile = path.join(copy, 'package-lock.sha256');
  if ((await readIfPresent(markFile)) !== mark) {
    await rm(copy, { recursive: true, force: true });
    await copyInto(copy, workTree, [...dependenciesIn(packages), 'node_modules/.bin/node', NODE_PACKAGE]);
    await replaceFile(markFile, mark);
  }
  await copyInto(copy, workTree, compiledIn(packages));
  return copy;
}

/** Packages from the registry that run, without those inside another one that is copied whole; and the links to our own. */
export function dependenciesIn(packages: Readonly<Record<string, LockedPackage>>): readonly string[] {
  const isWanted = (name: string, { dev, devOptional }: LockedPackage) =>
    name.includes('node_modules/') && dev !== true && devOptional !== true;
  const wanted = Object.entries(packages).flatMap(([name, entry]) => (isWanted(name, entry) ? [name] : []));
  return wanted.filter((name) => !wanted.some((other) => name.startsWith(`${other}/`)));
}

/** Our own packages: what they are, and what they were compiled to. */
export function compiledIn(packages: Readonly<Record<string, LockedPackage>>): readonly string[] {
  const folders = Object.values(packages).flatMap(({ link, resolved }) =>
    link === true && resolved !== undefined ? [resolved] : [],
  );
  return folders.flatMap((folder) => [`${folder}/package.json`, `${folder}/dist`]);
}

/** Readable by all and changed by root alone, whatever the modes in the work tree are. */
async function copyInto(copy: string, workTree: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const source = path.join(workTree, name);
    // An optional package of another platform is named in the lock, and not installed.
    if (!existsSync(source)) continue;
    const target = path.join(copy, name);
    const draft = `${target}.new`;
    await mkdir(path.dirname(target), { recursive: true });
    await rm(draft, { recursive: true, force: true });
    await run('cp', ['-R', '--preserve=links', '--reflink=auto', '--no-target-directory', source, draft]);
    await rm(target, { recursive: true, force: true });
    await rename(draft, target);
  }
  await run('chmod', ['-R', 'u=rwX,go=rX', copy]);
}
