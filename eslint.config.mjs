import { createProjectGraphAsync } from '@nx/devkit';
import tseslint from 'typescript-eslint';
// By its path: the plugin's own entry also loads every rule of tools/eslint-rules through a TypeScript loader.
import moduleBoundaries from './node_modules/@nx/eslint-plugin/dist/src/rules/enforce-module-boundaries.js';
import { rules as droverRules } from './tools/eslint-rules/index.mjs';

// The boundary rule reads the graph of projects from Nx's cache, and without one keeps quiet: so it is made here, anew.
process.env.NX_DAEMON = 'false';
await createProjectGraphAsync({ exitOnError: true });

const specs = ['**/*.spec.ts', '**/test/**/*.ts', 'test/**/*.ts', 'bench/**/*.ts'];
const testing = [...specs, '**/src/testing/**/*.ts', 'libs/testing/**/*.ts'];
const pure = ['**/src/domain/**/*.ts', 'libs/fleet-model/src/**/*.ts'];

/** Which tags a project with this tag may import; every later one sees the earlier ones. */
const sees = {
  'type:kernel': ['type:kernel', 'type:contracts'],
  'type:contracts': [],
  'type:platform': ['type:kernel', 'type:contracts', 'type:platform'],
  'type:service': ['type:kernel', 'type:contracts', 'type:platform'],
  'type:app': ['type:kernel', 'type:contracts', 'type:platform', 'type:service'],
  'type:testing': ['*'],
  'type:test': ['*'],
};

function boundaries(extraTags) {
  const depConstraints = Object.entries(sees).map(([sourceTag, tags]) => ({
    sourceTag,
    onlyDependOnLibsWithTags: [...tags, ...extraTags],
  }));
  // Specs of a library use @drover/testing, which itself uses the library: a circle of projects, not of files.
  // Naming every project here would switch off the rule's own exemption of imports within a project.
  const ignoredCircularDependencies = [['@drover/testing', '*']];
  return { '@nx/enforce-module-boundaries': ['error', { depConstraints, ignoredCircularDependencies }] };
}

const syntax = [
  { selector: 'TSEnumDeclaration', message: 'a union of literals instead of an enum' },
  { selector: 'TSParameterProperty', message: 'declare the field and assign it' },
];
const errorsByText = [
  {
    selector:
      'CallExpression[callee.property.name=/^(includes|startsWith|endsWith|match|search|indexOf)$/][callee.object.property.name="message"]',
    message: 'tell errors apart by code, never by message text',
  },
  {
    selector: 'BinaryExpression[operator=/^[!=]==?$/] > MemberExpression[property.name="message"]',
    message: 'tell errors apart by code, never by message text',
  },
  {
    selector: 'CallExpression[callee.property.name="test"] > MemberExpression.arguments[property.name="message"]',
    message: 'tell errors apart by code, never by message text',
  },
];
const impure = [
  ...['Date', 'performance'].map((name) => ({
    selector: `CallExpression[callee.object.name="${name}"][callee.property.name="now"]`,
    message: 'time is an input',
  })),
  { selector: 'NewExpression[callee.name="Date"][arguments.length=0]', message: 'time is an input' },
  { selector: 'CallExpression[callee.name="Date"]', message: 'time is an input' },
  { selector: 'MemberExpression[object.name="Math"][property.name="random"]', message: 'randomness is an input' },
  { selector: ':function[async=true]', message: 'a decision is a plain function: no async here' },
  { selector: 'AwaitExpression', message: 'a decision is a plain function: no await here' },
];

export default tseslint.config(
  {
    ignores: ['**/node_modules/**', '**/dist/**', '**/coverage/**', '.nx/**', '**/src/generated/**'],
  },
  {
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    plugins: {
      drover: { rules: droverRules },
      '@nx': { rules: { 'enforce-module-boundaries': moduleBoundaries.default } },
    },
    rules: {
      'drover/file-names': 'error',
      'drover/todo-issue': 'error',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-empty': 'error',
      'no-var': 'error',
      'prefer-const': 'error',
    },
  },
  {
    files: ['**/*.mjs'],
    extends: [tseslint.configs.base],
    rules: { 'no-unused-vars': 'error', 'max-lines': ['error', 400] },
  },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      'drover/layer-imports': 'error',
      ...boundaries([]),
      'max-lines': ['error', { max: 400 }],
      'no-restricted-exports': [
        'error',
        {
          restrictDefaultExports: {
            direct: true,
            named: true,
            defaultFrom: true,
            namedFrom: true,
            namespaceFrom: true,
          },
        },
      ],
      'no-restricted-syntax': ['error', ...syntax, ...errorsByText],
      'preserve-caught-error': 'error',
      '@typescript-eslint/ban-ts-comment': ['error', { 'ts-expect-error': true, minimumDescriptionLength: 5 }],
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': ['error', { checkThenables: true }],
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/prefer-readonly': 'error',
      // An async method without await is how a memory adapter fulfils a port.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: false, requireDefaultForNonUnion: true },
      ],
    },
  },
  {
    files: pure,
    ignores: specs,
    rules: { 'no-restricted-syntax': ['error', ...syntax, ...errorsByText, ...impure] },
  },
  {
    files: pure,
    ignores: specs,
    rules: {
      'no-restricted-globals': [
        'error',
        'process',
        'console',
        'setTimeout',
        'setInterval',
        'setImmediate',
        'queueMicrotask',
        'fetch',
        'crypto',
        'performance',
        'Buffer',
      ],
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            { group: ['node:*', '@nestjs/*', 'rxjs'], message: 'decisions know neither machine nor framework' },
          ],
        },
      ],
    },
  },
  {
    files: ['libs/contracts/src/**/*.ts'],
    ignores: specs,
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ regex: '^(?!\\.|zod$)', message: 'contracts import nothing but zod' }] },
      ],
    },
  },
  {
    files: ['libs/libvirt-rpc/src/**/*.ts'],
    ignores: specs,
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ group: ['@drover/*'], message: 'libvirt-rpc is published on its own' }] },
      ],
    },
  },
  {
    files: ['services/api-gateway/src/**/*.ts'],
    rules: { 'drover/route-permission': 'error' },
  },
  {
    files: testing,
    rules: boundaries(['type:testing', 'type:app']),
  },
  {
    files: specs,
    rules: {
      'max-lines': 'off',
      'no-restricted-syntax': ['error', ...syntax],
      '@typescript-eslint/ban-ts-comment': ['error', { 'ts-expect-error': 'allow-with-description' }],
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },
);
