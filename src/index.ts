/// <reference types="node" preserve="true" />
/** Deferred functions that survive their process. */
import './refuse-old-node.ts'; // the first
import './lock/refuse-commonjs-bundle.ts'; // the second

export { allUsers } from './all-users/all-users.ts';
export type { AllUsersOptions } from './all-users/options.ts';
export {
  type AllUsersReport,
  hasUserProblems,
  type UserOutcome,
  type UserReport,
  type UserSweep,
} from './all-users/user-report.ts';
export { DeferredSweepError, type DeferredSweepErrorCode, type DeferredSweepErrorDetails } from './errors.ts';
export type { AnyFunction } from './function/call-types.ts';
export type { ModuleState } from './function/closure/module-state.ts';
export type { CommandOptions } from './function/command.ts';
export { currentInvocation, type Invocation } from './function/current-invocation.ts';
export { DeferredFunction } from './function/deferred-function.ts';
export type {
  CommandDescriptor,
  FunctionDescriptor,
  ModuleDescriptor,
  SourceDescriptor,
} from './function/descriptor.ts';
export type { ModuleLocation } from './function/module/module-reference.ts';
export type { Defer, Job, Registration } from './job/job.ts';
export { DeferredFunctionManager } from './job/manager.ts';
export type { FunctionFailure, ManagerOptions, OpenOptions } from './job/options.ts';
export type { LockScheme } from './lock/advisory-lock.ts';
export type { Delivery, Durability, Owner, ReportedError, RunOrder } from './log/records.ts';
export { type ListOptions, list, type ShowOptions } from './operate/list.ts';
export type {
  FileState,
  Holder,
  ListedAttempt,
  ListedFile,
  ListedFunction,
  ListReport,
} from './operate/listed-file.ts';
export {
  discard,
  type LetterReport,
  type LetterSelection,
  type LettersReport,
  retry,
} from './operate/retry.ts';
export {
  type EarlierAttempt,
  type ShownFile,
  type ShownRecord,
  show,
} from './operate/show.ts';
export type { Logger } from './report/logger.ts';
export {
  type FileOutcome,
  type FileReport,
  type FunctionOutcome,
  type FunctionReport,
  hasProblems,
  type RunNote,
  type SweepReport,
} from './report/report.ts';
export { BASE_VARIABLE, defaultBase } from './state/default-base.ts';
export { PREFIX, STATE_DIR_STEM, WIP_SUFFIX } from './state/names.ts';
export type { SweepOptions } from './sweep/options.ts';
export { sweep } from './sweep/sweep.ts';
export type { WatchOptions } from './watch/options.ts';
export { watch } from './watch/watch.ts';
