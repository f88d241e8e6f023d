import { spawn } from 'node:child_process';
import path from 'node:path';

/** Something the user can mend: shown as it is, without a stack. */
export class LauncherError extends Error {
  name = 'LauncherError';
}

export const root = path.dirname(path.dirname(import.meta.dirname));
export const node24 = path.join(root, 'node_modules', '.bin', 'node');

/** Runs a program to its end without showing it; its output is in the error if it fails. */
export async function runQuietly(program, args, options = {}) {
  const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], ...options });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output = (output + text).slice(-100_000);
      options.onOutput?.(text);
    });
  }
  const status = await ended(child, program);
  if (status !== 0) throw new LauncherError(`${program} ${args.join(' ')} failed (${status}):\n${shortened(output)}`);
  return output;
}

/** Runs a program in this terminal and resolves to its exit status. Signals are the program's own matter meanwhile. */
export async function runVisibly(program, args, options = {}) {
  const child = spawn(program, args, { cwd: root, stdio: 'inherit', ...options });
  // Ctrl-C reaches it from the terminal; what is sent to this process alone is passed on.
  const handlers = {
    SIGINT: () => undefined,
    SIGTERM: () => child.kill('SIGTERM'),
    SIGHUP: () => child.kill('SIGHUP'),
  };
  for (const [signal, handler] of Object.entries(handlers)) process.on(signal, handler);
  try {
    return await ended(child, program);
  } finally {
    for (const [signal, handler] of Object.entries(handlers)) process.off(signal, handler);
  }
}

function ended(child, program) {
  return new Promise((resolve, reject) => {
    child.once('error', (cause) => reject(new LauncherError(`cannot run ${program}: ${cause.message}`, { cause })));
    child.once('close', (code, signal) => resolve(signal === null ? code : 128 + (signal === 'SIGINT' ? 2 : 15)));
  });
}

/** Begin and end of a long output: what went wrong stands at one of them. */
function shortened(output) {
  const lines = output.trim().split('\n');
  return (lines.length <= 50 ? lines : [...lines.slice(0, 30), '[…]', ...lines.slice(-15)]).join('\n');
}
