import { errorCodes } from '../facade/error-codes.js';
import type { Procedure } from '../procedures/procedure.js';
import type { Frame } from '../wire/frame.codec.js';
import { LibvirtError } from '../wire/libvirt-error.js';
import type { Outcome } from '../wire/libvirt-error.js';

/** Remembers where a call was made: an error made in the socket's reader has a stack that says nothing. */
export interface CallSite {
  stack?: string;
}

export function captureSite(): CallSite {
  const site: CallSite = {};
  Error.captureStackTrace(site, captureSite);
  return site;
}

export function withSite(error: LibvirtError, site: CallSite): LibvirtError {
  const frames = site.stack?.slice(site.stack.indexOf('\n    at ')) ?? '';
  error.stack = `${error.name}: ${error.message}${frames}`;
  return error;
}

/** An error that this client raises itself, not the daemon. */
export function clientError(
  procedure: string,
  code: number,
  outcome: Outcome,
  message: string,
  cause?: unknown,
): LibvirtError {
  return new LibvirtError(message, { code, origin: 'client', outcome, procedure, cause });
}

interface Settle {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** One call on its way: queued, sent, settled once. */
export class PendingCall {
  readonly name: string;
  readonly procedure: Procedure;
  readonly serial: number;
  readonly frame: Buffer;
  /** Packets of the stream that the call opens, if they came before its reply. */
  readonly earlyPackets: Frame[] = [];
  isSent = false;
  readonly #site: CallSite;
  readonly #settle: Settle;
  #isSettled = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(name: string, procedure: Procedure, serial: number, frame: Buffer, site: CallSite, settle: Settle) {
    this.name = name;
    this.procedure = procedure;
    this.serial = serial;
    this.frame = frame;
    this.#site = site;
    this.#settle = settle;
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  startTimer(timeoutMs: number, expired: () => void): void {
    if (timeoutMs === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(() => {
      this.fail(errorCodes.OPERATION_TIMEOUT, `no answer within ${timeoutMs} ms`);
      expired();
    }, timeoutMs);
  }

  resolve(value: unknown): void {
    if (!this.#finish()) return;
    this.#settle.resolve(value);
  }

  reject(error: LibvirtError): void {
    if (!this.#finish()) return;
    this.#settle.reject(withSite(error, this.#site));
  }

  /** Rejects on this side. What was sent may yet be carried out; what still waited here will not be. */
  fail(code: number, message: string, cause?: unknown): void {
    this.reject(clientError(this.name, code, this.isSent ? 'unknown' : 'not-applied', message, cause));
  }

  #finish(): boolean {
    if (this.#isSettled) return false;
    this.#isSettled = true;
    clearTimeout(this.#timer);
    return true;
  }
}
