import { describe, expect, it } from '@jest/globals';
import { completionScript, distance, helpText, parseCommandLine } from './command-line.mjs';
import { commands } from './commands.mjs';

const parse = (line) => parseCommandLine(line.split(' ').filter(Boolean));
const refusal = (line) => {
  try {
    parse(line);
  } catch (error) {
    return error.message;
  }
  throw new Error(`${line} was taken`);
};

describe('the command line', () => {
  it('takes flags with their values in both forms', () => {
    const expected = { detach: true, hosts: 3, hypervisor: 'simulated' };
    expect(parse('up --detach --hosts 3 --hypervisor simulated').options).toEqual(expected);
    expect(parse('up --hypervisor=simulated --hosts=3 --detach').options).toEqual(expected);
  });

  it('passes everything of ctl on, also what looks like its own', () => {
    expect(parse('ctl vms list --help').rest).toEqual(['vms', 'list', '--help']);
  });

  it('passes what follows -- to the test runner', () => {
    expect(parse('test unit int -- -t lease')).toMatchObject({ operands: ['unit', 'int'], rest: ['-t', 'lease'] });
  });

  it('shows help for no command, --help, and per command', () => {
    for (const line of ['', '--help', '-h', 'help']) expect(parse(line).command.name).toBe('help');
    expect(parse('up --detach --help')).toMatchObject({ command: { name: 'help' }, operands: ['up'] });
    for (const { name } of commands) expect(helpText(name)).toContain(`usage: ./drover ${name}`);
  });

  it.each([
    ['statsu', 'did you mean status?'],
    ['up --detatch', 'did you mean --detach?'],
    ['up --hypervisor sim', 'did you mean simulated?'],
    ['test livve', 'did you mean live?'],
    ['help bnech', 'did you mean bench?'],
  ])('names what may have been meant by "%s"', (line, hint) => {
    const text = line.startsWith('help') ? helpRefusal(line.split(' ')[1]) : refusal(line);
    expect(text).toContain(hint);
  });

  it.each([
    'up --hosts',
    'up --hosts 0',
    'up --hosts many',
    'up --hosts 3 --hosts 4',
    'up --detach=yes',
    'up now',
    'down -- x',
    'up -d',
  ])('refuses "%s"', (line) => {
    expect(refusal(line)).toMatch(/up|down|--/);
  });

  it('suggests nothing when nothing is near', () => {
    expect(refusal('xyzzyplugh')).not.toContain('did you mean');
  });

  it('completes every command and flag', () => {
    const script = completionScript();
    for (const { name, flags } of commands) {
      expect(script).toContain(name);
      for (const flag of flags) expect(script).toContain(`--${flag.name}`);
    }
  });

  it('counts changed, added and dropped letters', () => {
    expect([distance('', 'abc'), distance('kitten', 'sitting'), distance('a', 'a')]).toEqual([3, 3, 0]);
  });
});

function helpRefusal(name) {
  try {
    helpText(name);
  } catch (error) {
    return error.message;
  }
  throw new Error('was taken');
}
