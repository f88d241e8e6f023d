import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ensureFleetState } from '../src/infrastructure/fleet-state.js';
import { homeAt, prepareHome } from '../src/infrastructure/home.js';
import { onFreePort, type Installation } from '../src/infrastructure/installation.js';
import { holderOf, isListening, listeningPortsOf, listeningSockets } from '../src/infrastructure/listening-socket.js';

describe('who listens on a port', () => {
  let server: Server;
  let port: number;
  let other: ChildProcess;

  beforeAll(async () => {
    server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
    other = spawn('sleep', ['600'], { stdio: 'ignore' });
    await once(other, 'spawn');
  });
  afterAll(async () => {
    other.kill();
    await new Promise((resolve) => server.close(resolve));
  });

  it('is told apart from those of other processes, and from none', async () => {
    expect(await isListening(process.pid, port)).toBe(true);
    expect(await isListening(Number(other.pid), port)).toBe(false);
    expect(await holderOf(port)).toMatch(new RegExp(`\\(pid ${process.pid}\\)$`));
    expect(await isListening(process.pid, 1)).toBe(false);
    expect(await holderOf(1)).toBeUndefined();
    expect(await listeningPortsOf(process.pid)).toContain(port);
    expect(await listeningPortsOf(Number(other.pid))).toEqual([]);
  });

  it('includes one who listens on every address, and none at another one or port', () => {
    const row = (local: string, state: string, inode: number) =>
      `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000  998        0 ${inode} 1 0 100 0 0 10 0`;
    const table = [
      '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
      row('0100007F:1D38', '0A', 1),
      row('00000000:1D38', '0A', 2),
      row('0200007F:1D38', '0A', 3),
      row('0100007F:1D39', '0A', 4),
      row('0100007F:1D38', '01', 5),
    ].join('\n');
    expect(listeningSockets(table, 7480)).toEqual([
      { inode: 1, uid: 998 },
      { inode: 2, uid: 998 },
    ]);
  });

  it('leads a start that came too late to another port, and says whom it met', async () => {
    const home = homeAt(await mkdtemp(path.join(tmpdir(), 'drover-home-')));
    try {
      await prepareHome(home);
      const wanted = { hypervisor: 'simulated', count: 1 } as const;
      const state = await ensureFleetState(home, wanted, () => Promise.resolve(true));
      const installation = { home, state: { ...state, ports: { ...state.ports, api: port } } } as Installation;
      const tried: number[] = [];
      const met: string[] = [];
      const start = async ({ state: { ports } }: Installation) => {
        tried.push(ports.api);
        if (ports.api === port) throw new Error('EADDRINUSE');
      };
      const started = await onFreePort(installation, 'api', start, (taken, holder) => met.push(`${taken} ${holder}`));
      expect(tried).toEqual([port, started.state.ports.api]);
      expect(met).toEqual([expect.stringContaining(`(pid ${process.pid})`)]);
      const failing = onFreePort(
        started,
        'api',
        () => Promise.reject(new Error('no disk')),
        () => undefined,
      );
      await expect(failing).rejects.toThrow('no disk');
    } finally {
      await rm(home.root, { recursive: true, force: true });
    }
  });
});
