// Jest loads this file with Node's own `require`, which can load ES modules. Jest's `require` in tests cannot.
const { TestEnvironment } = require('jest-environment-node');

module.exports = class extends TestEnvironment {
  constructor(...args) {
    super(...args);
    this.global.deferredSweep = require('deferred-sweep');
  }
};
