import { describe, expect, it } from '@jest/globals';
import { hostIdSchema, type ImageCommand, type StoredEvent } from '@drover/contracts';
import { cancelling, contents, deleting, imageId, register, registering } from '../testing/image-facts.js';
import { VmManagerBench } from '../testing/vm-manager-bench.js';
import { hostA, hostB, spec, vmId } from '../testing/vm-facts.js';

const ref = `debian-13@${contents.digest}`;
const onImage = { spec: spec({ disks: [{ name: 'root', image: 'debian-13' }] }) };
const phase = (bench: VmManagerBench) => bench.manager.images.streams.folds.get(imageId).state.phase;
const events = (bench: VmManagerBench): Promise<readonly StoredEvent[]> => bench.store.read(`image-${imageId}`);
const types = async (bench: VmManagerBench) => (await events(bench)).map(({ type }) => type);
const whole = ['ImageRequested', 'OperationBegan', 'ImageRegistered', 'OperationSucceeded'];

async function withHost(): Promise<VmManagerBench> {
  const bench = await VmManagerBench.started();
  bench.hosts.host(hostA).images.set('debian-13', contents);
  return bench;
}

async function withImage(): Promise<VmManagerBench> {
  const bench = await withHost();
  await bench.manager.imageCommands.handle(register('register'));
  await bench.until(() => phase(bench) === 'registered');
  return bench;
}

const ask = (bench: VmManagerBench, asked: ImageCommand) => bench.manager.imageCommands.handle(asked);

describe('the registration of an image', () => {
  it('asks its host what it is, and is answered with the operation', async () => {
    const bench = await withHost();
    const answer = await ask(bench, register('register'));
    expect(answer).toMatchObject({ kind: 'answered', value: { subjectId: imageId, operationId: registering } });
    await bench.until(() => phase(bench) === 'registered');
    expect(await types(bench)).toEqual(whole);
    const [, , registered] = await events(bench);
    expect(registered).toMatchObject({ data: contents, meta: { actor: { kind: 'host', id: hostA } } });
    expect(await ask(bench, register('register'))).toMatchObject({ value: { operationId: registering } });
    expect(await types(bench)).toEqual(whole);
  });

  it('goes on after a crash between any two steps, and happens once', async () => {
    for (const loss of ['order', 'answer'] as const) {
      const bench = await withHost();
      bench.hosts.host(hostA).losses.push(loss);
      await ask(bench, register('register'));
      await bench.crash();
      await bench.until(() => phase(bench) === 'registered');
      await bench.saveSnapshot();
      await bench.crash();
      expect(phase(bench)).toBe('registered');
      expect(await types(bench)).toEqual(whole);
    }
  });

  it('fails with the reason of its host, and leaves the name free', async () => {
    const bench = await VmManagerBench.started();
    await ask(bench, register('register'));
    await bench.until(() => phase(bench) === 'deleted');
    expect(await events(bench)).toMatchObject([
      {},
      {},
      { type: 'OperationFailed', data: { code: 'IMAGE_NOT_FOUND', step: 'inspect-image' } },
      { type: 'ImageDeleted' },
    ]);
    expect(await ask(bench, register('again'))).toMatchObject({ kind: 'answered' });
  });

  it('waits for a host that is not heard, and is ended by a person', async () => {
    const bench = await withHost();
    bench.hosts.host(hostA).isReachable = false;
    await ask(bench, register('register'));
    await bench.suspect(hostA);
    await bench.pass(3_700_000);
    expect(await types(bench)).toEqual(['ImageRequested', 'OperationBegan', 'OperationDelayed']);
    expect(await ask(bench, cancelling('cancel'))).toMatchObject({ kind: 'answered' });
    expect((await types(bench)).slice(3)).toEqual(['OperationCancelled', 'ImageDeleted']);
  });

  it('takes no word of another host', async () => {
    const bench = await withHost();
    bench.hosts.host(hostA).isHung = true;
    await ask(bench, register('register'));
    await bench.until(() => bench.hosts.sent.length > 0);
    const [sent] = bench.hosts.sent;
    const { orderId } = sent?.order ?? {};
    if (orderId === undefined) throw new Error('an order was sent');
    const subject = { kind: 'image', id: imageId } as const;
    const result = { kind: 'done', contents } as const;
    bench.hosts
      .host(hostB)
      .reports.push({ kind: 'image-inspected', orderId, subject, operationId: registering, result });
    await bench.deliverReports();
    expect(phase(bench)).toBe('registering');
  });

  it('is refused where the name is another image’s, also while that is on its way', async () => {
    const bench = await withHost();
    const both = await Promise.all([ask(bench, register('register')), ask(bench, register('another'))]);
    expect(both).toMatchObject([
      { kind: 'answered' },
      { kind: 'rejected', rejection: { code: 'IMAGE_NAME_TAKEN', data: { imageId } } },
    ]);
  });

  it('is refused under the key of another request, and for a host that is not there', async () => {
    const bench = await withImage();
    expect(await ask(bench, register('register', { name: 'other' }))).toMatchObject({
      rejection: { code: 'IDEMPOTENCY_KEY_REUSED' },
    });
    const nowhere = register('nowhere', { name: 'n', source: { kind: 'host', hostId: hostIdSchema.parse(vmId) } });
    expect(await ask(bench, nowhere)).toMatchObject({ rejection: { code: 'HOST_NOT_FOUND' } });
  });
});

