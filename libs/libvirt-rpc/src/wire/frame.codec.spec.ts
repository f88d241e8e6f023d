import { describe, expect, it } from '@jest/globals';
import { XdrWriter } from '../xdr/xdr-writer.js';
import { beginFrame, finishFrame, FrameSplitter, headerBytes, maxFrameBytes, ProtocolError } from './frame.codec.js';

const header = { program: 0x20008086, procedure: 66, type: 1, serial: 5, status: 0 };

function frameOf(payload: Uint8Array, changes: Partial<typeof header> = {}): Buffer {
  const writer = new XdrWriter(payload.length + headerBytes);
  beginFrame(writer, { ...header, ...changes });
  writer.raw(payload);
  return finishFrame(writer);
}

function lengthWord(length: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(length);
  return bytes;
}

describe('frames', () => {
  it('have a length that counts itself and six words of header', () => {
    const expected = [
      '00000020', // length: 28 of header, 4 of payload
      '20008086', // program: remote
      '00000001', // its version
      '00000042', // procedure: 66, AUTH_LIST
      '00000001', // type: reply
      '00000005', // serial of the call
      '00000000', // status: ok
      'cafecafe',
    ];
    expect(frameOf(Buffer.from('cafecafe', 'hex')).toString('hex')).toBe(expected.join(''));
  });

  it('are found again however the bytes were split or joined', () => {
    const payloads = [Buffer.alloc(0), Buffer.from('abcd'), Buffer.alloc(100, 7)];
    const bytes = Buffer.concat(payloads.map((payload, serial) => frameOf(payload, { serial })));
    for (let size = 1; size <= bytes.length; size += 1) {
      const splitter = new FrameSplitter();
      const frames = [];
      for (let at = 0; at < bytes.length; at += size) frames.push(...splitter.push(bytes.subarray(at, at + size)));
      expect(frames.map(({ serial, payload }) => [serial, payload.toString('hex')])).toEqual(
        payloads.map((payload, serial) => [serial, payload.toString('hex')]),
      );
    }
  });

  it.each([0, 4, headerBytes - 1, maxFrameBytes + 1, 0xffffffff])('cannot be %d bytes long', (length) => {
    expect(() => new FrameSplitter().push(lengthWord(length))).toThrow(ProtocolError);
  });

  it.each([headerBytes, maxFrameBytes])('can be %d bytes long', (length) => {
    expect(new FrameSplitter().push(lengthWord(length))).toEqual([]);
  });

  it('are of version 1', () => {
    const frame = frameOf(Buffer.alloc(0));
    frame.writeUInt32BE(2, 8);
    expect(() => new FrameSplitter().push(frame)).toThrow(ProtocolError);
  });

  it('are not written larger than the daemon reads them', () => {
    expect(() => frameOf(new Uint8Array(maxFrameBytes))).toThrow(RangeError);
  });
});
