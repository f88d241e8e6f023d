import { describe, expect, it } from '@jest/globals';
import { OpenShares } from './open-shares.js';

describe('what a principal has open', () => {
  it('is limited for each of them alone, and free again once it has ended', () => {
    const shares = new OpenShares('streams', 2);
    const [first] = [shares.open('ada'), shares.open('ada')];
    expect(() => shares.open('ada')).toThrow('TOO_MANY_REQUESTS: ada has 2 streams open');
    shares.open('bob');
    first();
    first();
    shares.open('ada');
    expect(() => shares.open('ada')).toThrow('TOO_MANY_REQUESTS');
  });
});
