import { describe, expect, it } from '@jest/globals';
import { connectionInodes } from './socket-clients.js';

/** As Linux 6.1 tells it, of a libvirtd with two clients, one of them at its read-only socket, and of others. */
const netUnix = `Num       RefCount Protocol Flags    Type St Inode Path
00000000785c30dd: 00000002 00000000 00010000 0001 01 151522 /run/libvirt/libvirt-sock
00000000785c30de: 00000002 00000000 00010000 0001 01 151523 /run/libvirt/libvirt-sock-ro
00000000785c30df: 00000002 00000000 00010000 0001 01   1524 /run/libvirt/virtlogd-sock
0000000044d779a5: 00000003 00000000 00000000 0001 03 151621
0000000044d779a6: 00000003 00000000 00000000 0001 03 151622 /run/libvirt/libvirt-sock
0000000044d779a7: 00000003 00000000 00000000 0001 03  51623
0000000044d779a8: 00000003 00000000 00000000 0001 03  51624 /var/run/libvirt/libvirt-sock-ro
0000000044d779a9: 00000003 00000000 00000000 0001 03   1625 /run/libvirt/virtlogd-sock
0000000044d779aa: 00000003 00000000 00000000 0001 03   1626 /elsewhere/run/libvirt/libvirt-sock
0000000044d779ab: 00000002 00000000 00000000 0002 01   1627 @/run/libvirt/libvirt-sock
`;

describe('connectionInodes', () => {
  it('are of the connections to these sockets, neither of the sockets themselves nor of others', () => {
    const [full, readOnly] = ['/run/libvirt/libvirt-sock', '/run/libvirt/libvirt-sock-ro'];
    expect(connectionInodes(netUnix, [full])).toEqual([151622]);
    expect(connectionInodes(netUnix, [full, readOnly])).toEqual([151622, 51624]);
    expect(connectionInodes(netUnix, ['/run/libvirt/libvirt-admin-sock'])).toEqual([]);
  });

  it('are found at a path with blanks, and not in an empty table', () => {
    const blanks = '0000000044d779ac: 00000003 00000000 00000000 0001 03 99999 /tmp/a b/sock';
    expect(connectionInodes(`header\n${blanks}`, ['/tmp/a b/sock'])).toEqual([99999]);
    expect(connectionInodes('', ['/tmp/a b/sock'])).toEqual([]);
  });
});
