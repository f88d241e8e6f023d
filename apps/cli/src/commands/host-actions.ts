import { hostVerbNames, hostVerbs, type HostVerb } from '@drover/contracts';
import type { Command } from 'commander';
import { withNearName } from '../near-names.js';
import { parsePair } from '../quantities.js';
import { openSession } from '../session.js';

/** What stands behind the host's name on the command line: labels are several. */
type Given = string | readonly string[] | undefined;

/** How a verb is said on the command line; all else is in the table of verbs. */
interface Saying {
  /** What stands behind the host's name. */
  readonly takes?: string;
  /** How that is written, for the help. */
  readonly how?: string;
  readonly body?: (given: Given) => object;
  /** What is answered when it is done. */
  readonly done: (given: Given) => string;
  /** What is lost, for which the command asks for `--yes`. */
  readonly costs?: (host: string) => string;
}

const sayings: { readonly [Verb in HostVerb]: Saying } = {
  cordon: { done: () => 'cordoned' },
  uncordon: { done: () => 'uncordoned' },
  label: {
    takes: '<label...>',
    how: 'key=value sets a label, key- takes it away',
    body: (labels) => parseLabels(labels as readonly string[]),
    done: () => 'labelled',
  },
  zone: {
    takes: '[zone]',
    how: 'no zone puts it into none',
    body: (zone) => ({ zone: zone ?? null }),
    done: (zone) => (zone === undefined ? 'in no zone' : `in zone ${zone.toString()}`),
  },
  cluster: {
    takes: '<cluster>',
    body: (cluster) => ({ cluster }),
    done: (cluster) => `in cluster ${cluster?.toString()}`,
  },
  revoke: {
    done: () => 'its credentials are revoked',
    costs: (host) => `revoke cuts ${host} off: nothing can be done with its VMs until \`hosts readmit\``,
  },
  readmit: { done: () => 'gets new credentials' },
};

/** Every row of the table of verbs. */
export function addHostActions(hosts: Command): void {
  for (const verb of hostVerbNames) {
    const { takes, how, body, done, costs } = sayings[verb];
    const summary = hostVerbs[verb].summary.replace(/^./, (first) => first.toLowerCase());
    const command = hosts
      .command([verb, '<host>', ...(takes === undefined ? [] : [takes])].join(' '))
      .description(how === undefined ? summary : `${summary}; ${how}`);
    if (costs !== undefined) command.option('--yes', 'do it, whatever it costs');
    command.action(async (name: string, ...rest: readonly unknown[]) => {
      const given = takes === undefined ? undefined : (rest[0] as Given);
      const session = openSession(command);
      if (costs !== undefined && command.opts<{ yes?: true }>().yes !== true) {
        command.error(`${costs(name)}. If that is meant, add --yes`);
      }
      const answer = await withNearName(session.api, name, session.options.project, () =>
        session.api.post<{ host: { name: string } }>(`/hosts/${encodeURIComponent(name)}/${verb}`, body?.(given) ?? {}),
      );
      session.print(answer, () => `${answer.host.name}: ${done(given)}`);
    });
  }
}

/** `key=value` and `key-`, as in kubectl. */
function parseLabels(labels: readonly string[]): { set: Record<string, string>; remove: string[] } {
  const remove = labels
    .filter((label) => label.endsWith('-') && !label.includes('='))
    .map((label) => label.slice(0, -1));
  const set = labels
    .filter((label) => label.includes('=') || !label.endsWith('-'))
    .reduce<Record<string, string>>((pairs, label) => parsePair(label, pairs), {});
  return { set, remove };
}
