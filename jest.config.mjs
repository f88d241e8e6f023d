const swc = {
  jsc: {
    parser: { syntax: 'typescript', decorators: true },
    target: 'es2024',
    transform: { legacyDecorator: true, decoratorMetadata: false },
    keepClassNames: true,
  },
  module: { type: 'es6' },
  sourceMaps: 'inline',
};

function project(displayName, testMatch, options = {}) {
  return {
    displayName,
    testMatch,
    testEnvironment: 'node',
    testEnvironmentOptions: { customExportConditions: ['drover-source', 'node', 'node-addons'] },
    extensionsToTreatAsEsm: ['.ts'],
    moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
    modulePathIgnorePatterns: ['<rootDir>/(libs|services|apps)/[^/]+/dist/'],
    transform: { '^.+\\.ts$': ['@swc/jest', swc] },
    ...options,
  };
}

/** One project per level of docs/style.md §6; `./drover test LEVEL` selects by these names. */
export default {
  projects: [
    project('unit', ['<rootDir>/{libs,services,apps}/*/src/**/*.spec.ts', '<rootDir>/tools/**/*.spec.mjs']),
    project('int', ['<rootDir>/{libs,services,apps}/*/test/**/*.int.spec.ts']),
    project('system', ['<rootDir>/test/system/**/*.sys.spec.ts']),
    project('live', [
      '<rootDir>/test/live/**/*.live.spec.ts',
      '<rootDir>/{libs,services,apps}/*/test/**/*.live.spec.ts',
    ]),
  ],
};
