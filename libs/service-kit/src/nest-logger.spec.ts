import { describe, expect, it } from '@jest/globals';
import { silentLogger, type Logger } from '@drover/observability';
import { nestLogger } from './nest-logger.js';

describe("Nest's log lines", () => {
  it('go to our logger, with errors kept whole', () => {
    const lines: unknown[] = [];
    const note =
      (level: string): Logger['info'] =>
      (message, fields) =>
        void lines.push([level, message, fields]);
    const logger = nestLogger({ ...silentLogger, debug: note('debug'), error: note('error') });
    const error = new Error('no provider');
    logger.log('Nest application started', 'NestApplication');
    logger.error(error, 'stack', 'ExceptionHandler');
    expect(lines).toEqual([
      ['debug', 'Nest application started', { context: 'NestApplication', extras: [] }],
      ['error', 'no provider', { error, context: 'ExceptionHandler', extras: ['stack'] }],
    ]);
  });
});
