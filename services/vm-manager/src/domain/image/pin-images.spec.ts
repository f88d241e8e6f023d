import { describe, expect, it } from '@jest/globals';
import { spec } from '../../testing/vm-facts.js';
import { imagesOfDisks, pinImages, type ImageStanding } from './pin-images.policy.js';

const digest = `sha256:${'a'.repeat(64)}`;
const other = `sha256:${'b'.repeat(64)}`;
const standings: Readonly<Record<string, ImageStanding>> = {
  debian: { kind: 'registered', digest },
  gone: { kind: 'refused', why: 'image gone was deleted' },
};
const standingOf = (name: string): ImageStanding => standings[name] ?? { kind: 'free' };
const of = (...images: readonly string[]) =>
  spec({ disks: images.map((image, index) => ({ name: `d${index}`, image })) });

describe('the images of a VM', () => {
  it('that are registered are named with their digest, and others as they were', () => {
    const pinned = pinImages(of('debian', 'file', `file@${other}`, `debian@${digest}`), standingOf);
    if ('rejection' in pinned) throw new Error(pinned.rejection.detail);
    const images = [`debian@${digest}`, 'file', `file@${other}`, `debian@${digest}`];
    expect(pinned.spec).toEqual(of(...images));
    expect(imagesOfDisks(pinned.spec)).toEqual(images);
  });

  it.each([
    ['was deleted', 'gone', 'image gone was deleted'],
    ['has another digest', `debian@${other}`, `image debian was registered as ${digest}, not as ${other}`],
  ])('refuse the VM where one %s', (_what, image, why) => {
    expect(pinImages(of('file', image), standingOf)).toMatchObject({
      rejection: { code: 'IMAGE_NOT_FOUND', detail: why, field: '/spec/disks/1/image' },
    });
  });

  it('are none where a disk is blank', () => {
    const blank = spec({ disks: [{ name: 'root', sizeMiB: 1 }] });
    expect(pinImages(blank, standingOf)).toEqual({ spec: blank });
    expect(imagesOfDisks(blank)).toEqual([]);
  });
});
