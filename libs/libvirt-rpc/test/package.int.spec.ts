/** What `npm pack` makes, in a project that has nothing else, against a real libvirtd. */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startPrivateLibvirtd } from '@drover/testing';

const run = promisify(execFile);
const home = fileURLToPath(new URL('..', import.meta.url));
const root = path.resolve(home, '../..');

const consumer = `
import { LibvirtClient, LibvirtError, domainStates, errorCodes } from '@drover/libvirt-rpc';

const libvirt = new LibvirtClient({ socketPath: process.argv[2] ?? '', uri: 'test:///default' });
await libvirt.connect();
const states: Record<string, boolean> = {};
for (const domain of await libvirt.domains.list()) {
  const { state } = await libvirt.domains.state(domain.uuid);
  states[domain.name] = state === domainStates.running;
}
// @ts-expect-error A domain is named by a reference or a UUID, never by a number.
const refusal: unknown = await libvirt.domains.state(42).catch((error: unknown) => error);
const missing: unknown = await libvirt.domains.lookupByName('missing').catch((error: unknown) => error);
const isMissing = missing instanceof LibvirtError && missing.code === errorCodes.NO_DOMAIN;
console.log(JSON.stringify({ states, isRefused: refusal instanceof Error, isMissing }));
libvirt.close();
`;
const compilerOptions = {
  ...{ target: 'es2024', module: 'nodenext', strict: true, noEmit: true, skipLibCheck: false },
  ...{ types: ['node'], typeRoots: [path.join(root, 'node_modules/@types')] },
};

describe('the published package', () => {
  let folder: string;
  let project: string;
  let packed: readonly string[];

  // From a copy, because packing makes dist anew and others run from the one that is there.
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'drover-package-'));
    const source = path.join(folder, 'source/libs/libvirt-rpc');
    const isSource = (file: string) => !/^(dist|node_modules)(\/|$)/.test(path.relative(home, file));
    await cp(home, source, { recursive: true, filter: isSource });
    await cp(path.join(root, 'tsconfig.base.json'), path.join(folder, 'source/tsconfig.base.json'));
    await symlink(path.join(root, 'node_modules'), path.join(folder, 'source/node_modules'));
    await mkdir(path.join(source, 'dist'));
    await writeFile(path.join(source, 'dist/of-an-older-build.js'), '');

    await run('npm', ['pack', '--offline'], { cwd: source });
    const archive = path.join(source, (await readdir(source)).find((file) => file.endsWith('.tgz')) ?? '');
    project = path.join(folder, 'project');
    const installed = path.join(project, 'node_modules/@drover/libvirt-rpc');
    await mkdir(installed, { recursive: true });
    await run('tar', ['--extract', '--gzip', '--strip-components=1', '--file', archive, '--directory', installed]);
    packed = (await run('tar', ['--list', '--gzip', '--file', archive])).stdout
      .trim()
      .split('\n')
      .map((file) => file.replace(/^package\//, ''));

    await writeFile(path.join(project, 'package.json'), '{ "type": "module" }');
    await writeFile(path.join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['consumer.ts'] }));
    await writeFile(path.join(project, 'consumer.ts'), consumer);
  }, 60_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('holds a fresh build with declarations, README and licence, and nothing else', async () => {
    const built = packed.filter((file) => file.startsWith('dist/'));
    expect(packed.filter((file) => !file.startsWith('dist/')).sort()).toEqual(['LICENSE', 'README.md', 'package.json']);
    expect(built.filter((file) => !/\.(js|d\.ts)$/.test(file) || file.includes('.spec.'))).toEqual([]);
    expect(built).not.toContain('dist/of-an-older-build.js');
    const programs = built.filter((file) => file.endsWith('.js'));
    expect(programs).toContain('dist/index.js');
    expect(built.filter((file) => file.endsWith('.d.ts'))).toEqual(
      programs.map((file) => file.replace(/\.js$/, '.d.ts')),
    );
    expect(await readFile(path.join(home, 'LICENSE'), 'utf8')).toBe(await readFile(path.join(root, 'LICENSE'), 'utf8'));
  });

  it('needs no other package, and says which Node.js it needs', async () => {
    const manifest: unknown = JSON.parse(await readFile(path.join(home, 'package.json'), 'utf8'));
    expect(manifest).toMatchObject({
      license: 'Apache-2.0',
      engines: { node: '>=22' },
      exports: { '.': { types: './dist/index.d.ts', default: './dist/index.js' } },
    });
    for (const key of ['dependencies', 'peerDependencies', 'optionalDependencies', 'private']) {
      expect(manifest).not.toHaveProperty(key);
    }
  });

  it('tells a consumer its types', async () => {
    const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
    const checked = await run(process.execPath, [tsc, '--project', project]).catch((error: unknown) => error);
    expect(checked).toMatchObject({ stdout: '', stderr: '' });
  });

  it('drives a real libvirtd', async () => {
    const libvirtd = await startPrivateLibvirtd();
    try {
      const { stdout } = await run(process.execPath, ['consumer.ts', libvirtd.socketPath], { cwd: project });
      expect(JSON.parse(stdout)).toEqual({ states: { test: true }, isRefused: true, isMissing: true });
    } finally {
      await libvirtd.stop();
    }
  });
});
