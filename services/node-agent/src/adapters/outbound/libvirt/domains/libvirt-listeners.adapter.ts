import type { HypervisorSignal } from '@drover/hypervisor';
import type { LibvirtClient } from '@drover/libvirt-rpc';
import { UNDEFINED } from './domain-states.js';
import { attempt } from '../libvirt-faults.js';
import type { LibvirtSignals } from './libvirt-signals.adapter.js';
import type { MacBook } from './mac-book.js';

/** Hears what libvirt tells by itself, until the function that it resolves to is called. */
export async function listenToLibvirt(
  client: LibvirtClient,
  signals: LibvirtSignals,
  macs: MacBook,
  onSignal: (signal: HypervisorSignal) => void,
): Promise<() => void> {
  const inventoryChanged = () => onSignal({ kind: 'inventory-changed' });
  const stops = await attempt('listen to libvirt', () =>
    Promise.all([
      client.on('lifecycle', (event) => {
        if (event.event === UNDEFINED) macs.forget(event.dom.uuid);
        signals.lifecycle(event.dom, event.event, event.detail);
      }),
      client.on('reboot', (event) => signals.rebooted(event.dom)),
      client.on('storagePoolLifecycle', inventoryChanged),
      client.on('networkLifecycle', inventoryChanged),
    ]),
  );
  const unwatch = client.watch({
    connected: () => {
      // What was removed meanwhile is not told; the full list that follows notes what is there.
      macs.forgetAll();
      onSignal({ kind: 'connected' });
    },
    disconnected: () => onSignal({ kind: 'disconnected' }),
  });
  return () => {
    unwatch();
    for (const stop of stops) void stop();
  };
}
