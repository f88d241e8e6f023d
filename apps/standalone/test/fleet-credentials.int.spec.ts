import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { subjectsUnder } from '@drover/contracts';
import {
  createNatsAuthority,
  credentialsFileOf,
  ensureCredentials,
  ensureNatsAuthority,
  ensureServiceUsers,
  exists,
  hostCredentialsFileOf,
  homeAt,
  issueCredentials,
  natsAccounts,
  prepareHome,
  readCredentials,
  readmitHost,
  refuseHost,
  renewNatsKeys,
  restoreRefusedHosts,
  servicePermissions,
  type Home,
} from '../src/infrastructure/index.js';

const hostId = '0199c4e2-0000-7000-8000-00000000000a';
const host = { id: hostId, name: 'sim-001', hypervisor: 'simulated' } as const;
const nowS = () => Math.floor(Date.now() / 1000);
const HOUR_S = 3_600;

describe('the credentials of a home', () => {
  let home: Home;

  beforeEach(async () => {
    home = homeAt(await mkdtemp(path.join(tmpdir(), 'drover-credentials-')));
    await prepareHome(home);
  });
  afterEach(() => rm(home.root, { recursive: true, force: true }));

  const ensure = (subjectPrefix = 'drover') =>
    ensureCredentials(home, {
      ...{ subjects: subjectsUnder(subjectPrefix), hosts: [host], users: {}, lifetimeS: 2 * HOUR_S },
    });
  const read = async (file: string) => readCredentials(await readFile(file, 'utf8'));
  const scheduler = () => credentialsFileOf(home, 'scheduler');

  it('expire, and are left alone while more than half of their time is left', async () => {
    await ensure();
    const { expiresAt = 0 } = await read(scheduler());
    expect(expiresAt).toBeGreaterThan(nowS() + HOUR_S);
    expect(expiresAt).toBeLessThanOrEqual(nowS() + 2 * HOUR_S);
    const before = await readFile(scheduler(), 'utf8');
    const { revocations } = await ensure();
    expect(await readFile(scheduler(), 'utf8')).toBe(before);
    expect(revocations).toEqual({});
  });

  it('are not read where a file is far longer than credentials are, and are issued anew', async () => {
    await ensure();
    const file = hostCredentialsFileOf(home, hostId);
    const kept = await readFile(file, 'utf8');
    await truncate(file, 1024 * 1024);
    await ensure();
    const { length } = await readFile(file, 'utf8');
    expect(length).toBeLessThan(2 * kept.length);
  });

  it('are renewed for the same user once half of their time is over', async () => {
    await ensure();
    const { userKey, userSeed } = await read(scheduler());
    const authority = await ensureNatsAuthority(home);
    const permissions = servicePermissions('scheduler', subjectsUnder('drover'));
    const expiresAt = nowS() + 60;
    const old = await issueCredentials({ authority, name: 'scheduler', permissions, expiresAt, userSeed });
    await writeFile(scheduler(), old);
    const { revocations } = await ensure();
    const renewed = await read(scheduler());
    expect(renewed.userKey).toBe(userKey);
    expect(renewed.expiresAt).toBeGreaterThan(nowS() + HOUR_S);
    expect(revocations).toEqual({});
  });

  it('are a new user’s when the table of permissions has changed, and the old one is revoked', async () => {
    await ensure();
    const before = await read(scheduler());
    const { revocations } = await ensure('other');
    expect((await read(scheduler())).userKey).not.toBe(before.userKey);
    expect(revocations[before.userKey]?.until).toBeGreaterThanOrEqual(before.expiresAt ?? Infinity);
  });

  it('are another user’s for a host that was shut out and readmitted; meanwhile it gets none', async () => {
    await ensure();
    const file = hostCredentialsFileOf(home, hostId);
    const before = await read(file);
    await refuseHost(home, {}, hostId);
    await refuseHost(home, {}, hostId);
    await ensure('other');
    expect((await read(file)).userKey).toBe(before.userKey);
    expect((await ensureNatsAuthority(home)).revocations[before.userKey]).toBeDefined();
    await readmitHost(home, {}, hostId);
    await ensure();
    expect((await read(file)).userKey).not.toBe(before.userKey);
    expect((await ensureNatsAuthority(home)).revocations[before.userKey]).toBeDefined();
  });

  it('are revoked before the new ones are written: what fails then loses none', async () => {
    await ensure();
    const before = [await read(scheduler()), await read(hostCredentialsFileOf(home, hostId))];
    await rm(home.hostCredentialsFolder, { recursive: true });
    await expect(ensure('other')).rejects.toMatchObject({ code: 'ENOENT' });
    const { revocations } = await ensureNatsAuthority(home);
    expect(Object.keys(revocations)).toEqual(expect.arrayContaining(before.map(({ userKey }) => userKey)));
    await mkdir(home.hostCredentialsFolder);
    const after = await ensure('other');
    const written = [await read(scheduler()), await read(hostCredentialsFileOf(home, hostId))];
    expect(written.filter(({ userKey }) => after.revocations[userKey] !== undefined)).toEqual([]);
  });

  it('are refused to a host although its file is gone', async () => {
    await ensure();
    const { userKey } = await read(hostCredentialsFileOf(home, hostId));
    await rm(hostCredentialsFileOf(home, hostId));
    await refuseHost(home, {}, hostId);
    expect((await ensureNatsAuthority(home)).revocations[userKey]).toBeDefined();
  });

  it('are refused although the clock was set back since they were issued', async () => {
    const ahead = jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 24 * HOUR_S * 1000);
    await ensure();
    ahead.mockRestore();
    const { userKey, issuedAt } = await read(hostCredentialsFileOf(home, hostId));
    expect(issuedAt).toBeGreaterThan(nowS() + HOUR_S);
    await refuseHost(home, {}, hostId);
    expect((await ensureNatsAuthority(home)).revocations[userKey]?.at).toBeGreaterThanOrEqual(issuedAt);
  });

  it('are changed by one at a time: no change undoes another', async () => {
    await ensure();
    const ids = Array.from({ length: 5 }, (_, index) => `0199c4e2-0000-7000-8000-00000000001${index}`);
    await Promise.all([...ids.map((id) => refuseHost(home, {}, id)), ensure('other')]);
    const { refusedHosts, revocations } = await ensureNatsAuthority(home);
    expect([...refusedHosts].sort()).toEqual(ids);
    expect(Object.keys(revocations).length).toBeGreaterThan(1);
  });

  it('are all others after the keys were made anew; a host has none before it is known again who is shut out', async () => {
    const before = await ensure();
    const user = await read(scheduler());
    await refuseHost(home, {}, hostId);
    expect(await renewNatsKeys(home, {})).toEqual([]);
    const after = await ensure();
    for (const name of natsAccounts) expect(after.accounts[name].account).not.toBe(before.accounts[name].account);
    expect(after.operatorJwt).not.toBe(before.operatorJwt);
    const renewed = await read(scheduler());
    expect(renewed.issuer).toBe(after.accounts.fleet.signingKey);
    expect(renewed.userKey).not.toBe(user.userKey);
    await expectNoLogin(after.accounts.fleet.signingKey);
  });

  it.each([
    ['is gone', (file: string) => rm(file)],
    ['is no JSON', (file: string) => writeFile(file, '{')],
    ['is of another shape', (file: string) => writeFile(file, '{"refusedHosts":[]}')],
    [
      'is gone with all keys and logins',
      async () => {
        for (const folder of ['keys', 'credentials/services', 'credentials/hosts'])
          for (const file of await readdir(path.join(home.root, folder))) await rm(path.join(home.root, folder, file));
      },
    ],
  ])('are given to no host while the list of those that are shut out is lost: the file %s', async (_what, lose) => {
    await ensure();
    await refuseHost(home, {}, hostId);
    await lose(home.natsAuthorityFile);
    const after = await ensure();
    await expectNoLogin(after.accounts.fleet.signingKey);
  });

  /** Not before the list is there again, and then only where the host is not on it. */
  async function expectNoLogin(signingKey: string): Promise<void> {
    const file = hostCredentialsFileOf(home, hostId);
    const isLetIn = async () => (await exists(file)) && (await read(file)).issuer === signingKey;
    expect(await isLetIn()).toBe(false);
    await restoreRefusedHosts(home, {}, [hostId]);
    await ensure();
    expect(await isLetIn()).toBe(false);
    await readmitHost(home, {}, hostId);
    await ensure();
    expect(await isLetIn()).toBe(true);
  }

  it('keep the list of hosts that are shut out where only the other half of the keys was lost', async () => {
    await ensure();
    await refuseHost(home, {}, hostId);
    await rm(home.natsOperatorSeedFile);
    expect((await ensure()).refusedHosts).toEqual([hostId]);
  });

  it('are made anew although a process of before holds the lock', async () => {
    await ensure();
    const holder = spawn('flock', [home.natsKeysLock, 'sh', '-c', 'echo held; exec cat'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    await once(holder.stdout, 'data');
    await renewNatsKeys(home, {});
    const ended = once(holder, 'close');
    holder.stdin.end();
    await ended;
  }, 30_000);

  it('are made anew whatever stands in the place of what is replaced; no link is followed', async () => {
    await ensure();
    const foreign = path.join(home.root, 'foreign');
    await mkdir(foreign);
    await writeFile(path.join(foreign, 'kept'), 'kept');
    for (const name of ['jetstream', 'accounts']) await symlink(foreign, path.join(home.natsFolder, name));
    for (const file of [home.natsAuthorityFile, home.natsOperatorSeedFile, scheduler()]) {
      await rm(file);
      await mkdir(file);
    }
    expect(await renewNatsKeys(home, {})).toEqual([]);
    await ensure();
    expect(await readdir(home.natsFolder)).toEqual([]);
    expect(await readFile(path.join(foreign, 'kept'), 'utf8')).toBe('kept');
    const all = [...(await readdir(home.root)), ...(await readdir(home.credentialsFolder))];
    expect(all.filter((entry) => entry.includes('old'))).toEqual([]);
  });

  it('are made anew although what nats-server left cannot be removed, and it is said where that is', async () => {
    const users = await ensureServiceUsers();
    await prepareHome(home, users);
    await ensureCredentials(home, { subjects: subjectsUnder('drover'), hosts: [], users });
    const locked = path.join(home.natsFolder, 'jetstream');
    await mkdir(locked);
    await writeFile(path.join(locked, 'file'), '');
    // Root's own where a user is given the rest, closed where there is none.
    await chmod(locked, users.drover === undefined ? 0o500 : 0o700);
    const before = await ensureNatsAuthority(home, users);
    const [left = '', ...more] = await renewNatsKeys(home, users);
    expect([left, more]).toEqual([expect.stringContaining(`${home.natsFolder}.old-`), []]);
    expect(await readdir(home.natsFolder)).toEqual([]);
    expect((await ensureNatsAuthority(home, users)).operatorJwt).not.toBe(before.operatorJwt);
    await chmod(path.join(left, 'jetstream'), 0o700);
  });

  it('are never signed by halves of two authorities', async () => {
    const before = await ensure();
    await writeFile(home.natsOperatorSeedFile, (await createNatsAuthority()).operatorSeed);
    expect((await ensure()).accounts.fleet.account).not.toBe(before.accounts.fleet.account);
  });
});
