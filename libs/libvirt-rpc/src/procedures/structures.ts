/** Structures that several procedures share, field by field as they travel. */
import { params } from '../xdr/typed-params.codec.js';
import { hyper, int, list, optional, string, struct, uhyper, uint, uuid } from '../xdr/types.codec.js';

export const domain = struct({ name: string, uuid: uuid, id: int });
export const network = struct({ name: string, uuid: uuid });
export const storagePool = struct({ name: string, uuid: uuid });
export const storageVol = struct({ pool: string, name: string, key: string });
export const domainSnapshot = struct({ name: string, dom: domain });
export const domainCheckpoint = struct({ name: string, dom: domain });
export const nodeDevice = struct({ name: string });
export const secret = struct({ uuid: uuid, usageType: int, usageID: string });
export const nwfilter = struct({ name: string, uuid: uuid });
export const hostInterface = struct({ name: string, mac: string });
export const networkPort = struct({ net: network, uuid: uuid });
export const nwfilterBinding = struct({ portdev: string, filtername: string });
export const errorPayload = struct({
  code: int,
  domain: int,
  message: optional(string),
  level: int,
  dom: optional(domain),
  str1: optional(string),
  str2: optional(string),
  str3: optional(string),
  int1: int,
  int2: int,
  net: optional(network),
});
export const nodeGetCpuStats = struct({ field: string, value: uhyper });
export const nodeGetMemoryStats = struct({ field: string, value: uhyper });
export const vcpuInfo = struct({ number: uint, state: int, cpu_time: uhyper, cpu: int });
export const domainIpAddr = struct({ type: int, addr: string, prefix: uint });
export const domainInterface = struct({ name: string, hwaddr: optional(string), addrs: list(domainIpAddr, 2048) });
export const domainStatsRecord = struct({ dom: domain, params: params(262_144) });
export const domainMemoryStat = struct({ tag: int, val: uhyper });
export const domainDiskError = struct({ disk: string, error: int });
export const domainFsinfo = struct({
  mountpoint: string,
  name: string,
  fstype: string,
  dev_aliases: list(string, 256),
});
export const networkDhcpLease = struct({
  iface: string,
  expirytime: hyper,
  type: int,
  mac: optional(string),
  iaid: optional(string),
  ipaddr: string,
  prefix: uint,
  hostname: optional(string),
  clientid: optional(string),
});
