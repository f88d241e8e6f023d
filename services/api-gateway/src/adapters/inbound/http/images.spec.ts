import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  DEFAULT_PROJECT,
  imageIdSchema,
  imageResourceSchema,
  operationIdSchema,
  type ImageFact,
} from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';
import { createMemoryGateway, type MemoryGateway } from '../../../testing/memory-gateway.js';
import { hostIdOf } from '../../../testing/fleet-story.js';

const imageId = imageIdSchema.parse(derivedId('spec', 'image'));
const operationId = operationIdSchema.parse(derivedId('spec', 'registration'));
const digest = `sha256:${'a'.repeat(64)}`;
const contents = { digest, format: 'qcow2', virtualSizeBytes: 67_108_864, fileBytes: 2_048 } as const;

const other = `sha256:${'b'.repeat(64)}`;
const facts: readonly ImageFact[] = [
  {
    type: 'ImageRequested',
    data: { imageId, projectId: DEFAULT_PROJECT, name: 'guest', source: { kind: 'host', hostId: hostIdOf('h1') } },
  },
  { type: 'OperationBegan', data: { operationId, kind: 'image.register', timeoutMs: 3_600_000 } },
  { type: 'ImageRegistered', data: contents },
  { type: 'OperationSucceeded', data: { operationId } },
];

describe('images', () => {
  let gateway: MemoryGateway;
  beforeEach(async () => {
    gateway = await createMemoryGateway();
    const file = { name: 'guest', format: 'qcow2', virtualSizeMiB: 64 } as const;
    await gateway.story.host('h1', { images: [{ ...file, digest }] });
    await gateway.story.host('h2', { images: [{ ...file, digest: other }] });
    await gateway.story.host('h3', { images: [file] });
    await gateway.story.host('h4', { images: [] });
  });
  afterEach(() => gateway.stop());

  const record = (some: readonly ImageFact[]) => gateway.story.onImage(imageId, ...some);
  const ask = (method: 'GET' | 'POST' | 'DELETE', url: string, payload?: object) =>
    gateway.ask({ method, url: `/api/v1${url}`, ...(payload === undefined ? {} : { payload }) });

  it('are listed and shown with what each host has under their name', async () => {
    await record(facts.slice(0, 2));
    expect((await ask('GET', '/images')).json()).toMatchObject({
      items: [{ name: 'guest', state: 'REGISTERING', contents: null, operation: { id: operationId } }],
    });
    await record(facts.slice(2));
    const shown = imageResourceSchema.parse((await ask('GET', '/images/guest')).json());
    expect(shown).toMatchObject({ id: imageId, state: 'REGISTERED', contents, operation: null });
    expect(shown.hosts.map(({ name, has }) => [name, has])).toEqual([
      ['h1', 'SAME'],
      ['h2', 'OTHER'],
      ['h3', 'UNREAD'],
    ]);
    expect((await ask('GET', `/operations/${operationId}`)).json()).toMatchObject({
      ...{ kind: 'image.register', state: 'SUCCEEDED' },
      subject: { kind: 'image', id: imageId, name: 'guest' },
    });
    await record([{ type: 'ImageDeleted', data: {} }]);
    expect((await ask('GET', '/images/guest')).json()).toMatchObject({ code: 'IMAGE_NOT_REGISTERED', status: 404 });
  });

  it('are registered from a host, cancelled and deleted by commands to their owner', async () => {
    gateway.commands.respond = (subject) => ({
      kind: 'answered',
      value: {
        subjectId: imageId,
        ...(subject === 'image.delete' ? {} : { operationId }),
        ...{ revision: 1, position: '1' },
      },
    });
    const body = { name: 'guest', source: { kind: 'host', host: 'h1' } };
    const registered = await ask('POST', '/images', body);
    expect(registered.statusCode).toBe(202);
    expect(registered.json()).toEqual({
      operation: { id: operationId, kind: 'image.register' },
      image: { id: imageId, name: 'guest', project: 'default' },
    });
    await record(facts.slice(0, 2));
    expect((await ask('POST', `/operations/${operationId}/cancel`, {})).statusCode).toBe(202);
    const deleted = await ask('DELETE', '/images/guest');
    expect([deleted.statusCode, deleted.json()]).toMatchObject([200, { operation: null, image: { id: imageId } }]);
    expect(gateway.commands.sent.map(({ message }) => message)).toMatchObject([
      { kind: 'register', name: 'guest', source: { kind: 'host', hostId: hostIdOf('h1') } },
      { kind: 'cancel', imageId, operationId },
      { kind: 'delete', imageId },
    ]);
  });
});
