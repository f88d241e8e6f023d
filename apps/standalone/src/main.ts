import { parseArgs } from 'node:util';
import { loadConfig, processConfigSchema, runProcess } from '@drover/service-kit';
import { compose, serviceKeys, type ServiceKey } from './compose.js';

const { values } = parseArgs({ options: { service: { type: 'string' } } });
const isService = (name: string): name is ServiceKey => (serviceKeys as readonly string[]).includes(name);
if (values.service !== undefined && !isService(values.service)) {
  process.stderr.write(`there is no service ${values.service}; there are: ${serviceKeys.join(', ')}\n`);
  process.exit(2);
}
await runProcess(compose(values.service), loadConfig(processConfigSchema));
