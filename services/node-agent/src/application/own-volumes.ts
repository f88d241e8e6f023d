import type { VmOrder, ListedDomain, VmId, VolumeRef } from '@drover/contracts';
import type { Hypervisor, LeftVolume, VolumeBook } from '@drover/hypervisor';
import { volumeKey, type JournalChange, type OwnVolume } from '../domain/journal/journal.state.js';
import { volumeProblems } from '../domain/reports/volume-problems.policy.js';
import type { HypervisorCalls } from './hypervisor-calls.js';
import type { JournalBook } from './journal-book.js';

/** Longest list of volumes that a report names. */
const MAX_TOLD = 50;

/**
 * The volumes that are ours, by the journal: what this host has made for each VM, and what it still has to remove. Nothing
 * else is ever deleted. What cannot be removed now is owed: it stays in the journal and is tried again until it is gone.
 */
export class OwnVolumes {
  readonly #hypervisor: Hypervisor;
  readonly #calls: HypervisorCalls;
  readonly #book: JournalBook;
  readonly #settling = new Map<VmId, Promise<void>>();

  constructor(options: { hypervisor: Hypervisor; calls: HypervisorCalls; book: JournalBook }) {
    this.#hypervisor = options.hypervisor;
    this.#calls = options.calls;
    this.#book = options.book;
  }

  bookOf({ orderId, subject: { id: vmId } }: VmOrder): VolumeBook {
    return {
      has: (volume) => this.#own(vmId).get(volumeKey(volume))?.isOwed === false,
      making: ({ pool, sizeBytes, volume }) =>
        this.#book.insist([{ kind: 'volume-made', vmId, orderId, pool, sizeBytes, volume }]),
      notMade: ({ pool, volume }) => this.#book.insist([{ kind: 'volume-gone', vmId, pool, volume }]),
    };
  }

  /** The undo of a create: what an earlier order made was not made by it. */
  deleteMadeBy({ orderId, subject: { id: vmId } }: VmOrder): Promise<readonly string[]> {
    return this.#delete(
      vmId,
      [...this.#own(vmId).values()].filter((volume) => volume.orderId === orderId),
    );
  }

  /** @param told the volumes of the definition that this host once settled: a journal that is new knows only them. */
  deleteAllOf(vmId: VmId, told: readonly VolumeRef[] = []): Promise<readonly string[]> {
    const all = new Map<string, VolumeRef>([...told.map((volume) => [volumeKey(volume), volume] as const)]);
    for (const [key, volume] of this.#own(vmId)) all.set(key, volume);
    return this.#delete(vmId, [...all.values()]);
  }

  /** VMs that are gone and whose volumes are not. */
  owing(): readonly VmId[] {
    const { volumes } = this.#book.content;
    return [...volumes].filter(([, own]) => [...own.values()].some(({ isOwed }) => isOwed)).map(([vmId]) => vmId);
  }

  /** Tries once more to remove what is owed of a VM. Calls at the same time share one try. */
  settleOwed(vmId: VmId): Promise<void> {
    const underWay = this.#settling.get(vmId);
    if (underWay !== undefined) return underWay;
    const owed = [...this.#own(vmId).values()].filter(({ isOwed }) => isOwed);
    if (owed.length === 0) return Promise.resolve();
    const settling = this.#delete(vmId, owed)
      .then(() => undefined)
      .finally(() => this.#settling.delete(vmId));
    this.#settling.set(vmId, settling);
    return settling;
  }

  /** Each domain with what is wrong with its volumes. */
  async withProblems(domains: readonly ListedDomain[]): Promise<readonly ListedDomain[]> {
    const refs = domains.flatMap(({ ours }) =>
      ours === undefined ? [] : [...this.#own(ours.vmId).values()].map(({ pool, volume }) => ({ pool, volume })),
    );
    if (refs.length === 0) return domains;
    const looked = await this.#hypervisor.lookAtVolumes(refs);
    const seen = new Map(looked.map((volume) => [volumeKey(volume), volume]));
    return domains.map((domain) => {
      const problems = domain.ours === undefined ? [] : volumeProblems(this.#own(domain.ours.vmId).values(), seen);
      return problems.length === 0 ? domain : { ...domain, volumeProblems: problems };
    });
  }

  async #delete(vmId: VmId, volumes: readonly VolumeRef[]): Promise<readonly string[]> {
    if (volumes.length === 0) return [];
    const refs = volumes.map(({ pool, volume }) => ({ pool, volume }));
    const left = await this.#calls.call(() => this.#hypervisor.deleteVolumes(vmId, refs));
    const keys = new Set(left.map(volumeKey));
    await this.#book.insist(
      refs.map((ref): JournalChange => ({
        kind: keys.has(volumeKey(ref)) ? 'volume-owed' : 'volume-gone',
        vmId,
        ...ref,
      })),
    );
    return left.slice(0, MAX_TOLD).map(toldOf);
  }

  #own(vmId: VmId): ReadonlyMap<string, OwnVolume> {
    return this.#book.content.volumes.get(vmId) ?? new Map<string, OwnVolume>();
  }
}

function toldOf({ pool, volume, why }: LeftVolume): string {
  return `volume ${volume} in pool ${pool}: ${why}; the host removes it as soon as it can`.slice(0, 500);
}
