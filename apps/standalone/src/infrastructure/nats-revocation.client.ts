import { connect, credsAuthenticator } from '@nats-io/transport-node';
import { accountJwts, issueSystemCredentials, type NatsAuthority } from './nats-authority.js';

/**
 * Gives the running server the accounts as they are signed now: it cuts off every user whose key is revoked, at once. Safe to
 * repeat. Throws where the server cannot be reached or refuses it.
 */
export async function pushAccounts(url: string, authority: NatsAuthority): Promise<void> {
  const credentials = await issueSystemCredentials(authority, Math.floor(Date.now() / 1000));
  const connection = await connect({
    servers: url,
    name: 'credentials',
    maxReconnectAttempts: 0,
    inboxPrefix: '_INBOX.credentials',
    authenticator: credsAuthenticator(new TextEncoder().encode(credentials)),
  });
  try {
    for (const jwt of accountJwts(authority)) {
      const answer = await connection.request('$SYS.REQ.CLAIMS.UPDATE', jwt, { timeout: 5_000 });
      const { data, error } = answer.json<{ data?: { code?: number }; error?: { description?: string } }>();
      if (data?.code !== 200)
        throw new Error(`nats-server refuses the account: ${error?.description ?? answer.string()}`);
    }
  } finally {
    await connection.close();
  }
}
