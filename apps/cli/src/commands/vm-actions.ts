import {
  vmVerbNames,
  vmVerbs,
  type ImageWriteAnswer,
  type VmActionKind,
  type vmActions,
  type VmWriteAnswer,
} from '@drover/contracts';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { withNearName } from '../near-names.js';
import { parseDurationMs } from '../quantities.js';
import { openSession, type Session } from '../session.js';
import { follow } from '../wait.js';
import { conclude } from './operations.js';

/** What the command line offers for each thing that may be asked with an action, and how it is said to the API. */
const askedBy: Readonly<Record<AskedField, { readonly option: () => Option; say(given: ActionOptions): object }>> = {
  mode: {
    option: () => new Option('--force', 'at once, as if the power were cut'),
    say: ({ force }) => ({ mode: force === true ? 'force' : 'graceful' }),
  },
  gracePeriodMs: {
    option: () =>
      new Option('--grace <duration>', 'how long the guest may take before force is used (default: 60s)').argParser(
        argument(parseDurationMs),
      ),
    say: ({ grace }) => (grace === undefined ? {} : { gracePeriodMs: grace }),
  },
};

interface ActionOptions {
  readonly wait?: true;
  readonly force?: true;
  readonly grace?: number;
}
type AskedField = { [Kind in VmActionKind]: keyof (typeof vmActions)[Kind]['body'] }[VmActionKind];

/** Every row of the table of verbs. */
export function addVmActions(vms: Command): void {
  for (const verb of vmVerbNames) {
    const fields = Object.keys(vmVerbs[verb].body) as AskedField[];
    const command = vms.command(`${verb} <name>`).description(asHelp(vmVerbs[verb].summary));
    for (const field of fields) command.addOption(askedBy[field].option());
    waitable(command).action(async (name: string, given: ActionOptions, self: Command) => {
      const session = openSession(self);
      const query = { project: session.options.project };
      const body = Object.assign({}, ...fields.map((field) => askedBy[field].say(given))) as object;
      const answer = await withNearName(session.api, name, query.project, () =>
        verb === 'delete'
          ? session.api.delete<VmWriteAnswer>(vmPath(name), query)
          : session.api.post<VmWriteAnswer>(`${vmPath(name)}/${verb}`, body, query),
      );
      await finish(session, answer, given.wait);
    });
  }
}

/** As the other commands describe themselves: without a capital letter. */
function asHelp(summary: string): string {
  return summary.replace(/^./, (first) => first.toLowerCase());
}

/** Adds `--wait`. */
export function waitable(command: Command): Command {
  return command.option('-w, --wait', 'follow the operation to its end; the exit status tells how it ended');
}

/** Shows what a write led to, and follows it where that was asked for. */
export async function finish(
  session: Session,
  answer: VmWriteAnswer | ImageWriteAnswer,
  wait: true | undefined,
): Promise<void> {
  const { operation } = answer;
  const thing = 'vm' in answer ? answer.vm : answer.image;
  if (operation === null) {
    session.print(answer, () => `${thing.name}: already so`);
    return;
  }
  if (wait === true) {
    // At once, before anything can go wrong: with it a user need not ask again for what goes on already.
    session.remark(`${operation.kind} ${thing.name} began: operation ${operation.id}`);
    conclude(session, await follow(session, operation.id));
    return;
  }
  session.print(answer, () => `${operation.kind} ${thing.name} (${thing.id}) began: operation ${operation.id}`);
  session.remark(`follow it with: ./drover ctl operations watch ${operation.id}`);
}

export function vmPath(name: string): string {
  return `/vms/${encodeURIComponent(name)}`;
}

/** Makes a parser's complaint one about the command line. */
export function argument<Value>(parse: (text: string) => Value): (text: string) => Value {
  return (text) => {
    try {
      return parse(text);
    } catch (error) {
      throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
    }
  };
}
