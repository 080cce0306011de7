/** The questions in the order of the page; each is a file beside this one. */
export const QUESTIONS = [
  'register',
  'disk',
  'run',
  'open-close',
  'functions-a-job',
  'argument-size',
  'scan',
  'sweep',
  'many-functions',
  'early',
  'memory',
  'command',
  'watch',
  'capture',
  'cluster',
];
