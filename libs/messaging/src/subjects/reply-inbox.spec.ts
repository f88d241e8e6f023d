import { describe, expect, it } from '@jest/globals';
import { hostIdSchema, inboxOfHost, inboxOfService, subjectsUnder } from '@drover/contracts';
import { inboxOfName, mayAnswer } from './reply-inbox.policy.js';
import { askersOn } from './subject-table.policy.js';

const subjects = subjectsUnder('drover');
const hostA = hostIdSchema.parse('00000000-0000-4000-8000-00000000000a');
const hostB = hostIdSchema.parse('00000000-0000-4000-8000-00000000000b');

describe('the inbox of an answer', () => {
  it.each([
    [subjects.hostHeartbeat(hostA), `${inboxOfHost(hostA)}.x.1`],
    [subjects.hostReport(hostA, 'vm'), `${inboxOfHost(hostA)}.x.1`],
    [subjects.hostOrder(hostA), `${inboxOfService('vm-manager')}.x.1`],
    [subjects.hostOrder(hostA), '_INBOX.administrator.x'],
    [`drover.host.${hostA}.guest`, `${inboxOfService('guest-bridge')}.x.1`],
    [subjects.command('vm', 'create'), `${inboxOfService('api-gateway')}.x.1`],
    [subjects.command('vm', 'start'), `${inboxOfService('drs')}.x.1`],
    [subjects.query('placement', 'place'), `${inboxOfService('vm-manager')}.x.1`],
    [subjects.query('vm-manager', 'health'), `${inboxOfService('api-gateway')}.x.1`],
    [subjects.query('vm-manager', 'health'), '_INBOX.administrator.x'],
  ])('to a message on %s may be %s', (subject, replyTo) => {
    expect(mayAnswer(askersOn(subjects, subject), replyTo)).toBe(true);
  });

  it.each([
    [subjects.hostHeartbeat(hostA), `${inboxOfHost(hostB)}.x.1`],
    [subjects.hostHeartbeat(hostA), inboxOfHost(hostA)],
    [subjects.hostHeartbeat(hostA), `${inboxOfHost('*')}.x`],
    [subjects.hostHeartbeat(hostA), '_INBOX.administrator.x'],
    [subjects.hostReport(hostA, 'vm'), `${inboxOfService('vm-manager')}.x.1`],
    [subjects.hostReport(hostA, 'vm'), '$JS.API.STREAM.PURGE.EVENTS'],
    [subjects.hostReport(hostA, 'host'), '$KV.drover_leases.vm-manager'],
    [subjects.hostReport(hostA, 'host'), 'drover.event.default.vm.x.Forged'],
    [subjects.hostReport(hostA, 'host'), subjects.hostOrder(hostB)],
    [subjects.hostOrder(hostA), `${inboxOfService('api-gateway')}.x.1`],
    [subjects.command('vm', 'create'), `${inboxOfHost(hostA)}.x.1`],
    [subjects.command('host', 'cordon'), `${inboxOfService('drs')}.x.1`],
    [subjects.query('placement', 'place'), `${inboxOfService('guest-bridge')}.x.1`],
    ['drover.elsewhere', `${inboxOfService('api-gateway')}.x.1`],
    ['other.command.vm.create', `${inboxOfService('api-gateway')}.x.1`],
  ])('to a message on %s may not be %s', (subject, replyTo) => {
    expect(mayAnswer(askersOn(subjects, subject), replyTo)).toBe(false);
  });

  it('follows from the name of a connection, and belongs to no other', () => {
    const names = ['vm-manager', 'api-gateway', `host-${hostA}`, `host-${hostB}`, 'administrator', 'x', 'host'];
    const inboxes = names.map(inboxOfName);
    expect(new Set(inboxes).size).toBe(names.length);
    expect(inboxes.slice(0, 3)).toEqual([
      inboxOfService('vm-manager'),
      inboxOfService('api-gateway'),
      inboxOfHost(hostA),
    ]);
  });
});
