import { beforeEach, describe, expect, it } from '@jest/globals';
import type { PlaceQuery } from '@drover/contracts';
import { hostCordoned, hostId, hostRegistered, vmId, vmPlaced, vmRequested } from '@drover/fleet-model/testing';
import { DEFAULT_POLICY } from '../domain/placement/placement.state.js';
import { placeVm } from '../testing/index.js';
import { ExplainPlacementHandler } from './explain-placement.handler.js';
import { Ledger } from './ledger.state.js';
import { PlaceVmHandler } from './place-vm.handler.js';
import { ReleaseStaleReservations } from './release-stale-reservations.reconciler.js';

describe('answering placement queries', () => {
  let nowMs: number;
  let holdsLease: boolean;
  let ledger: Ledger;
  let handler: PlaceVmHandler;
  const clock = { epochMs: () => 0, monotonicMs: () => nowMs };
  const unavailable = expect.objectContaining({ code: 'SERVICE_UNAVAILABLE', outcome: 'not-applied' });

  function query(n: number): PlaceQuery {
    const { kind: _, nowMs: __, ...asked } = placeVm(n);
    return { ...asked, labels: {} };
  }

  beforeEach(() => {
    nowMs = 0;
    holdsLease = true;
    ledger = new Ledger(DEFAULT_POLICY, clock);
    ledger.seeEvent(hostRegistered(hostId(1)));
    handler = new PlaceVmHandler(ledger, clock, () => holdsLease);
  });

  it('is refused by a standby, and by an active replica whose lease has run out unnoticed', () => {
    expect(() => handler.place(query(1))).toThrow(unavailable);
    handler.becomeActive();
    expect(handler.place(query(1))).toMatchObject({ kind: 'placed', hostId: hostId(1) });
    holdsLease = false;
    expect(() => handler.place(query(1))).toThrow(unavailable);
    holdsLease = true;
    handler.becomePassive();
    expect(() => handler.place(query(1))).toThrow(unavailable);
    expect(ledger.state.reserved.get(hostId(1))?.count).toBe(1);
  });

  it('waits after a takeover until no reservation can be held that it does not know of', () => {
    ledger.seeEvent(vmRequested(vmId(9)));
    handler.becomeActive();
    nowMs = 9_999;
    expect(() => handler.place(query(1))).toThrow(unavailable);
    ledger.seeEvent(vmPlaced(vmId(9), hostId(1)));
    expect(handler.place(query(1))).toMatchObject({ kind: 'placed' });
  });

  it('gives capacity again when its time is up', () => {
    ledger.seeEvent(hostRegistered(hostId(1), { memoryMiB: 2048 }));
    handler.becomeActive();
    const release = new ReleaseStaleReservations(ledger, clock);
    expect(handler.place(query(1))).toMatchObject({ kind: 'placed' });
    expect(handler.place(query(2))).toMatchObject({ kind: 'no-host-fits', counts: { memory: 1 } });
    nowMs = 10_001;
    release.reconcile();
    expect(handler.place(query(2))).toMatchObject({ kind: 'placed' });
  });

  it('explains in pages that together name every host once', () => {
    for (let n = 2; n <= 7; n += 1) ledger.seeEvent(hostRegistered(hostId(n)));
    for (const n of [2, 5]) ledger.seeEvent(hostCordoned(hostId(n)));
    const explain = new ExplainPlacementHandler(ledger);
    const { vmId: vm, demand, placement, labels } = query(1);
    const seen: string[] = [];
    for (let after: PlaceQuery['placement']['hostId']; ;) {
      const page = explain.explain({
        vmId: vm,
        demand,
        placement,
        labels,
        limit: 3,
        ...(after === undefined ? {} : { afterHostId: after }),
      });
      if ('code' in page) throw new Error(page.detail);
      seen.push(...page.candidates.map((host) => `${host.kind} ${host.hostId}`));
      expect(page.total).toBe(7);
      if (page.nextAfterHostId === undefined) break;
      after = page.nextAfterHostId;
    }
    expect(seen).toEqual([
      ...[1, 3, 4, 6, 7].map((n) => `fits ${hostId(n)}`),
      ...[2, 5].map((n) => `refused ${hostId(n)}`),
    ]);
  });
});
