/** Bodies of the older event messages, which travel inside a structure of their own. */
import { hyper, int, list, optional, string, struct, uhyper } from '../xdr/types.codec.js';
import { domain } from './structures.js';

export const lifecycleMessage = struct({ dom: domain, event: int, detail: int });
export const rebootMessage = struct({ dom: domain });
export const rtcChangeMessage = struct({ dom: domain, offset: hyper });
export const watchdogMessage = struct({ dom: domain, action: int });
export const ioErrorMessage = struct({ dom: domain, srcPath: string, devAlias: string, action: int });
export const ioErrorReasonMessage = struct({
  dom: domain,
  srcPath: string,
  devAlias: string,
  action: int,
  reason: string,
});
export const graphicsAddress = struct({ family: int, node: string, service: string });
export const graphicsIdentity = struct({ type: string, name: string });
export const graphicsMessage = struct({
  dom: domain,
  phase: int,
  local: graphicsAddress,
  remote: graphicsAddress,
  authScheme: string,
  subject: list(graphicsIdentity, 20),
});
export const controlErrorMessage = struct({ dom: domain });
export const blockJobMessage = struct({ dom: domain, path: string, type: int, status: int });
export const diskChangeMessage = struct({
  dom: domain,
  oldSrcPath: optional(string),
  newSrcPath: optional(string),
  devAlias: string,
  reason: int,
});
export const trayChangeMessage = struct({ dom: domain, devAlias: string, reason: int });
export const pmwakeupMessage = struct({ dom: domain });
export const pmsuspendMessage = struct({ dom: domain });
export const pmsuspendDiskMessage = struct({ dom: domain });
export const balloonChangeMessage = struct({ dom: domain, actual: uhyper });
export const deviceRemovedMessage = struct({ dom: domain, devAlias: string });