describe('a VM on a registered image', () => {
  it('is made of the registered content alone', async () => {
    const bench = await withImage();
    expect(await bench.command('create', 'create', onImage)).toMatchObject({ kind: 'answered' });
    await bench.ended('create');
    expect(bench.state().identity?.spec.disks[0]?.image).toBe(ref);
    expect(bench.hosts.sent.at(-1)?.order).toMatchObject({ kind: 'create', spec: { disks: [{ image: ref }] } });
  });

  it('keeps the image also where it was made of the name before that was registered', async () => {
    const bench = await withHost();
    await bench.command('create', 'create', onImage);
    await bench.ended('create');
    expect(bench.state().identity?.spec.disks[0]?.image).toBe('debian-13');
    await ask(bench, register('register'));
    await bench.until(() => phase(bench) === 'registered');
    expect(await ask(bench, deleting('delete'))).toMatchObject({
      rejection: { code: 'IMAGE_IN_USE', data: { vmIds: [vmId], vms: 1 } },
    });
  });

  it('keeps the image, which can be deleted when the VM is gone; then the name is refused', async () => {
    const bench = await withImage();
    await bench.command('create', 'create', onImage);
    await bench.ended('create');
    expect(await ask(bench, deleting('delete'))).toMatchObject({
      rejection: { code: 'IMAGE_IN_USE', data: { vmIds: [vmId], vms: 1 } },
    });
    await bench.command('delete', 'remove');
    await bench.ended('remove');
    expect(await ask(bench, deleting('delete'))).toMatchObject({ kind: 'answered', value: { subjectId: imageId } });
    expect((await types(bench)).at(-1)).toBe('ImageDeleted');
    // A repeat finds its answer, and another deletion finds no image.
    expect(await ask(bench, deleting('delete'))).toMatchObject({ kind: 'answered' });
    expect(await ask(bench, deleting('delete again'))).toMatchObject({ rejection: { code: 'IMAGE_NOT_REGISTERED' } });
    await bench.crash();
    expect(await bench.command('create', 'after', { ...onImage, name: 'after' })).toMatchObject({
      rejection: { code: 'IMAGE_NOT_FOUND', field: '/spec/disks/0/image' },
    });
  });

  it('is refused while the image is being registered', async () => {
    const bench = await withHost();
    bench.hosts.host(hostA).isHung = true;
    await ask(bench, register('register'));
    expect(await bench.command('create', 'create', onImage)).toMatchObject({
      rejection: { code: 'IMAGE_NOT_FOUND', detail: expect.stringContaining('still being registered') },
    });
  });

  it('never loses its image, whichever of create and deletion is first in the store', async () => {
    for (const isDeletionFirst of [true, false]) {
      const bench = await withImage();
      const create = () => bench.insist('create', 'create', onImage);
      const remove = () => ask(bench, deleting('delete'));
      const [one, other] = isDeletionFirst ? [remove(), create()] : [create(), remove()];
      const answers = await Promise.all([one, other]);
      expect(answers.map(({ kind }) => kind)).toEqual(['answered', 'rejected']);
      expect(phase(bench)).toBe(isDeletionFirst ? 'deleted' : 'registered');
    }
  });

  it('counts as a user of the image also where its request was not answered', async () => {
    const bench = await withImage();
    const { appends } = bench.faultyStore;
    bench.faultyStore.fateOf = (append) => (append === appends + 1 ? 'unanswered' : 'stored');
    await expect(bench.command('create', 'create', onImage)).rejects.toMatchObject({ outcome: 'unknown' });
    expect(await ask(bench, deleting('delete'))).toMatchObject({ rejection: { code: 'IMAGE_IN_USE' } });
  });
});
