import { describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const main = path.join(path.dirname(fileURLToPath(import.meta.url)), 'fixtures', 'main.ts');

// Node takes TypeScript as it stands; only the sources' `.js` must lead to `.ts`.
const hooks = `export async function resolve(name, context, next) {
  const isOurs = name.startsWith('.') && name.endsWith('.js') && !context.parentURL.includes('/node_modules/');
  return next(isOurs ? name.slice(0, -3) + '.ts' : name, context);
}`;
const register = `import { register } from 'node:module'; register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hooks)}`)});`;
const nodeArguments = [
  '--disable-warning=ExperimentalWarning',
  '--conditions=drover-source',
  '--import',
  `data:text/javascript,${encodeURIComponent(register)}`,
];

/** Runs a process of its own in this mode; gives it the signal once it has printed `waitFor`. */
async function run(mode: string, waitFor?: string, signal?: NodeJS.Signals) {
  const child = spawn(process.execPath, [...nodeArguments, main, mode], {
    env: { ...process.env, NODE_OPTIONS: '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data: Buffer) => {
      const wasThere = waitFor !== undefined && output.includes(waitFor);
      output += data.toString('utf8');
      if (!wasThere && waitFor !== undefined && output.includes(waitFor)) child.kill(signal);
    });
  }
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}

describe('a process of services', () => {
  it('stops all services in reverse order on SIGTERM and ends with 0', async () => {
    const { code, output } = await run('good', 'all started', 'SIGTERM');
    expect(output.match(/closed \w+/g)).toEqual(['closed second', 'closed first']);
    expect(code).toBe(0);
  }, 20_000);

  it('ends with 78 and the reason when the configuration is not usable', async () => {
    const { code, output } = await run('bad-config');
    expect(output).toContain('the key x is missing');
    expect(output).toContain('closed first');
    expect(code).toBe(78);
  }, 20_000);

  it('ends with 1, having closed what was started, when a service cannot start', async () => {
    const { code, output } = await run('bad-start');
    expect(output).toContain('no database');
    expect(output).toContain('closed first');
    expect(code).toBe(1);
  }, 20_000);

  it('logs an unhandled rejection and ends with 1', async () => {
    const { code, output } = await run('rejection');
    expect(output).toContain('"message":"unhandled rejection"');
    expect(output).toContain('not caught');
    expect(code).toBe(1);
  }, 20_000);

  it('serves its metrics where it is told to, and switches its log level on SIGUSR2', async () => {
    const child = spawn(process.execPath, [...nodeArguments, main, 'good'], {
      env: { ...process.env, NODE_OPTIONS: '' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const closed = once(child, 'close');
    let metrics = '';
    for await (const line of createInterface(child.stdout)) {
      const { message, port, logLevel } = line.startsWith('{') ? (JSON.parse(line) as Record<string, unknown>) : {};
      if (message === 'serving metrics') {
        metrics = await (await fetch(`http://127.0.0.1:${Number(port)}/metrics`)).text();
        child.kill('SIGUSR2');
      } else if (message === 'the log level changed') {
        child.kill(logLevel === 'debug' ? 'SIGUSR2' : 'SIGTERM');
      }
    }
    expect(await closed).toEqual([0, null]);
    expect(metrics).toMatch(/^process_cpu_seconds_total \d/m);
    expect(metrics).toMatch(/^drover_event_loop_delay_seconds /m);
  }, 20_000);
});
