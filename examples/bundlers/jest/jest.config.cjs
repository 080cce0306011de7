module.exports = {
  testEnvironment: '<rootDir>/environment.cjs',
  moduleNameMapper: { '^deferred-sweep$': '<rootDir>/deferred-sweep.cjs' },
  testMatch: ['**/*.test.cjs'],
};
