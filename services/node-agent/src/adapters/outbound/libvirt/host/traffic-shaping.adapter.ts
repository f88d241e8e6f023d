import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type VmSpec, errors, Rejected } from '@drover/contracts';

/** What libvirt asks of the kernel for a NIC with rates, one for each direction, on a device that exists everywhere. */
const TRIAL = [
  'tc qdisc add dev lo root handle 1: htb default 1',
  'tc class add dev lo parent 1: classid 1:1 htb rate 8kbit',
  'tc qdisc add dev lo parent 1:1 handle 2: sfq perturb 10',
  'tc qdisc add dev lo ingress',
  'tc filter add dev lo parent ffff: protocol all u32 match u32 0 0 police rate 1kbps burst 1kb mtu 64kb drop flowid :1',
].join(' && ');
const CANNOT = 42;

/**
 * Refuses a rate that the kernel of this host cannot hold a NIC to.
 *
 * Libvirt finds out only when the VM starts, and then calls it an internal error. So the same is tried here before, in a
 * network namespace of its own that goes with its process. Where none may be made, libvirt has the word.
 */
export async function requireTrafficShaping(nics: VmSpec['nics']): Promise<void> {
  const index = nics.findIndex(({ rate }) => rate?.inboundKiBps !== undefined || rate?.outboundKiBps !== undefined);
  if (index < 0 || (await canShape())) return;
  throw new Rejected(
    errors.INVALID_DEFINITION('the kernel of this host cannot hold a NIC to a rate', {
      data: { field: `/spec/nics/${index}/rate` },
    }),
  );
}

async function canShape(): Promise<boolean> {
  try {
    await promisify(execFile)('unshare', ['--net', '--', 'sh', '-c', `(${TRIAL}) || exit ${CANNOT}`]);
    return true;
  } catch (error) {
    return !(typeof error === 'object' && error !== null && 'code' in error && error.code === CANNOT);
  }
}
