import { parseArgs } from 'node:util';
import { loadConfig, processConfigSchema, runProcess } from '@drover/service-kit';
import { compose, isService, serviceKeys } from './compose.js';
import { notifyStarter } from './infrastructure/background-process.js';
import { keepLogsBounded } from './infrastructure/bounded-logs.js';

const { values } = parseArgs({
  options: {
    service: { type: 'string', multiple: true },
    log: { type: 'string', multiple: true, default: [] },
    notify: { type: 'boolean' },
  },
});
const names = values.service ?? serviceKeys;
const unknown = names.find((name) => !isService(name));
if (unknown !== undefined) {
  process.stderr.write(`there is no service ${unknown}; there are: ${serviceKeys.join(', ')}\n`);
  process.exit(2);
}
keepLogsBounded(values.log);
await runProcess(await compose(names.filter(isService)), {
  ...loadConfig(processConfigSchema),
  ...(values.notify === true ? { onStarted: notifyStarter } : {}),
});
