import type { ValueOf } from '../xdr/types.codec.js';
import type { errorPayload } from '../procedures/structures.js';
import { errorCodes } from '../facade/error-codes.js';

/** Whether the world behind the daemon may have changed before the failure reached us. */
export type Outcome = 'not-applied' | 'unknown';

/** Where an error arose: the daemon answered it, or this client gave up waiting for an answer. */
export type ErrorOrigin = 'daemon' | 'client';

export interface ErrorFacts {
  readonly code: number;
  readonly domain?: number;
  readonly level?: number;
  readonly origin: ErrorOrigin;
  readonly outcome: Outcome;
  readonly procedure: string;
  readonly details?: readonly string[];
  readonly numbers?: readonly [number, number];
  readonly cause?: unknown;
}

/**
 * Why a call failed. `code` is libvirt's number (`errorCodes` has the names); tell errors apart by it, never by the message.
 *
 * `outcome` is `not-applied` only when that is certain: the call never left this process, or the daemon refused it before
 * doing anything. All else (timeouts, cut connections, failures on the way) is `unknown`: look before repeating.
 */
export class LibvirtError extends Error {
  override readonly name = 'LibvirtError';
  readonly code: number;
  /** Which part of libvirt complains, a number of libvirt's; 0 when this client does. */
  readonly domain: number;
  readonly level: number;
  readonly origin: ErrorOrigin;
  readonly outcome: Outcome;
  readonly procedure: string;
  /** Libvirt's str1 to str3, those that are set. */
  readonly details: readonly string[];
  readonly numbers: readonly [number, number];

  constructor(message: string, facts: ErrorFacts) {
    super(`${facts.procedure}: ${message}`, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.code = facts.code;
    this.domain = facts.domain ?? 0;
    this.level = facts.level ?? 2;
    this.origin = facts.origin;
    this.outcome = facts.outcome;
    this.procedure = facts.procedure;
    this.details = facts.details ?? [];
    this.numbers = facts.numbers ?? [0, 0];
  }
}

// The daemon checks these before it touches anything. All other codes may follow half a deed.
const refusals: ReadonlySet<number> = new Set([
  errorCodes.NO_SUPPORT,
  errorCodes.INVALID_CONN,
  errorCodes.INVALID_DOMAIN,
  errorCodes.INVALID_ARG,
  errorCodes.OS_TYPE,
  errorCodes.NO_NAME,
  errorCodes.NO_OS,
  errorCodes.XML_ERROR,
  errorCodes.XML_DETAIL,
  errorCodes.DOM_EXIST,
  errorCodes.OPERATION_DENIED,
  errorCodes.NETWORK_EXIST,
  errorCodes.NO_DOMAIN,
  errorCodes.NO_NETWORK,
  errorCodes.AUTH_FAILED,
  errorCodes.NO_STORAGE_POOL,
  errorCodes.NO_STORAGE_VOL,
  errorCodes.NO_NODE_DEVICE,
  errorCodes.OPERATION_INVALID,
  errorCodes.INVALID_MAC,
  errorCodes.NO_NWFILTER,
  errorCodes.NO_SECRET,
  errorCodes.CONFIG_UNSUPPORTED,
  errorCodes.NO_DOMAIN_SNAPSHOT,
  errorCodes.ARGUMENT_UNSUPPORTED,
  errorCodes.NO_DOMAIN_METADATA,
  errorCodes.OPERATION_UNSUPPORTED,
  errorCodes.ACCESS_DENIED,
  errorCodes.STORAGE_VOL_EXIST,
  errorCodes.XML_INVALID_SCHEMA,
  errorCodes.CPU_INCOMPATIBLE,
  errorCodes.DEVICE_MISSING,
  errorCodes.NO_DOMAIN_CHECKPOINT,
]);

export function daemonError(payload: ValueOf<typeof errorPayload>, procedure: string): LibvirtError {
  return new LibvirtError(payload.message ?? `libvirt error ${payload.code}`, {
    code: payload.code,
    domain: payload.domain,
    level: payload.level,
    origin: 'daemon',
    outcome: refusals.has(payload.code) ? 'not-applied' : 'unknown',
    procedure,
    details: [payload.str1, payload.str2, payload.str3].filter((text) => text !== null),
    numbers: [payload.int1, payload.int2],
  });
}
