import { describe, expect, it } from '@jest/globals';
import { hostVerbNames, hostVerbs, vmVerbNames, vmVerbs } from '@drover/contracts';
import { buildProgram } from '../program.js';
import { bashCompletion } from './completion.js';

describe('the command line', () => {
  const [vms, hosts] = ['vms', 'hosts'].map((name) =>
    buildProgram().commands.find((command) => command.name() === name),
  );

  it.each(vmVerbNames)('has vms %s, with help, what may be asked, and completion', (verb) => {
    const command = vms?.commands.find((one) => one.name() === verb);
    expect(command?.description().toLowerCase()).toBe(vmVerbs[verb].summary.toLowerCase());
    expect(command?.options).toHaveLength(Object.keys(vmVerbs[verb].body).length + 1);
    expect(bashCompletion(buildProgram())).toContain(`"vms ${verb}"`);
  });

  it.each(hostVerbNames)('has hosts %s, with help and completion, and asks for all that is asked', (verb) => {
    const command = hosts?.commands.find((one) => one.name() === verb);
    expect(command?.description().toLowerCase()).toContain(hostVerbs[verb].summary.toLowerCase());
    const asks = Object.keys(hostVerbs[verb].body).length > 0;
    expect(command?.registeredArguments).toHaveLength(asks ? 2 : 1);
    expect(bashCompletion(buildProgram())).toContain(`"hosts ${verb}"`);
  });
});
