import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { subjectsUnder } from '@drover/contracts';
import { hostIdOf, machineIdOf } from '@drover/node-agent';
import { readFile } from 'node:fs/promises';
import { writeFleetConfig } from '../src/infrastructure/fleet-config.js';
import { databaseUrlFileOf } from '../src/infrastructure/fleet-database.js';
import {
  credentialsFileOf,
  ensureCredentials,
  hostCredentialsFileOf,
} from '../src/infrastructure/fleet-credentials.js';
import { ensureApiToken } from '../src/infrastructure/fleet-secrets.js';
import { ensureNatsAuthority } from '../src/infrastructure/nats-keys.js';
import { ensureFleetState, hostsToRun, readFleetState, type FleetState } from '../src/infrastructure/fleet-state.js';
import { agentFolderOf, homeAt, prepareHome } from '../src/infrastructure/home.js';
import type { Home } from '../src/infrastructure/home.js';

const everythingIsFree = () => Promise.resolve(true);
const simulated = { subjectPrefix: 'drover', hypervisor: 'simulated', users: {} } as const;

describe('what a home remembers', () => {
  let home: Home;
  beforeEach(async () => {
    home = homeAt(await mkdtemp(path.join(tmpdir(), 'drover-home-')));
    await prepareHome(home);
  });
  afterEach(() => rm(home.root, { recursive: true, force: true }));

  const ensure = (count: number) => ensureFleetState(home, { hypervisor: 'simulated', count }, everythingIsFree);

  it('is the same at the second start', async () => {
    const first = await ensure(2);
    expect(await ensure(2)).toEqual(first);
    expect(await readFleetState(home)).toEqual(first);
  });

  it('keeps the hosts that it had when more are wanted, and runs fewer when fewer are', async () => {
    const few = await ensure(2);
    const more = await ensure(3);
    expect(more.hosts.slice(0, 2)).toEqual(few.hosts);
    expect(more.hosts.map(({ name }) => name)).toEqual(['sim-001', 'sim-002', 'sim-003']);
    expect(hostsToRun(more, { hypervisor: 'simulated', count: 1 })).toEqual(few.hosts.slice(0, 1));
  });

  it('tells simulated hosts from this machine', async () => {
    await ensure(1);
    const state = await ensureFleetState(home, { hypervisor: 'libvirt', count: 1 }, everythingIsFree);
    expect(hostsToRun(state, { hypervisor: 'libvirt', count: 1 })).toHaveLength(1);
    expect(new Set(state.hosts.map(({ id }) => id)).size).toBe(2);
  });

  it('gives simulated hosts ids that follow from the fleet and their number', async () => {
    const { hosts, ...rest } = await ensure(3);
    expect(new Set(hosts.map(({ id }) => id)).size).toBe(3);
    await writeFile(home.stateFile, JSON.stringify({ ...rest, hosts: [] }));
    expect((await ensure(1)).hosts).toEqual(hosts.slice(0, 1));
    expect((await ensure(3)).hosts).toEqual(hosts);
    await writeFile(home.stateFile, JSON.stringify({ ...rest, fleetId: randomUUID(), hosts: [] }));
    const others = (await ensure(3)).hosts;
    expect(others.filter(({ id }) => hosts.some((host) => host.id === id))).toEqual([]);
  });

  it('gives this machine the id that follows from its machine id', async () => {
    const wanted = { hypervisor: 'libvirt', count: 1 } as const;
    const { hosts } = await ensureFleetState(home, wanted, everythingIsFree);
    expect(hosts.map(({ id }) => id)).toEqual([hostIdOf(await machineIdOf(agentFolderOf(home, 'libvirt')))]);
  });

  it('keeps the host of an older home, whatever its id follows from', async () => {
    const { ports, fleetId } = await ensure(0);
    const host = { id: randomUUID(), name: 'old', hypervisor: 'libvirt' } as const;
    await writeFile(home.stateFile, JSON.stringify({ fleetId, ports, hosts: [host] }));
    const state = await ensureFleetState(home, { hypervisor: 'libvirt', count: 1 }, everythingIsFree);
    expect(state.hosts).toEqual([host]);
  });

  it('refuses to go on with a state that it cannot read', async () => {
    await writeFile(home.stateFile, '{');
    await expect(ensure(1)).rejects.toThrow(/state\.json is not readable/);
  });

  const issue =
    (hosts: FleetState['hosts'], prefix = 'drover') =>
    () =>
      ensureCredentials(home, { subjects: subjectsUnder(prefix), hosts, users: {} });

  it('keeps token and credentials to their owner, and from one start to the next', async () => {
    const { hosts } = await ensure(1);
    const authority = await ensureNatsAuthority(home);
    await issue(hosts)();
    const file = credentialsFileOf(home, 'vm-manager');
    const before = await readFile(file, 'utf8');
    await issue(hosts)();
    expect(await readFile(file, 'utf8')).toBe(before);
    expect(await ensureApiToken(home, {})).toBe(await ensureApiToken(home, {}));
    expect(await ensureNatsAuthority(home)).toMatchObject({ ...authority, issued: {} });
    const hostFile = hostCredentialsFileOf(home, hosts[0]?.id ?? '');
    for (const secret of [file, hostFile, home.apiTokenFile, home.natsAuthorityFile, home.natsOperatorSeedFile]) {
      expect((await stat(secret)).mode & 0o777).toBe(0o600);
    }
  });

  it('issues credentials again when the subjects have changed', async () => {
    await issue([])();
    const before = await readFile(credentialsFileOf(home, 'scheduler'), 'utf8');
    await issue([], 'other')();
    expect(await readFile(credentialsFileOf(home, 'scheduler'), 'utf8')).not.toBe(before);
  });

  it('names files of secrets in the configuration, never secrets, and to agents none but their own', async () => {
    const state = await ensure(2);
    const token = await ensureApiToken(home, {});
    await writeFleetConfig({ ...simulated, home, state, hosts: state.hosts });
    const [text, agents] = await Promise.all(
      [home.configFile, home.agentConfigFile].map((file) => readFile(file, 'utf8')),
    );
    expect(text).toContain(`fleetId: ${state.fleetId}`);
    expect(text).toContain(home.apiTokenFile);
    expect(text).toContain(`vm-manager: ${JSON.stringify(databaseUrlFileOf(home, 'vm-manager'))}`);
    expect(`${text}${agents}`).not.toContain(token);
    for (const file of [home.apiTokenFile, home.databaseUrlFolder, credentialsFileOf(home, 'vm-manager')])
      expect(agents).not.toContain(file);
    expect(agents).not.toContain('libvirtSocket');
  });
});
