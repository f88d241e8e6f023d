/**
 * Renews credentials before they expire, and carries out what operators decide of hosts: the event in the host's stream is the
 * decision, by ha-manager; the keys are here, and in no service that listens to anybody.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { START, subjectsUnder, type StoredEvent } from '@drover/contracts';
import { openPostgresEventStore } from '@drover/event-store';
import { outageOf } from '@drover/observability';
import {
  databaseUrlFileSchema,
  homeSchema,
  natsUrlSchema,
  readSecret,
  subjectPrefixSchema,
  whenAvailable,
  type ServiceContext,
  type ServiceDefinition,
} from '@drover/service-kit';
import { z } from 'zod';
import { HostsShutOut } from './hosts-shut-out.state.js';
import { ensureCredentials, readmitHost, refuseHost, restoreRefusedHosts } from './infrastructure/fleet-credentials.js';
import { credentialLifetimeS, readFleetState } from './infrastructure/fleet-state.js';
import { homeAt } from './infrastructure/home.js';
import { accountJwts } from './infrastructure/nats-authority.js';
import { ensureNatsAuthority } from './infrastructure/nats-keys.js';
import { pushAccounts } from './infrastructure/nats-revocation.client.js';

export const credentialKeeperConfigSchema = z.object({
  home: homeSchema,
  subjectPrefix: subjectPrefixSchema,
  nats: z.object({ url: natsUrlSchema }),
  /** The scheduler's role appends least of all that read events. */
  database: z.object({ urlFiles: z.object({ scheduler: databaseUrlFileSchema }) }),
});
export type CredentialKeeperConfig = z.output<typeof credentialKeeperConfigSchema>;

const RETRY_MS = 1_000;
const MAX_PAUSE_MS = 3_600_000;
/** Between looks, as a part of the lifetime: renewal is due at half of it. */
const LOOKS_PER_LIFETIME = 20;

export function credentialKeeperService(config: CredentialKeeperConfig): ServiceDefinition {
  return { name: 'credential-keeper', start: (context) => startKeeper(context, config) };
}

async function startKeeper(context: ServiceContext, config: CredentialKeeperConfig): Promise<void> {
  const { logger, metrics, signal } = context;
  const connectionString = readSecret(config.database.urlFiles.scheduler);
  const store = await whenAvailable(context, 'event store', () => openPostgresEventStore({ connectionString }));
  context.onStop('event store', () => store.close());

  const hosts = new HostsShutOut();
  let woken = Promise.withResolvers<void>();
  let isOk = false;
  const subscription = store.subscribe(
    START,
    (events: readonly StoredEvent[]) => {
      if (events.map((event) => hosts.apply(event)).some(Boolean)) woken.resolve();
    },
    { filter: { streamKinds: ['host'], types: ['HostCredentialsRevoked', 'HostReadmitted'] } },
  );
  context.onStop('subscription', () => subscription.stop());
  subscription.closed.catch((error: unknown) => context.fail(error));
  context.health.addCheck('credentials', () => ({ isOk }));
  metrics.observe('drover_hosts_shut_out', () => hosts.ids.size);

  const undecided = new Set<string>();
  let pushed: string | undefined;
  /** Reads all anew, so that what the launcher did meanwhile is not undone. Returns the pause until the next look. */
  async function keep(): Promise<number> {
    const home = homeAt(config.home);
    const state = await readFleetState(home);
    if (state === undefined) throw new Error(`${home.stateFile} is missing`);
    const lifetimeS = credentialLifetimeS(state);
    await subscription.caughtUp();
    const { refusedHosts } = await ensureNatsAuthority(home);
    if (refusedHosts === 'lost') await restoreRefusedHosts(home, {}, [...hosts.ids]);
    for (const { id } of refusedHosts === 'lost' ? [] : state.hosts) {
      const [isDecided, isRefused] = [hosts.ids.has(id), refusedHosts.includes(id)];
      if (isDecided && !isRefused) await refuseHost(home, {}, id, lifetimeS);
      if (isRefused && hosts.isReadmitted(id)) await readmitHost(home, {}, id);
      if (isRefused && !isDecided && !hosts.isReadmitted(id) && !undecided.has(id)) {
        undecided.add(id);
        logger.warn(
          'a host stays shut out though no event says so, as after a restore; revoke its credentials again to keep the decision, and readmit it afterwards to let it in',
          { hostId: id },
        );
      }
    }
    const authority = await ensureCredentials(home, {
      ...{ subjects: subjectsUnder(config.subjectPrefix), hosts: state.hosts, users: {} },
      ...{ lifetimeS, withoutAdministrator: true },
    });
    const signed = accountJwts(authority).join();
    if (signed !== pushed) {
      await pushAccounts(config.nats.url, authority);
      pushed = signed;
      logger.info('nats-server has the accounts as they are now', {
        revoked: Object.keys(authority.revocations).length,
      });
    }
    return Math.min(MAX_PAUSE_MS, (lifetimeS * 1000) / LOOKS_PER_LIFETIME);
  }

  async function run(): Promise<void> {
    const outage = outageOf(logger, 'renewal of credentials');
    while (!signal.aborted) {
      woken = Promise.withResolvers<void>();
      let pauseMs = RETRY_MS;
      try {
        pauseMs = await keep();
        isOk = true;
        outage.ended();
      } catch (error) {
        if (signal.aborted) return;
        isOk = false;
        outage.failed(error);
      }
      // Rejected only by stop, which the loop looks at next.
      const pause = delay(pauseMs, undefined, { signal }).catch(() => undefined);
      // After a failure nothing wakes it early: what is asked for is repeated anyway.
      await (isOk ? Promise.race([pause, woken.promise]) : pause);
    }
  }
  const running = run();
  context.onStop('renewal', () => running);
}
