import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { errorCatalogue, failureOf, type ErrorCode } from '@drover/contracts';

import { problemOf } from './problem.js';

const page = new URL('../../../../../../docs/reference/errors.md', import.meta.url);
const codes = Object.keys(errorCatalogue) as ErrorCode[];

/** `DROVER_UPDATE=1 ./drover test unit -- errors-page` writes the page anew. */
function renderedPage(): string {
  const rows = codes.map((code) => {
    const { kind, httpStatus, sentence, data } = errorCatalogue[code];
    const names = Object.keys(data.shape).map((name) => `\`${name}\``);
    return `| <a id="${anchor(code)}"></a>\`${code}\` | ${httpStatus} | ${kind} | ${sentence} | ${names.join(', ')} |`;
  });
  return `# Errors

Every error of the API is a problem document (RFC 9457, \`application/problem+json\`) with one of these codes; \`title\` is the
sentence of this table, \`detail\` says what is wrong with this very request, \`field\` names the field to blame, \`data\` holds
those of the numbers and names in the last column that are known, \`requestId\` finds the request in the logs. Codes are never reused or renamed.

A **rejection** means that the rules say no: repeating the request changes nothing. A **fault** means that the world failed:
\`data.outcome\` is \`not-applied\` (ask again) or \`unknown\` (look before you ask again). A **defect** is a mistake of ours.

<!-- prettier-ignore -->
| Code | Status | Kind | What happened, and what to do | Data |
| --- | --- | --- | --- | --- |
${rows.join('\n')}

Made from the catalogue in \`libs/contracts/src/errors\`; a test compares the two.
`;
}

function anchor(code: string): string {
  return code.toLowerCase().replaceAll('_', '-');
}

describe('the page of errors', () => {
  it('lists the catalogue as it is', () => {
    if (process.env['DROVER_UPDATE'] === '1') writeFileSync(page, renderedPage());
    expect(readFileSync(page, 'utf8')).toBe(renderedPage());
  });

  it.each(codes)('leads from a problem %s to its row', (code) => {
    const problem = problemOf(failureOf({ code, outcome: 'not-applied', detail: 'because' }), 'r1');
    const { httpStatus, sentence } = errorCatalogue[code];
    expect(problem).toMatchObject({ code, status: httpStatus, title: sentence, detail: 'because', requestId: 'r1' });
    expect(readFileSync(page, 'utf8')).toContain(`<a id="${problem.type.replace('urn:drover:error:', '')}"></a>`);
  });

  it('says nothing of a mistake of ours but that it is one', () => {
    const problem = problemOf(new TypeError('secret.internals is undefined'), 'r1');
    expect(problem).toMatchObject({ code: 'INTERNAL', status: 500 });
    expect(JSON.stringify(problem)).not.toContain('secret');
  });
});
