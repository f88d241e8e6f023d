// The kernel of Debian's cloud image, downloaded as a package and unpacked, never installed.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';

const metaPackages = { x64: 'linux-image-cloud-amd64', arm64: 'linux-image-cloud-arm64' };

/** A folder with the package's content: what is in the cache, or the newest of Debian's. */
export function kernelFolder(cacheFolder) {
  mkdirSync(cacheFolder, { recursive: true });
  const cached = readdirSync(cacheFolder)
    .filter((name) => name.startsWith('linux-image-') && existsSync(path.join(cacheFolder, name, 'boot')))
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  return path.join(cacheFolder, cached.at(-1) ?? download(cacheFolder));
}

function download(cacheFolder) {
  const name = newestPackage();
  const draft = mkdtempSync(path.join(cacheFolder, 'download-'));
  try {
    run('apt-get', ['-q', 'download', name], draft);
    const archive = readdirSync(draft).find((file) => file.endsWith('.deb'));
    if (archive === undefined) throw new Error(`apt-get downloaded no file for ${name}`);
    run('dpkg', ['-x', archive, 'content'], draft);
    rmSync(path.join(cacheFolder, name), { recursive: true, force: true });
    renameSync(path.join(draft, 'content'), path.join(cacheFolder, name));
    return name;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

function newestPackage() {
  const meta = metaPackages[process.arch];
  if (meta === undefined) throw new Error(`the guest image is not made for ${process.arch}`);
  const find = () => /Depends: (linux-image-\S+)/.exec(run('apt-cache', ['depends', meta]))?.[1];
  let name = find();
  if (name === undefined) {
    run('apt-get', ['-q', 'update']);
    name = find();
  }
  if (name === undefined) throw new Error(`this machine's package sources have no ${meta}`);
  return name;
}

function run(program, args, cwd) {
  try {
    return execFileSync(program, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    throw new Error(`${program} ${args.join(' ')} failed: ${error.stderr || error.message}`, { cause: error });
  }
}

/** The kernel and every module by name. */
export function readKernel(folder) {
  const image = readdirSync(path.join(folder, 'boot')).find((name) => name.startsWith('vmlinuz-'));
  if (image === undefined) throw new Error(`${folder} holds no kernel`);
  const root = ['usr/lib/modules', 'lib/modules']
    .map((name) => path.join(folder, name))
    .find((name) => existsSync(name));
  const files = readdirSync(root, { recursive: true }).filter((name) => name.endsWith('.ko'));
  return {
    image: path.join(folder, 'boot', image),
    modules: new Map(files.map((name) => [moduleName(name), path.join(root, name)])),
  };
}

/** Module names are written with either sign; the kernel itself says `_`. */
function moduleName(file) {
  return path.basename(file, '.ko').replaceAll('-', '_');
}

/**
 * The wanted modules and what they depend on, each after its own dependencies. A wanted name that the kernel has not as a
 * module is built in, or not offered: that is no error here, the boot test notices.
 */
export function inLoadOrder(modules, wanted, loaded = new Set()) {
  const order = [];
  function visit(name) {
    const file = modules.get(name.replaceAll('-', '_'));
    if (file === undefined || loaded.has(file)) return;
    loaded.add(file);
    for (const dependency of dependenciesOf(readFileSync(file))) visit(dependency);
    order.push(file);
  }
  for (const name of wanted) visit(name);
  return order;
}

/** From the text section of the object: `depends=a,b`, closed by a zero byte. */
export function dependenciesOf(content) {
  const mark = '\0depends=';
  const start = content.indexOf(mark);
  if (start < 0) return [];
  const end = content.indexOf(0, start + mark.length);
  return content
    .toString('latin1', start + mark.length, end)
    .split(',')
    .filter(Boolean);
}
