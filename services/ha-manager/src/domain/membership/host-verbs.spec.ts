import { describe, expect, it } from '@jest/globals';
import {
  actorSchema,
  clusterIdSchema,
  DEFAULT_CLUSTER,
  hostCommandSchemas,
  hostVerbNames,
  hostVerbs,
  type HostFact,
  type HostVerb,
} from '@drover/contracts';
import { anInventory, hostId } from '@drover/fleet-model/testing';
import { aRegistration, givenHost } from '../../testing/index.js';
import { hostDecider } from './host.decider.js';

const id = hostId(1);
const { inventoryDigest: _, ...told } = aRegistration();
const registered: HostFact = {
  type: 'HostRegistered',
  data: { ...told, inventory: anInventory(), clusterId: DEFAULT_CLUSTER, journalEpoch: 1 },
};
/** What must be so that the verb has something to change. */
const given: Partial<Record<HostVerb, HostFact>> = {
  uncordon: { type: 'HostCordoned', data: { hostId: id, by: 'user' } },
  cluster: { type: 'HostClusterChanged', data: { hostId: id, clusterId: clusterIdSchema.parse('elsewhere') } },
  readmit: { type: 'HostCredentialsRevoked', data: { hostId: id } },
};

describe('each verb of a host', () => {
  it.each(hostVerbNames)('%s is asked, decided once, and then is so', (verb) => {
    const wish = hostVerbs[verb].request.parse(hostVerbs[verb].example);
    const command = hostCommandSchemas[verb].parse({
      ...wish,
      commandId: '00000007-0000-7000-8000-000000000001',
      actor: actorSchema.parse({ kind: 'user', id: 'a-user' }),
      hostId: id,
    });
    const before = [registered, ...(given[verb] === undefined ? [] : [given[verb]])];
    const decision = hostDecider.decide(givenHost(...before), command);
    if (decision.kind === 'rejected') throw new Error(decision.rejection.detail);
    expect(decision.events).toHaveLength(1);
    const after = givenHost(...before, ...decision.events);
    expect(after).not.toEqual(givenHost(...before));
    expect(hostDecider.decide(after, command)).toEqual({ kind: 'accepted', events: [] });
  });

  it.each(hostVerbNames)('%s says everything inside: a command without what was asked is refused', (verb) => {
    const bare = {
      kind: verb,
      commandId: '00000007-0000-7000-8000-000000000001',
      actor: { kind: 'user', id: 'a-user' },
      hostId: id,
    };
    const asks = Object.keys(hostVerbs[verb].body).length > 0;
    expect(hostCommandSchemas[verb].safeParse(bare).success).toBe(!asks);
  });
});
