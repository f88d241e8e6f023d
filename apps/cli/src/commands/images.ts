import type { ImageOnHost, ImageResource, ImageView, ImageWriteAnswer } from '@drover/contracts';
import type { Command } from 'commander';
import { renderFields, type Column } from '../output/table.js';
import { formatDuration, formatMiB } from '../quantities.js';
import { openSession } from '../session.js';
import { finish, waitable } from './vm-actions.js';

const MIB = 1024 ** 2;

const columns: readonly Column<ImageView>[] = [
  { heading: 'NAME', value: ({ name }) => name },
  { heading: 'STATE', value: ({ state }) => state },
  { heading: 'FORMAT', value: ({ contents }) => contents?.format },
  { heading: 'DISK', value: ({ contents }) => sizeOf(contents?.virtualSizeBytes), isNumber: true },
  { heading: 'FILE', value: ({ contents }) => sizeOf(contents?.fileBytes), isNumber: true },
  { heading: 'DIGEST', value: ({ contents }) => contents?.digest.slice(0, 19) },
  { heading: 'AGE', value: ({ createdAt }) => formatDuration(Date.now() - Date.parse(createdAt)) },
];

export function addImageCommands(program: Command): void {
  const images = program
    .command('images')
    .alias('image')
    .description('registered images: what VMs are made from, each known by the digest of its content');
  waitable(
    images
      .command('register <name>')
      .description('register the image in the folder of this name on a host, which reads its files to the last byte')
      .requiredOption('--host <name>', 'the host whose files say what the image is'),
  ).action(async (name: string, given: { host: string; wait?: true }, command: Command) => {
    const session = openSession(command);
    const source = { kind: 'host', host: given.host };
    const body = { name, project: session.options.project, source };
    await finish(session, await session.api.post<ImageWriteAnswer>('/images', body), given.wait);
  });
  images
    .command('list')
    .description('images of the project')
    .action(async (_given: unknown, command: Command) => {
      const session = openSession(command);
      const query = { project: session.options.project };
      await session.printPages(session.api.pages<ImageView>('/images', query), columns);
    });
  images
    .command('get <name>')
    .alias('describe')
    .description('one image: what it is, and what each host has under its name')
    .action(async (name: string, _given: unknown, command: Command) => {
      const session = openSession(command);
      const image = await session.api.get<ImageResource>(pathOf(name), { project: session.options.project });
      session.print(image, () => describeImage(image));
    });
  images
    .command('delete <name>')
    .description('take an image that no VM uses out of the catalogue; files on hosts stay')
    .action(async (name: string, _given: unknown, command: Command) => {
      const session = openSession(command);
      const answer = await session.api.delete<ImageWriteAnswer>(pathOf(name), { project: session.options.project });
      session.print(answer, () => `image ${answer.image.name} is registered no more; files on hosts stay`);
    });
}

export function describeImage({ contents, createdAt, hosts, id, name, project, source, state }: ImageResource): string {
  return renderFields([
    ['name', name],
    ['id', id],
    ['project', project],
    ['state', state],
    ['source', `files on host ${source.hostId}`],
    ...(contents === null
      ? []
      : ([
          ['digest', contents.digest],
          ['format', contents.format],
          ['disk', sizeOf(contents.virtualSizeBytes)],
          ['file', sizeOf(contents.fileBytes)],
        ] as const)),
    ['created', createdAt],
    ...hosts.map((host) => [`host ${host.name}`, onHost(host)] as const),
  ]);
}

function onHost({ digest, has }: ImageOnHost): string {
  if (has === 'SAME') return 'has it';
  return has === 'UNREAD' ? 'has files of this name, not read yet' : `has another file, not used: ${digest ?? ''}`;
}

function sizeOf(bytes: number | undefined): string | undefined {
  return bytes === undefined ? undefined : formatMiB(Math.ceil(bytes / MIB));
}

function pathOf(name: string): string {
  return `/images/${encodeURIComponent(name)}`;
}
