import type { ExplainAnswer, StoredEvent, VmResource } from '@drover/contracts';
import type { Command } from 'commander';
import { ApiError, type ApiClient } from '../api.client.js';
import { withNearName } from '../near-names.js';
import { pairs, renderPlacementFailure } from '../output/placement-failure.js';
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
      const { project } = session.options;
      const explanation = await withNearName(session.api, name, project, () => explainVm(session.api, name, project));
      session.print(explanation, () => describeExplanation(explanation));
    });
}

export async function explainVm(api: Pick<ApiClient, 'get'>, name: string, project: string): Promise<Explanation> {
  const path = `/vms/${encodeURIComponent(name)}`;
  let vm: VmResource;
  try {
    vm = await api.get<VmResource>(path, { project });
  } catch (error) {
    const placementFailure = isMissing(error) ? await lastFailure(api, path, project) : undefined;
    if (placementFailure === undefined) throw error;
    return { placement: null, placementFailure, candidates: [] };
  }
  const { placement, placementFailure } = vm;
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

function isMissing(error: unknown): boolean {
  return error instanceof ApiError && error.problem.code === 'VM_NOT_FOUND';
}

/** Why a VM that is gone again found no host: its events are still there, by its name too while no other VM has it. */
async function lastFailure(
  api: Pick<ApiClient, 'get'>,
  path: string,
  project: string,
): Promise<NonNullable<VmResource['placementFailure']> | undefined> {
  const page = await api
    .get<{ items: readonly StoredEvent[] }>(`${path}/history`, { project, limit: 1000 })
    .catch((error: unknown) => {
      if (isMissing(error)) return { items: [] };
      throw error;
    });
  const failed = page.items.findLast((event) => event.type === 'VmPlacementFailed');
  if (failed === undefined) return undefined;
  const data = failed.data as Omit<NonNullable<VmResource['placementFailure']>, 'at'>;
  return { ...data, at: failed.recordedAt };
}

export function describeExplanation({ placement, placementFailure, candidates }: Explanation): string {
  const nameOf = (hostId: string) => candidates.find((one) => one.hostId === hostId)?.hostName ?? hostId;
  const now = 'Now, what the VM takes itself counted in where it is:';
  const decided = decision({ placement, placementFailure }, nameOf);
  if (candidates.length === 0) return decided;
  return [decided, now, renderTable(columns, candidates)].join('\n\n');
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
  return `no host at ${placementFailure.at}\n\n${renderPlacementFailure(placementFailure)}`;
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
