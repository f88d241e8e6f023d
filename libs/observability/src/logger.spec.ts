import { describe, expect, it } from '@jest/globals';
import { withContext } from './context.js';
import { createLogger, type LogThreshold } from './logger.js';
import { inSpan } from './tracing.js';

function capture(threshold: LogThreshold = { level: 'debug' }) {
  const lines: Record<string, unknown>[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) };
  return { lines, logger: createLogger('vm-manager', { destination, threshold }) };
}

describe('the logger', () => {
  it('writes the operation and trace of the call it is used in', async () => {
    const { lines, logger } = capture();
    await inSpan('outer', { fields: { operationId: 'op-1' } }, async () => {
      await Promise.resolve();
      withContext({ messageId: 'm-1' }, () => logger.info('took a command', { vmId: 'v' }));
    });
    logger.info('idle');
    expect(lines[0]).toMatchObject({
      service: 'vm-manager',
      level: 'info',
      message: 'took a command',
      operationId: 'op-1',
      messageId: 'm-1',
      vmId: 'v',
      traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
      time: expect.stringMatching(/^\d{4}-.*Z$/),
    });
    expect(lines[1]).not.toHaveProperty('operationId');
    expect(lines[1]).not.toHaveProperty('traceId');
  });

  it('never writes a value whose name means a secret, however deep it is', () => {
    const { lines, logger } = capture();
    logger
      .with({ apiToken: 'hidden-1' })
      .warn('request', { headers: { Authorization: 'hidden-2' }, users: [{ password: 'hidden-3', name: 'ann' }] });
    expect(JSON.stringify(lines)).not.toContain('hidden');
    expect(JSON.stringify(lines)).toContain('ann');
  });

  it('writes an error with its stack and the chain of its causes', () => {
    const { lines, logger } = capture();
    const error = new Error('append failed', { cause: new Error('connection refused') });
    logger.error('gave up', { error });
    expect(lines[0]).toMatchObject({
      error: { message: 'append failed', stack: expect.any(String), cause: { message: 'connection refused' } },
    });
  });

  it('follows its threshold while it runs, and so does every logger made from it', () => {
    const threshold: LogThreshold = { level: 'info' };
    const { lines, logger } = capture(threshold);
    const child = logger.with({ hostId: 'h' });
    child.debug('not yet');
    threshold.level = 'debug';
    child.debug('now');
    threshold.level = 'error';
    logger.warn('no more');
    expect(lines.map(({ message }) => message)).toEqual(['now']);
  });

  it('writes fields that refer to themselves', () => {
    const { lines, logger } = capture();
    const field: Record<string, unknown> = { name: 'loop' };
    field['self'] = field;
    logger.info('odd', { field });
    expect(lines[0]).toMatchObject({ field: { name: 'loop', self: '[circular]' } });
  });
});
