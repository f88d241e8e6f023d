import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { HostResource, VmResource } from '@drover/contracts';
import {
  credentialsFileOf,
  homeAt,
  identify,
  isRunning,
  ProcessTable,
  readFleetState,
  stopProcess,
  type Home,
  type ProcessIdentity,
} from '@drover/standalone/infrastructure';
import { connect, credsAuthenticator } from '@nats-io/transport-node';
import { startPostgres, type PostgresServer } from '@drover/testing';
import pg from 'pg';

const launcher = path.resolve(import.meta.dirname, '../../drover');
const usual = { PATH: process.env['PATH'], CI: 'true' };

interface Run {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

interface Running {
  readonly process: ChildProcess;
  readonly ended: Promise<Run>;
  /** Resolves when it has said this, on either stream; fails when it ends without. */
  saying(words: string): Promise<void>;
}

describe('the launcher', () => {
  let folder: string;
  let bystander: ChildProcess;
  let database: PostgresServer | undefined;
  /** Of every home that a test used, however it ended. */
  const homes: Home[] = [];
  const started = new Set<Running>();

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'drover-launcher-'));
    // PostgreSQL does not run as root, and its own user must reach its data.
    await chmod(folder, 0o755);
    // Looks like one of ours to a program that goes by names.
    bystander = spawn('sleep', ['600'], { argv0: 'nats-server', stdio: 'ignore' });
  });

  afterAll(async () => {
    // What still starts something is interrupted, and stops that itself; `down` stops what is left.
    bystander.kill();
    for (const running of started) running.process.kill('SIGTERM');
    for (const running of started) await running.ended;
    for (const home of homes) await drover(home, ['down']);
    await database?.stop();
    await rm(folder, { recursive: true, force: true });
  }, 120_000);

  function begin(home: Home, words: readonly string[], environment: NodeJS.ProcessEnv = {}): Running {
    const env = { ...usual, DROVER_HOME: home.root, HOME: folder, ...environment };
    const child = spawn(launcher, [...words], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const said = { out: '', err: '' };
    let hasEnded = false;
    child.stdout.on('data', (chunk: Buffer) => (said.out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (said.err += chunk.toString()));
    const ended = new Promise<Run>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (status) => {
        hasEnded = true;
        started.delete(running);
        resolve({ status, ...said });
      });
    });
    const saying = async (words: string) => {
      while (!`${said.out}${said.err}`.includes(words)) {
        if (hasEnded) throw new Error(`ended without saying "${words}":\n${said.err}${said.out}`);
        await delay(20);
      }
    };
    const running = { process: child, ended, saying };
    started.add(running);
    return running;
  }

  const drover = (home: Home, words: readonly string[], environment?: NodeJS.ProcessEnv): Promise<Run> =>
    begin(home, words, environment).ended;

  async function done(home: Home, words: readonly string[], environment?: NodeJS.ProcessEnv): Promise<string> {
    const { status, out, err } = await drover(home, words, environment);
    if (status !== 0) throw new Error(`./drover ${words.join(' ')} ended with ${status}:\n${err}${out}`);
    return out;
  }

  async function json<Value>(home: Home, ...words: string[]): Promise<Value> {
    return JSON.parse(await done(home, ['ctl', ...words, '--output', 'json'])) as Value;
  }

  function newHome(name: string): Home {
    const home = homeAt(path.join(folder, name));
    homes.push(home);
    return home;
  }

  const partsOf = (home: Home) => new ProcessTable(home).list();
  const pidsOf = async (home: Home) => (await partsOf(home)).map(({ identity }) => identity.pid);
  const hostIdsOf = async (home: Home) => (await json<HostResource[]>(home, 'hosts', 'list')).map(({ id }) => id);

  describe('with two homes', () => {
    let one: Home;
    let two: Home;
    let token: string;

    beforeAll(() => {
      one = newHome('one');
      two = newHome('two');
    });

    it('starts a simulated fleet and prints its address, the file of the token and what to try', async () => {
      const out = await done(one, ['up', '--detach', '--hosts', '2', '--hypervisor', 'simulated']);
      token = (await readFile(one.apiTokenFile, 'utf8')).trim();
      const state = await readFleetState(one);
      expect(out).toContain(`Drover is up: http://127.0.0.1:${state?.ports.api} `);
      expect(out).toContain(`API token:   in ${one.apiTokenFile}\n`);
      expect(out).not.toContain(token);
      expect(out).toContain('Hypervisor:  simulated, 2 hosts, the control plane in one process\n');
      expect(out.slice(out.indexOf('Try:')).match(/^ {2}(\.\/drover ctl .*|sed .* curl -H @- .*)$/gm)).toHaveLength(3);
      expect(await json(one, 'vms', 'create', 'a', '--wait')).toMatchObject({ state: 'SUCCEEDED' });
    });

    it('shows each part', async () => {
      const out = await done(one, ['status']);
      expect(out.match(/^\S+ +\d+ +\S+/gm)?.map((row) => row.replace(/ +\d+ +/, ' '))).toEqual([
        'nats-server healthy',
        'postgresql healthy',
        'control-plane healthy',
        'node-agent running',
      ]);
      const metrics = [...out.matchAll(/^(control-plane|node-agent) +metrics at (http:\S+)$/gm)];
      expect(metrics.map(([, part]) => part)).toEqual(['control-plane', 'node-agent']);
      for (const [, , url = ''] of metrics) expect(await (await fetch(url)).text()).toMatch(/^# TYPE drover_/m);
    });

    it('finds again what runs, with the same flags or none', async () => {
      const before = {
        pids: await pidsOf(one),
        hosts: await hostIdsOf(one),
        vm: await json<VmResource>(one, 'vms', 'get', 'a'),
      };
      for (const flags of [[], ['--hosts', '2']]) {
        const out = await done(one, ['up', '--detach', ...flags]);
        expect(out).toContain('Drover was up already: ');
        expect(out).toContain('Hypervisor:  simulated, 2 hosts, the control plane in one process\n');
        expect(out).not.toContain(token);
      }
      expect(await pidsOf(one)).toEqual(before.pids);
      expect(await hostIdsOf(one)).toEqual(before.hosts);
      expect(await json(one, 'vms', 'get', 'a')).toMatchObject({
        id: before.vm.id,
        observed: { powerState: 'RUNNING' },
      });
    });

    it.each([[['--hosts', '3']], [['--split']], [['--hypervisor', 'libvirt']]])(
      'refuses %j for what runs otherwise',
      async (flags) => {
        const { status, out, err } = await drover(one, ['up', '--detach', ...flags]);
        expect({ status, out }).toEqual({ status: 1, out: '' });
        expect(err).toContain('runs already, as simulated, 2 hosts, the control plane in one process');
        expect(err).toContain('run ./drover down first');
      },
    );

    it('runs a second home next to it, on ports of its own, with a process per service', async () => {
      await done(two, ['up', '--detach', '--split', '--hosts', '1']);
      const services = ['ha-manager', 'scheduler', 'vm-manager', 'credential-keeper', 'api-gateway', 'node-agent'];
      expect((await partsOf(two)).map(({ name }) => name)).toEqual(['nats-server', 'postgresql', ...services]);
      expect((await done(two, ['status'])).match(/^\S+ +\d+ +(healthy|running) /gm)).toHaveLength(8);
      expect(await json(two, 'vms', 'create', 'b', '--wait')).toMatchObject({ state: 'SUCCEEDED' });
      expect((await json<VmResource[]>(two, 'vms', 'list')).map(({ name }) => name)).toEqual(['b']);
      expect((await json<VmResource[]>(one, 'vms', 'list')).map(({ name }) => name)).toEqual(['a']);
      const ports = await Promise.all(
        [one, two].map(async (home) => Object.values((await readFleetState(home))?.ports ?? {})),
      );
      expect(new Set(ports.flat()).size).toBe(4);
    });

    it('keeps secrets and logins to who needs them, and the token out of every log', async () => {
      const isOfRoot = process.getuid?.() === 0;
      for (const home of [one, two]) {
        const secret = await filesBelow(path.dirname(home.apiTokenFile), home.credentialsFolder);
        expect(secret.length).toBeGreaterThan(8);
        for (const file of [...secret, home.configFile, home.agentConfigFile]) {
          // At most the group of the control plane reads it, and where there is no such group no other user.
          expect({ file, others: (await stat(file)).mode & (isOfRoot ? 0o137 : 0o177) }).toEqual({ file, others: 0 });
        }
        for (const file of [
          home.natsAuthorityFile,
          home.natsOperatorSeedFile,
          credentialsFileOf(home, 'administrator'),
        ])
          expect({ file, others: (await stat(file)).mode & 0o177 }).toEqual({ file, others: 0 });
        const logs = await filesBelow(home.logFolder);
        expect(logs.length).toBeGreaterThan(2);
        const ownToken = (await readFile(home.apiTokenFile, 'utf8')).trim();
        for (const file of [...logs, home.configFile, home.agentConfigFile])
          expect(await readFile(file, 'utf8')).not.toContain(ownToken);
      }
    });

    it('cuts a host off that is revoked, leaves its VMs alone, and has it back once it is readmitted', async () => {
      const hostOf = async (name: string) => json<HostResource>(one, 'hosts', 'get', name);
      const [{ name } = { name: '' }] = await json<HostResource[]>(one, 'hosts', 'list');
      const host = async (isSo: (host: HostResource) => boolean) => {
        for (;;) {
          const found = await hostOf(name);
          if (isSo(found)) return found;
          await delay(100);
        }
      };
      expect((await drover(one, ['ctl', 'hosts', 'revoke', name])).err).toContain('--yes');
      await done(one, ['ctl', 'hosts', 'revoke', name, '--yes']);
      const { allocated } = await host((found) => found.shutOut !== null && found.liveness.state === 'SUSPECTED');
      expect((await hostOf(name)).allocated).toEqual(allocated);
      await done(one, ['ctl', 'hosts', 'readmit', name]);
      await host((found) => found.shutOut === null && found.liveness.state === 'ALIVE');
    }, 120_000);

    it('has new keys, credentials and tokens after a rotation of all; the old ones are refused, and VMs run on', async () => {
      const connectAs = async (credentials: string) => {
        const servers = `nats://127.0.0.1:${(await readFleetState(one))?.ports.nats}`;
        const authenticator = credsAuthenticator(new TextEncoder().encode(credentials));
        return connect({ servers, authenticator, maxReconnectAttempts: 0 });
      };
      const read = (file: string) => readFile(file, 'utf8');
      const administrator = credentialsFileOf(one, 'administrator');
      const before = { credentials: await read(administrator), token: await read(one.apiTokenFile) };
      const keysBefore = await read(one.orderPublicKeysFile);
      await (await connectAs(before.credentials)).close();
      const names = (await partsOf(one)).map(({ name }) => name).filter((name) => name !== 'postgresql');
      const { status, err } = await drover(one, ['rotate', 'all']);
      expect({ status, err }).toMatchObject({ status: 0 });
      // Nothing of before runs when the first new key is made.
      const [stopping = '', made = ''] = err.split('NATS has new keys');
      for (const name of names) expect(stopping).toContain(`stopping ${name}`);
      expect(made).not.toContain('stopping');
      await expect(connectAs(before.credentials)).rejects.toThrow(/authorization/i);
      await (await connectAs(await read(administrator))).close();
      expect((await drover(one, ['ctl', 'hosts', 'list'], { DROVER_TOKEN: before.token.trim() })).err).toMatch(/token/);
      const keys = (await read(one.orderPublicKeysFile)).trim().split('\n');
      expect(keys).toHaveLength(1);
      expect(keysBefore).not.toContain(keys[0]);
      expect(await json<VmResource[]>(one, 'vms', 'list')).toMatchObject([{ name: 'a' }]);
      expect(await json(one, 'vms', 'create', 'after', '--wait')).toMatchObject({ state: 'SUCCEEDED' });
      expect(await json(one, 'vms', 'delete', 'after', '--wait')).toMatchObject({ state: 'SUCCEEDED' });
    }, 240_000);

    it('runs nothing as root that need not be', async () => {
      const own = process.getuid?.();
      for (const { identity, name } of [...(await partsOf(one)), ...(await partsOf(two))]) {
        const { uid } = await stat(`/proc/${identity.pid}`);
        expect({ name, isAsItShould: own === 0 ? uid !== 0 : uid === own }).toEqual({ name, isAsItShould: true });
        const environment = await readFile(`/proc/${identity.pid}/environ`, 'utf8');
        expect({ name, environment }).toEqual({
          name,
          environment: expect.not.stringMatching(/TOKEN|DROVER_HOME|^CI=/m),
        });
      }
    });

    it('sends the token to no process that took the port', async () => {
      const heard: string[] = [];
      const thief = createServer((request, response) => {
        heard.push(JSON.stringify(request.headers));
        response.end('{"items":[]}');
      });
      const state = await readFleetState(two);
      const control = (await partsOf(two)).find(({ name }) => name === 'api-gateway');
      if (control === undefined || state === undefined) throw new Error('there is no gateway');
      await stopProcess(control.identity, 'SIGKILL');
      thief.listen(state.ports.api, '127.0.0.1');
      await once(thief, 'listening');
      try {
        const listed = await drover(two, ['ctl', 'hosts', 'list']);
        expect(listed).toMatchObject({ out: '', err: expect.stringContaining('Drover is not running') });
        expect((await drover(two, ['status'])).out).toMatch(/^api-gateway +- +ended by itself/m);
        const { status, err } = await drover(two, ['up', '--detach']);
        expect({ status, err }).toEqual({
          status: 0,
          err: expect.stringMatching(/port \d+ is taken by .*\(pid \d+\)/),
        });
        expect(heard).toEqual([]);
      } finally {
        thief.close();
      }
      expect(await json(two, 'vms', 'list')).toMatchObject([{ name: 'b' }]);
    });

    it('starts again what has ended, and leaves alone what is healthy', async () => {
      const before = await partsOf(one);
      const agent = before.find(({ name }) => name === 'node-agent');
      if (agent === undefined) throw new Error('there is no agent');
      await stopProcess(agent.identity, 'SIGKILL');
      expect((await drover(one, ['status'])).status).toBe(1);
      await done(one, ['up', '--detach']);
      const others = (parts: typeof before) =>
        parts.filter(({ name }) => name !== 'node-agent').map((part) => part.identity);
      expect(others(await partsOf(one))).toEqual(others(before));
      expect((await partsOf(one)).filter(({ identity }) => isRunning(identity))).toHaveLength(4);
      await done(one, ['status']);
    });

    it('leaves the others running where a part cannot do its work, says why, and ends with 1', async () => {
      const agent = (await partsOf(one)).find(({ name }) => name === 'node-agent');
      if (agent === undefined) throw new Error('there is no agent');
      await stopProcess(agent.identity, 'SIGKILL');
      const broken = { DROVER_SIMULATED_CPU_COUNT: 'many' };
      const { status, err } = await drover(one, ['up', '--detach'], broken);
      expect({ status, err }).toEqual({
        status: 1,
        err: expect.stringMatching(/node-agent ended while starting \(status \d+\)[^]*simulated\.cpuCount/),
      });
      const running = (await partsOf(one)).filter(({ identity }) => isRunning(identity));
      expect(running.map(({ name }) => name)).toEqual(['nats-server', 'postgresql', 'control-plane']);
      await done(one, ['up', '--detach']);
    });

    it('stops what it started, and nothing else', async () => {
      const others = [identityOf(bystander), ...(await partsOf(two)).map(({ identity }) => identity)];
      const own = (await partsOf(one)).map(({ identity }) => identity);
      await done(one, ['down']);
      expect(own).toHaveLength(4);
      expect(own.filter(isRunning)).toEqual([]);
      expect(others.filter(isRunning)).toEqual(others);
      expect((await drover(one, ['status'])).status).toBe(3);
      await done(two, ['status']);
      await done(two, ['down']);
      expect(others.filter(isRunning)).toEqual(others.slice(0, 1));
    });

    it('goes on where it ended, in the foreground too, until Ctrl-C', async () => {
      const up = begin(one, ['up', '--hosts', '2']);
      await up.saying('Ctrl-C stops it.');
      const own = (await partsOf(one)).map(({ identity }) => identity);
      expect(await json(one, 'vms', 'get', 'a')).toMatchObject({ observed: { powerState: 'RUNNING' } });
      up.process.kill('SIGINT');
      const { status, out } = await up.ended;
      expect(status).toBe(0);
      expect(out).not.toContain(token);
      expect(own).toHaveLength(4);
      expect(own.filter(isRunning)).toEqual([]);
    });
  });

  it('uses the PostgreSQL that DATABASE_URL names, and starts none', async () => {
    const home = newHome('three');
    database = await startPostgres();
    // Of its owner, who is no superuser and makes the services' roles: they run as a user who may be no other.
    const url = new URL(database.connectionString);
    url.username = 'drover';
    // As a server on another machine does: it asks everybody but its owner for a password.
    const { rows: hba } = await asked('SHOW hba_file');
    const access = ['local all postgres,drover peer map=drover', 'local all all scram-sha-256', ''].join('\n');
    await writeFile(String(hba[0]?.hba_file), access);
    // How long a rotation waits for those who have begun to sign in.
    await asked("ALTER SYSTEM SET authentication_timeout = '10s'");
    await asked('SELECT pg_reload_conf()');
    const { status, err } = await drover(home, ['up', '--detach', '--hosts', '1'], { DATABASE_URL: url.href });
    expect({ status, err }).toEqual({ status: 0, err: expect.not.stringContaining('ATTENTION') });
    const { rows } = await asked(`SELECT DISTINCT usename FROM pg_stat_activity WHERE application_name LIKE 'drover-%'
      ORDER BY 1`);
    const roles = ['drover_api_gateway', 'drover_ha_manager', 'drover_scheduler', 'drover_vm_manager'];
    expect(rows).toEqual(roles.map((usename) => ({ usename })));
    expect((await partsOf(home)).map(({ name }) => name)).toEqual(['nats-server', 'control-plane', 'node-agent']);
    expect(await json(home, 'vms', 'create', 'c', '--wait')).toMatchObject({ state: 'SUCCEEDED' });
    expect(existsSync(path.join(home.postgresFolder, 'data'))).toBe(false);

    const urlsNow = () => Promise.all(roles.map((role) => readFile(urlFileOf(home, role), 'utf8')));
    const before = await urlsNow();
    await done(home, ['rotate', 'database'], { DATABASE_URL: url.href });
    for (const old of before) await expect(whoIs(old)).rejects.toMatchObject({ code: '28P01' });
    expect(await Promise.all((await urlsNow()).map(whoIs))).toEqual(roles);
    expect(await json(home, 'vms', 'delete', 'c', '--wait')).toMatchObject({ state: 'SUCCEEDED' });
    await database.shutDown();
    // The store is there, and nowhere else.
    while ((await drover(home, ['status'])).status === 0);
    await database.start();
    await done(home, ['down']);
  });

  it('says why there are no roles where the owner of that database may make none, and works without', async () => {
    const home = newHome('seven');
    if (database === undefined) throw new Error('there is no PostgreSQL');
    await asked('CREATE ROLE drover_plain LOGIN');
    await asked('CREATE DATABASE plain OWNER drover_plain');
    const url = new URL(database.connectionString);
    url.username = 'drover_plain';
    url.pathname = '/plain';
    const { status, err } = await drover(home, ['up', '--detach', '--hosts', '1'], { DATABASE_URL: url.href });
    expect({ status, err }).toEqual({
      status: 0,
      err: expect.stringMatching(/ATTENTION: every service connects [^]*: ALTER ROLE drover_plain CREATEROLE/),
    });
    expect(await json(home, 'vms', 'create', 'd', '--wait')).toMatchObject({ state: 'SUCCEEDED' });
    await done(home, ['down']);
  });

  it('starts no service on a database that it cannot prepare, and says why, but not the password', async () => {
    const home = newHome('eight');
    const url = new URL(database?.connectionString ?? '');
    url.pathname = '/nowhere';
    url.password = 'hidden';
    const { status, err } = await drover(home, ['up', '--detach', '--hosts', '1'], { DATABASE_URL: url.href });
    expect({ status, err }).toEqual({
      status: 1,
      err: expect.stringMatching(/the database that DATABASE_URL names: .*database "nowhere" does not exist/),
    });
    expect(err).not.toContain('hidden');
    expect(await partsOf(home)).toEqual([]);
  });

  const urlFileOf = (home: Home, role: string) =>
    path.join(home.databaseUrlFolder, role.replace('drover_', '').replace('_', '-'));
  const whoIs = async (url: string) => (await asked('SELECT current_user AS who', url)).rows[0]?.who as string;

  async function asked(text: string, url = database?.connectionString ?? ''): Promise<pg.QueryResult> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      return await client.query(text);
    } finally {
      await client.end();
    }
  }

  it('gives two homes that begin at the same time ports of their own', async () => {
    const both = [newHome('five'), newHome('six')];
    await Promise.all(both.map((home) => done(home, ['up', '--detach', '--hosts', '1'])));
    const ports = await Promise.all(both.map(async (home) => Object.values((await readFleetState(home))?.ports ?? {})));
    expect(new Set(ports.flat()).size).toBe(4);
    await Promise.all(both.map((home) => done(home, ['status'])));
    await Promise.all(both.map((home) => done(home, ['down'])));
  });

  it('says of a home in which nothing runs that nothing runs there', async () => {
    const home = newHome('nowhere');
    const { status, out, err } = await drover(home, ['ctl', 'hosts', 'list']);
    expect({ status: status !== 0, out, err }).toEqual({
      ...{ status: true, out: '' },
      err: expect.stringContaining(`Drover is not running (${home.root})`),
    });
    expect(existsSync(home.root)).toBe(false);
  });

  it('names a nats-server that is too old among what is missing, before it starts anything', async () => {
    const home = newHome('four');
    const programs = path.join(folder, 'programs');
    await mkdir(programs);
    await writeFile(path.join(programs, 'nats-server'), '#!/bin/sh\necho nats-server: v2.8.4\n', { mode: 0o755 });
    const { status, out, err } = await drover(home, ['up', '--detach'], { PATH: `${programs}:${usual.PATH}` });
    expect({ status, out }).toEqual({ status: 1, out: '' });
    expect(err).toMatch(/missing:\n {2}- nats-server 2\.9\.10 or newer: .*\/programs\/nats-server is 2\.8\.4;/);
    expect(existsSync(home.root)).toBe(false);
  });

  it.each([
    [
      ['./drover', ''],
      ['up', 'down', 'status', 'ctl'],
    ],
    [
      ['./drover', 'up', '--hypervisor', ''],
      ['libvirt', 'simulated'],
    ],
    [
      ['./drover', 'ctl', ''],
      ['vms', 'hosts', 'events', '--output'],
    ],
    [
      ['./drover', 'ctl', 'vms', ''],
      ['create', 'list', 'explain'],
    ],
    [
      ['./drover', 'ctl', '--output', 'json', 'vm', 'stop', 'first', '--'],
      ['--force', '--wait', '--project'],
    ],
    [['drover', 'ctl', 'vms', 'cr'], ['create']],
  ])('completes %j in bash', async (typed, wanted) => {
    const script = `
      source <("$0" completion bash); source <("$0" ctl completion)
      COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
      [[ $(complete -p "$1") =~ -F\\ ([^ ]+) ]] && "\${BASH_REMATCH[1]}"
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    const child = spawn('bash', ['-c', script, launcher, ...typed], { env: usual, stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    await new Promise((resolve) => child.once('close', resolve));
    expect({ words: out.trim().split('\n'), err }).toEqual({ words: expect.arrayContaining([...wanted]), err: '' });
  });
});

function identityOf(child: ChildProcess): ProcessIdentity {
  const identity = child.pid === undefined ? undefined : identify(child.pid);
  if (identity === undefined) throw new Error('it did not start');
  return identity;
}

async function filesBelow(...folders: readonly string[]): Promise<readonly string[]> {
  const entries = await Promise.all(folders.map((folder) => readdir(folder, { recursive: true, withFileTypes: true })));
  return entries
    .flat()
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
}
