export { LibvirtClient } from './libvirt.client.js';
export type { ConnectionListener, LibvirtOptions } from './connection/pool.client.js';
export type { EventKey, LibvirtEvent } from './connection/event-sources.js';
export type { KeepaliveOptions } from './connection/keepalive.js';
export type { CallOptions, OpenedStream } from './connection/rpc-connection.client.js';
export type { RpcStream } from './connection/rpc-stream.js';
export { defaultSocketPath, unixSocket } from './connection/transport.js';
export type { Transport } from './connection/transport.js';
export { errorCodes } from './facade/error-codes.js';
export * from './facade/flags.js';
export type {
  DomainKey,
  LibvirtDomain,
  LibvirtNetwork,
  LibvirtNodeDevice,
  LibvirtPoolRef,
  LibvirtSnapshot,
  LibvirtVolume,
} from './facade/references.js';
export type { DomainStatistics, MemoryStatistics } from './facade/statistics.js';
export type {
  Args,
  CallName,
  EventBody,
  EventName,
  ProcedureName,
  Reply,
  StreamProcedureName,
} from './procedures/table.js';
export { LibvirtError } from './wire/libvirt-error.js';
export type { ErrorOrigin, Outcome } from './wire/libvirt-error.js';
export { paramValues } from './xdr/typed-params.codec.js';
export type { ParamValues, TypedParam } from './xdr/typed-params.codec.js';
export type { Hyper } from './xdr/types.codec.js';
export { XdrError } from './xdr/xdr-error.js';
