/** The key that signs orders to hosts, and the list of those that the hosts believe. */
import { createOrderKey, publicOrderKeyOf } from '@drover/messaging/order-signature';
import { keptSecret, readIfPresent, replaceSecret } from './files.js';
import type { Home } from './home.js';
import { shareWith, type ServiceUsers } from './system-users.js';

/** Makes the key where it is missing; the hosts then believe it and those that they believed before. */
export async function ensureOrderKey(home: Home, users: ServiceUsers): Promise<void> {
  const key = await keptSecret(home.orderKeyFile, () => createOrderKey().privateKey);
  await shareWith(users.drover, home.orderKeyFile, 'file');
  const publicKey = publicOrderKeyOf(key);
  const believed = await readOrderPublicKeys(home);
  if (!believed.includes(publicKey)) await writeOrderPublicKeys(home, users, [publicKey, ...believed]);
}

export async function readOrderPublicKeys(home: Home): Promise<readonly string[]> {
  const text = (await readIfPresent(home.orderPublicKeysFile)) ?? '';
  return text.split('\n').filter((line) => line !== '');
}

export async function writeOrderPublicKeys(home: Home, users: ServiceUsers, keys: readonly string[]): Promise<void> {
  await replaceSecret(home.orderPublicKeysFile, `${keys.join('\n')}\n`);
  await shareWith(users.drover, home.orderPublicKeysFile, 'file');
}
