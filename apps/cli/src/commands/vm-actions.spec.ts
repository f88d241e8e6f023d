import { describe, expect, it } from '@jest/globals';
import { vmVerbNames, vmVerbs } from '@drover/contracts';
import { buildProgram } from '../program.js';
import { bashCompletion } from './completion.js';

describe('the command line', () => {
  const vms = buildProgram().commands.find((command) => command.name() === 'vms');

  it.each(vmVerbNames)('has %s, with help, what may be asked, and completion', (verb) => {
    const command = vms?.commands.find((one) => one.name() === verb);
    expect(command?.description().toLowerCase()).toBe(vmVerbs[verb].summary.toLowerCase());
    expect(command?.options).toHaveLength(Object.keys(vmVerbs[verb].body).length + 1);
    expect(bashCompletion(buildProgram())).toContain(`"vms ${verb}"`);
  });
});
