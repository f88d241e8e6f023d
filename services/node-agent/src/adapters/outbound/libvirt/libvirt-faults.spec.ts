import { describe, expect, it } from '@jest/globals';
import { Fault, Rejected } from '@drover/contracts';
import { errorCodes, LibvirtError, type Outcome } from '@drover/libvirt-rpc';
import { libvirtFault } from './libvirt-faults.js';

function told(code: number, outcome: Outcome): unknown {
  const facts = { procedure: 'DOMAIN_CREATE_WITH_FLAGS', origin: 'daemon', code, outcome } as const;
  return libvirtFault(new LibvirtError('no', facts), 'start the VM');
}

describe('what libvirt answers', () => {
  it.each(Object.entries(errorCodes))('keeps its outcome: %s', (_name, code) => {
    expect(told(code, 'unknown')).toMatchObject({ outcome: 'unknown', data: { libvirtCode: code } });
    expect(told(code, 'not-applied')).toMatchObject({ outcome: 'not-applied', data: { libvirtCode: code } });
  });

  it('is a rejection only where libvirt has done nothing', () => {
    expect(told(errorCodes.NO_NETWORK, 'not-applied')).toBeInstanceOf(Rejected);
    expect(told(errorCodes.NO_NETWORK, 'unknown')).toBeInstanceOf(Fault);
  });
});
