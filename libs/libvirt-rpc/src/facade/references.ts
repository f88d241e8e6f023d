import type { ValueOf } from '../xdr/types.codec.js';
import type { domain, domainSnapshot, network, nodeDevice, storagePool, storageVol } from '../procedures/structures.js';
import type { Args, CallName, Reply, StreamProcedureName } from '../procedures/table.js';
import type { CallOptions, OpenedStream } from '../connection/rpc-connection.client.js';

export type LibvirtDomain = ValueOf<typeof domain>;
export type LibvirtNetwork = ValueOf<typeof network>;
export type LibvirtPoolRef = ValueOf<typeof storagePool>;
export type LibvirtVolume = ValueOf<typeof storageVol>;
export type LibvirtSnapshot = ValueOf<typeof domainSnapshot>;
export type LibvirtNodeDevice = ValueOf<typeof nodeDevice>;

/** A domain, or its UUID alone: the daemon finds it by nothing else. */
export type DomainKey = string | LibvirtDomain;

export function domainOf(key: DomainKey): LibvirtDomain {
  return typeof key === 'string' ? { name: key, uuid: key, id: -1 } : key;
}

/** What the groups of methods need of a connection or a pool of them. */
export interface Rpc {
  call<Name extends CallName>(name: Name, args: Args<Name>, options?: CallOptions): Promise<Reply<Name>>;
  openStream<Name extends StreamProcedureName>(
    name: Name,
    args: Args<Name>,
    options?: CallOptions,
  ): Promise<OpenedStream<Name>>;
}
