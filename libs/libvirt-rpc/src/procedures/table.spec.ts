import { describe, expect, it } from '@jest/globals';
import { eventSources } from '../connection/event-sources.js';
import { XdrReader } from '../xdr/xdr-reader.js';
import { XdrWriter } from '../xdr/xdr-writer.js';
import { eventMessages, procedures } from './table.js';

function written(encode: (writer: XdrWriter) => void): string {
  const writer = new XdrWriter();
  encode(writer);
  return writer.bytes.toString('hex');
}

const bytes = (text: string) => Buffer.from(text.replace(/#.*$/gm, '').replace(/\s/g, ''), 'hex');

const web = { name: 'web', uuid: '00112233-4455-6677-8899-aabbccddeeff', id: 7 };
const webBytes = `
  00000003 77656200                   # name: length, "web", padding
  00112233445566778899aabbccddeeff    # uuid: 16 bytes, no length
  00000007                            # id`;

describe('the table of procedures', () => {
  it('has 223 calls and 32 event messages, each with a number of its own', () => {
    const rows = [...Object.values(procedures), ...Object.values(eventMessages)];
    expect(Object.keys(procedures)).toHaveLength(223);
    expect(Object.keys(eventMessages)).toHaveLength(32);
    expect(new Set(rows.map(({ program, number }) => `${program}/${number}`)).size).toBe(255);
  });

  it('listens to a message of its own for each event', () => {
    const messages = Object.values(eventSources).map(({ message }) => message);
    expect(new Set(messages).size).toBe(messages.length);
    // The close of the hypervisor's connection is the one message that cannot be listened to here: a lost socket tells it.
    expect(messages).toHaveLength(31);
  });

  it('writes the arguments of CONNECT_OPEN as the daemon reads them', () => {
    const expected = bytes(`
      00000001                            # name is present
      0000000e 71656d753a2f2f2f 73797374656d 0000   # length 14, "qemu:///system", padding
      00000000                            # flags`);
    expect(written((w) => procedures.CONNECT_OPEN.args.encode(w, { name: 'qemu:///system', flags: 0 }))).toBe(
      expected.toString('hex'),
    );
  });

  it('writes the arguments of a live migration as the daemon reads them', () => {
    const expected = bytes(`${webBytes}
      00000001 00000004 75726931          # dconnuri: present, length, "uri1"
      00000001                            # one parameter
      00000009 62616e647769647468 000000  # field: length 9, "bandwidth", padding
      00000004 0000000000000064           # value: tag 4 (uhyper), 100
      00000000                            # cookie: no bytes
      00000003                            # flags: live, peer to peer`);
    const args = {
      dom: web,
      dconnuri: 'uri1',
      params: [{ field: 'bandwidth', type: 'uhyper', value: 100 }] as const,
      cookie_in: new Uint8Array(0),
      flags: 3,
    };
    expect(written((w) => procedures.DOMAIN_MIGRATE_PERFORM3_PARAMS.args.encode(w, args))).toBe(
      expected.toString('hex'),
    );
  });

  it('reads a list of domains', () => {
    const reply = bytes(`
      00000001 ${webBytes}                
      00000001                            # ret: how many there are`);
    expect(procedures.CONNECT_LIST_ALL_DOMAINS.reply.decode(new XdrReader(reply))).toEqual({ domains: [web], ret: 1 });
  });

  it('reads a lifecycle event, whose fields are inside a structure, and a newer event, whose fields are not', () => {
    const lifecycle = bytes(`
      00000005                            # callback id
      ${webBytes}
      00000005 00000001                   # event: stopped, detail: destroyed`);
    expect(eventMessages.DOMAIN_EVENT_CALLBACK_LIFECYCLE.body.decode(new XdrReader(lifecycle))).toEqual({
      callbackID: 5,
      msg: { dom: web, event: 5, detail: 1 },
    });
    const agent = bytes(`
      00000006                            # callback id
      ${webBytes}
      00000001 00000002                   # state: connected, reason: channel`);
    expect(eventMessages.DOMAIN_EVENT_CALLBACK_AGENT_LIFECYCLE.body.decode(new XdrReader(agent))).toEqual({
      ...{ callbackID: 6, dom: web, state: 1, reason: 2 },
    });
  });
});
