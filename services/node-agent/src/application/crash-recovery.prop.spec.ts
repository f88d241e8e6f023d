import { describe, expect, it } from '@jest/globals';
import type { VmOrder } from '@drover/contracts';
import fc from 'fast-check';
import { CrashPoint } from '../testing/crash-point.js';
import { HostBench } from '../testing/host-bench.js';
import { VmOrders } from '../testing/host-orders.js';

const verbs = ['create', 'start', 'stop', 'force-stop', 'reboot', 'reset', 'pause', 'resume', 'delete'] as const;

/** Orders for a few VMs, faults of the hypervisor, and the effects at which one agent after the other is killed. */
const lives = fc.record({
  wishes: fc.array(fc.record({ vm: fc.nat(2), verb: fc.constantFrom(...verbs) }), { minLength: 1, maxLength: 12 }),
  faultSeed: fc.nat(1_000),
  kills: fc.array(fc.record({ at: fc.integer({ min: 2, max: 60 }), when: fc.constantFrom('before', 'after') }), {
    maxLength: 3,
  }),
});

function orderOf(vm: VmOrders, verb: (typeof verbs)[number], revision: number): VmOrder {
  switch (verb) {
    case 'create':
      return vm.create(revision);
    case 'start':
      return vm.start(revision);
    case 'stop':
      return vm.stop(revision, 5);
    case 'force-stop':
      return vm.forceStop(revision);
    case 'reboot':
      return vm.reboot(revision, 5);
    case 'reset':
    case 'pause':
    case 'resume':
    case 'delete':
      return vm.plain(verb, revision);
  }
}

describe('an agent that is killed again and again on a host that fails at random', () => {
  it('ends every order it took exactly once, and lets none take effect after a newer one', async () => {
    await fc.assert(
      fc.asyncProperty(lives, async ({ wishes, kills, faultSeed }) => {
        const bench = new HostBench({ faultSeed });
        const { controlPlane } = bench;
        bench.faults.add({ call: '*', code: 'HYPERVISOR_FAILED', probability: 0.03 });
        bench.faults.add({ call: '*', code: 'TIMED_OUT', probability: 0.03, takesEffect: true });
        const vms = ['a', 'b', 'c'].map((name) => new VmOrders(name));
        const orders = wishes.flatMap(({ vm, verb }, index) => {
          const of = vms[vm];
          return of === undefined ? [] : [orderOf(of, verb, index)];
        });
        const answers = orders.map((order) => controlPlane.order(order));
        const all = Promise.all(answers);
        all.catch(() => undefined);

        for (const { at, when } of kills) {
          const crash = new CrashPoint(at, when === 'before' ? 'before' : 'after');
          const messaging = bench.connect();
          const victim = bench.create({
            hypervisor: (driver) => crash.hypervisor(driver),
            journal: crash.journal(bench.journal),
            messaging,
          });
          await victim.start();
          const isOver = all.then(() => undefined);
          await Promise.race([crash.reached, isOver]);
          await messaging.close();
          crash.bury();
          await victim.stop();
        }
        bench.faults.clear();
        const survivor = await bench.start();
        const taken = (await all).flatMap((answer, index) => {
          const order = orders[index];
          return answer.kind === 'taken' && order !== undefined ? [order] : [];
        });
        for (const order of taken) await controlPlane.end(order);
        await survivor.stop();

        for (const order of taken) expect(controlPlane.ends(order.orderId)).toHaveLength(1);
        for (const { vmId } of vms) {
          const done = controlPlane.vmReports.flatMap((report) =>
            report.kind === 'order-finished' && report.subject.id === vmId && report.result.kind === 'done'
              ? [report.revision]
              : [],
          );
          expect(done).toEqual([...done].sort((a, b) => a - b));
        }
      }),
      { seed: 20_260_102, numRuns: 25 },
    );
  }, 60_000);
});
