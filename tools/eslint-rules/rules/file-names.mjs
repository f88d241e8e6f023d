import path from 'node:path';

const banned = new Set(['utils', 'util', 'common', 'shared', 'misc', 'helpers']);
const wellFormed = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)*$/;

/** Names say what a file is about: kebab-case, and never a word that fits every file. */
export const fileNames = {
  meta: {
    type: 'problem',
    schema: [],
    messages: { banned: '"{{name}}" says nothing: name it by its idea', form: '"{{name}}" is not kebab-case.role' },
  },
  create(context) {
    return {
      Program(node) {
        const parts = path.relative(context.cwd, context.filename).split(path.sep);
        for (const part of parts) {
          const name = part.replace(/\.(d\.ts|ts|mjs|js)$/, '');
          const word = name.split('.').find((piece) => banned.has(piece));
          if (word) context.report({ node, messageId: 'banned', data: { name: word } });
          else if (!wellFormed.test(name) && !part.startsWith('.') && !part.startsWith('__')) {
            context.report({ node, messageId: 'form', data: { name: part } });
          }
        }
      },
    };
  },
};
