module.exports = globalThis.deferredSweep;
