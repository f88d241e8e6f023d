import type { ExplainAnswer, VmResource } from '@drover/contracts';
import type { Command } from 'commander';
import type { ApiClient } from '../api.client.js';
import { renderFields, renderTable, type Column } from '../output/table.js';
import { openSession } from '../session.js';

type Candidate = ExplainAnswer['candidates'][number];

/** Why the VM is where it is, and what the scheduler says of every host now. */
export interface Explanation extends Pick<VmResource, 'placement' | 'placementFailure'> {
  readonly candidates: readonly Candidate[];
}

/** Of one page; the API's largest. */
const PAGE = 500;

export function addExplainCommand(vms: Command): void {
  vms
    .command('explain <name>')
    .description('why the VM is on its host, and what the scheduler says of every host now')
    .action(async (name: string, _given: unknown, command: Command) => {
      const session = openSession(command);
      const explanation = await explainVm(session.api, name, session.options.project);
      session.print(explanation, () => describeExplanation(explanation));
    });
}

export async function explainVm(api: Pick<ApiClient, 'get'>, name: string, project: string): Promise<Explanation> {
  const path = `/vms/${encodeURIComponent(name)}`;
  const { placement, placementFailure } = await api.get<VmResource>(path, { project });
  // By host: a host whose place in the order changes between two pages comes twice.
  const candidates = new Map<string, Candidate>();
  let after: string | undefined;
  do {
    const page = await api.get<ExplainAnswer>(`${path}/placement`, { project, limit: PAGE, after });
    for (const candidate of page.candidates) candidates.set(candidate.hostId, candidate);
    after = page.nextAfterHostId;
  } while (after !== undefined);
  return { placement, placementFailure, candidates: [...candidates.values()] };
}

export function describeExplanation({ placement, placementFailure, candidates }: Explanation): string {
  const nameOf = (hostId: string) => candidates.find((one) => one.hostId === hostId)?.hostName ?? hostId;
  const now = 'Now, what the VM takes itself counted in where it is:';
  return [decision({ placement, placementFailure }, nameOf), now, renderTable(columns, candidates)].join('\n\n');
}

function decision(
  { placement, placementFailure }: Omit<Explanation, 'candidates'>,
  nameOf: (hostId: string) => string,
): string {
  if (placement !== null) {
    return renderFields([
      ['host', `${nameOf(placement.hostId)} (${placement.hostId})`],
      ['placed', placement.at],
      ['score', scoreText(placement.score)],
      ...placement.runnersUp.map(
        (other) => ['rather than', `${nameOf(other.hostId)}: ${scoreText(other.score)}`] as const,
      ),
    ]);
  }
  if (placementFailure === null) return 'not placed yet';
  return renderFields([
    ['no host', placementFailure.at],
    ['refused by', pairs(placementFailure.counts)],
    ...placementFailure.nearest.map((refusal) => [refusal.hostName, `${refusal.filter}: ${refusal.detail}`] as const),
  ]);
}

const columns: readonly Column<Candidate>[] = [
  { heading: 'HOST', value: (candidate) => candidate.hostName },
  {
    heading: 'SCORE',
    value: (candidate) => (candidate.kind === 'fits' ? candidate.score.total : undefined),
    isNumber: true,
  },
  { heading: 'FILTER', value: (candidate) => (candidate.kind === 'refused' ? candidate.filter : undefined) },
  {
    heading: 'BECAUSE',
    value: (candidate) => (candidate.kind === 'refused' ? candidate.detail : pairs(candidate.score.parts)),
  },
];

function scoreText({ total, parts }: { readonly total: number; readonly parts: Readonly<Record<string, number>> }) {
  return `${total} (${pairs(parts)})`;
}

function pairs(record: Readonly<Record<string, number>>): string {
  return Object.entries(record)
    .map(([key, value]) => `${key}=${value}`)
    .join(' ');
}
