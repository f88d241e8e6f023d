import { describe, expect, it } from '@jest/globals';
import { answerIn } from './reply.codec.js';

const failed = (kind: string, error: object) => () => answerIn('drover.command.vm.delete', { ok: false, kind, error });

describe('the answer of a newer release', () => {
  it('is a no where it refuses under a code that is not known here', () => {
    expect(failed('rejection', { code: 'VM_PROTECTED', detail: 'it is protected' })()).toEqual({
      kind: 'rejected',
      rejection: { code: 'REFUSED_BY_NEWER_RELEASE', detail: 'VM_PROTECTED: it is protected' },
    });
  });

  it('is a no where it says more of it than is known here', () => {
    const error = { code: 'VM_BUSY', detail: 'busy', retryAfterMs: 5 };
    expect(failed('rejection', error)()).toEqual({ kind: 'rejected', rejection: { code: 'VM_BUSY', detail: 'busy' } });
  });

  it('is a fault that may be repeated where it says so under a code that is not known here', () => {
    const error = { code: 'DISK_BUSY', outcome: 'not-applied', detail: 'later' };
    const thrown = { code: 'FAILED_AT_NEWER_RELEASE', outcome: 'not-applied' };
    expect(failed('fault', error)).toThrow(expect.objectContaining(thrown));
    expect(failed('fault', error)).toThrow('DISK_BUSY: later');
  });

  it('is read where another field stands next to the value', () => {
    expect(answerIn('s', { ok: true, value: 1, version: 2 })).toEqual({ kind: 'answered', value: 1 });
  });
});
