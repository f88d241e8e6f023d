import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { helpText } from './command-line.mjs';
import { commands, variables } from './commands.mjs';

const page = new URL('../../docs/reference/launcher.md', import.meta.url);

/** `DROVER_UPDATE=1 node tools/jest.mjs unit -- launcher-page` writes the page anew. */
function renderedPage() {
  const sections = commands.map(({ name }) => `## ${name}\n\n\`\`\`text\n${helpText(name)}\n\`\`\`\n`);
  const rows = variables.map(({ name, text }) => `| \`${name}\` | ${text} |`);
  return `# Launcher

\`./drover COMMAND\` sets Drover up on one machine, starts and stops it. What each command says with \`--help\`:

${sections.join('\n')}
## Variables

<!-- prettier-ignore -->
| Variable | Meaning |
| --- | --- |
${rows.join('\n')}

Made from \`tools/launcher/commands.mjs\`; a test compares the two. The client behind \`ctl\` is described in [cli.md](cli.md), settings of the
services in [configuration.md](configuration.md).
`;
}

describe('the page of the launcher', () => {
  it('lists its commands as they are', () => {
    if (process.env.DROVER_UPDATE === '1') writeFileSync(page, renderedPage());
    expect(readFileSync(page, 'utf8')).toBe(renderedPage());
  });
});
