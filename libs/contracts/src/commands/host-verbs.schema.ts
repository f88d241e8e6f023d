import { z } from 'zod';
import { clusterIdSchema, DEFAULT_CLUSTER } from '../ids.schema.js';
import { labelKeySchema, labelsSchema, resourceNameSchema } from '../vm-spec.schema.js';
import { keysOf, verbRow, type WishOf } from './verb.schema.js';

/**
 * What operators say of a host, one row each. Commands, routes of the API and commands of the command line are derived from it; what
 * each changes is decided in ha-manager. They are done when they are answered: there are no operations on hosts.
 */
export const hostVerbs = {
  cordon: verbRow('cordon', { summary: 'Place nothing new on a host; its VMs stay', body: {}, example: {} }),
  uncordon: verbRow('uncordon', { summary: 'Let a host take placements again', body: {}, example: {} }),
  label: verbRow('label', {
    summary: 'Set labels of a host and take some away; all others stay',
    body: { set: labelsSchema.default({}), remove: z.array(labelKeySchema).max(64).default([]) },
    example: { set: { disk: 'nvme' }, remove: ['rack'] },
  }),
  zone: verbRow('zone', {
    summary: 'Put a host into a zone, or with null into none',
    body: { zone: resourceNameSchema.nullable() },
    example: { zone: 'east' },
  }),
  cluster: verbRow('cluster', {
    summary: 'Put a host into another cluster',
    body: { cluster: clusterIdSchema },
    example: { cluster: DEFAULT_CLUSTER },
  }),
  revoke: verbRow('revoke', {
    summary: 'End the credentials of a host at once: it is cut off, its VMs are left alone',
    body: {},
    example: {},
  }),
  readmit: verbRow('readmit', {
    summary: 'Give a host whose credentials were revoked new ones; those that were revoked stay so',
    body: {},
    example: {},
  }),
};

export type HostVerb = keyof typeof hostVerbs;
export const hostVerbNames = keysOf(hostVerbs);
/** A verb and what is asked with it, defaults filled in. */
export type HostWish<Verb extends HostVerb = HostVerb> = {
  [Each in Verb]: WishOf<Each, (typeof hostVerbs)[Each]['body']>;
}[Verb];
