import type { Candidate } from '../candidate.state.js';
import { aliveFilter } from './alive.filter.js';
import { clusterFilter } from './cluster.filter.js';
import { cordonFilter } from './cordon.filter.js';
import { credentialsFilter } from './credentials.filter.js';
import { cpuFilter } from './cpu.filter.js';
import { cpuModelFilter } from './cpu-model.filter.js';
import { firmwareFilter } from './firmware.filter.js';
import type { HostFilter, Wish } from './host.filter.js';
import { hypervisorFilter } from './hypervisor.filter.js';
import { imageFilter } from './image.filter.js';
import { labelsFilter } from './labels.filter.js';
import { machineFilter } from './machine.filter.js';
import { memoryFilter } from './memory.filter.js';
import { namedHostFilter } from './named-host.filter.js';
import { networkFilter } from './network.filter.js';
import { poolFilter } from './pool.filter.js';
import { poolSpaceFilter } from './pool-space.filter.js';
import { zoneFilter } from './zone.filter.js';

/**
 * In the order they are asked; the first that refuses is the host's one reason. What only a person can change comes
 * before what changes by itself, so the further a host came, the nearer it is to taking the VM.
 */
export const filterChain: readonly HostFilter[] = [
  namedHostFilter,
  clusterFilter,
  zoneFilter,
  labelsFilter,
  cpuModelFilter,
  firmwareFilter,
  machineFilter,
  networkFilter,
  imageFilter,
  poolFilter,
  cordonFilter,
  credentialsFilter,
  aliveFilter,
  hypervisorFilter,
  poolSpaceFilter,
  cpuFilter,
  memoryFilter,
];

/** Place in the chain of the filter that refuses the host; `undefined` where all admit it. */
export function refusingFilter(candidate: Candidate, wish: Wish): number | undefined {
  for (let index = 0; index < filterChain.length; index += 1) {
    if (filterChain[index]?.admits(candidate, wish) === false) return index;
  }
  return undefined;
}
