/** The API's token of one home: made once, and kept where only those read it who need it. */
import { randomBytes } from 'node:crypto';
import { keptSecret } from './files.js';
import type { Home } from './home.js';
import { shareWith, type ServiceUsers } from './system-users.js';

/** Without the newline that a person's editor may have left. */
export async function ensureApiToken(home: Home, users: ServiceUsers): Promise<string> {
  const token = await keptSecret(home.apiTokenFile, () => randomBytes(32).toString('base64url'));
  await shareWith(users.drover, home.apiTokenFile, 'file');
  return token.trim();
}
