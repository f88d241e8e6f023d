import { describe, expect, it } from '@jest/globals';
import { evolveFleet } from '@drover/fleet-model';
import {
  createBegan,
  hostId,
  operationFailed,
  operationId,
  vmId,
  vmPlaced,
  vmRequested,
} from '@drover/fleet-model/testing';
import { givenFleet } from '../../testing/index.js';
import { mayAnswer, takeOver } from './takeover.policy.js';

const TTL_MS = 10_000;

describe('a scheduler that has just become active', () => {
  it('answers at once in an empty fleet', () => {
    const { fleet } = givenFleet([]);
    expect(mayAnswer(takeOver(fleet, 5), fleet, TTL_MS, 5)).toBe(true);
  });

  it('answers at once where every VM has its place', () => {
    const { fleet } = givenFleet([vmRequested(vmId(1)), vmPlaced(vmId(1), hostId(1))]);
    expect(mayAnswer(takeOver(fleet, 5), fleet, TTL_MS, 5)).toBe(true);
  });

  it('does not answer while capacity may be held for a VM that waited for its place', () => {
    const { fleet } = givenFleet([vmRequested(vmId(1)), vmRequested(vmId(2)), vmPlaced(vmId(2), hostId(1))]);
    const takeover = takeOver(fleet, 5);
    expect(mayAnswer(takeover, fleet, TTL_MS, 10_004)).toBe(false);
    expect(mayAnswer(takeover, fleet, TTL_MS, 10_005)).toBe(true);
  });

  it('answers as soon as the VMs that waited are placed or have failed, regardless of VMs that came since', () => {
    const { fleet } = givenFleet([vmRequested(vmId(1)), vmRequested(vmId(2)), createBegan(vmId(2), operationId(2))]);
    const takeover = takeOver(fleet, 0);
    const onePlaced = [vmRequested(vmId(3)), vmPlaced(vmId(1), hostId(1))].reduce(evolveFleet, fleet);
    expect(mayAnswer(takeover, onePlaced, TTL_MS, 1)).toBe(false);
    expect(mayAnswer(takeover, evolveFleet(onePlaced, operationFailed(vmId(2), operationId(2))), TTL_MS, 1)).toBe(true);
  });
});
