import { Fault, failureOf, isRejectionCode } from '@drover/contracts';
import { errorCodes, LibvirtError } from '@drover/libvirt-rpc';

type CodeOfLibvirt = 'INVALID_DEFINITION' | 'POOL_NOT_FOUND' | 'NETWORK_NOT_FOUND' | 'VM_UNRESPONSIVE';

const CODE_OF_LIBVIRT: ReadonlyMap<number, CodeOfLibvirt> = new Map([
  [errorCodes.XML_ERROR, 'INVALID_DEFINITION'],
  [errorCodes.XML_DETAIL, 'INVALID_DEFINITION'],
  [errorCodes.XML_INVALID_SCHEMA, 'INVALID_DEFINITION'],
  [errorCodes.CONFIG_UNSUPPORTED, 'INVALID_DEFINITION'],
  [errorCodes.INVALID_MAC, 'INVALID_DEFINITION'],
  [errorCodes.CPU_INCOMPATIBLE, 'INVALID_DEFINITION'],
  [errorCodes.NO_STORAGE_POOL, 'POOL_NOT_FOUND'],
  [errorCodes.NO_NETWORK, 'NETWORK_NOT_FOUND'],
  // A QEMU whose monitor does not answer: the call ran into libvirt's own limit of 30 s, or into the lock of one that will.
  [errorCodes.OPERATION_TIMEOUT, 'VM_UNRESPONSIVE'],
]);

/** Longest part of libvirt's own words that goes into a report. */
const MAX_DETAIL = 500;

/** The fault or rejection that a failed libvirt call is; what is no libvirt error is a defect and passes through. */
export function libvirtFault(error: unknown, attempted: string): unknown {
  if (!(error instanceof LibvirtError)) return error;
  const detail = `${attempted}: ${error.message}`.slice(0, MAX_DETAIL);
  const data = { libvirtCode: error.code };
  const named =
    error.origin === 'client' ? 'HYPERVISOR_UNAVAILABLE' : (CODE_OF_LIBVIRT.get(error.code) ?? 'HYPERVISOR_FAILED');
  // A rejection says that nothing was done, and libvirt does not say so here.
  const code = error.outcome === 'unknown' && isRejectionCode(named) ? 'HYPERVISOR_FAILED' : named;
  return failureOf({ code, outcome: error.outcome, detail, data }, { cause: error });
}

/** Runs libvirt calls; what fails is told with what was attempted. */
export async function attempt<Value>(attempted: string, work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (error) {
    throw libvirtFault(error, attempted);
  }
}

/** A look before a deed: while it fails, whatever its own end, the deed was not done. */
export async function beforehand<Value>(look: () => Promise<Value>): Promise<Value> {
  try {
    return await look();
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    const { code, data, detail } = error;
    throw new Fault(code, 'not-applied', detail, { cause: error, data });
  }
}

/** The daemon's own word, unlike a silence or a lost connection. */
export function isAnswer(error: unknown): error is LibvirtError {
  return error instanceof LibvirtError && error.origin === 'daemon';
}

export function isLibvirtCode(error: unknown, ...codes: readonly number[]): boolean {
  return isAnswer(error) && codes.includes(error.code);
}

/** No answer came in the time that the call was given; what was asked may yet be done. */
export function isUnanswered(error: unknown): boolean {
  return error instanceof LibvirtError && error.origin === 'client' && error.code === errorCodes.OPERATION_TIMEOUT;
}

/** Undefined where the daemon answers with one of these codes. */
export async function orUndefined<Value>(
  call: Promise<Value>,
  ...codes: readonly number[]
): Promise<Value | undefined> {
  try {
    return await call;
  } catch (error) {
    if (isLibvirtCode(error, ...codes)) return undefined;
    throw error;
  }
}
