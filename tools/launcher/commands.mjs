// Every command and flag in one table: parsing, help and completion follow from it.

/** @typedef {{ name: string, value?: string, choices?: string[], type?: 'count', text: string }} Flag */

const hypervisors = ['libvirt', 'simulated'];
export const levels = ['unit', 'int', 'system', 'live'];

export const commands = [
  {
    name: 'up',
    summary: 'set up what is missing, start Drover, print its address',
    flags: [
      { name: 'detach', text: 'return when Drover is ready; it keeps running' },
      { name: 'split', text: 'a process per service instead of one for the control plane' },
      { name: 'hosts', value: 'N', type: 'count', text: 'how many simulated hosts (default 3)' },
      {
        name: 'hypervisor',
        value: 'KIND',
        choices: hypervisors,
        text: 'real VMs on this machine, or a simulated fleet',
      },
    ],
    notes: [
      'Data: $DROVER_HOME, else /var/lib/drover (root) or ~/.local/share/drover; a second `up` finds it again.',
      'DATABASE_URL: a PostgreSQL of your own instead of the one that comes along; its owner’s URL.',
      'In the foreground Ctrl-C stops everything that was started, in order. VMs keep running.',
    ],
  },
  { name: 'down', summary: 'stop what `up` started, and nothing else; VMs keep running', flags: [] },
  { name: 'status', summary: 'show each part with its pid and health', flags: [] },
  {
    name: 'rotate',
    summary: 'make keys, tokens and credentials anew; the old ones are refused afterwards',
    operands: { name: 'WHAT', choices: ['nats', 'orders', 'token', 'database', 'all'], many: false },
    flags: [],
    notes: ['Drover is stopped first and started again afterwards. VMs keep running.'],
  },
  {
    name: 'test',
    summary: 'set up what is missing and run the tests',
    operands: { name: 'LEVEL', choices: levels, many: true },
    flags: [],
    notes: ['Without a level: format, lint, types and all levels. What follows `--` goes to jest.'],
    passesOn: true,
  },
  {
    name: 'bench',
    summary: 'measure; one JSON line per figure',
    operands: { name: 'NAME', many: true },
    flags: [],
    notes: ['Without a name: all of them. A wrong name lists those that there are.'],
  },
  { name: 'ctl', summary: 'the command line client (./drover ctl --help)', raw: true, flags: [] },
  {
    name: 'completion',
    summary: 'print a completion script: source <(./drover completion bash)',
    operands: { name: 'SHELL', choices: ['bash'], many: false },
    flags: [],
  },
  {
    name: 'help',
    summary: 'show this, or the help of a command',
    operands: { name: 'COMMAND', many: false },
    flags: [],
  },
];

/** What the launcher itself reads of its environment. */
export const variables = [
  {
    name: 'DROVER_HOME',
    text: 'Folder of all data of this installation. Without it `/var/lib/drover` for root, and `drover` in `XDG_DATA_HOME` (`~/.local/share`) for other users.',
  },
  {
    name: 'DATABASE_URL',
    text: 'URL of a PostgreSQL of your own, with its owner’s name and password. Without it the launcher starts the PostgreSQL that comes with Drover. Give it at each `up`.',
  },
  {
    name: 'DROVER_IMAGE_FOLDER',
    text: 'Folder with the image `guest`, for the live tests and the bench `real-vm`. Without it they build one.',
  },
  {
    name: 'CI',
    text: 'If it is set the launcher draws no progress bar, and `npm run check` runs the unit tests of everything.',
  },
  {
    name: 'DROVER_…',
    text: 'Any setting of [configuration.md](configuration.md) in the environment of `up` is passed on to the services.',
  },
];
