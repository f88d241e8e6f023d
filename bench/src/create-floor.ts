/** Measures `hand-written-create.ts` on servers of its own, which are the programs that a fleet runs. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { startNats, startPostgres } from '@drover/testing';
import { rounded } from './figure.js';
import { costOf } from './process-cost.js';

export interface Floor {
  readonly cpuSecondsPerVm: number;
  readonly cpuSecondsPerVmByPart: Readonly<Record<string, number>>;
}

/** @param createMany sends so many requests to a URL, as it does to a fleet. */
export async function createFloor(
  hosts: number,
  vms: number,
  createMany: (url: string, prefix: string, count: number) => Promise<unknown>,
): Promise<Floor> {
  const [postgres, nats] = await Promise.all([startPostgres(), startNats()]);
  try {
    const program = path.join(import.meta.dirname, 'hand-written-create.js');
    const args = [program, postgres.connectionString, nats.url, String(hosts)];
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const [line] = (await Promise.race([once(child.stdout, 'data'), failureOf(child)])) as [Buffer];
    const url = `http://127.0.0.1:${String(line).trim()}`;
    const cpuSeconds = () => ({
      program: costOf(child.pid ?? 0).cpuSeconds,
      postgres: costOf(postgres.pid()).cpuSeconds,
      nats: costOf(nats.pid()).cpuSeconds,
    });
    await createMany(url, 'warm', 200);
    const before = cpuSeconds();
    await createMany(url, 'vm', vms);
    const after = cpuSeconds();
    child.stdin.end();
    await once(child, 'close');
    const perVm = (part: keyof typeof after) => rounded((after[part] - before[part]) / vms);
    const byPart = { program: perVm('program'), postgres: perVm('postgres'), nats: perVm('nats') };
    const sum = Object.values(byPart).reduce((total, value) => total + value, 0);
    return { cpuSecondsPerVm: rounded(sum), cpuSecondsPerVmByPart: byPart };
  } finally {
    await nats.stop();
    await postgres.stop();
  }
}

async function failureOf(child: ReturnType<typeof spawn>): Promise<never> {
  const [code] = (await once(child, 'close')) as [number | null];
  throw new Error(`the hand-written create ended with ${code}`);
}
