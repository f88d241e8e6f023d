import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { firstModules, laterModules, programPath } from './inputs.mjs';
import { inLoadOrder } from './kernel.mjs';

const powerOff = '#!/bin/sh\nsync\nmount -o remount,ro /data 2>/dev/null\nbusybox poweroff -f\n';
const reboot = powerOff.replace('poweroff', 'reboot');
/** What the agent calls: `shutdown -h|-P|-r +0`. */
const shutdown = '#!/bin/sh\ncase " $* " in *" -r "*) exec /sbin/reboot ;; *) exec /sbin/poweroff ;; esac\n';

/** Fills `root` with the guest's files. */
export function layOut(root, modules, initScript) {
  const at = (...parts) => path.join(root, ...parts);
  const folders = ['bin', 'sbin', 'usr/sbin', 'dev', 'proc', 'sys', 'run', 'tmp', 'data', 'root', 'modules', 'var'];
  for (const folder of [...folders, 'etc/acpi/PWRF']) mkdirSync(at(folder), { recursive: true });
  symlinkSync('../run', at('var/run'));

  copyFileSync(programPath('busybox'), at('bin/busybox'));
  for (const applet of execFileSync(at('bin/busybox'), ['--list'], { encoding: 'utf8' }).split('\n').filter(Boolean)) {
    if (!['busybox', 'poweroff', 'reboot', 'halt', 'shutdown'].includes(applet))
      symlinkSync('busybox', at('bin', applet));
  }
  const scripts = { init: initScript, 'sbin/poweroff': powerOff, 'sbin/reboot': reboot, 'sbin/shutdown': shutdown };
  for (const [file, text] of Object.entries({ ...scripts, 'etc/acpi/PWRF/00000080': powerOff })) {
    writeFileSync(at(file), text);
    chmodSync(at(file), 0o755);
  }
  writeFileSync(at('etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  writeFileSync(at('etc/group'), 'root:x:0:\n');

  copyWithLibraries(programPath('qemu-ga'), root);
  const loaded = new Set();
  writeModules(root, 'first', inLoadOrder(modules, firstModules, loaded));
  writeModules(root, 'later', inLoadOrder(modules, laterModules, loaded));
}

function writeModules(root, list, files) {
  for (const file of files) copyFileSync(file, path.join(root, 'modules', path.basename(file)));
  const names = files.map((file) => path.basename(file, '.ko'));
  writeFileSync(path.join(root, 'modules', list), names.map((name) => `${name}\n`).join(''));
}

/** The program and every library that `ldd` names, each where the loader looks for it. */
function copyWithLibraries(program, root) {
  copyFileSync(program, path.join(root, 'usr/sbin', path.basename(program)));
  const output = execFileSync('ldd', [program], { encoding: 'utf8' });
  for (const [file] of output.matchAll(/\/\S+/g)) {
    const target = path.join(root, file);
    mkdirSync(path.dirname(target), { recursive: true });
    copyFileSync(file, target);
  }
}

/** Not compressed: the guest would unpack it with an emulated processor, and the host reads it from memory. */
export function pack(root, output) {
  const names = readdirSync(root, { recursive: true }).sort();
  const archive = execFileSync('cpio', ['--quiet', '-o', '-H', 'newc', '--owner', '0:0', '--reproducible'], {
    cwd: root,
    input: ['.', ...names].join('\n'),
    maxBuffer: 256 * 1024 * 1024,
  });
  writeFileSync(output, archive);
}
